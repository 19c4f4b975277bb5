//! Presence: broadcast, directed, probes (RFC 6121 §4).

use xmppspec_protocol::conditions::StanzaCondition;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::Fault;
use crate::account::{Account, Resource};
use crate::message::delay;
use crate::router::{Router, Source, Target};
use crate::subscription::Kind;
use crate::time;

/// Whom one resource may have sent directed presence to; beyond that, nobody is remembered.
const MAX_DIRECTED: usize = 1000;

impl Router {
    pub(crate) fn presence(&mut self, source: &Source, presence: Element, to: Option<Jid>) {
        let kind = presence.attr("type").map(str::to_owned);
        match (kind.as_deref(), to) {
            (None, None) => self.broadcast_available(source, presence),
            (Some("unavailable"), None) => self.broadcast_unavailable(source, presence, true),
            (None | Some("unavailable"), Some(to)) => self.direct(source, &presence, &to),
            (Some("probe"), Some(to)) => self.probe(source, &presence, &to),
            (Some("error"), Some(to)) => self.deliver_presence(&presence, &to),
            (Some("probe" | "error"), None) => {}
            (Some(name), to) => match (Kind::from_name(name), to) {
                (Some(kind), Some(to)) => self.subscription(source, kind, presence, &to.bare()),
                (None, _) if self.fault(Fault::PresenceOfUnknownType) => {}
                // RFC 6121 §4.7.1
                _ => self.error(source, &presence, StanzaCondition::BadRequest),
            },
        }
    }

    /// Initial presence and updates (RFC 6121 §4.2, §4.4).
    fn broadcast_available(&mut self, source: &Source, presence: Element) {
        self.serial += 1;
        let serial = self.serial;
        let Some(resource) = self.resource_mut(source) else {
            return;
        };
        if resource.muted {
            return;
        }
        let initial = resource.presence.is_none();
        let was_receptive = !initial && resource.priority >= 0;
        resource.priority = priority(&presence);
        resource.serial = serial;
        resource.presence = Some(presence.clone());
        let becomes_receptive = resource.priority >= 0 && !was_receptive;
        self.broadcast(source, &presence, None, initial);
        if initial {
            self.welcome(source);
            if self.fault(Fault::RequestDeliveredOnce)
                && let Some(account) = self.accounts.get_mut(&source.account)
            {
                account.requests.clear();
            }
        }
        if becomes_receptive {
            self.deliver_stored(source);
        }
    }

    /// What a resource that has just become available is told: who else is there (RFC 6121 §4.3: the server need not
    /// probe those whose presence it knows), and who has asked for a subscription (§3.1.3).
    fn welcome(&self, source: &Source) {
        let Some(account) = self.accounts.get(&source.account) else {
            return;
        };
        let own = source.jid.bare();
        let others = account.available().filter(|r| r.jid != source.jid);
        let mut seen: Vec<&Resource> = others.collect();
        let told = !self.fault(Fault::PresenceOfContactsUntold);
        for (jid, _) in account.roster.items().filter(|(_, item)| item.to && told) {
            if let Some(contact) = self.account_of(jid)
                && contact.shows_presence_to(&own)
            {
                seen.extend(contact.available());
            }
        }
        for resource in seen {
            if let Some(presence) = &resource.presence {
                self.reply(source, &addressed(presence, &own));
            }
        }
        if self.fault(Fault::RequestNotStored) {
            return;
        }
        for request in account.requests.values() {
            self.reply(source, request);
            if self.fault(Fault::RequestRepeated) {
                self.reply(source, request);
            }
        }
    }

    /// Unavailable presence, sent by the client or for one that is gone (RFC 6121 §4.5).
    pub(crate) fn broadcast_unavailable(
        &mut self,
        source: &Source,
        mut presence: Element,
        echo: bool,
    ) {
        if echo && self.fault(Fault::UnavailableUntold) {
            return;
        }
        if self.fault(Fault::UnavailableStripped) {
            presence.nodes_mut().clear();
        }
        let muted = echo && self.fault(Fault::UnavailableForGood);
        let now = self.now;
        let Some(account) = self.accounts.get_mut(&source.account) else {
            return;
        };
        let Some(resource) = account.resources.get_mut(&source.resource) else {
            return;
        };
        resource.muted |= muted;
        let directed = std::mem::take(&mut resource.directed);
        if resource.presence.take().is_some() {
            account.last = Some(now);
            let extra = echo.then_some(source);
            self.broadcast(source, &presence, extra, false);
        } else if echo {
            self.reply(source, &presence);
        }
        // RFC 6121 §4.6.3: also those who know of this resource by directed presence only.
        for to in directed {
            self.deliver_presence(&addressed(&presence, &to), &to);
        }
    }

