//! What multicast DNS (RFC 6762) and DNS-SD (RFC 6763) say of packets: pure functions over a log, for judging one.
//!
//! [`Seen`] is a packet whose message could be read. The functions take slices or iterators of them in the order of
//! time; who sent what is for the caller to choose, by filtering on [`Seen::source`]. [`complaints`] says what is wrong
//! with one message, with the id of each requirement of the catalogue; [`probes`], [`unasked`] responses, [`answers`],
//! [`goodbyes`] and [`asked`] find what happened, [`gaps`] and its judges when; [`Cache`] is what a listener knows at some time.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::dns::{Data, DnsError, Kind, Message, Name, Record};

mod cache;
mod rules;
mod timeline;
mod txt;

pub use cache::Cache;
pub use rules::{Complaint, complaints, legacy_complaints};
pub use timeline::{
    Probe, answers, asked, bunched, gaps, goodbyes, multicast, not_doubled, probes, too_soon,
    unasked, uneven,
};
pub use txt::{keys, value};

/// The port (RFC 6762 §3).
pub const PORT: u16 = 5353;
/// The IPv4 group (RFC 6762 §3).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// The IPv6 group (RFC 6762 §3).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// The service that XEP-0174 publishes.
pub const PRESENCE: &str = "_presence._tcp.local.";

/// Whether two addresses differ in the last number alone, as on a link with /24 addresses.
#[must_use]
pub fn is_near(one: Ipv4Addr, other: IpAddr) -> bool {
    let IpAddr::V4(other) = other else {
        return false;
    };
    one.octets()[..3] == other.octets()[..3]
}

/// A packet that holds a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it was on the link; all times of a log count from the same moment.
    pub at: Duration,
    /// Who sent it, and from which port.
    pub source: SocketAddr,
    /// Where it went: a group, or one host.
    pub destination: SocketAddr,
    /// The IP TTL or hop limit with which it came.
    pub ttl: u8,
    /// The length of the message in bytes.
    pub length: usize,
    /// What it says.
    pub message: Message,
}

impl Seen {
    /// Reads the message in a packet.
    ///
    /// # Errors
    /// Why there is none.
    pub fn read(
        at: Duration,
        source: SocketAddr,
        destination: SocketAddr,
        ttl: u8,
        bytes: &[u8],
    ) -> Result<Seen, DnsError> {
        Ok(Seen {
            at,
            source,
            destination,
            ttl,
            length: bytes.len(),
            message: Message::decode(bytes)?,
        })
    }

    /// Whether it went to a group.
    pub fn is_multicast(&self) -> bool {
        let group = self.destination.ip();
        group == IpAddr::V4(GROUP_V4) || group == IpAddr::V6(GROUP_V6)
    }

    /// Whether it is a query of a simple resolver, which knows unicast DNS only (RFC 6762 §6.7), or the answer to one.
    pub fn is_legacy(&self) -> bool {
        match self.message.is_response() {
            true => !self.is_multicast() && self.destination.port() != PORT,
            false => self.source.port() != PORT,
        }
    }

    /// Whether a listener must act as if it had not come: another opcode or rcode than 0 (RFC 6762 §18.3, §18.11), or
    /// a response from another port than 5353 (§6).
    pub fn is_ignored(&self) -> bool {
        let flags = self.message.flags;
        flags.opcode() != 0
            || flags.rcode() != 0
            || self.message.is_response() && self.source.port() != PORT
    }
}

/// Whether two records are in the same set: equal name, type and class.
pub fn same_set(a: &Record, b: &Record) -> bool {
    a.kind() == b.kind() && a.class == b.class && a.name.same(&b.name)
}

/// Whether two records say the same, TTL and cache-flush bit aside. Names in them are the same in either case (RFC 6762
/// §16).
pub fn same_record(a: &Record, b: &Record) -> bool {
    same_set(a, b) && same_data(&a.data, &b.data)
}

fn same_data(a: &Data, b: &Data) -> bool {
    match (a, b) {
        // Of these there may be many in one set, to be compared with one another.
        (Data::Ptr(a), Data::Ptr(b)) => a.same(b),
        (Data::A(a), Data::A(b)) => a == b,
        (Data::Aaaa(a), Data::Aaaa(b)) => a == b,
        (Data::Txt(a), Data::Txt(b)) => a == b,
        _ => folded(a) == folded(b),
    }
}

/// The bytes of the data, with names in lower case: equal for data of one type that say the same.
fn folded(data: &Data) -> Vec<u8> {
    match data {
        Data::Ptr(name) => name.folded(),
        Data::Srv { target, .. } => [&data.to_bytes()[..6], &target.folded()].concat(),
        Data::Nsec { next, .. } => {
            let bytes = data.to_bytes();
            let name = next.folded();
            [&name[..], &bytes[name.len()..]].concat()
        }
        _ => data.to_bytes(),
    }
}

/// Whether two records of unique sets, of different hosts, cannot both be true (RFC 6762 §9).
pub fn conflict(a: &Record, b: &Record) -> bool {
    same_set(a, b) && !same_data(&a.data, &b.data)
}

/// Whether a known answer makes giving this answer superfluous: it is the same, and at least half of its TTL is left
/// (RFC 6762 §7.1).
pub fn suppresses(known: &Record, answer: &Record) -> bool {
    same_record(known, answer) && u64::from(known.ttl) * 2 >= u64::from(answer.ttl)
}

/// Who wins when two hosts probe for one name at the same time: the greater (RFC 6762 §8.2, §8.2.1). Both are the
/// records of the authority section for that name.
pub fn tie_break(ours: &[Record], theirs: &[Record]) -> Ordering {
    fn sorted(records: &[Record]) -> Vec<(u16, Kind, Vec<u8>)> {
        let mut all: Vec<_> = records
            .iter()
            .map(|record| (record.class, record.kind(), record.data.to_bytes()))
            .collect();
        all.sort_unstable();
        all
    }
    sorted(ours).cmp(&sorted(theirs))
}

/// The service of an instance name such as `juliet@pronto._presence._tcp.local.`, if it has three or more labels behind
/// the first and they begin with underscores as RFC 6763 §4.1 wants.
pub fn service(instance: &Name) -> Option<Name> {
    let service = instance.parent();
    let is_service = service.labels().count() >= 3
        && service
            .labels()
            .take(2)
            .all(|label| label.starts_with(b"_"));
    (is_service && !instance.first().starts_with(b"_")).then_some(service)
}
