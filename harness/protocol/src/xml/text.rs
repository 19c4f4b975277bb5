//! Character data and references: where they end, whether they are well-formed, and what they mean.

use super::Rule;
use super::chars::{self, REFERENCE, TEXT, VALUE};
use super::declaration::Fault;

/// A reference that was read, or not yet.
pub(super) enum Reference {
    Char(char, usize),
    Incomplete,
}

/// Reads the reference that begins at `at`. Nothing before `seen` needs to be looked at again to find its end.
pub(super) fn reference(bytes: &[u8], at: usize, seen: usize) -> Result<Reference, Fault> {
    let mut end = seen.max(at + 1);
    while let Some(&byte) = bytes.get(end) {
        if !chars::is(byte, REFERENCE) {
            return meaning(&bytes[at + 1..end], byte)
                .map(|c| Reference::Char(c, end + 1))
                .map_err(|rule| (at, rule));
        }
        end += 1;
    }
    Ok(Reference::Incomplete)
}

fn meaning(body: &[u8], terminator: u8) -> Result<char, Rule> {
    if terminator != b';' || body.is_empty() {
        return Err(Rule::MalformedReference);
    }
    match body {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"apos" => Ok('\''),
        b"quot" => Ok('"'),
        [b'#', b'x', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => {
            let name = std::str::from_utf8(body).map_err(|_| Rule::MalformedReference)?;
            let ascii = |c: char, class| c.is_ascii() && (c == ':' || chars::is(c as u8, class));
            let valid = name
                .starts_with(|c| ascii(c, chars::NAME_START) || chars::is_name_start(c))
                && name
                    .chars()
                    .all(|c| ascii(c, chars::NAME) || chars::is_name(c));
            Err(if valid {
                Rule::UndefinedEntity
            } else {
                Rule::MalformedReference
            })
        }
    }
}

fn number(digits: &[u8], radix: u32) -> Result<char, Rule> {
    if digits.is_empty() {
        return Err(Rule::MalformedReference);
    }
    let mut value = 0u32;
    for &digit in digits {
        let digit = (digit as char)
            .to_digit(radix)
            .ok_or(Rule::MalformedReference)?;
        // Beyond the last character there is no way back; this only keeps the number from overflowing.
        value = (value * radix + digit).min(0x11_0000);
    }
    char::from_u32(value)
        .filter(|c| chars::is_char(*c))
        .ok_or(Rule::IllegalReference)
}

/// Whether `at` begins U+FFFE or U+FFFF. The input is UTF-8, so that looking at three bytes is enough.
pub(super) fn is_noncharacter(bytes: &[u8], at: usize) -> bool {
    bytes.get(at + 1) == Some(&0xbf) && matches!(bytes.get(at + 2), Some(0xbe | 0xbf))
}

/// Finds the first byte of the class of text or CDATA.
fn find_in_text(bytes: &[u8], from: usize, class: u8) -> Option<usize> {
    find(bytes, from, class, chars::ends_text)
}

/// Finds the first byte of the class of attribute values.
fn find_in_value(bytes: &[u8], from: usize) -> Option<usize> {
    find(bytes, from, VALUE, chars::ends_value)
}

/// Finds the first byte of a class, all of which stop.
#[inline]
fn find(bytes: &[u8], from: usize, class: u8, stops: impl Fn(u8) -> bool) -> Option<usize> {
    let mut at = from;
    loop {
        at = chars::position(bytes, at, &stops);
        if chars::is(*bytes.get(at)?, class) {
            return Some(at);
        }
        at += 1;
    }
}

const CDATA_START: &[u8] = b"<![CDATA[";

/// A run of text: character data, references and CDATA sections, up to the next markup. Scanning it stops at the end
/// of a chunk and goes on from there.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Everything before this has been looked at.
    pub(super) scanned: usize,
    /// Where a reference that is not complete has been looked at up to.
    reference: usize,
    in_cdata: bool,
    /// Whether the text is something else than its bytes.
    pub(super) escaped: bool,
}

impl Run {
    pub(super) fn at(start: usize) -> Self {
        Run {
            scanned: start,
            ..Run::default()
        }
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.scanned = self.scanned.saturating_sub(by);
        self.reference = self.reference.saturating_sub(by);
    }

    /// Whether the scan has stopped at what may become the start of a CDATA section.
    pub(super) fn is_undecided(&self, bytes: &[u8]) -> bool {
        let rest = &bytes[self.scanned..];
        !self.in_cdata && !rest.is_empty() && CDATA_START.starts_with(rest) && rest != CDATA_START
    }

