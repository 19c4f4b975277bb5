//! What a reference peer is told before it starts.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::PeerFault;

/// Settings of one reference peer. `PeerConfig::new` gives the correct peer; change fields before `Peer::start`.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// The user part of the instance name that it asks for first.
    pub user: String,
    /// The machine part, and the host name.
    pub machine: String,
    /// The name of the interface that it is on.
    pub interface: String,
    /// The index of that interface.
    pub index: u32,
    /// Its IPv4 address there.
    pub v4: Option<Ipv4Addr>,
    /// Its link-local IPv6 address there.
    pub v6: Option<Ipv6Addr>,
    /// It hears only those whose IPv4 address differs from its own in the last number alone: for loopback, which many share.
    pub only_near: bool,
    /// What it publishes about its user: keys and values of the TXT record (XEP-0174 section 15.1).
    pub personal: Vec<(String, String)>,
    /// TLS is mandatory before stanzas (XEP-0174 section 13.1 leaves that to the user).
    pub require_tls: bool,
    /// Deliberate bugs; empty for a correct peer.
    pub faults: BTreeSet<PeerFault>,
    /// Where its random delays come from.
    pub seed: u64,
}

impl PeerConfig {
    /// The correct peer `user@machine` on this interface; give it at least one address.
    pub fn new(user: &str, machine: &str, interface: &str, index: u32) -> PeerConfig {
        let personal = [
            ("1st", "Juliet"),
            ("last", "Capulet"),
            ("nick", "JuliC"),
            ("email", "juliet@capulet.example"),
            ("jid", "juliet@capulet.example"),
        ];
        PeerConfig {
            user: user.to_owned(),
            machine: machine.to_owned(),
            interface: interface.to_owned(),
            index,
            v4: None,
            v6: None,
            only_near: false,
            personal: personal.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
            require_tls: false,
            faults: BTreeSet::new(),
            seed: 0,
        }
    }

    /// Adds a fault.
    pub fn fault(mut self, fault: PeerFault) -> PeerConfig {
        self.faults.insert(fault);
        self
    }

    pub(crate) fn has(&self, fault: PeerFault) -> bool {
        self.faults.contains(&fault)
    }
}
