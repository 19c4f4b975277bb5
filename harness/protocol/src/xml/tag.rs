//! Tags that may not be complete: what has been read of them, so that reading goes on where it stopped. Faults are
//! found at the byte that makes them, and no byte is looked at here again, whatever the chunks.

use super::Rule;
use super::chars::{self, NAME_START, SPACE};
use super::declaration::Fault;
use super::text::ValueScan;

/// A qualified name. `local` is where its local part starts: at `start`, or behind the colon.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QName {
    pub(super) start: usize,
    pub(super) local: usize,
    pub(super) end: usize,
}

impl QName {
    pub(super) fn has_prefix(self) -> bool {
        self.local > self.start
    }

    pub(super) fn prefix(self, input: &str) -> &str {
        if self.has_prefix() {
            &input[self.start..self.local - 1]
        } else {
            ""
        }
    }

    /// The prefix of a name that has one.
    pub(super) fn prefix_bytes(self, input: &str) -> &[u8] {
        &input.as_bytes()[self.start..self.local - 1]
    }

    pub(super) fn local(self, input: &str) -> &str {
        &input[self.local..self.end]
    }

    /// The whole name. Bytes, because comparing them needs no look at the boundaries of characters.
    pub(super) fn bytes(self, input: &str) -> &[u8] {
        &input.as_bytes()[self.start..self.end]
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.start -= by;
        self.local -= by;
        self.end -= by;
    }
}

/// A name of which the end has not been seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameScan {
    /// Its `end` is how far it has been looked at.
    name: QName,
    /// What comes next must be able to begin a name.
    begins: bool,
}

impl NameScan {
    pub(super) fn at(start: usize) -> Self {
        NameScan {
            name: QName {
                start,
                local: start,
                end: start,
            },
            begins: true,
        }
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.name.shift(by);
    }

    /// The name; `None`: it may go on behind the window.
    pub(super) fn scan(&mut self, input: &str, window: usize) -> Result<Option<QName>, Fault> {
        let seen = &input.as_bytes()[..window];
        let name = &mut self.name;
        let mut at = name.end;
        loop {
            if self.begins {
                let bad = if at == name.start {
                    Rule::InvalidName
                } else {
                    Rule::InvalidQName
                };
                match seen.get(at) {
                    None => return Ok(None),
                    Some(&b) if chars::is(b, NAME_START) => at += 1,
                    Some(b':') => return Err((at, Rule::InvalidQName)),
                    Some(b) if b.is_ascii() => return Err((at, bad)),
                    Some(_) => match character(input, window, at) {
                        None => return Ok(None),
                        Some(c) if chars::is_name_start(c) => at += c.len_utf8(),
                        Some(_) => return Err((at, bad)),
                    },
                }
                self.begins = false;
            }
            loop {
                at = chars::position(seen, at, chars::ends_name);
                let next = match seen.get(at) {
                    None => None,
                    Some(b) if b.is_ascii() => break,
                    Some(_) => match character(input, window, at) {
                        None => None,
                        Some(c) if chars::is_name(c) => Some(c.len_utf8()),
                        Some(_) => break,
                    },
                };
                let Some(length) = next else {
                    name.end = at;
                    return Ok(None);
                };
                at += length;
            }
            name.end = at;
            if seen[at] != b':' {
                return Ok(Some(*name));
            }
            if name.has_prefix() {
                return Err((at, Rule::InvalidQName));
            }
            at += 1;
            name.local = at;
            name.end = at;
            self.begins = true;
        }
    }
}

/// An attribute of which the end has not been seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttributeScan {
    name: NameScan,
    part: AttributePart,
}

#[derive(Clone, Copy, Debug)]
enum AttributePart {
    Name,
    /// The name is complete; space may be up to `at`.
    Equals {
        name: QName,
        at: usize,
    },
    Quote {
        name: QName,
        at: usize,
    },
    Value {
        name: QName,
        start: usize,
        quote: u8,
        value: ValueScan,
    },
}

