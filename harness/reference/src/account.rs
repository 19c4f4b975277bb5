//! What the server keeps of one account, in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;
use xmppspec_protocol::sasl::server::Stored;

use crate::Fault;
use crate::mailbox::{Letter, Mailbox};
use crate::roster::Roster;
use crate::router::Router;

/// One account.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// `None`: nobody can log in with a password (ANONYMOUS).
    pub(crate) password: Option<String>,
    /// What SCRAM needs, for each hash that was asked for so far.
    pub(crate) keys: Vec<Stored>,
    pub(crate) roster: Roster,
    /// Subscription requests that are neither approved nor denied (RFC 6121 §3.1.3), by who asks.
    pub(crate) requests: BTreeMap<Jid, Element>,
    /// Messages for when somebody is there.
    pub(crate) offline: VecDeque<Element>,
    /// The connected resources by name.
    pub(crate) resources: BTreeMap<String, Resource>,
    /// When the last unavailable presence came (RFC 6121 §4.3.2).
    pub(crate) last: Option<Duration>,
}

/// One connected resource.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The session that has bound it.
    pub(crate) session: u64,
    pub(crate) jid: Jid,
    mailbox: Arc<Mailbox>,
    /// It has asked for the roster (RFC 6121 §2.2).
    pub(crate) interested: bool,
    /// Its last available presence; `None`: it is not available.
    pub(crate) presence: Option<Element>,
    /// The priority in that presence (RFC 6121 §4.7.2.3).
    pub(crate) priority: i8,
    /// Grows with each presence: of two resources with one priority the later is the more available.
    pub(crate) serial: u64,
    /// Who got directed presence and is to be told of its end (RFC 6121 §4.6).
    pub(crate) directed: BTreeSet<Jid>,
    /// A server with a fault will not broadcast its presence any more.
    pub(crate) muted: bool,
}

impl Account {
    /// An account with this password.
    pub(crate) fn with_password(password: &str) -> Account {
        Account {
            password: Some(password.to_owned()),
            ..Account::default()
        }
    }

    /// The resources that have sent initial presence.
    pub(crate) fn available(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values().filter(|r| r.presence.is_some())
    }

    /// The available resources that want messages to the bare JID (RFC 6121 §8.5.2.1.1).
    pub(crate) fn receptive(&self) -> impl Iterator<Item = &Resource> {
        self.available().filter(|r| r.priority >= 0)
    }

    /// Of those the most available one.
    pub(crate) fn most_available(&self) -> Option<&Resource> {
        self.receptive().max_by_key(|r| (r.priority, r.serial))
    }

    /// Whether `other`, a bare JID, may see the presence of this account's resources.
    pub(crate) fn shows_presence_to(&self, other: &Jid) -> bool {
        self.roster.item(other).is_some_and(|item| item.from)
    }
}

impl Resource {
    pub(crate) fn new(session: u64, jid: Jid, mailbox: Arc<Mailbox>) -> Resource {
        Resource {
            session,
            jid,
            mailbox,
            interested: false,
            presence: None,
            priority: 0,
            serial: 0,
            directed: BTreeSet::new(),
            muted: false,
        }
    }

    /// Sends it a stanza of somebody else.
    pub(crate) fn hand(&self, stanza: &Element, router: &Router) {
        if router.fault(Fault::EscapesLost) {
            let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
            let xml = escapes
                .iter()
                .fold(stanza.to_xml(ns::CLIENT), |xml, (escape, plain)| {
                    xml.replace(escape, plain)
                });
            return self.mailbox.put(Letter::Stanza(xml));
        }
        if router.fault(Fault::DeclarationsLost) {
            let xml = stanza.to_xml(ns::CLIENT);
            let mut parts = xml.split(" xmlns:");
            let mut lost = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                // What follows the value.
                lost.extend(part.splitn(3, '\'').nth(2));
            }
            return self.mailbox.put(Letter::Stanza(lost));
        }
        match router.spoil_delivered(stanza) {
            Some(other) => self.put(&other),
            None => self.put(stanza),
        }
    }

    /// Sends it a stanza.
    pub(crate) fn put(&self, stanza: &Element) {
        self.mailbox.put(Letter::Stanza(stanza.to_xml(ns::CLIENT)));
    }

    /// Ends its stream.
    pub(crate) fn end(&self, condition: xmppspec_protocol::conditions::StreamCondition) {
        self.mailbox.put(Letter::End(condition));
    }

    /// Whether so much waits for it that what can be refused should be.
    pub(crate) fn is_crowded(&self) -> bool {
        self.mailbox.is_crowded()
    }
}
