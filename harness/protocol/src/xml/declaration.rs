//! The XML declaration (XML 1.0 §2.8, RFC 6120 §11.5).

use super::chars::{self, SPACE};
use super::{Declaration, Rule};

/// A fault at a position.
pub(super) type Fault = (usize, Rule);

/// Reads the declaration that begins `bytes`. `Ok(None)`: it is not complete.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Declaration, usize)>, Fault> {
    let mut cursor = Cursor {
        bytes,
        at: "<?xml".len(),
    };
    Ok(cursor
        .declaration()?
        .map(|declaration| (declaration, cursor.at)))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Leaves the function when the input ends here.
macro_rules! need {
    ($value:expr) => {
        match $value {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

impl<'a> Cursor<'a> {
    fn declaration(&mut self) -> Result<Option<Declaration>, Fault> {
        let spaced = need!(self.space());
        if !spaced || !need!(self.word(b"version")?) {
            return self.malformed();
        }
        let at = self.at;
        let version = need!(self.value()?);
        let valid = version
            .strip_prefix(b"1.")
            .is_some_and(|minor| !minor.is_empty() && digits(minor));
        if !valid {
            let number =
                version.iter().all(|b| b.is_ascii_digit() || *b == b'.') && !version.is_empty();
            let rule = if number {
                Rule::UnsupportedVersion
            } else {
                Rule::MalformedDeclaration
            };
            return Err((self.value_start(at), rule));
        }
        let mut declaration = Declaration {
            version: utf8(version),
            encoding: None,
        };
        let mut spaced = need!(self.space());
        if need!(self.peek()) == b'e' {
            if !spaced || !need!(self.word(b"encoding")?) {
                return self.malformed();
            }
            let at = self.at;
            let encoding = need!(self.value()?);
            let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
            if !encoding.first().is_some_and(u8::is_ascii_alphabetic) || !encoding.iter().all(name)
            {
                return Err((self.value_start(at), Rule::MalformedDeclaration));
            }
            if !encoding.eq_ignore_ascii_case(b"UTF-8") {
                return Err((self.value_start(at), Rule::UnsupportedEncoding));
            }
            declaration.encoding = Some(utf8(encoding));
            spaced = need!(self.space());
        }
        if need!(self.peek()) == b's' {
            let at = self.at;
            if !spaced || !need!(self.word(b"standalone")?) {
                return self.malformed();
            }
            return Err((at, Rule::StandaloneDeclaration));
        }
        if need!(self.word(b"?>")?) {
            Ok(Some(declaration))
        } else {
            self.malformed()
        }
    }

    fn malformed<T>(&self) -> Result<T, Fault> {
        Err((self.at, Rule::MalformedDeclaration))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips whitespace; says whether there was any. `None` at the end of the input.
    fn space(&mut self) -> Option<bool> {
        let from = self.at;
        while chars::is(self.peek()?, SPACE) {
            self.at += 1;
        }
        Some(self.at > from)
    }

    /// Reads exactly this word; the position is then behind it, or at the byte that differs.
    fn word(&mut self, word: &[u8]) -> Result<Option<bool>, Fault> {
        for &expected in word {
            match self.peek() {
                None => return Ok(None),
                Some(byte) if byte == expected => self.at += 1,
                Some(_) => return Ok(Some(false)),
            }
        }
        Ok(Some(true))
    }

    /// Reads `= 'value'`.
    fn value(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        need!(self.space());
        if !need!(self.word(b"=")?) {
            return self.malformed();
        }
        need!(self.space());
        let quote = need!(self.peek());
        if !matches!(quote, b'"' | b'\'') {
            return self.malformed();
        }
        let from = self.at + 1;
        let mut end = from;
        loop {
            match *need!(self.bytes.get(end)) {
                byte if byte == quote => break,
                byte if byte.is_ascii_alphanumeric()
                    || matches!(byte, b'.' | b'_' | b'-' | b':') =>
                {
                    end += 1
                }
                _ => return Err((end, Rule::MalformedDeclaration)),
            }
        }
        self.at = end + 1;
        Ok(Some(&self.bytes[from..end]))
    }

    /// Where the value behind a keyword that ended at `from` begins.
    fn value_start(&self, from: usize) -> usize {
        let quote = self.bytes[from..]
            .iter()
            .position(|b| matches!(b, b'"' | b'\''));
        from + quote.map_or(0, |q| q + 1)
    }
}

fn digits(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit)
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
