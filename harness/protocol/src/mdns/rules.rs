//! What is wrong with one message, whatever came before it.

use std::collections::HashSet;
use std::fmt;

use super::{PORT, PRESENCE, Seen, service, txt};
use crate::dns::{Data, Flags, Kind, Name, Record};

/// The largest message, with IP and UDP headers (RFC 6762 §17).
const LARGEST: usize = 9000;
/// Seconds that records with a host's name in them should be kept (RFC 6762 §10).
const HOST_TTL: u32 = 120;
/// Seconds for all others.
const OTHER_TTL: u32 = 4500;
/// Seconds in an answer to a simple resolver (RFC 6762 §6.7).
const LEGACY_TTL: u32 = 10;
/// Bytes of TXT data: what DNS-SD recommends, and what it wants at the utmost (RFC 6763 §6.2).
const TXT_SIZE: usize = 400;
const TXT_MOST: usize = 1300;

/// A rule of the catalogue that a message breaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Complaint {
    /// The requirement.
    pub id: &'static str,
    /// What is wrong, in one sentence.
    pub text: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.text)
    }
}

/// Everything that is wrong with a message as such. Whether it is the right answer at the right time is not asked.
pub fn complaints(seen: &Seen) -> Vec<Complaint> {
    let mut found = Found(Vec::new());
    packet(seen, &mut found);
    if seen.message.is_response() {
        response(seen, &mut found);
    } else {
        query(seen, &mut found);
    }
    // The answers in a query are those of others, as they were heard (§7.1).
    let is_response = seen.message.is_response();
    let own = seen.message.records().skip(match is_response {
        true => 0,
        false => seen.message.answers.len(),
    });
    for record in own {
        content(record, &mut found);
    }
    found.0
}

/// What is wrong with the answer to a simple resolver beyond [`complaints`]: it must repeat the ID and the question (RFC
/// 6762 §6.7).
pub fn legacy_complaints(query: &Seen, answer: &Seen) -> Vec<Complaint> {
    let mut found = Found(Vec::new());
    let (asked, answered) = (&query.message, &answer.message);
    found.unless(answered.id == asked.id, "MDNS-RSP-11", || {
        format!(
            "the ID of the query was {}, that of the answer is {}",
            asked.id, answered.id
        )
    });
    let same = asked.questions.len() == answered.questions.len()
        && asked
            .questions
            .iter()
            .zip(&answered.questions)
            .all(|(a, b)| (a.kind, a.class) == (b.kind, b.class) && a.name.same(&b.name));
    found.unless(same, "MDNS-RSP-11", || {
        "the answer does not repeat the question".to_owned()
    });
    found.0
}

struct Found(Vec<Complaint>);

impl Found {
    fn unless(&mut self, right: bool, id: &'static str, text: impl FnOnce() -> String) {
        if !right {
            self.0.push(Complaint { id, text: text() });
        }
    }
}

fn packet(seen: &Seen, found: &mut Found) {
    let headers = if seen.source.is_ipv4() { 28 } else { 48 };
    found.unless(seen.length + headers <= LARGEST, "MDNS-RSP-17", || {
        format!("{} bytes are more than {LARGEST}", seen.length + headers)
    });
    let written = |compress| seen.message.encode(compress).len();
    let wasteful = seen.length >= written(false) && written(true) < written(false);
    found.unless(!wasteful, "MDNS-RSP-16", || {
        "no name is compressed".to_owned()
    });
}

fn query(seen: &Seen, found: &mut Found) {
    let message = &seen.message;
    if !seen.is_legacy() {
        found.unless(message.id == 0, "MDNS-QRY-06", || {
            format!("the ID of a multicast query is {}", message.id)
        });
        // TC has a meaning in queries (§7.2)
        let flags = Flags(message.flags.0 & !Flags::TRUNCATED.0);
        found.unless(flags.0 == 0, "MDNS-QRY-06", || {
            format!("the flags of a multicast query are {:#06x}", flags.0)
        });
    }
    for record in message.records() {
        found.unless(
            !record.flush || record.kind() == Kind::OPT,
            "MDNS-ANN-07",
            || format!("the cache-flush bit is set in a query: {record}"),
        );
    }
}

