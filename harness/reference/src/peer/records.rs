//! What a peer publishes: its names and its records (XEP-0174 section 3).

use std::net::{Ipv4Addr, Ipv6Addr};

use sha1::{Digest, Sha1};
use xmppspec_protocol::dns::{Data, Kind, Name, Record};

use super::{PeerConfig, PeerFault, stream};

/// The service type of serverless messaging (XEP-0174 section 3).
const SERVICE: [&str; 3] = ["_presence", "_tcp", "local"];

/// Where service types are enumerated (RFC 6763 section 9).
const TYPES: [&str; 4] = ["_services", "_dns-sd", "_udp", "local"];

/// Seconds that records with a host name in them live (RFC 6762 section 10).
pub(super) const HOST_TTL: u32 = 120;

/// Seconds that other records live.
pub(super) const OTHER_TTL: u32 = 75 * 60;

/// The longest label.
const LABEL: usize = 63;

/// The longest string of a TXT record.
const STRING: usize = 255;

/// The largest icon that is published: a message must stay within 9000 bytes (RFC 6762 section 17).
pub(super) const ICON: usize = 8900;

/// The node of this application (XEP-0115).
pub(super) const NODE: &str = "https://xmppspec.example/reference-peer";

/// The features of this application, sorted as XEP-0115 section 5.1 sorts them.
pub(super) const FEATURES: [&str; 4] = [
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "urn:xmpp:ping",
];

/// The identity of this application: category, type, name.
pub(super) const IDENTITY: (&str, &str, &str) = ("client", "pc", "xmppspec reference peer");

fn name<const N: usize>(labels: [&str; N]) -> Name {
    Name::from_labels(labels.map(str::as_bytes)).unwrap_or_default()
}

pub(super) fn service() -> Name {
    name(SERVICE)
}

pub(super) fn types() -> Name {
    name(TYPES)
}

/// The instance called `label`, which may hold dots.
pub(super) fn instance(label: &[u8]) -> Name {
    let labels = std::iter::once(label).chain(SERVICE.map(str::as_bytes));
    Name::from_labels(labels).unwrap_or_default()
}

/// A name with the number that tells it from those that were taken: `juliet`, `juliet-1`, `juliet-2`.
fn numbered(name: &str, number: u32) -> String {
    match number {
        0 => name.to_owned(),
        n => format!("{name}-{n}"),
    }
}

/// At most so many bytes of a text, whole characters only.
fn shortened(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev();
    end.into_iter()
        .find(|&at| text.is_char_boundary(at))
        .map_or("", |at| &text[..at])
}

/// What a peer is called at the moment.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// How the name is spoiled, by a fault.
    spoil: Option<PeerFault>,
    user: String,
    machine: String,
    /// How often the name of the user was taken.
    pub(super) user_number: u32,
    /// How often the name of the machine was taken.
    pub(super) machine_number: u32,
}

impl Identity {
    pub(super) fn new(config: &PeerConfig) -> Identity {
        let spoils = [
            PeerFault::NoAt,
            PeerFault::OddMachine,
            PeerFault::ControlCharacter,
        ];
        Identity {
            spoil: spoils.into_iter().find(|f| config.has(*f)),
            user: config.user.clone(),
            machine: config.machine.clone(),
            user_number: 0,
            machine_number: 0,
        }
    }

    fn machine(&self) -> String {
        numbered(&self.machine, self.machine_number)
    }

    /// `user@machine`.
    pub(super) fn label(&self) -> String {
        let machine = self.machine();
        let user = numbered(&self.user, self.user_number);
        let room = LABEL.saturating_sub(machine.len() + 1);
        format!("{}@{machine}", shortened(&user, room))
    }

    pub(super) fn instance(&self) -> Name {
        let label = self.label();
        let label = match self.spoil {
            Some(PeerFault::NoAt) => label.replace('@', " on "),
            Some(PeerFault::OddMachine) => format!("{label}ü"),
            Some(PeerFault::ControlCharacter) => format!("\u{7}{label}"),
            _ => label,
        };
        instance(label.as_bytes())
    }

    pub(super) fn host(&self) -> Name {
        let machine = self.machine();
        Name::from_labels([machine.as_bytes(), b"local"]).unwrap_or_default()
    }
}