/// An attribute that is complete: its name, and where its value is.
pub(super) struct Attribute {
    pub(super) name: QName,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether the value means something else than its bytes.
    pub(super) escaped: bool,
}

impl AttributeScan {
    pub(super) fn at(start: usize) -> Self {
        AttributeScan {
            name: NameScan::at(start),
            part: AttributePart::Name,
        }
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.name.shift(by);
        match &mut self.part {
            AttributePart::Name => {}
            AttributePart::Equals { name, at } | AttributePart::Quote { name, at } => {
                name.shift(by);
                *at -= by;
            }
            AttributePart::Value {
                name, start, value, ..
            } => {
                name.shift(by);
                *start -= by;
                value.shift(by);
            }
        }
    }

    /// The attribute; `None`: it goes on behind the window.
    pub(super) fn scan(&mut self, input: &str, window: usize) -> Result<Option<Attribute>, Fault> {
        let seen = &input.as_bytes()[..window];
        loop {
            match &mut self.part {
                AttributePart::Name => match self.name.scan(input, window)? {
                    None => return Ok(None),
                    Some(name) => self.part = AttributePart::Equals { name, at: name.end },
                },
                AttributePart::Equals { name, at } => {
                    *at = skip_space(seen, *at);
                    match seen.get(*at) {
                        None => return Ok(None),
                        Some(b'=') => {
                            let (name, at) = (*name, *at + 1);
                            self.part = AttributePart::Quote { name, at };
                        }
                        Some(_) => return Err((*at, Rule::AttributeWithoutValue)),
                    }
                }
                AttributePart::Quote { name, at } => {
                    *at = skip_space(seen, *at);
                    match seen.get(*at) {
                        None => return Ok(None),
                        Some(&quote @ (b'"' | b'\'')) => {
                            let (name, start) = (*name, *at + 1);
                            let value = ValueScan::at(start);
                            self.part = AttributePart::Value {
                                name,
                                start,
                                quote,
                                value,
                            };
                        }
                        Some(_) => return Err((*at, Rule::UnquotedValue)),
                    }
                }
                AttributePart::Value {
                    name,
                    start,
                    quote,
                    value,
                } => {
                    let end = value.scan(seen, *quote)?;
                    return Ok(end.map(|end| Attribute {
                        name: *name,
                        start: *start,
                        end,
                        escaped: value.escaped,
                    }));
                }
            }
        }
    }
}

/// An end tag of which the end has not been seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndScan {
    name: NameScan,
    /// How far the space behind the name goes; the start of the name until that is complete.
    behind: usize,
}

impl EndScan {
    pub(super) fn at(start: usize) -> Self {
        EndScan {
            name: NameScan::at(start),
            behind: start,
        }
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.name.shift(by);
        self.behind -= by;
    }

    /// The position of the `>` of an end tag for the element of this name; `None`: it is behind the window.
    pub(super) fn scan(
        &mut self,
        input: &str,
        window: usize,
        expected: &[u8],
    ) -> Result<Option<usize>, Fault> {
        let seen = &input.as_bytes()[..window];
        if self.behind == self.name.name.start {
            let Some(name) = self.name.scan(input, window)? else {
                return Ok(None);
            };
            if *name.bytes(input) != *expected {
                return Err((name.start, Rule::MismatchedEndTag));
            }
            self.behind = name.end;
        }
        self.behind = skip_space(seen, self.behind);
        match seen.get(self.behind) {
            None => Ok(None),
            Some(b'>') => Ok(Some(self.behind)),
            Some(_) => Err((self.behind, Rule::MalformedEndTag)),
        }
    }
}

/// The first position that holds no whitespace.
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|b| chars::is(*b, SPACE)) {
        at += 1;
    }
    at
}

/// The character at a position, if it is wholly inside the window.
fn character(input: &str, window: usize, at: usize) -> Option<char> {
    input[at..]
        .chars()
        .next()
        .filter(|c| at + c.len_utf8() <= window)
}
