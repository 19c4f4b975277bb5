//! Writing messages, right ones and wrong ones.

use std::collections::HashMap;

use super::{Data, Flags, Kind, Name, Question, Record, TOP};

/// What a pointer can reach (RFC 1035 §4.1.4).
const MAX_POINTER: usize = 0x3fff;

/// Writes a message piece by piece, and whatever else is asked for: counts that are not true, bytes that mean nothing.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    /// Where each name was written, and each end of one.
    names: Option<HashMap<Vec<u8>, u16>>,
}

impl Writer {
    /// An empty message. With `compress`, names point to what was written before (RFC 1035 §4.1.4).
    pub fn new(compress: bool) -> Writer {
        Writer {
            bytes: Vec::new(),
            names: compress.then(HashMap::new),
        }
    }

    /// The first 12 bytes: identifier, flags, and how many questions, answers, authorities, additionals follow.
    pub fn header(&mut self, id: u16, flags: Flags, counts: [u16; 4]) {
        self.u16(id);
        self.u16(flags.0);
        counts.into_iter().for_each(|count| self.u16(count));
    }

    /// A question.
    pub fn question(&mut self, question: &Question) {
        self.name(&question.name);
        self.u16(question.kind.0);
        self.u16(question.class | if question.unicast { TOP } else { 0 });
    }

    /// A record. Data longer than 65535 bytes is cut.
    pub fn record(&mut self, record: &Record) {
        self.name(&record.name);
        self.u16(record.kind().0);
        self.u16(record.class | if record.flush { TOP } else { 0 });
        self.raw(&record.ttl.to_be_bytes());
        let length_at = self.bytes.len();
        self.u16(0);
        let start = self.bytes.len();
        self.data(&record.data);
        self.bytes.truncate(start + usize::from(u16::MAX));
        let length = (self.bytes.len() - start) as u16;
        self.bytes[length_at..start].copy_from_slice(&length.to_be_bytes());
    }

    /// The data of a record without its length. Strings longer than 255 bytes are cut.
    pub fn data(&mut self, data: &Data) {
        match data {
            Data::A(address) => self.raw(&address.octets()),
            Data::Aaaa(address) => self.raw(&address.octets()),
            Data::Ptr(name) => self.name(name),
            Data::Srv {
                priority,
                weight,
                port,
                target,
            } => {
                [priority, weight, port]
                    .into_iter()
                    .for_each(|number| self.u16(*number));
                self.name(target);
            }
            Data::Txt(strings) => {
                for string in strings {
                    let string = &string[..string.len().min(255)];
                    self.bytes.push(string.len() as u8);
                    self.raw(string);
                }
            }
            Data::Nsec { next, types } => {
                self.name(next);
                self.bitmap(types);
            }
            Data::Other(_, bytes) => self.raw(bytes),
        }
    }

    /// A name, with pointers if names are compressed.
    pub fn name(&mut self, name: &Name) {
        let mut rest = name.wire();
        while let Some(&length) = rest.first() {
            let here = self.bytes.len();
            if let Some(names) = &mut self.names {
                if let Some(&pointer) = names.get(rest) {
                    return self.u16(0xc000 | pointer);
                }
                if here <= MAX_POINTER {
                    names.insert(rest.to_vec(), here as u16);
                }
            }
            let (label, after) = rest.split_at(1 + usize::from(length));
            self.raw(label);
            rest = after;
        }
        self.bytes.push(0);
    }

    /// Any bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn u16(&mut self, number: u16) {
        self.raw(&number.to_be_bytes());
    }

    fn bitmap(&mut self, types: &[Kind]) {
        let mut types = types.to_vec();
        types.sort_unstable();
        for block in types.chunk_by(|a, b| a.0 >> 8 == b.0 >> 8) {
            let mut bits = [0u8; 32];
            for kind in block {
                bits[usize::from(kind.0 >> 3) & 31] |= 0x80 >> (kind.0 & 7);
            }
            let length = bits
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1);
            self.bytes.push((block[0].0 >> 8) as u8);
            self.bytes.push(length as u8);
            self.raw(&bits[..length]);
        }
    }
}
