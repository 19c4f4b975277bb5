//! What a reference server is told before it starts.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::Fault;

/// Settings of one reference server. `Config::new` gives the correct server; change fields before `Server::start`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The one domain that the server services.
    pub domain: String,
    /// Accounts that exist from the start: localpart and password.
    pub accounts: Vec<(String, String)>,
    /// Deliberate bugs; empty for a correct server.
    pub faults: BTreeSet<Fault>,
    /// Where plain TCP with STARTTLS is accepted; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where direct TLS (XEP-0368) is accepted, if at all; port 0 takes a free one.
    pub direct_tls: Option<SocketAddr>,
    /// STARTTLS is mandatory before SASL (RFC 6120 §5.3.1).
    pub require_tls: bool,
    /// PLAIN is offered under TLS (RFC 6120 §13.8.3 would rather not see it beside SCRAM; testers need it).
    pub plain: bool,
    /// ANONYMOUS is offered.
    pub anonymous: bool,
    /// In-band registration (XEP-0077) is offered.
    pub registration: bool,
    /// What happens to a second session that asks for a resource in use (RFC 6120 §7.7.2.2).
    pub conflict: Conflict,
    /// Rounds of PBKDF2 that SCRAM announces; RFC 5802 asks for at least 4096.
    pub scram_iterations: u32,
    /// Where the server stops listening to a client.
    pub limits: Limits,
    /// How long a client may take until its resource is bound.
    pub negotiation_timeout: Duration,
    /// How long the server waits for the client's closing tag after its own (RFC 6120 §4.4).
    pub closing_timeout: Duration,
}

impl Config {
    /// The correct server for `domain` on free loopback ports, with every feature but ANONYMOUS.
    pub fn new(domain: &str) -> Config {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Config {
            domain: domain.to_owned(),
            accounts: Vec::new(),
            faults: BTreeSet::new(),
            listen: loopback,
            direct_tls: Some(loopback),
            require_tls: true,
            plain: true,
            anonymous: false,
            registration: true,
            conflict: Conflict::TerminateOld,
            scram_iterations: 4096,
            limits: Limits::default(),
            negotiation_timeout: Duration::from_secs(30),
            closing_timeout: Duration::from_millis(200),
        }
    }

    /// Adds an account.
    pub fn account(mut self, local: &str, password: &str) -> Config {
        self.accounts.push((local.to_owned(), password.to_owned()));
        self
    }

    /// Whether the server is to have this bug.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Adds a fault.
    pub fn fault(mut self, fault: Fault) -> Config {
        self.faults.insert(fault);
        self
    }
}

/// The three legal answers to a resource conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The older session ends with the stream error `conflict`.
    TerminateOld,
    /// The new client gets the stanza error `conflict` and may try again.
    RefuseNew,
    /// The new client gets a resource made by the server.
    Override,
}

/// Limits of one server. Each protects the process from a client, or is something that a client can provoke.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one stanza; RFC 6120 §13.12 forbids less than 10000.
    pub stanza_bytes: usize,
    /// Depth of nested elements.
    pub depth: usize,
    /// Resources that one account may have connected.
    pub resources: usize,
    /// Failed SASL handshakes on one stream before it is closed; RFC 6120 §6.4.5 wants 2 to 5 retries.
    pub sasl_attempts: u32,
    /// Failed attempts to bind on one stream before it is closed; RFC 6120 §7.7.3 wants 5 to 10.
    pub bind_attempts: u32,
    /// Characters in a roster item's name or group.
    pub roster_text: usize,
    /// Items in one roster.
    pub roster_items: usize,
    /// Messages kept for one account that is offline.
    pub offline: usize,
    /// Accounts that in-band registration may create.
    pub accounts: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Bytes waiting for a client that does not read before its connection is dropped.
    pub unsent_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            stanza_bytes: 256 * 1024,
            depth: 256,
            resources: 10,
            sasl_attempts: 4,
            bind_attempts: 6,
            roster_text: 1023,
            roster_items: 1000,
            offline: 100,
            accounts: 100_000,
            connections: 2000,
            unsent_bytes: 8 * 1024 * 1024,
        }
    }
}
