//! The text form: one line a record or question, as in a zone file (RFC 1035 §5.1, RFC 3597 §5).

use std::fmt::{self, Write};
use std::ops::Range;

use super::read;
use super::{CLASS_IN, Data, Kind, Name, Question, Record};

/// Why a text is not a name, question or record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextError {
    /// The byte of the text at which it fails.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: expected {}", self.at, self.expected)
    }
}

impl std::error::Error for TextError {}

/// Where the words of a line are, for lines that are records but for some words that stand for others, such as `{any}`.
/// Whitespace in quotes or braces separates nothing, and a backslash takes what follows along.
pub fn words(line: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let (mut in_word, mut quoted, mut braces, mut escaped) = (false, false, 0usize, false);
    for (at, c) in line.char_indices() {
        if c.is_ascii_whitespace() && !quoted && braces == 0 && !escaped {
            in_word = false;
            continue;
        }
        match c {
            _ if escaped => {}
            '"' if braces == 0 => quoted = !quoted,
            '{' if !quoted => braces += 1,
            '}' if !quoted => braces = braces.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        let end = at + c.len_utf8();
        match words.last_mut().filter(|_| in_word) {
            Some(word) => word.end = end,
            None => words.push(at..end),
        }
        in_word = true;
    }
    words
}

/// Writes bytes as text: UTF-8 as it is, control characters, whitespace and other bytes as `\DDD`. In quotes a space
/// needs no escape.
pub(super) fn escape(bytes: &[u8], special: &[char], f: &mut impl Write) -> fmt::Result {
    let quoted = special == QUOTED;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                ' ' if quoted => f.write_char(' ')?,
                c if c.is_control() || c.is_whitespace() => {
                    let mut buffer = [0; 4];
                    decimal(c.encode_utf8(&mut buffer).as_bytes(), f)?;
                }
                c if c == '\\' || special.contains(&c) => write!(f, "\\{c}")?,
                c => f.write_char(c)?,
            }
        }
        decimal(chunk.invalid(), f)?;
    }
    Ok(())
}

/// What needs a backslash in quotes.
const QUOTED: &[char] = &['"'];

fn decimal(bytes: &[u8], f: &mut impl Write) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\{byte:03}"))
}

/// The number of `TYPEn` or `CLASSn`.
pub(super) fn numbered(text: &str, prefix: &str) -> Option<u16> {
    let (head, digits) = text.split_at_checked(prefix.len())?;
    let number = head.eq_ignore_ascii_case(prefix) && digits.bytes().all(|b| b.is_ascii_digit());
    number.then(|| digits.parse().ok()).flatten()
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unicast = if self.unicast { " QU" } else { "" };
        write!(
            f,
            "{}{unicast} {} {}",
            self.name,
            Class(self.class),
            self.kind
        )
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flush = if self.flush { " FLUSH" } else { "" };
        let (name, ttl, class) = (&self.name, self.ttl, Class(self.class));
        write!(
            f,
            "{name} {ttl}{flush} {class} {}{}",
            self.kind(),
            self.data
        )
    }
}

/// The data with a space before each part; empty for a TXT record without any string.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::A(address) => write!(f, " {address}"),
            Data::Aaaa(address) => write!(f, " {address}"),
            Data::Ptr(name) => write!(f, " {name}"),
            Data::Srv {
                priority,
                weight,
                port,
                target,
            } => write!(f, " {priority} {weight} {port} {target}"),
            Data::Txt(strings) => strings.iter().try_for_each(|string| {
                f.write_str(" \"")?;
                escape(string, QUOTED, f)?;
                f.write_str("\"")
            }),
            Data::Nsec { next, types } => {
                write!(f, " {next}")?;
                types.iter().try_for_each(|kind| write!(f, " {kind}"))
            }
            Data::Other(_, bytes) => {
                write!(f, " \\# {}", bytes.len())?;
                if !bytes.is_empty() {
                    f.write_str(" ")?;
                }
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

struct Class(u16);

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CLASS_IN => f.write_str("IN"),
            other => write!(f, "CLASS{other}"),
        }
    }
}

impl std::str::FromStr for Question {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Question, TextError> {
        let mut cursor = Cursor::new(text);
        let name = cursor.name()?;
        let unicast = cursor.keyword("QU");
        let (class, kind) = (cursor.class()?, cursor.kind()?);
        cursor.end()?;
        Ok(Question {
            name,
            kind,
            class,
            unicast,
        })
    }
}

impl std::str::FromStr for Record {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Record, TextError> {
        let mut cursor = Cursor::new(text);
        let name = cursor.name()?;
        let ttl = cursor.number("a TTL in seconds")?;
        let flush = cursor.keyword("FLUSH");
        let (class, kind) = (cursor.class()?, cursor.kind()?);
        let data = cursor.data(kind)?;
        cursor.end()?;
        Ok(Record {
            name,
            class,
            flush,
            ttl,
            data,
        })
    }
}

