//! Reading messages.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Data, DnsError, Fault, Flags, Kind, Message, Name, Question, Record, TOP};

/// No name has more labels, so that no pointer leads to more pointers in a message that means something.
const MAX_POINTERS: usize = 127;

pub(super) fn message(bytes: &[u8]) -> Result<Message, DnsError> {
    let mut reader = Reader {
        bytes,
        at: 0,
        end: bytes.len(),
        short: Fault::Truncated,
    };
    let id = reader.u16()?;
    let flags = Flags(reader.u16()?);
    let [questions, answers, authorities, additionals] =
        [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let message = Message {
        id,
        flags,
        questions: reader.many(questions, Reader::question)?,
        answers: reader.many(answers, Reader::record)?,
        authorities: reader.many(authorities, Reader::record)?,
        additionals: reader.many(additionals, Reader::record)?,
        rest: Vec::new(),
    };
    let rest = bytes[reader.at..].to_vec();
    Ok(Message { rest, ..message })
}

/// Reads the data of a record that stands alone. `None`: it is not what the type has, or would be written otherwise.
pub(super) fn data(kind: Kind, bytes: &[u8]) -> Option<Data> {
    let mut reader = Reader {
        bytes,
        at: 0,
        end: bytes.len(),
        short: Fault::DataTooShort,
    };
    let data = reader.data(kind).ok()?;
    (data.to_bytes() == bytes).then_some(data)
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the message, or the data of the record, ends.
    end: usize,
    /// What it means if it ends too early.
    short: Fault,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, fault: Fault) -> Result<T, DnsError> {
        let offset = self.at;
        Err(DnsError { offset, fault })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DnsError> {
        match self.bytes[..self.end].get(self.at..self.at + length) {
            Some(taken) => {
                self.at += length;
                Ok(taken)
            }
            None => Err(DnsError {
                offset: self.end,
                fault: self.short,
            }),
        }
    }

    fn u8(&mut self) -> Result<u8, DnsError> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DnsError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u16(&mut self) -> Result<u16, DnsError> {
        self.array().map(u16::from_be_bytes)
    }

    /// So many things one after the other. The count is only a claim: nothing is reserved for it.
    fn many<T>(
        &mut self,
        count: u16,
        one: fn(&mut Self) -> Result<T, DnsError>,
    ) -> Result<Vec<T>, DnsError> {
        (0..count).map(|_| one(self)).collect()
    }

    fn question(&mut self) -> Result<Question, DnsError> {
        let (name, kind, class) = (self.name()?, Kind(self.u16()?), self.u16()?);
        Ok(Question {
            name,
            kind,
            class: class & !TOP,
            unicast: class & TOP != 0,
        })
    }

    fn record(&mut self) -> Result<Record, DnsError> {
        let (name, kind, class) = (self.name()?, Kind(self.u16()?), self.u16()?);
        let ttl = self.array().map(u32::from_be_bytes)?;
        let length = usize::from(self.u16()?);
        let start = self.at;
        self.take(length)?;
        let mut inside = Reader {
            at: start,
            end: self.at,
            short: Fault::DataTooShort,
            ..*self
        };
        let data = inside.data(kind)?;
        if inside.at < inside.end {
            return inside.fail(Fault::DataTooLong);
        }
        Ok(Record {
            name,
            class: class & !TOP,
            flush: class & TOP != 0,
            ttl,
            data,
        })
    }

    fn data(&mut self, kind: Kind) -> Result<Data, DnsError> {
        Ok(match kind {
            Kind::A => Data::A(Ipv4Addr::from(self.array::<4>()?)),
            Kind::AAAA => Data::Aaaa(Ipv6Addr::from(self.array::<16>()?)),
            Kind::PTR => Data::Ptr(self.name()?),
            Kind::SRV => Data::Srv {
                priority: self.u16()?,
                weight: self.u16()?,
                port: self.u16()?,
                target: self.name()?,
            },
            Kind::TXT => {
                let mut strings = Vec::new();
                while self.at < self.end {
                    let length = self.u8()?;
                    strings.push(self.take(length.into())?.to_vec());
                }
                Data::Txt(strings)
            }
            Kind::NSEC => Data::Nsec {
                next: self.name()?,
                types: self.bitmap()?,
            },
            _ => Data::Other(kind, self.take(self.end - self.at)?.to_vec()),
        })
    }

    /// Blocks of 256 types, in ascending order, none of them empty.
    fn bitmap(&mut self) -> Result<Vec<Kind>, DnsError> {
        let mut types = Vec::new();
        let mut next_block = 0;
        while self.at < self.end {
            let start = *self;
            let (block, length) = (u16::from(self.u8()?), self.u8()?);
            if block < next_block || !(1..=32).contains(&length) {
                return start.fail(Fault::Bitmap);
            }
            next_block = block + 1;
            for (at, byte) in (0u16..).zip(self.take(length.into())?) {
                let set = (0..8).filter(|bit| byte & (0x80 >> bit) != 0);
                types.extend(set.map(|bit| Kind(block * 256 + at * 8 + bit)));
            }
        }
        Ok(types)
    }

    /// A name, which may go on before the place where it stands. Each pointer must go further back than the part that
    /// it ends, so that there are no loops.
    fn name(&mut self) -> Result<Name, DnsError> {
        let mut name = Name::ROOT;
        let mut reader = *self;
        let mut part = self.at;
        let mut pointers = 0;
        loop {
            let start = reader.at;
            let length = reader.u8()?;
            match length >> 6 {
                0 if length == 0 => break,
                0 => {
                    let label = reader.take(length.into())?;
                    if !name.push(label) {
                        reader.at = start;
                        return reader.fail(Fault::LongName);
                    }
                }
                3 => {
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, reader.u8()?]));
                    if pointers == 0 {
                        self.at = reader.at;
                    }
                    pointers += 1;
                    reader.at = start;
                    if target >= part {
                        return reader.fail(Fault::Pointer);
                    }
                    if pointers > MAX_POINTERS {
                        return reader.fail(Fault::TooManyPointers);
                    }
                    // what is behind a pointer may be anywhere before, not only in this record
                    reader.end = self.bytes.len();
                    reader.short = Fault::Truncated;
                    reader.at = target;
                    part = target;
                }
                _ => {
                    reader.at = start;
                    return reader.fail(Fault::LabelKind);
                }
            }
        }
        if pointers == 0 {
            self.at = reader.at;
        }
        Ok(name)
    }
}