fn response(seen: &Seen, found: &mut Found) {
    let (message, flags) = (&seen.message, seen.message.flags);
    found.unless(seen.source.port() == PORT, "MDNS-RSP-01", || {
        format!("a response came from port {}", seen.source.port())
    });
    found.unless(seen.ttl == 255, "MDNS-RSP-03", || {
        format!("the IP TTL is {}", seen.ttl)
    });
    if seen.is_legacy() {
        for record in message.records().filter(|r| r.kind() != Kind::OPT) {
            found.unless(!record.flush, "MDNS-RSP-11", || {
                format!("the cache-flush bit is set for a simple resolver: {record}")
            });
            found.unless(record.ttl <= LEGACY_TTL, "MDNS-RSP-12", || {
                format!("the TTL for a simple resolver is above {LEGACY_TTL}: {record}")
            });
        }
        return;
    }
    if seen.is_multicast() {
        found.unless(seen.destination.port() == PORT, "MDNS-RSP-02", || {
            format!("a response went to {}", seen.destination)
        });
        found.unless(message.id == 0, "MDNS-RSP-14", || {
            format!("the ID of a multicast response is {}", message.id)
        });
        found.unless(message.questions.is_empty(), "MDNS-RSP-14", || {
            "a multicast response has questions".to_owned()
        });
    }
    found.unless(flags == Flags::ANSWER, "MDNS-RSP-14", || {
        format!("the flags of a response are {:#06x}", flags.0)
    });
    for record in message.records() {
        bits_and_times(record, found);
    }
}

/// The cache-flush bit and the TTL of a record in a response for multicast resolvers.
fn bits_and_times(record: &Record, found: &mut Found) {
    match record.kind() {
        Kind::SRV | Kind::TXT | Kind::A | Kind::AAAA => {
            found.unless(record.flush, "MDNS-ANN-05", || {
                format!("the cache-flush bit is not set: {record}")
            });
        }
        Kind::PTR if is_shared(&record.name) => {
            found.unless(!record.flush, "MDNS-ANN-06", || {
                format!("the cache-flush bit is set for a shared record: {record}")
            });
        }
        _ => {}
    }
    let expected = match record.kind() {
        Kind::A | Kind::AAAA | Kind::SRV => HOST_TTL,
        Kind::TXT => OTHER_TTL,
        Kind::PTR if is_shared(&record.name) => OTHER_TTL,
        _ => return,
    };
    found.unless(
        record.ttl == expected || record.ttl == 0,
        "MDNS-ANN-08",
        || format!("the TTL is not {expected}: {record}"),
    );
}

/// Whether anybody may have such PTR records: names of services, not addresses backwards.
fn is_shared(name: &Name) -> bool {
    name.first().starts_with(b"_") || name.labels().any(|label| label == b"_sub")
}

/// What DNS-SD and XEP-0174 say of names and texts, wherever the record stands.
fn content(record: &Record, found: &mut Found) {
    let instance = match (&record.data, record.kind()) {
        (Data::Ptr(instance), _) => instance,
        (_, Kind::SRV | Kind::TXT) => &record.name,
        _ => return,
    };
    let Some(service) = service(instance) else {
        return;
    };
    let presence = Name::parse(PRESENCE).is_ok_and(|presence| service.same(&presence));
    label(instance.first(), presence, found);
    if let Data::Txt(strings) = &record.data {
        text(strings, found);
        if presence {
            parameters(strings, found);
        }
    }
    if let (Data::Srv { target, .. }, true) = (&record.data, presence) {
        found.unless(target.first().is_ascii(), "XEP0174-TXT-11", || {
            format!("the machine name is not ASCII: {target}")
        });
    }
}