/// Reads words from a line.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_space();
        cursor
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, TextError> {
        let at = self.at;
        Err(TextError { at, expected })
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// The next word, without going on.
    fn word(&self) -> &'a str {
        let rest = &self.text[self.at..];
        rest.split(|c: char| c.is_ascii_whitespace())
            .next()
            .unwrap_or_default()
    }

    fn skip_word(&mut self) {
        self.at += self.word().len();
        self.skip_space();
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(keyword);
        if found {
            self.skip_word();
        }
        found
    }

    /// A word of which `read` makes something.
    fn reads<T>(
        &mut self,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, TextError> {
        match read(self.word()) {
            Some(value) => {
                self.skip_word();
                Ok(value)
            }
            None => self.fail(expected),
        }
    }

    fn number<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<T, TextError> {
        self.reads(expected, |word| {
            let digits = word.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| word.parse().ok()).flatten()
        })
    }

    fn class(&mut self) -> Result<u16, TextError> {
        self.reads("the class, which is IN", |word| {
            let number = numbered(word, "CLASS").filter(|class| *class < super::TOP);
            let known = word.eq_ignore_ascii_case("IN").then_some(CLASS_IN);
            known.or(number)
        })
    }

    fn kind(&mut self) -> Result<Kind, TextError> {
        self.reads("a type such as SRV or TYPE99", Kind::from_name)
    }

    pub(super) fn end(&self) -> Result<(), TextError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("the end of the line"),
        }
    }

    /// Behind a backslash: three decimal digits, or one character that means itself.
    fn escaped(&mut self, out: &mut Vec<u8>) -> Result<(), TextError> {
        let rest = &self.text[self.at..];
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            let byte = rest.get(..3).and_then(|digits| digits.parse().ok());
            let Some(byte) = byte else {
                return self.fail("three decimal digits of a byte behind a backslash");
            };
            out.push(byte);
            self.at += 3;
            return Ok(());
        }
        match self.next() {
            Some(c) => push(c, out),
            None => return self.fail("a character behind the backslash"),
        }
        Ok(())
    }

    pub(super) fn name(&mut self) -> Result<Name, TextError> {
        const LABEL: &str = "a label of 1 to 63 bytes, in a name of at most 255";
        let (mut name, mut label) = (Name::ROOT, Vec::new());
        if self.word() == "." {
            self.skip_word();
            return Ok(name);
        }
        let mut start = self.at;
        loop {
            match self.peek() {
                Some('"' | ';' | '(' | ')') => return self.fail("a backslash before this"),
                Some('\\') => {
                    self.at += 1;
                    self.escaped(&mut label)?;
                    continue;
                }
                Some(c) if c != '.' && !c.is_ascii_whitespace() => {
                    self.at += c.len_utf8();
                    push(c, &mut label);
                    continue;
                }
                _ => {}
            }
            if !name.push(&label) {
                self.at = start;
                return self.fail(LABEL);
            }
            label.clear();
            if self.peek() == Some('.') {
                self.at += 1;
                start = self.at;
            }
            if self.peek().is_none_or(|c| c.is_ascii_whitespace()) {
                self.skip_space();
                return Ok(name);
            }
        }
    }

    /// A string in quotes.
    fn string(&mut self) -> Result<Vec<u8>, TextError> {
        let start = self.at;
        if self.next() != Some('"') {
            self.at = start;
            return self.fail("a string in double quotes");
        }
        let mut string = Vec::new();
        loop {
            match self.next() {
                Some('"') => break,
                Some('\\') => self.escaped(&mut string)?,
                Some(c) => push(c, &mut string),
                None => return self.fail("the closing quote of a string"),
            }
        }
        if string.len() > 255 {
            self.at = start;
            return self.fail("a string of at most 255 bytes");
        }
        self.skip_space();
        Ok(string)
    }

    fn data(&mut self, kind: Kind) -> Result<Data, TextError> {
        if self.keyword("\\#") {
            let bytes = self.hex()?;
            return Ok(read::data(kind, &bytes).unwrap_or(Data::Other(kind, bytes)));
        }
        Ok(match kind {
            Kind::A => Data::A(self.reads("an IPv4 address", |word| word.parse().ok())?),
            Kind::AAAA => Data::Aaaa(self.reads("an IPv6 address", |word| word.parse().ok())?),
            Kind::PTR => Data::Ptr(self.name()?),
            Kind::SRV => Data::Srv {
                priority: self.number("a priority")?,
                weight: self.number("a weight")?,
                port: self.number("a port")?,
                target: self.name()?,
            },
            Kind::TXT => {
                let mut strings = Vec::new();
                while self.peek().is_some() {
                    strings.push(self.string()?);
                }
                Data::Txt(strings)
            }
            Kind::NSEC => {
                let next = self.name()?;
                let mut types = Vec::new();
                while self.peek().is_some() {
                    types.push(self.kind()?);
                }
                types.sort_unstable();
                types.dedup();
                Data::Nsec { next, types }
            }
            _ => return self.fail("\\#, the number of bytes, and the bytes in hexadecimal"),
        })
    }

    /// The number of bytes, and so many of them in hexadecimal with space between words.
    fn hex(&mut self) -> Result<Vec<u8>, TextError> {
        let count: u16 = self.number("the number of bytes")?;
        let (mut bytes, mut high) = (Vec::new(), None);
        while let Some(c) = self.peek() {
            let Some(digit) = c.to_digit(16) else {
                return self.fail("a hexadecimal digit");
            };
            match high.take() {
                None => high = Some(digit),
                Some(high) => bytes.push((high * 16 + digit) as u8),
            }
            self.at += 1;
            self.skip_space();
        }
        if bytes.len() != usize::from(count) || high.is_some() {
            return self.fail("as many bytes as announced");
        }
        Ok(bytes)
    }
}

fn push(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