/// How available the user is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Available.
    #[default]
    Available,
    /// Away.
    Away,
    /// Not to be disturbed.
    Dnd,
}

impl Status {
    /// The status of that name, as hooks and records call it.
    pub fn from_name(name: &str) -> Option<Status> {
        match name {
            "available" | "avail" => Some(Status::Available),
            "away" => Some(Status::Away),
            "dnd" => Some(Status::Dnd),
            _ => None,
        }
    }

    /// The name that hooks use.
    pub fn name(self) -> &'static str {
        match self {
            Status::Available => "available",
            Status::Away => "away",
            Status::Dnd => "dnd",
        }
    }

    /// The name that records use (XEP-0174 section 15.1).
    pub(super) fn in_txt(self) -> &'static str {
        match self {
            Status::Available => "avail",
            other => other.name(),
        }
    }
}

/// What a peer says about itself.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) v4: Option<Ipv4Addr>,
    pub(super) v6: Option<Ipv6Addr>,
    pub(super) port: u16,
    pub(super) status: Status,
    pub(super) text: String,
    pub(super) personal: Vec<(String, String)>,
    pub(super) icon: Option<Vec<u8>>,
}

impl Published {
    /// The strings of the TXT record, `txtvers` first (XEP-0174 section 3.1).
    pub(super) fn txt(&self, config: &PeerConfig) -> Vec<Vec<u8>> {
        let has = |fault| config.has(fault);
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut add = |key: &str, value: String| pairs.push((key.to_owned(), value));
        add(
            "txtvers",
            if has(PeerFault::TxtVersion) { "2" } else { "1" }.to_owned(),
        );
        for (key, value) in &self.personal {
            add(key, value.clone());
        }
        if !self.text.is_empty() || has(PeerFault::MessageKept) {
            add("msg", self.text.clone());
        }
        if !has(PeerFault::NoCapsInTxt) {
            let ver = stream::verification();
            let wrong = has(PeerFault::WrongVer);
            add("node", NODE.to_owned());
            add("hash", "sha-1".to_owned());
            add("ver", if wrong { "0.1".to_owned() } else { ver });
        }
        if let Some(icon) = &self.icon {
            let hash: String = Sha1::digest(icon)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            add(
                "phsh",
                if has(PeerFault::WrongPhsh) {
                    hash.to_uppercase().replace(['A', 'B'], "0")
                } else {
                    hash
                },
            );
        }
        if !has(PeerFault::NoPortInTxt) {
            let port = if has(PeerFault::OtherPortInTxt) {
                5298
            } else {
                self.port
            };
            add("port.p2pj", port.to_string());
        }
        let status = match self.status {
            Status::Available if has(PeerFault::StatusWord) => "available",
            Status::Dnd if has(PeerFault::DndAsAway) => "away",
            status => status.in_txt(),
        };
        add("status", status.to_owned());
        add(
            "vc",
            if has(PeerFault::VcLetters) {
                "CAX"
            } else {
                "!"
            }
            .to_owned(),
        );
        if has(PeerFault::DuplicateKey) {
            add("STATUS", "dnd".to_owned());
        }
        if has(PeerFault::LongKey) {
            add("xmppspec-says", "hello".to_owned());
        }
        if has(PeerFault::TxtVersionLast) {
            pairs.rotate_left(1);
        }
        let mut strings: Vec<Vec<u8>> = pairs
            .iter()
            .map(|(key, value)| {
                let room = STRING.saturating_sub(key.len() + 1);
                format!("{key}={}", shortened(value, room)).into_bytes()
            })
            .collect();
        if has(PeerFault::Latin1) {
            for string in &mut strings {
                let text = String::from_utf8_lossy(string).into_owned();
                *string = text
                    .chars()
                    .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
                    .collect();
            }
        }
        if has(PeerFault::OddKey) {
            strings.push("schlüssel=1".into());
        }
        if has(PeerFault::LargeTxt) {
            strings.extend((0..6).map(|n| format!("pad{n}={}", "x".repeat(248)).into_bytes()));
        }
        strings
    }

