//! Where stanzas go (RFC 6120 §8, §10). State in memory, no sockets, no clock: whoever calls says what time it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use xmppspec_protocol::conditions::{StanzaCondition, stanza_error};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::Config;
use crate::account::Account;

/// All accounts, and who is connected.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) config: Arc<Config>,
    pub(crate) accounts: HashMap<String, Account>,
    /// The time since the Unix epoch of what is being done.
    pub(crate) now: Duration,
    /// Counts presences, see `Resource::serial`.
    pub(crate) serial: u64,
    /// Bytes kept for accounts that are not there.
    pub(crate) kept: usize,
}

/// Who sent the stanza that is being handled.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The localpart of the account.
    pub(crate) account: String,
    /// The bound resource.
    pub(crate) resource: String,
    /// Both as an address.
    pub(crate) jid: Jid,
}

/// Who a stanza is for, seen from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// It has no `to`, or that of the sender's account.
    Own,
    /// The domain, with or without resource.
    Server,
    /// A localpart of the domain, and perhaps a resource.
    Local(String, Option<String>),
    /// Somewhere else.
    Remote,
}

impl Router {
    pub(crate) fn new(config: Arc<Config>) -> Router {
        let mut accounts = HashMap::new();
        for (local, password) in &config.accounts {
            accounts.insert(local.clone(), Account::with_password(password));
        }
        Router {
            config,
            accounts,
            now: Duration::ZERO,
            serial: 0,
            kept: 0,
        }
    }

    /// Handles a stanza of a bound resource (RFC 6120 §10).
    pub(crate) fn stanza(&mut self, source: &Source, mut stanza: Element, lang: Option<&str>) {
        // RFC 6120 §8.1.2.1: whatever the client says, it is this.
        stanza.set_attr("from", &source.jid.to_string());
        if let Some(lang) = lang
            && stanza.attr_ns(ns::XML, "lang").is_none()
        {
            stanza.set_attr_ns(ns::XML, "lang", lang);
        }
        let to = match stanza.attr("to").map(Jid::parse) {
            None => None,
            Some(Ok(to)) => Some(to),
            Some(Err(_)) => return self.error(source, &stanza, StanzaCondition::JidMalformed),
        };
        match stanza.name() {
            "message" => self.message(source, stanza, to),
            "presence" => self.presence(source, stanza, to),
            _ => self.iq(source, stanza, to),
        }
    }

    /// Who an address is.
    pub(crate) fn target(&self, source: &Source, to: Option<&Jid>) -> Target {
        let Some(to) = to else {
            return Target::Own;
        };
        if to.domain() != self.config.domain {
            return Target::Remote;
        }
        match (to.local(), to.resource()) {
            (None, _) => Target::Server,
            (Some(local), None) if local == source.account => Target::Own,
            (Some(local), resource) => Target::Local(local.to_owned(), resource.map(str::to_owned)),
        }
    }

    /// The account of an address, if it is one of ours.
    pub(crate) fn account_of(&self, jid: &Jid) -> Option<&Account> {
        let local = jid.local().filter(|_| jid.domain() == self.config.domain)?;
        self.accounts.get(local)
    }

    /// The bare JID of an account.
    pub(crate) fn bare(&self, local: &str) -> Option<Jid> {
        Jid::parse(&format!("{local}@{}", self.config.domain)).ok()
    }

    /// Sends something to whoever sent what is being handled.
    pub(crate) fn reply(&self, source: &Source, stanza: &Element) {
        let account = self.accounts.get(&source.account);
        if let Some(resource) = account.and_then(|a| a.resources.get(&source.resource)) {
            resource.put(stanza);
        }
    }

    /// Answers with an error, unless the stanza is one, or an answer (RFC 6120 §8.3.1).
    pub(crate) fn error(&self, source: &Source, stanza: &Element, condition: StanzaCondition) {
        let kind = stanza.attr("type");
        if kind == Some("error") || (stanza.name() == "iq" && kind == Some("result")) {
            return;
        }
        self.reply(source, &stanza_error(stanza, condition));
    }

    /// Answers an iq with a result.
    pub(crate) fn result(&self, source: &Source, iq: &Element, payload: Option<Element>) {
        let mut result = Element::new(ns::CLIENT, "iq")
            .with_attr("type", "result")
            .with_attr("to", &source.jid.to_string());
        if let Some(id) = iq.attr("id") {
            result.set_attr("id", id);
        }
        if let Some(from) = iq.attr("to") {
            result.set_attr("from", from);
        }
        if let Some(payload) = payload {
            result = result.with_child(payload);
        }
        self.reply(source, &result);
    }
}
