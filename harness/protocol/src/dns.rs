//! DNS messages as multicast DNS sends them (RFC 1035 §4, RFC 6762 §18), as an instrument sees them: every bit, every
//! record in its order, duplicates included. Names hold any bytes, and nothing is folded to lower case.
//!
//! [`Message::decode`] reads, [`Message::encode`] writes, [`Writer`] writes what is wrong on purpose. Records and
//! questions have a text form of one line, as in a zone file (RFC 1035 §5):
//!
//! ```text
//! _presence._tcp.local. 4500 IN PTR juliet@pronto._presence._tcp.local.
//! juliet@pronto._presence._tcp.local. 120 FLUSH IN SRV 0 0 5562 pronto.local.
//! juliet@pronto._presence._tcp.local. 4500 FLUSH IN TXT "txtvers=1" "status=avail"
//! pronto.local. 120 FLUSH IN TYPE13 \# 3 616263
//! ```
//!
//! `FLUSH` is the cache-flush bit (RFC 6762 §10.2). A question has no TTL and no data, and `QU` for a unicast response
//! wanted (§5.4): `pronto.local. QU IN ANY`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

mod name;
mod read;
mod text;
mod write;

pub use name::Name;
pub use text::{TextError, words};
pub use write::Writer;

/// The class of the Internet.
pub const CLASS_IN: u16 = 1;

/// The bit of a class that means cache-flush in records and unicast response in questions (RFC 6762 §18.12, §18.13).
const TOP: u16 = 0x8000;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The query identifier; zero in multicast (RFC 6762 §18.1).
    pub id: u16,
    /// The flags.
    pub flags: Flags,
    /// What is asked.
    pub questions: Vec<Question>,
    /// The answers, or in a query the known ones (RFC 6762 §7.1).
    pub answers: Vec<Record>,
    /// The authority section; in a probe the records that are proposed (RFC 6762 §8.2).
    pub authorities: Vec<Record>,
    /// What else may be of use.
    pub additionals: Vec<Record>,
    /// Bytes behind the last record. There should be none.
    pub rest: Vec<u8>,
}

/// The second 16 bits of a message: QR, opcode, AA, TC, RD, RA, Z, AD, CD, rcode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// QR: a response.
    pub const RESPONSE: Flags = Flags(0x8000);
    /// AA: an authoritative answer.
    pub const AUTHORITATIVE: Flags = Flags(0x0400);
    /// TC: truncated; in a query: more known answers follow (RFC 6762 §7.2).
    pub const TRUNCATED: Flags = Flags(0x0200);
    /// RD: recursion desired.
    pub const RECURSION_DESIRED: Flags = Flags(0x0100);
    /// RA: recursion available.
    pub const RECURSION_AVAILABLE: Flags = Flags(0x0080);
    /// Z: reserved.
    pub const ZERO: Flags = Flags(0x0040);
    /// AD: authentic data.
    pub const AUTHENTIC_DATA: Flags = Flags(0x0020);
    /// CD: checking disabled.
    pub const CHECKING_DISABLED: Flags = Flags(0x0010);
    /// What a multicast response has (RFC 6762 §18.2, §18.4).
    pub const ANSWER: Flags = Flags(0x8400);

    /// Whether all of these bits are set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The kind of query; 0 is the only one that multicast has (RFC 6762 §18.3).
    pub fn opcode(self) -> u8 {
        ((self.0 >> 11) & 15) as u8
    }

    /// The response code; 0 is the only one that multicast has (RFC 6762 §18.11).
    pub fn rcode(self) -> u8 {
        (self.0 & 15) as u8
    }
}

/// A type of records, or in a question one of several.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u16);

macro_rules! kinds {
    ($($name:ident $code:literal,)+) => {
        impl Kind {
            $(#[doc = concat!("`", stringify!($name), "`")] pub const $name: Kind = Kind($code);)+

            const NAMED: &'static [(&'static str, Kind)] = &[$((stringify!($name), Kind::$name)),+];
        }
    };
}

kinds! {
    A 1, NS 2, CNAME 5, SOA 6, NULL 10, PTR 12, HINFO 13, MX 15, TXT 16, AAAA 28, SRV 33, OPT 41, NSEC 47, ANY 255,
}