fn label(label: &[u8], presence: bool, found: &mut Found) {
    let shown = || String::from_utf8_lossy(label).escape_debug().to_string();
    let text =
        std::str::from_utf8(label).is_ok_and(|text| !text.contains(|c: char| c.is_ascii_control()));
    found.unless(text, "SD-INST-01", || {
        format!("the instance name is no text: {}", shown())
    });
    if presence {
        let mut parts = label.splitn(2, |byte| *byte == b'@');
        let user = parts.next().unwrap_or_default();
        let machine = parts.next().unwrap_or_default();
        found.unless(
            !user.is_empty() && !machine.is_empty(),
            "XEP0174-PUB-05",
            || format!("the instance name is not user@machine: {}", shown()),
        );
        found.unless(machine.is_ascii(), "XEP0174-TXT-11", || {
            format!("the machine name is not ASCII: {}", shown())
        });
    }
}

fn text(strings: &[Vec<u8>], found: &mut Found) {
    found.unless(!strings.is_empty(), "SD-TXT-01", || {
        "a TXT record has no string, not even an empty one".to_owned()
    });
    let size = strings.iter().map(|string| string.len() + 1).sum::<usize>();
    found.unless(size <= TXT_SIZE, "XEP0174-TXT-03", || {
        let limit = if size > TXT_MOST { TXT_MOST } else { TXT_SIZE };
        format!("a TXT record of {size} bytes has more than {limit}")
    });
    for (key, _) in txt::keys(strings) {
        let shown = || String::from_utf8_lossy(key).escape_debug().to_string();
        let printable = key.iter().all(|byte| matches!(byte, b' '..=b'~'));
        found.unless(printable, "SD-TXT-03", || {
            format!("a key holds more than printable ASCII: {}", shown())
        });
        found.unless(key.len() <= 9, "SD-TXT-04", || {
            format!("a key has more than nine characters: {}", shown())
        });
    }
    let nameless = strings.iter().find(|string| string.starts_with(b"="));
    found.unless(nameless.is_none(), "SD-TXT-03", || {
        "a string has no key before its '='".to_owned()
    });
    let mut seen = HashSet::new();
    for (key, _) in txt::keys(strings) {
        found.unless(
            seen.insert(key.to_ascii_lowercase()),
            "XEP0174-TXT-01",
            || {
                format!(
                    "the key {} is there twice",
                    String::from_utf8_lossy(key).escape_debug()
                )
            },
        );
    }
}

/// The parameters of XEP-0174 (§3.1, §15.1).
fn parameters(strings: &[Vec<u8>], found: &mut Found) {
    let get = |key| txt::value(strings, key).map(Option::unwrap_or_default);
    let shown = |value: &[u8]| String::from_utf8_lossy(value).escape_debug().to_string();
    if let Some((first, _)) = txt::keys(strings).next() {
        found.unless(
            first.eq_ignore_ascii_case(b"txtvers"),
            "XEP0174-TXT-02",
            || format!("the first key is not txtvers but {}", shown(first)),
        );
    }
    if let Some(version) = get("txtvers") {
        found.unless(version == b"1", "XEP0174-TXT-05", || {
            format!("txtvers is not 1 but {}", shown(version))
        });
    }
    if let Some(status) = get("status") {
        let known = [&b"avail"[..], b"away", b"dnd"].contains(&status);
        found.unless(known, "XEP0174-TXT-06", || {
            format!("status is not avail, away or dnd but {}", shown(status))
        });
    }
    if let Some(vc) = get("vc") {
        let known = vc.iter().all(|byte| b"AVC!".contains(byte));
        found.unless(known, "XEP0174-TXT-09", || {
            format!("vc is made of more than A, V, C and !: {}", shown(vc))
        });
    }
    for (key, value) in txt::keys(strings) {
        let text = std::str::from_utf8(value.unwrap_or_default()).is_ok();
        found.unless(text, "XEP0174-TXT-10", || {
            format!("the value of {} is not UTF-8", shown(key))
        });
    }
}