    /// Sends a resource's presence to everybody who may see it, to the account's available resources, and to `extra`.
    fn broadcast(
        &mut self,
        source: &Source,
        presence: &Element,
        extra: Option<&Source>,
        initial: bool,
    ) {
        let available = presence.attr("type").is_none();
        let mut stripped = presence.clone();
        if available && !initial && self.fault(Fault::PresenceUpdateStripped) {
            stripped.nodes_mut().clear();
        }
        let presence = &stripped;
        let Some(account) = self.accounts.get(&source.account) else {
            return;
        };
        let own = source.jid.bare();
        if self.fault(Fault::PresenceToEverybody) {
            let everybody = self
                .accounts
                .iter()
                .filter(|(local, _)| **local != source.account);
            for (_, other) in everybody {
                other.available().for_each(|r| r.put(presence));
            }
        }
        if available
            && self.fault(Fault::DirectedPresenceBroadcast)
            && let Some(resource) = account.resources.get(&source.resource)
        {
            let directed = resource.directed.iter();
            directed.for_each(|to| self.deliver_presence(&addressed(presence, to), to));
        }
        let told = !(initial && self.fault(Fault::PresenceNotBroadcast));
        for (jid, _) in account.roster.items().filter(|(_, item)| item.from && told) {
            if *jid != own
                && let Some(contact) = self.account_of(jid)
            {
                let presence = addressed(presence, jid);
                contact.available().for_each(|r| r.put(&presence));
            }
        }
        let echo = addressed(presence, &own);
        let others = !(initial && self.fault(Fault::PresenceNotToOtherResources));
        let echoed = initial || !available || !self.fault(Fault::PresenceUpdateNotEchoed);
        for resource in account.available().filter(|_| echoed) {
            if others || resource.jid == source.jid {
                resource.put(&echo);
            }
        }
        if let Some(source) = extra {
            self.reply(source, &echo);
        }
        if presence.attr("type") == Some("unavailable") {
            let contacts: Vec<Jid> = account
                .roster
                .items()
                .filter(|(_, item)| item.from)
                .map(|(jid, _)| jid.clone())
                .collect();
            for jid in contacts {
                self.forget_directed(&jid, &source.jid);
            }
        }
    }

    /// Directed presence (RFC 6121 §4.6).
    fn direct(&mut self, source: &Source, presence: &Element, to: &Jid) {
        let available = presence.attr("type").is_none();
        if self.target(source, Some(to)) == Target::Remote {
            if available {
                self.no_route(source, presence);
            }
            return;
        }
        if self.fault(Fault::NobodyPresence) && self.account_of(to).is_none() {
            return self.error(source, presence, StanzaCondition::ServiceUnavailable);
        }
        let subscribed = to.bare() == source.jid.bare()
            || self
                .accounts
                .get(&source.account)
                .is_some_and(|account| account.shows_presence_to(&to.bare()));
        let forgetful = self.fault(Fault::DirectedPresenceForgotten);
        if let Some(resource) = self.resource_mut(source) {
            // §4.6.3: a subscriber is told anyway, if there was initial presence.
            if !available {
                resource.directed.remove(to);
            } else if !(subscribed && resource.presence.is_some())
                && resource.directed.len() < MAX_DIRECTED
                && !forgetful
            {
                resource.directed.insert(to.clone());
            }
        }
        if !self.fault(Fault::DirectedPresenceDropped) {
            self.deliver_presence(presence, to);
        }
        if !available {
            self.forget_directed(to, &source.jid);
        }
    }

    /// Delivers presence to a full JID, or to the available resources of a bare one (RFC 6121 §8.5.2.1.2, §8.5.3).
    fn deliver_presence(&self, presence: &Element, to: &Jid) {
        let Some(account) = self.account_of(to) else {
            return;
        };
        match to.resource() {
            Some(resource) => {
                if let Some(resource) = account.resources.get(resource) {
                    resource.hand(presence, self);
                } else if self.fault(Fault::DirectedPresenceToNoResource) {
                    account.available().for_each(|r| r.put(presence));
                }
            }
            None if presence.attr("type") == Some("error") => {}
            None => account.available().for_each(|r| r.put(presence)),
        }
    }

