//! Readers of events: from a slice, and from chunks.

use super::scan::{Base, Ending, Scanner, Token};
use super::{End, Event, Limits, Mode, Rule, Start, XmlError};

/// Reads events from a slice that is all there is.
#[derive(Debug)]
pub struct Reader<'i> {
    scanner: Scanner,
    input: &'i str,
    ending: Ending,
}

impl<'i> Reader<'i> {
    /// Reads a document.
    pub fn new(bytes: &'i [u8], mode: Mode, limits: Limits) -> Self {
        Self::with_base(bytes, Base::Document(mode), limits)
    }

    fn with_base(bytes: &'i [u8], base: Base, limits: Limits) -> Self {
        let (input, rule) = match std::str::from_utf8(bytes) {
            Ok(input) => (input, Rule::Incomplete),
            Err(error) => {
                let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
                // A character that the end of the input cuts off is not wrong, only incomplete.
                (
                    valid,
                    if error.error_len().is_some() {
                        Rule::InvalidUtf8
                    } else {
                        Rule::Incomplete
                    },
                )
            }
        };
        let mut reader = Reader {
            scanner: Scanner::new(base, limits),
            input,
            ending: Ending::Final(rule),
        };
        if rule == Rule::Incomplete && input.len() < bytes.len() {
            reader.ending = Ending::Cut(bytes.len());
        }
        reader
    }

    /// Reads sibling elements without a root, inside a scope where prefixes and a default namespace are declared.
    ///
    /// # Errors
    /// A declaration that may not be made is an error at offset 0.
    pub fn fragment(
        bytes: &'i [u8],
        declared: &[(&str, &str)],
        default_ns: &str,
    ) -> Result<Self, XmlError> {
        let mut reader = Self::with_base(bytes, Base::Fragment, Limits::NONE);
        for (prefix, ns) in declared.iter().copied().chain([("", default_ns)]) {
            reader
                .scanner
                .declare(prefix, ns)
                .map_err(|rule| XmlError { offset: 0, rule })?;
        }
        Ok(reader)
    }

    /// The next event; `None` when the document has ended and nothing but whitespace followed it.
    ///
    /// # Errors
    /// The first rule that the input breaks. Every further call gives it again.
    #[allow(clippy::should_implement_trait)] // The event borrows the reader, which an iterator cannot express.
    pub fn next(&mut self) -> Result<Option<Event<'_>>, XmlError> {
        let token = self.scanner.step(self.input, self.ending)?;
        Ok(event(token, &self.scanner, self.input))
    }

    /// Bytes used up by the events so far.
    pub fn offset(&self) -> u64 {
        self.scanner.offset()
    }
}

pub(super) fn event<'a>(token: Token, scanner: &'a Scanner, input: &'a str) -> Option<Event<'a>> {
    match token {
        Token::Declaration => scanner.declaration.as_ref().map(Event::Declaration),
        Token::Start => Some(Event::Start(Start { scanner, input })),
        Token::Text => Some(Event::Text(scanner.text(input))),
        Token::End => Some(Event::End(End { scanner })),
        Token::More | Token::Done => None,
    }
}

/// Reads events from chunks as they arrive.
#[derive(Debug)]
pub struct Parser {
    scanner: Scanner,
    text: String,
    /// What follows `text`: a character of which bytes are missing, or bytes that are not UTF-8 and what came after.
    rest: Vec<u8>,
    invalid: bool,
}

impl Parser {
    /// A parser at the start of a document.
    pub fn new(mode: Mode, limits: Limits) -> Self {
        let scanner = Scanner::new(Base::Document(mode), limits);
        Parser {
            scanner,
            text: String::new(),
            rest: Vec::new(),
            invalid: false,
        }
    }

    /// Adds bytes that have arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.compact();
        if self.invalid {
            self.rest.extend_from_slice(bytes);
            return;
        }
        let mut bytes = bytes;
        // Completes the character that the chunk before left open, byte by byte.
        while !self.rest.is_empty() {
            let Some((&first, others)) = bytes.split_first() else {
                return;
            };
            self.rest.push(first);
            bytes = others;
            match std::str::from_utf8(&self.rest) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.rest.clear();
                }
                Err(error) if error.error_len().is_some() => {
                    self.invalid = true;
                    self.rest.extend_from_slice(bytes);
                    return;
                }
                Err(_) => {}
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text.push_str(text),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                self.text
                    .push_str(std::str::from_utf8(valid).unwrap_or_default());
                self.rest.extend_from_slice(rest);
                self.invalid = error.error_len().is_some();
            }
        }
    }

    /// The next event; `None` if more bytes are needed.
    ///
    /// # Errors
    /// The first rule that the input breaks. Every further call gives it again.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, XmlError> {
        let ending = if self.invalid {
            Ending::Final(Rule::InvalidUtf8)
        } else {
            Ending::Open
        };
        let token = self.scanner.step(&self.text, ending)?;
        Ok(event(token, &self.scanner, &self.text))
    }

    /// Like [`next_event`](Self::next_event) once nothing more will come: `None` then means that the document is
    /// complete.
    ///
    /// # Errors
    /// As there, and [`Rule::Incomplete`].
    pub fn last_event(&mut self) -> Result<Option<Event<'_>>, XmlError> {
        let ending = match (self.invalid, self.rest.len()) {
            (true, _) => Ending::Final(Rule::InvalidUtf8),
            (false, 0) => Ending::Final(Rule::Incomplete),
            (false, rest) => Ending::Cut(self.text.len() + rest),
        };
        let token = self.scanner.step(&self.text, ending)?;
        Ok(event(token, &self.scanner, &self.text))
    }

    /// Takes the bytes behind the last event. The parser has read all it can then.
    pub fn take_unparsed(&mut self) -> Vec<u8> {
        let mut bytes = self.text.split_off(self.scanner.pos()).into_bytes();
        bytes.append(&mut self.rest);
        self.scanner.forget();
        self.invalid = false;
        bytes
    }

    /// Bytes used up by the events so far.
    pub fn offset(&self) -> u64 {
        self.scanner.offset()
    }

    /// How many elements are open; one that has just ended still counts.
    pub(crate) fn depth(&self) -> usize {
        self.scanner.depth()
    }

    /// Drops what has been used up, once that is worth the copying.
    fn compact(&mut self) {
        let used = self.scanner.pos();
        if used >= self.text.len() / 2 {
            self.text.drain(..used);
            self.scanner.shift(used);
        }
    }
}
