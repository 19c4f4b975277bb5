//! Requests and answers (RFC 6120 §8.2.3, RFC 6121 §8.5): what the server answers itself, and what it passes on.

use xmppspec_protocol::conditions::StanzaCondition;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::Fault;
use crate::presence::knows;
use crate::router::{Router, Source, Target};

impl Router {
    pub(crate) fn iq(&mut self, source: &Source, iq: Element, to: Option<Jid>) {
        match iq.attr("type") {
            Some("get" | "set") => {}
            Some("result" | "error") => return self.answer(source, &iq, to),
            _ if self.fault(Fault::RequestOfAnyType) => {}
            _ => return self.error(source, &iq, StanzaCondition::BadRequest),
        }
        let mut payloads = iq.elements();
        let (Some(payload), None, true) =
            (payloads.next(), payloads.next(), iq.attr("id").is_some())
        else {
            return self.error(source, &iq, StanzaCondition::BadRequest);
        };
        match self.target(source, to.as_ref()) {
            _ if to.is_none() && self.fault(Fault::RequestToNobodyRefused) => {
                self.error(source, &iq, StanzaCondition::NotAllowed);
            }
            _ if payload.prefix().is_some() && self.fault(Fault::PrefixMatters) => {
                self.not_understood(source, &iq);
            }
            Target::Own => self.own_request(source, &iq, payload),
            Target::Server
                if to.is_some_and(|to| !to.is_bare())
                    && self.fault(Fault::DomainResourceUnanswered) => {}
            Target::Server => self.server_request(source, &iq, payload),
            Target::Remote => self.no_route(source, &iq),
            Target::Local(local, _)
                if self.fault(Fault::NobodyRequest) && !self.accounts.contains_key(&local) =>
            {
                self.error(source, &iq, StanzaCondition::ItemNotFound);
            }
            Target::Local(local, None) => self.foreign_request(source, &iq, payload, &local),
            Target::Local(local, Some(resource)) => {
                self.request_to_full(source, &iq, &local, &resource);
            }
        }
    }

    /// An answer goes to the resource that it names; nobody else waits for one (RFC 6120 §10.3.3, RFC 6121 §8.5.3.1).
    fn answer(&self, source: &Source, iq: &Element, to: Option<Jid>) {
        if let Target::Local(local, Some(resource)) = self.target(source, to.as_ref())
            && let Some(resource) = self
                .accounts
                .get(&local)
                .and_then(|account| account.resources.get(&resource))
        {
            resource.put(iq);
        } else if self.fault(Fault::AnswersAnswered) {
            self.error(source, iq, StanzaCondition::BadRequest);
        }
    }

    /// A request that the server does not understand (RFC 6120 §8.4).
    fn not_understood(&self, source: &Source, iq: &Element) {
        if self.fault(Fault::RequestUnanswered) {
            return;
        }
        let condition = match self.fault(Fault::UnknownNotImplemented) {
            true => StanzaCondition::FeatureNotImplemented,
            false => StanzaCondition::ServiceUnavailable,
        };
        self.error(source, iq, condition);
    }

    /// A request for the sender's own account (RFC 6120 §10.3.3).
    fn own_request(&mut self, source: &Source, iq: &Element, payload: &Element) {
        let set = iq.attr("type") == Some("set");
        match (set, payload.ns(), payload.name()) {
            (false, ns::ROSTER, "query") => self.roster_get(source, iq, payload),
            (true, ns::ROSTER, "query") => self.roster_set(source, iq, payload),
            (_, ns::REGISTER, "query") if self.config.registration => {
                self.registered(source, iq, payload);
            }
            (false, ns::PING, "ping") => self.result(source, iq, None),
            (false, ns::DISCO_INFO, "query") => {
                let query = disco("account", "registered", &[ns::DISCO_INFO]);
                self.result(source, iq, Some(query));
            }
            (false, ns::DISCO_ITEMS, "query") => {
                self.result(source, iq, Some(Element::new(ns::DISCO_ITEMS, "query")));
            }
            // RFC 6120 §7.1: this resource is bound already, and the server binds one a stream.
            (true, ns::BIND, "bind") => self.error(source, iq, StanzaCondition::NotAllowed),
            _ => self.not_understood(source, iq),
        }
    }

