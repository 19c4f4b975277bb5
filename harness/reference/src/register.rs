//! In-band registration (XEP-0077): accounts made, passwords changed, accounts removed.

use xmppspec_protocol::conditions::{StanzaCondition, StreamCondition, stanza_error};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;
use xmppspec_protocol::sasl::scram;

use crate::account::Account;
use crate::router::{Router, Source};

/// Bytes of a password: what is kept of a client must end somewhere.
const MAX_PASSWORD: usize = 1023;

impl Router {
    /// A request on a stream that nobody has logged in on (XEP-0077 §3.1). Gives the answer.
    pub(crate) fn register(&mut self, iq: &Element, query: &Element) -> Element {
        let mut result = Element::new(ns::CLIENT, "iq")
            .with_attr("type", "result")
            .with_attr("from", &self.config.domain);
        if let Some(id) = iq.attr("id") {
            result.set_attr("id", id);
        }
        if iq.attr("type") == Some("get") {
            return result.with_child(form(None));
        }
        match self.make_account(query) {
            Ok(()) => result,
            Err(condition) => stanza_error(iq, condition),
        }
    }

    fn make_account(&mut self, query: &Element) -> Result<(), StanzaCondition> {
        if query.child(ns::REGISTER, "remove").is_some() {
            return Err(StanzaCondition::Forbidden);
        }
        let local = field(query, "username").ok_or(StanzaCondition::NotAcceptable)?;
        let password = field(query, "password").ok_or(StanzaCondition::NotAcceptable)?;
        let jid = Jid::parse(&format!("{local}@{}", self.config.domain));
        let jid = jid.map_err(|_| StanzaCondition::NotAcceptable)?;
        let local = jid.local().ok_or(StanzaCondition::NotAcceptable)?;
        check_password(&password)?;
        if self.accounts.contains_key(local) {
            return Err(StanzaCondition::Conflict);
        }
        if self.accounts.len() >= self.config.limits.accounts {
            return Err(StanzaCondition::ResourceConstraint);
        }
        self.accounts
            .insert(local.to_owned(), Account::with_password(&password));
        Ok(())
    }

    /// A request of somebody who has logged in (XEP-0077 §3.2, §3.3).
    pub(crate) fn registered(&mut self, source: &Source, iq: &Element, query: &Element) {
        if iq.attr("type") == Some("get") {
            let form = form(Some(&source.account));
            return self.result(source, iq, Some(form));
        }
        if query.child(ns::REGISTER, "remove").is_some() {
            return match query.elements().count() {
                1 => self.unregister(source, iq),
                _ => self.error(source, iq, StanzaCondition::BadRequest),
            };
        }
        let (Some(username), Some(password)) = (field(query, "username"), field(query, "password"))
        else {
            return self.error(source, iq, StanzaCondition::BadRequest);
        };
        let own = Jid::parse(&format!("{username}@{}", self.config.domain))
            .is_ok_and(|jid| jid == source.jid.bare());
        if !own {
            return self.error(source, iq, StanzaCondition::NotAllowed);
        }
        if let Err(condition) = check_password(&password) {
            return self.error(source, iq, condition);
        }
        if let Some(account) = self.accounts.get_mut(&source.account) {
            account.password = Some(password);
            account.keys.clear();
        }
        self.result(source, iq, None);
    }

    /// Removes the account: its contacts learn that, its sessions end.
    fn unregister(&mut self, source: &Source, iq: &Element) {
        self.result(source, iq, None);
        self.remove_account(&source.account);
    }

    /// Removes an account with everything of it.
    pub(crate) fn remove_account(&mut self, local: &str) {
        let Some(account) = self.accounts.get_mut(local) else {
            return;
        };
        let items: Vec<_> = account
            .roster
            .items()
            .map(|(jid, item)| (jid.clone(), item.clone()))
            .collect();
        for (jid, item) in items {
            self.end_subscriptions(local, &jid, &item);
        }
        let Some(account) = self.accounts.remove(local) else {
            return;
        };
        let kept = account.offline.iter().chain(account.requests.values());
        let bytes: usize = kept.map(crate::message::size).sum();
        self.kept -= bytes.min(self.kept);
        for resource in account.resources.values() {
            resource.end(StreamCondition::NotAuthorized);
        }
    }
}

/// The fields (XEP-0077 §3.1.1); for somebody who has an account, that and the name.
fn form(registered: Option<&str>) -> Element {
    let part = |name| Element::new(ns::REGISTER, name);
    let query = part("query");
    match registered {
        Some(name) => query
            .with_child(part("registered"))
            .with_child(part("username").with_text(name))
            .with_child(part("password")),
        None => query
            .with_child(part("instructions").with_text("Choose a name and a password."))
            .with_child(part("username"))
            .with_child(part("password")),
    }
}

/// Whether a password can be used (RFC 4013) and is of a sensible length.
fn check_password(password: &str) -> Result<(), StanzaCondition> {
    match scram::prepare(password) {
        Ok(_) if password.len() <= MAX_PASSWORD => Ok(()),
        _ => Err(StanzaCondition::NotAcceptable),
    }
}

/// The text of a field, if there is any.
fn field(query: &Element, name: &str) -> Option<String> {
    let text = query.child(ns::REGISTER, name)?.text().into_owned();
    (!text.is_empty()).then_some(text)
}