    /// The end of the run, or `None` if it may go on behind `bytes[..window]`. What follows the window is looked at
    /// only to see what kind of markup begins at its end.
    pub(super) fn scan(&mut self, bytes: &[u8], window: usize) -> Result<Option<usize>, Fault> {
        let seen = &bytes[..window];
        loop {
            let class = if self.in_cdata { chars::CDATA } else { TEXT };
            let Some(at) = find_in_text(seen, self.scanned, class) else {
                self.scanned = window;
                return Ok(None);
            };
            self.scanned = at;
            match seen[at] {
                b'<' => match bytes.get(at + 1) {
                    None => return Ok(None),
                    Some(b'!') => {
                        let rest = &bytes[at..bytes.len().min(at + CDATA_START.len())];
                        if rest == CDATA_START {
                            if at + CDATA_START.len() > window {
                                return Ok(None);
                            }
                            self.escaped = true;
                            self.in_cdata = true;
                            self.scanned = at + CDATA_START.len();
                        } else if CDATA_START.starts_with(rest) {
                            return Ok(None);
                        } else {
                            return Ok(Some(at));
                        }
                    }
                    Some(_) => return Ok(Some(at)),
                },
                b'&' => match reference(seen, at, self.reference)? {
                    Reference::Char(_, end) => {
                        self.escaped = true;
                        self.scanned = end;
                    }
                    Reference::Incomplete => {
                        self.reference = window;
                        return Ok(None);
                    }
                },
                b']' => match (seen.get(at + 1), seen.get(at + 2)) {
                    (Some(b']'), Some(b'>')) if self.in_cdata => {
                        self.in_cdata = false;
                        self.scanned = at + 3;
                    }
                    (Some(b']'), Some(b'>')) => return Err((at, Rule::CdataEndInText)),
                    (None, _) | (Some(b']'), None) => return Ok(None),
                    _ => self.scanned = at + 1,
                },
                b'\r' => {
                    self.escaped = true;
                    self.scanned = at + 1;
                }
                0xef if at + 3 > window => return Ok(None),
                0xef if !is_noncharacter(seen, at) => self.scanned = at + 3,
                _ => return Err((at, Rule::IllegalCharacter)),
            }
        }
    }
}

/// Appends what a run of text means.
pub(super) fn unescape_text(raw: &str, out: &mut String) {
    let bytes = raw.as_bytes();
    let (mut done, mut from, mut in_cdata) = (0, 0, false);
    while let Some(at) = find_in_text(bytes, from, if in_cdata { chars::CDATA } else { TEXT }) {
        let skipped = match bytes[at] {
            b'<' => {
                in_cdata = true;
                CDATA_START.len()
            }
            b']' if in_cdata && bytes[at..].starts_with(b"]]>") => {
                in_cdata = false;
                3
            }
            b'\r' => {
                out.push_str(&raw[done..at]);
                out.push('\n');
                done = at
                    + if bytes.get(at + 1) == Some(&b'\n') {
                        2
                    } else {
                        1
                    };
                from = done;
                continue;
            }
            b'&' => {
                out.push_str(&raw[done..at]);
                done = push_reference(bytes, at, out);
                from = done;
                continue;
            }
            _ => {
                from = at + 1;
                continue;
            }
        };
        out.push_str(&raw[done..at]);
        done = at + skipped;
        from = done;
    }
    out.push_str(&raw[done..]);
}

/// Appends what the reference at `at` means, which has been checked before; gives the position behind it.
fn push_reference(bytes: &[u8], at: usize, out: &mut String) -> usize {
    match reference(bytes, at, 0) {
        Ok(Reference::Char(c, end)) => {
            out.push(c);
            end
        }
        _ => at + 1,
    }
}

/// Looking for the end of the value of an attribute. It stops at the end of a chunk and goes on from there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ValueScan {
    /// Everything before this has been looked at.
    from: usize,
    /// Where a reference that is not complete has been looked at up to.
    reference: usize,
    /// Whether the value means something else than its bytes.
    pub(super) escaped: bool,
}

impl ValueScan {
    pub(super) fn at(start: usize) -> Self {
        ValueScan {
            from: start,
            ..ValueScan::default()
        }
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.from = self.from.saturating_sub(by);
        self.reference = self.reference.saturating_sub(by);
    }

    /// Where the value ends, or `None` if it goes on behind these bytes.
    pub(super) fn scan(&mut self, bytes: &[u8], quote: u8) -> Result<Option<usize>, Fault> {
        while let Some(at) = find_in_value(bytes, self.from) {
            self.from = at;
            match bytes[at] {
                byte if byte == quote => return Ok(Some(at)),
                b'"' | b'\'' => self.from = at + 1,
                b'<' => return Err((at, Rule::LessThanInValue)),
                b'&' => match reference(bytes, at, self.reference)? {
                    Reference::Char(_, end) => {
                        self.escaped = true;
                        self.from = end;
                    }
                    Reference::Incomplete => {
                        self.reference = bytes.len();
                        return Ok(None);
                    }
                },
                b'\t' | b'\n' | b'\r' => {
                    self.escaped = true;
                    self.from = at + 1;
                }
                0xef if at + 3 > bytes.len() => return Ok(None),
                0xef if !is_noncharacter(bytes, at) => self.from = at + 3,
                _ => return Err((at, Rule::IllegalCharacter)),
            }
        }
        self.from = bytes.len();
        Ok(None)
    }
}

/// Appends what the value of an attribute means (XML §2.11, §3.3.3).
pub(super) fn unescape_value(raw: &str, out: &mut String) {
    let bytes = raw.as_bytes();
    let (mut done, mut from) = (0, 0);
    while let Some(at) = find_in_value(bytes, from) {
        from = at + 1;
        match bytes[at] {
            b'&' => {
                out.push_str(&raw[done..at]);
                done = push_reference(bytes, at, out);
                from = done;
            }
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {
                out.push_str(&raw[done..at]);
                done = at + 1;
            }
            b'\t' | b'\n' | b'\r' => {
                out.push_str(&raw[done..at]);
                out.push(' ');
                done = at + 1;
            }
            _ => {}
        }
    }
    out.push_str(&raw[done..]);
}
