//! Where messages go (RFC 6121 §8.5), and what waits for those who are not there.

use xmppspec_protocol::conditions::StanzaCondition;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::Fault;
use crate::router::{Router, Source, Target};
use crate::time;

/// The types of RFC 6121 §5.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Normal,
    Chat,
    Groupchat,
    Headline,
    Error,
}

impl Kind {
    /// What is missing or unknown is normal.
    fn of(message: &Element) -> Kind {
        match message.attr("type") {
            Some("chat") => Kind::Chat,
            Some("groupchat") => Kind::Groupchat,
            Some("headline") => Kind::Headline,
            Some("error") => Kind::Error,
            _ => Kind::Normal,
        }
    }
}

/// Bytes that the whole server keeps for accounts that are not there.
const MAX_KEPT: usize = 64 * 1024 * 1024;

impl Router {
    pub(crate) fn message(&mut self, source: &Source, message: Element, to: Option<Jid>) {
        if self.fault(Fault::MessagesSwapped) && to.is_some() {
            let Some((first, stanza, first_to)) = self.held.take() else {
                self.held = Some((source.clone(), message, to));
                return;
            };
            self.route_message(source, message, to);
            return self.route_message(&first, stanza, first_to);
        }
        self.route_message(source, message, to);
    }

    fn route_message(&mut self, source: &Source, message: Element, to: Option<Jid>) {
        if to.is_none() && self.fault(Fault::MessageToNobodyDropped) {
            return;
        }
        match self.target(source, to.as_ref()) {
            // RFC 6120 §10.3.1
            Target::Own => self.message_to_bare(source, &source.account.clone(), message),
            Target::Server => self.error(source, &message, StanzaCondition::ServiceUnavailable),
            Target::Remote => self.no_route(source, &message),
            Target::Local(local, None) => self.message_to_bare(source, &local, message),
            Target::Local(local, Some(resource)) => {
                self.message_to_full(source, &local, &resource, message);
            }
        }
    }

    /// RFC 6121 §8.5.2
    fn message_to_bare(&mut self, source: &Source, local: &str, message: Element) {
        // RFC 6120 §10.2: where messages are stored, silence does not tell who has an account.
        let Some(account) = self.accounts.get(local) else {
            if self.fault(Fault::NobodyMessage) {
                self.error(source, &message, StanzaCondition::ItemNotFound);
            }
            return;
        };
        if self.fault(Fault::NegativePriorityIgnored) {
            return account.available().for_each(|r| r.put(&message));
        }
        let there = account.most_available().is_some();
        if there && self.fault(Fault::MessagesToBareDropped) {
            return;
        }
        match self.kind(&message, there) {
            Kind::Error => {}
            Kind::Groupchat if there && self.fault(Fault::GroupchatDelivered) => {
                self.error(source, &message, StanzaCondition::ServiceUnavailable);
                account.receptive().for_each(|r| r.put(&message));
            }
            Kind::Groupchat if there && self.fault(Fault::GroupchatUnanswered) => {}
            Kind::Groupchat if self.fault(Fault::GroupchatCondition) => {
                self.error(source, &message, StanzaCondition::ItemNotFound);
            }
            Kind::Groupchat => self.error(source, &message, StanzaCondition::ServiceUnavailable),
            Kind::Headline => {
                let best = account.most_available().map(|r| &r.jid);
                let missed = best.filter(|_| self.fault(Fault::HeadlineToOne));
                let receptive = account
                    .receptive()
                    .filter(|r| !r.is_crowded() && (r.priority == 0 || Some(&r.jid) != missed));
                receptive.for_each(|r| r.hand(&message, self));
            }
            Kind::Normal | Kind::Chat => match account.most_available() {
                Some(resource) if resource.is_crowded() => {
                    self.error(source, &message, StanzaCondition::ResourceConstraint);
                }
                Some(resource) if self.fault(Fault::ToRewritten) => {
                    resource.put(&message.with_attr("to", &resource.jid.to_string()));
                }
                Some(resource) => resource.hand(&message, self),
                None => self.keep(source, local, message),
            },
        }
    }

    /// The kind of a message to a bare JID; `there`: somebody can get it.
    fn kind(&self, message: &Element, there: bool) -> Kind {
        match Kind::of(message) {
            Kind::Groupchat if !there && self.fault(Fault::GroupchatStored) => Kind::Normal,
            Kind::Error if there && self.fault(Fault::ErrorsDelivered) => Kind::Normal,
            Kind::Headline | Kind::Error if !there && self.fault(Fault::HeadlinesStored) => {
                Kind::Normal
            }
            kind => kind,
        }
    }

    /// RFC 6121 §8.5.3
    fn message_to_full(&mut self, source: &Source, local: &str, resource: &str, message: Element) {
        let Some(account) = self.accounts.get(local) else {
            return;
        };
        if self.fault(Fault::MessagesToAllResources) {
            return account.resources.values().for_each(|r| r.put(&message));
        }
        if let Some(resource) = account.resources.get(resource) {
            return match resource.is_crowded() {
                true => self.error(source, &message, StanzaCondition::ResourceConstraint),
                false if self.fault(Fault::MessagesDropped) => {}
                false => resource.hand(&message, self),
            };
        }
        match Kind::of(&message) {
            Kind::Chat if self.fault(Fault::ChatToNoResourceLost) => {}
            Kind::Chat => self.message_to_bare(source, local, message),
            Kind::Error => {}
            // RFC 6121 §8.1: who may see the contact's presence is told, others learn nothing.
            Kind::Normal | Kind::Headline => {
                let bare = source.jid.bare();
                if local == source.account || account.shows_presence_to(&bare) {
                    self.error(source, &message, StanzaCondition::ServiceUnavailable);
                }
            }
            Kind::Groupchat => self.error(source, &message, StanzaCondition::ServiceUnavailable),
        }
    }

    /// Keeps a message until somebody is there (RFC 6121 §8.5.2.2.1).
    fn keep(&mut self, source: &Source, local: &str, mut message: Element) {
        if self.fault(Fault::OfflineLost) {
            return;
        }
        if self.fault(Fault::OfflineCondition) {
            return self.error(source, &message, StanzaCondition::ItemNotFound);
        }
        let limit = self.config.limits.offline;
        message.push(delay(&self.config.domain, &time::stamp(self.now)).into());
        let size = size(&message);
        let fits = self.kept + size <= MAX_KEPT;
        let account = self.accounts.get_mut(local);
        match account.filter(|account| fits && account.offline.len() < limit) {
            Some(account) => {
                account.offline.push_back(message);
                self.kept += size;
            }
            None => self.error(source, &message, StanzaCondition::ServiceUnavailable),
        }
    }

    /// Delivers what was kept, now that this resource wants messages.
    pub(crate) fn deliver_stored(&mut self, source: &Source) {
        let Some(account) = self.accounts.get_mut(&source.account) else {
            return;
        };
        let stored = std::mem::take(&mut account.offline);
        for message in &stored {
            self.kept -= size(message).min(self.kept);
            self.reply(source, message);
        }
    }
}

/// Since when something has been waiting (XEP-0203).
pub(crate) fn delay(domain: &str, stamp: &str) -> Element {
    Element::new(ns::DELAY, "delay")
        .with_attr("from", domain)
        .with_attr("stamp", stamp)
}

/// The bytes of a stanza.
pub(crate) fn size(stanza: &Element) -> usize {
    stanza.to_xml(ns::CLIENT).len()
}
