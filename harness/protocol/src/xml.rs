//! The strict XML reader: XML 1.0 (5th edition) and Namespaces in XML 1.0 (3rd edition) as RFC 6120 §11 restricts
//! them. Every refusal is a [`Rule`] with the offset of the byte that broke it.
//!
//! Three layers stand on one scanner: [`Reader`] gives borrowed events from a slice, [`Parser`] the same events
//! from chunks, [`canonical`] prints them. [`Element`](crate::element::Element) and
//! [`StreamParser`](crate::stream::StreamParser) are built from the events.
//!
//! Errors do not depend on how the bytes were cut into chunks. Within one tag, faults of syntax are found from left
//! to right, then duplicate names, then faults of namespaces.

use std::fmt;

mod canonical;
mod chars;
mod declaration;
mod event;
mod names;
mod parser;
mod rules;
mod scan;
mod tag;
mod text;

pub use canonical::{canonical, canonical_line, end_line, start_line, text_line};
pub use event::{Attr, End, Event, Start};
pub use parser::{Parser, Reader};
pub use rules::Rule;

/// What input may cost. Each limit is a [`Rule`] that refuses more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one element with everything inside, of a stream header, or of text between two stanzas.
    pub element_bytes: usize,
    /// Elements open at the same time; the root counts.
    pub depth: usize,
    /// Attributes of one element, declarations aside.
    pub attributes: usize,
    /// Namespace declarations of one element.
    pub namespaces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            element_bytes: 1 << 20,
            depth: 512,
            attributes: 256,
            namespaces: 64,
        }
    }
}

impl Limits {
    /// No limits: for input whose size is known to be harmless.
    pub const NONE: Limits = Limits {
        element_bytes: usize::MAX,
        depth: usize::MAX,
        attributes: usize::MAX,
        namespaces: usize::MAX,
    };
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A stream: the root stays open for as long as the stream lives, and limits are per child of the root.
    Stream,
    /// One element: limits are for the whole of it.
    Element,
}

/// Why input is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlError {
    /// The byte at fault, counted from the first byte of the input.
    pub offset: u64,
    /// What it breaks.
    pub rule: Rule,
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule;
        write!(
            f,
            "offset {}: {}: {} ({})",
            self.offset,
            rule.name(),
            rule.sentence(),
            rule.section()
        )
    }
}

impl std::error::Error for XmlError {}

/// An XML declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// `1.0`, or any `1.x`, which a reader of XML 1.0 reads as 1.0 (XML §2.8).
    pub version: String,
    /// The encoding if it was named; always some spelling of UTF-8.
    pub encoding: Option<String>,
}