    /// All records of a peer called `identity`; the unique ones with the cache-flush bit (RFC 6762 section 10.2).
    pub(super) fn records(&self, identity: &Identity, config: &PeerConfig) -> Vec<Record> {
        let has = |fault| config.has(fault);
        let (instance, host) = (identity.instance(), identity.host());
        let ttl = |ttl: u32| if has(PeerFault::ShortTtl) { 30 } else { ttl };
        let mut records = vec![Record::new(
            service(),
            ttl(OTHER_TTL),
            Data::Ptr(instance.clone()),
        )];
        if !has(PeerFault::NotEnumerated) {
            records.push(Record::new(types(), ttl(OTHER_TTL), Data::Ptr(service())));
        }
        if has(PeerFault::PtrFlush) {
            records[0].flush = true;
        }
        if has(PeerFault::NoPtr) {
            records.remove(0);
        }
        let target = if has(PeerFault::OtherTarget) {
            name(["elsewhere", "local"])
        } else {
            host.clone()
        };
        let mut unique = vec![(
            instance.clone(),
            HOST_TTL,
            Data::Srv {
                priority: 0,
                weight: 0,
                port: if has(PeerFault::WrongPort) {
                    self.port ^ 1
                } else {
                    self.port
                },
                target: target.clone(),
            },
        )];
        if !has(PeerFault::NoTxt) {
            let strings = if has(PeerFault::EmptyTxt) {
                Vec::new()
            } else {
                self.txt(config)
            };
            unique.push((instance.clone(), OTHER_TTL, Data::Txt(strings)));
        }
        if has(PeerFault::NoSrv) {
            unique.remove(0);
        }
        if has(PeerFault::HugePackets) {
            let padding = Data::Other(Kind(65_280), vec![0; 9100]);
            unique.push((host.clone(), OTHER_TTL, padding));
        }
        if let Some(mut icon) = self.icon.clone().filter(|_| !has(PeerFault::NoIcon)) {
            if has(PeerFault::LargeIcon) {
                icon.resize(ICON + 1000, 0);
            }
            unique.push((instance, OTHER_TTL, Data::Other(Kind::NULL, icon)));
        }
        if !has(PeerFault::NoAddress) {
            let v4 = if has(PeerFault::WrongAddress) {
                self.v4.map(|_| Ipv4Addr::new(192, 0, 2, 1))
            } else {
                self.v4
            };
            unique.extend(v4.map(|a| (target.clone(), HOST_TTL, Data::A(a))));
            let v6 = self.v6.filter(|_| !has(PeerFault::WrongAddress));
            unique.extend(v6.map(|a| (target.clone(), HOST_TTL, Data::Aaaa(a))));
        }
        let unique = unique.into_iter().map(|(name, seconds, data)| Record {
            flush: !has(PeerFault::NoFlush),
            ..Record::new(name, ttl(seconds), data)
        });
        records.extend(unique);
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_a_label() {
        let mut config = PeerConfig::new(&"ü".repeat(60), "pronto", "eth0", 2);
        let mut identity = Identity::new(&config);
        assert_eq!(identity.label().len(), 63);
        assert!(identity.label().ends_with("ü@pronto"));
        config.user = "juliet".to_owned();
        identity = Identity::new(&config);
        identity.user_number = 1;
        identity.machine_number = 2;
        assert_eq!(identity.label(), "juliet-1@pronto-2");
        assert_eq!(identity.host().to_string(), "pronto-2.local.");
    }

    #[test]
    fn strings_are_cut_between_characters() {
        let config = PeerConfig::new("juliet", "pronto", "eth0", 2);
        let published = Published {
            v4: None,
            v6: None,
            port: 5562,
            status: Status::Dnd,
            text: "ü".repeat(200),
            personal: Vec::new(),
            icon: Some(b"abc".to_vec()),
        };
        let strings = published.txt(&config);
        assert_eq!(strings[0], b"txtvers=1");
        let text: Vec<_> = strings
            .iter()
            .map(|s| std::str::from_utf8(s).unwrap())
            .collect();
        assert_eq!(text[1], format!("msg={}", "ü".repeat(125)));
        assert!(text.contains(&"phsh=a9993e364706816aba3e25717850c26c9cd0d89d"));
        assert!(text.contains(&"status=dnd") && text.contains(&"port.p2pj=5562"));
    }
}
