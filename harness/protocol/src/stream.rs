//! XML streams: what a connection reads (RFC 6120 §4).

use std::fmt::Write;

use crate::element::{Builder, Element};
use crate::ns;
use crate::xml::{Declaration, Event, Limits, Mode, Parser, XmlError};

mod lenient;

pub use lenient::lenient;

/// The opening tag of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHeader {
    /// The root element without children.
    pub element: Element,
    /// The XML declaration before it.
    pub declaration: Option<Declaration>,
    /// The default namespace that it declares.
    pub default_ns: Option<String>,
}

/// What a stream is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// The root began.
    Opened(StreamHeader),
    /// A child of the root is complete.
    Element(Element),
    /// So many bytes of whitespace came between children of the root: keep-alives or line ends. Reported when what
    /// follows them has begun, so that it does not depend on how they were sent.
    Whitespace(usize),
    /// Other text between children of the root, unescaped. XML allows it, RFC 6120 §4.4 does not.
    Text(String),
    /// The root ended. What follows stays unparsed.
    Closed,
}

/// Reads a stream from chunks as they arrive, one event at a time; bytes behind an event stay unparsed until the next
/// is asked for, so that they can be taken when TLS begins or the stream restarts.
#[derive(Debug)]
pub struct StreamParser {
    parser: Parser,
    builder: Builder,
    declaration: Option<Declaration>,
    closed: bool,
}

impl StreamParser {
    /// A parser at the start of a stream. For a restarted stream, make a new one and feed it what the old one left.
    pub fn new(limits: Limits) -> Self {
        StreamParser {
            parser: Parser::new(Mode::Stream, limits),
            builder: Builder::default(),
            declaration: None,
            closed: false,
        }
    }

    /// Adds bytes that have arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.parser.feed(bytes);
    }

    /// The next event; `None` if more bytes are needed, or if the stream is closed. After an error, that error again.
    pub fn next_event(&mut self) -> Option<Result<StreamEvent, XmlError>> {
        while !self.closed {
            let before = self.parser.offset();
            let depth = self.parser.depth();
            let event = match self.parser.next_event() {
                Ok(event) => event?,
                Err(error) => return Some(Err(error)),
            };
            match event {
                Event::Declaration(declaration) => self.declaration = Some(declaration.clone()),
                Event::Start(start) if depth == 0 => {
                    return Some(Ok(StreamEvent::Opened(StreamHeader {
                        element: Element::from_start(&start),
                        declaration: self.declaration.take(),
                        default_ns: start.default_ns().map(str::to_owned),
                    })));
                }
                Event::End(_) if self.builder.is_empty() => {
                    self.closed = true;
                    return Some(Ok(StreamEvent::Closed));
                }
                Event::Text(text) if self.builder.is_empty() => {
                    let blank = text
                        .bytes()
                        .all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
                    return Some(Ok(if blank {
                        StreamEvent::Whitespace((self.parser.offset() - before) as usize)
                    } else {
                        StreamEvent::Text(text.to_owned())
                    }));
                }
                event => {
                    if let Some(element) = self.builder.add(&event) {
                        return Some(Ok(StreamEvent::Element(element)));
                    }
                }
            }
        }
        None
    }

    /// Takes what was received behind the last event: the first bytes of TLS, or of a restarted stream.
    pub fn take_unparsed(&mut self) -> Vec<u8> {
        self.parser.take_unparsed()
    }

    /// Bytes used up by events so far.
    pub fn offset(&self) -> u64 {
        self.parser.offset()
    }
}

/// An XML declaration and a stream header with these attributes in this order; `xml:lang` and undeclared prefixes are
/// written as they are given.
pub fn header(default_ns: &str, attrs: &[(&str, &str)]) -> String {
    let mut out = String::from("<?xml version='1.0'?><stream:stream xmlns='");
    escape(default_ns, &mut out);
    let _ = write!(out, "' xmlns:stream='{}'", ns::STREAMS);
    for (name, value) in attrs {
        let _ = write!(out, " {name}='");
        escape(value, &mut out);
        out.push('\'');
    }
    out.push('>');
    out
}

fn escape(value: &str, out: &mut String) {
    crate::element::escape(value, true, out).expect("writing to a string does not fail");
}