    /// A request for the server (RFC 6120 §10.5.1).
    fn server_request(&mut self, source: &Source, iq: &Element, payload: &Element) {
        let set = iq.attr("type") == Some("set");
        let payload = match (set, payload.ns(), payload.name()) {
            (_, ns::REGISTER, "query") if self.config.registration => {
                return self.registered(source, iq, payload);
            }
            (false, ns::PING, "ping") => None,
            (false, ns::VERSION, "query") => Some(version()),
            (false, ns::DISCO_INFO, "query") => Some(self.features()),
            (false, ns::DISCO_ITEMS, "query") => Some(Element::new(ns::DISCO_ITEMS, "query")),
            _ => return self.not_understood(source, iq),
        };
        self.result(source, iq, payload);
    }

    /// A request for somebody else's account: the server answers it (RFC 6121 §8.5.2.1.3), and the same whether the
    /// account exists or not, but for what is forbidden by name (§2.3.3).
    fn foreign_request(&mut self, source: &Source, iq: &Element, payload: &Element, local: &str) {
        let roster = payload.ns() == ns::ROSTER && self.accounts.contains_key(local);
        if self.fault(Fault::RequestToBareDelivered)
            && let Some(account) = self.accounts.get(local)
        {
            account.available().for_each(|r| r.put(iq));
        }
        if roster && self.fault(Fault::RosterOfAnother) {
            return self.roster_of_another(source, iq, payload, local);
        }
        match roster && !self.fault(Fault::RosterOfAnotherUnnamed) {
            true => self.error(source, iq, StanzaCondition::Forbidden),
            false => self.not_understood(source, iq),
        }
    }

    /// A request for one resource: only if that shows its presence to the sender (RFC 6121 §8.5.3.1).
    fn request_to_full(&mut self, source: &Source, iq: &Element, local: &str, resource: &str) {
        let account = self.accounts.get(local);
        let sender = source.jid.bare();
        let found = account.and_then(|account| {
            let resource = account.resources.get(resource)?;
            let shares = local == source.account
                || (account.shows_presence_to(&sender) && resource.presence.is_some())
                || knows(resource, &source.jid);
            shares.then_some(resource)
        });
        match found {
            Some(resource) if resource.is_crowded() => {
                self.error(source, iq, StanzaCondition::ResourceConstraint);
            }
            Some(resource) => resource.put(iq),
            None if self.fault(Fault::RequestToNoResource) => {
                self.error(source, iq, StanzaCondition::ItemNotFound);
            }
            None => self.error(source, iq, StanzaCondition::ServiceUnavailable),
        }
    }

    /// What the server can do (XEP-0030).
    fn features(&self) -> Element {
        let mut all = vec![
            ns::DISCO_INFO,
            ns::DISCO_ITEMS,
            ns::PING,
            ns::VERSION,
            ns::ROSTER,
            // XEP-0160
            "msgoffline",
        ];
        if self.config.registration {
            all.push(ns::REGISTER);
        }
        disco("server", "im", &all)
    }
}

fn disco(category: &str, kind: &str, features: &[&str]) -> Element {
    let identity = Element::new(ns::DISCO_INFO, "identity")
        .with_attr("category", category)
        .with_attr("type", kind)
        .with_attr("name", "xmppspec reference");
    let query = Element::new(ns::DISCO_INFO, "query").with_child(identity);
    features.iter().fold(query, |query, feature| {
        query.with_child(Element::new(ns::DISCO_INFO, "feature").with_attr("var", feature))
    })
}

/// XEP-0092
fn version() -> Element {
    let part = |name, text| Element::new(ns::VERSION, name).with_text(text);
    Element::new(ns::VERSION, "query")
        .with_child(part("name", "xmppspec reference"))
        .with_child(part("version", env!("CARGO_PKG_VERSION")))
}
