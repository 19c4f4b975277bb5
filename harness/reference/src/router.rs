//! Where stanzas go (RFC 6120 §8, §10). State in memory, no sockets, no clock: whoever calls says what time it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use xmppspec_protocol::conditions::{StanzaCondition, StreamCondition, stanza_error};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::account::Account;
use crate::{Config, Fault};

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
    /// What a server with a fault does later than it should.
    pub(crate) held: Option<(Source, Element, Option<Jid>)>,
    pub(crate) late: Option<(Source, Element)>,
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
            held: None,
            late: None,
        }
    }

    /// Whether the server is to have this bug.
    pub(crate) fn fault(&self, fault: Fault) -> bool {
        self.config.has(fault)
    }

    /// Handles a stanza of a bound resource (RFC 6120 §10).
    pub(crate) fn stanza(&mut self, source: &Source, mut stanza: Element, lang: Option<&str>) {
        let late = self.late.take();
        let said_from = stanza.attr("from").map(str::to_owned);
        let said_lang = stanza.attr_ns(ns::XML, "lang").map(str::to_owned);
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
        if stanza.name() != "iq" {
            let (from, lang) = (said_from.as_deref(), said_lang.as_deref());
            self.spoil(source, &mut stanza, from, lang);
        }
        match stanza.name() {
            "message" => self.message(source, stanza, to),
            "presence" => self.presence(source, stanza, to),
            _ => self.iq(source, stanza, to),
        }
        if let Some((source, query)) = late {
            self.roster_apply(&source, &query);
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
        let answers = kind == Some("error") || (stanza.name() == "iq" && kind == Some("result"));
        let excused = self.fault(Fault::AnswersAnswered) || self.fault(Fault::ErrorToError);
        if (answers && !excused) || self.fault(Fault::ErrorUnsent) {
            return;
        }
        let mut error = stanza_error(stanza, condition);
        self.spoil_error(stanza, &mut error);
        self.spoil_answer(source, stanza, &mut error);
        self.reply(source, &error);
        if self.fault(Fault::RequestAnsweredTwice) && stanza.name() == "iq" {
            self.reply(source, &error);
        }
        if self.fault(Fault::ErrorEndsStream)
            && let Some(account) = self.accounts.get(&source.account)
            && let Some(resource) = account.resources.get(&source.resource)
        {
            resource.end(StreamCondition::UndefinedCondition);
        }
    }

    /// A stanza for another domain comes back: nothing leaves this server (RFC 6120 §10.4.3).
    pub(crate) fn no_route(&self, source: &Source, stanza: &Element) {
        if self.fault(Fault::RemoteUnanswered) {
            return;
        }
        let condition = match self.fault(Fault::RemoteTimeout) {
            true => StanzaCondition::RemoteServerTimeout,
            false => StanzaCondition::RemoteServerNotFound,
        };
        self.error(source, stanza, condition);
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
        self.spoil_answer(source, iq, &mut result);
        self.reply(source, &result);
    }
}