impl Kind {
    /// The type with this mnemonic, or with the number of `TYPEn` (RFC 3597 §5). Upper and lower case are the same.
    pub fn from_name(name: &str) -> Option<Kind> {
        let named = Self::NAMED
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        named
            .map(|(_, kind)| *kind)
            .or_else(|| text::numbered(name, "TYPE").map(Kind))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMED.iter().find(|(_, kind)| kind == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// What it is about.
    pub name: Name,
    /// Which records are wanted.
    pub kind: Kind,
    /// The class, without its top bit.
    pub class: u16,
    /// QU: a unicast response is wanted (RFC 6762 §5.4).
    pub unicast: bool,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Whose it is.
    pub name: Name,
    /// The class, without its top bit.
    pub class: u16,
    /// The cache-flush bit: this is the whole set of such records (RFC 6762 §10.2).
    pub flush: bool,
    /// Seconds for which it may be kept; 0 is a goodbye (RFC 6762 §10.1).
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// The data of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A name.
    Ptr(Name),
    /// Where a service is (RFC 2782).
    Srv {
        /// Lower comes first.
        priority: u16,
        /// Among those of one priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: Name,
    },
    /// Strings, in their order. None at all is data of no length, which RFC 1035 §3.3.14 does not allow.
    Txt(Vec<Vec<u8>>),
    /// Which types there are and that there are no others (RFC 6762 §6.1).
    Nsec {
        /// The name itself, in multicast.
        next: Name,
        /// The types, in ascending order.
        types: Vec<Kind>,
    },
    /// Any other type, with its bytes.
    Other(Kind, Vec<u8>),
}

impl Data {
    /// The type of the record.
    pub fn kind(&self) -> Kind {
        match self {
            Data::A(_) => Kind::A,
            Data::Aaaa(_) => Kind::AAAA,
            Data::Ptr(_) => Kind::PTR,
            Data::Srv { .. } => Kind::SRV,
            Data::Txt(_) => Kind::TXT,
            Data::Nsec { .. } => Kind::NSEC,
            Data::Other(kind, _) => *kind,
        }
    }

    /// The bytes, names written out in full: what tells two records apart (RFC 6762 §8.2).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(false);
        writer.data(self);
        writer.into_bytes()
    }
}

impl Record {
    /// A record of class IN.
    pub fn new(name: Name, ttl: u32, data: Data) -> Record {
        Record {
            name,
            class: CLASS_IN,
            flush: false,
            ttl,
            data,
        }
    }

    /// The same with the cache-flush bit.
    pub fn with_flush(self) -> Record {
        Record {
            flush: true,
            ..self
        }
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.data.kind()
    }
}

impl Question {
    /// A question of class IN for a multicast response.
    pub fn new(name: Name, kind: Kind) -> Question {
        Question {
            name,
            kind,
            class: CLASS_IN,
            unicast: false,
        }
    }

    /// The same for a unicast response.
    pub fn with_unicast(self) -> Question {
        Question {
            unicast: true,
            ..self
        }
    }

    /// Whether a record answers it (RFC 6762 §6).
    pub fn asks_for(&self, record: &Record) -> bool {
        (self.kind == Kind::ANY || self.kind == record.kind())
            && (self.class == 255 || self.class == record.class)
            && self.name.same(&record.name)
    }
}

impl Message {
    /// A query.
    pub fn query(questions: Vec<Question>) -> Message {
        Message {
            questions,
            ..Message::default()
        }
    }

    /// A multicast response.
    pub fn response(answers: Vec<Record>) -> Message {
        Message {
            flags: Flags::ANSWER,
            answers,
            ..Message::default()
        }
    }

    /// Whether it is a response.
    pub fn is_response(&self) -> bool {
        self.flags.has(Flags::RESPONSE)
    }

    /// The records of all sections, in their order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.answers
            .iter()
            .chain(&self.authorities)
            .chain(&self.additionals)
    }

    /// Reads a message. Work is bounded by the length of the input, times 255 for names.
    ///
    /// # Errors
    /// The first thing that is not as RFC 1035 says. Strange but legal things are no errors, nor are bytes behind the
    /// last record.
    pub fn decode(bytes: &[u8]) -> Result<Message, DnsError> {
        read::message(bytes)
    }

    /// Writes a message, with names compressed (RFC 1035 §4.1.4, RFC 6762 §18.14) or in full.
    pub fn encode(&self, compress: bool) -> Vec<u8> {
        let mut writer = Writer::new(compress);
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let counts = [
            count(self.questions.len()),
            count(self.answers.len()),
            count(self.authorities.len()),
            count(self.additionals.len()),
        ];
        writer.header(self.id, self.flags, counts);
        for question in &self.questions {
            writer.question(question);
        }
        for record in self.records() {
            writer.record(record);
        }
        writer.raw(&self.rest);
        writer.into_bytes()
    }
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsError {
    /// The byte at fault.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The message ends within something.
    Truncated,
    /// A label begins with the bits 01 or 10.
    LabelKind,
    /// A pointer does not point to something before the name that it is in.
    Pointer,
    /// One pointer leads to another for longer than any name can be.
    TooManyPointers,
    /// A name is longer than 255 bytes.
    LongName,
    /// The data of a record has bytes behind what its type has.
    DataTooLong,
    /// The data of a record is shorter than what its type has.
    DataTooShort,
    /// The bitmap of types is not as RFC 4034 §4.1.2 has it.
    Bitmap,
}

impl Fault {
    /// The section with the rule.
    pub fn section(self) -> &'static str {
        match self {
            Fault::Truncated => "RFC 1035 §4.1",
            Fault::LabelKind | Fault::Pointer | Fault::TooManyPointers => "RFC 1035 §4.1.4",
            Fault::LongName => "RFC 1035 §3.1",
            Fault::DataTooLong | Fault::DataTooShort => "RFC 1035 §3.2.1",
            Fault::Bitmap => "RFC 4034 §4.1.2",
        }
    }
}

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self.fault {
            Fault::Truncated => "the message ends within something",
            Fault::LabelKind => "a label begins with bits that mean nothing",
            Fault::Pointer => "a pointer does not point to a name before it",
            Fault::TooManyPointers => "pointers lead to pointers without end",
            Fault::LongName => "a name is longer than 255 bytes",
            Fault::DataTooLong => "the data of a record is longer than its type allows",
            Fault::DataTooShort => "the data of a record is shorter than its type needs",
            Fault::Bitmap => "the bitmap of types is malformed",
        };
        let section = self.fault.section();
        write!(f, "offset {}: {sentence} ({section})", self.offset)
    }
}

impl std::error::Error for DnsError {}