    /// Whoever has sent unavailable presence need not be told when the others become so (RFC 6121 §4.6.1).
    fn forget_directed(&mut self, to: &Jid, gone: &Jid) {
        if to.domain() != self.config.domain {
            return;
        }
        let Some(account) = to.local().and_then(|local| self.accounts.get_mut(local)) else {
            return;
        };
        for resource in account.resources.values_mut() {
            if to.resource().is_none() || to.resource() == resource.jid.resource() {
                resource.directed.remove(gone);
            }
        }
    }

    /// A probe that a client sends (RFC 6121 §4.3.2).
    fn probe(&mut self, source: &Source, probe: &Element, to: &Jid) {
        if self.fault(Fault::ProbeDelivered) {
            self.deliver_presence(probe, to);
        }
        if self.fault(Fault::ProbeRefused) {
            return self.error(source, probe, StanzaCondition::NotAllowed);
        }
        match self.target(source, Some(to)) {
            Target::Remote => return self.no_route(source, probe),
            Target::Server => return,
            Target::Own | Target::Local(..) => {}
        }
        let prober = source.jid.bare();
        let account = self.account_of(to);
        let authorized =
            account.filter(|account| to.bare() == prober || account.shows_presence_to(&prober));
        let Some(account) = authorized else {
            // §4.6.6: who got directed presence may ask about that resource.
            let directed = account.and_then(|account| account.resources.get(to.resource()?));
            let answer = match directed.filter(|resource| knows(resource, &source.jid)) {
                Some(resource) => answer(probe, &resource.jid, None),
                // §8.5.1: the same for an account that does not exist.
                None => answer(probe, &to.bare(), Some("unsubscribed")),
            };
            return self.reply(source, &answer);
        };
        for presence in self.probed(account, probe, to) {
            self.reply(source, &addressed(&presence, &source.jid));
        }
    }

    /// What who is authorized is told.
    fn probed(&self, account: &Account, probe: &Element, to: &Jid) -> Vec<Element> {
        if let Some(resource) = to.resource() {
            let available = account.resources.get(resource);
            return match available.filter(|resource| resource.presence.is_some()) {
                Some(resource) => vec![answer(probe, &resource.jid, None)],
                None => vec![answer(probe, &to.bare(), Some("unavailable"))],
            };
        }
        let all: Vec<Element> = account
            .available()
            .filter_map(|resource| resource.presence.clone())
            .collect();
        if !all.is_empty() {
            return all;
        }
        let mut gone = answer(probe, &to.bare(), Some("unavailable"));
        if let Some(since) = account.last {
            gone.push(delay(&self.config.domain, &time::stamp(since)).into());
        }
        vec![gone]
    }

    /// Shows the resources of an account to another one, or says that they are gone (RFC 6121 §3.1.5, §3.2.2, §3.3.3).
    pub(crate) fn show(&self, local: &str, to: &Jid, available: bool) {
        let (Some(account), Some(other)) = (self.accounts.get(local), self.account_of(to)) else {
            return;
        };
        for resource in account.available() {
            let presence = match &resource.presence {
                Some(presence) if available => addressed(presence, to),
                _ => Element::new(ns::CLIENT, "presence")
                    .with_attr("from", &resource.jid.to_string())
                    .with_attr("to", &to.to_string())
                    .with_attr("type", "unavailable"),
            };
            other.available().for_each(|r| r.put(&presence));
        }
    }

    pub(crate) fn resource_mut(&mut self, source: &Source) -> Option<&mut Resource> {
        self.accounts
            .get_mut(&source.account)?
            .resources
            .get_mut(&source.resource)
    }
}

/// Whether this resource has sent directed presence to `jid` or its account.
pub(crate) fn knows(resource: &Resource, jid: &Jid) -> bool {
    resource.directed.contains(jid) || resource.directed.contains(&jid.bare())
}

/// The priority of a presence; what is missing or no number from -128 to 127 is zero (RFC 6121 §4.7.2.3).
fn priority(presence: &Element) -> i8 {
    presence
        .child(ns::CLIENT, "priority")
        .and_then(|priority| priority.text().trim().parse().ok())
        .unwrap_or(0)
}

/// The same presence for somebody.
fn addressed(presence: &Element, to: &Jid) -> Element {
    presence.clone().with_attr("to", &to.to_string())
}

/// The answer to a probe, with its id (RFC 6121 §4.3.2.1).
fn answer(probe: &Element, from: &Jid, kind: Option<&str>) -> Element {
    let mut answer = Element::new(ns::CLIENT, "presence").with_attr("from", &from.to_string());
    for (name, value) in [
        ("to", probe.attr("from")),
        ("id", probe.attr("id")),
        ("type", kind),
    ] {
        if let Some(value) = value {
            answer.set_attr(name, value);
        }
    }
    answer
}
