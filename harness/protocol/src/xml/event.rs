//! Borrowed events: names resolved, text unescaped.

use std::sync::Arc;

use super::Declaration;
use super::scan::{RawAttr, Scanner};

/// What a reader has found. Borrowed from the reader until it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// An XML declaration.
    Declaration(&'a Declaration),
    /// An element begins.
    Start(Start<'a>),
    /// Text, unescaped; adjacent text and CDATA sections are one.
    Text(&'a str),
    /// An element ends; comes for an empty element too.
    End(End<'a>),
}

/// The beginning of an element.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    pub(super) scanner: &'a Scanner,
    pub(super) input: &'a str,
}

/// An attribute that is not a namespace declaration.
#[derive(Clone, Copy, Debug)]
pub struct Attr<'a> {
    start: Start<'a>,
    raw: &'a RawAttr,
}

/// The end of an element.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    pub(super) scanner: &'a Scanner,
}

impl<'a> Start<'a> {
    /// The namespace name; empty if there is none.
    pub fn ns(&self) -> &'a str {
        self.shared_ns()
    }

    pub(crate) fn shared_ns(&self) -> &'a Arc<str> {
        self.scanner.names.uri(self.scanner.ns())
    }

    /// The prefix as written; empty if there is none.
    pub fn prefix(&self) -> &'a str {
        self.scanner.name.prefix(self.input)
    }

    /// The local name.
    pub fn name(&self) -> &'a str {
        self.scanner.name.local(self.input)
    }

    /// The attributes in the order of the document.
    pub fn attrs(&self) -> impl ExactSizeIterator<Item = Attr<'a>> {
        let start = *self;
        self.scanner
            .attrs
            .iter()
            .map(move |raw| Attr { start, raw })
    }

    /// The prefixes that this tag declares, with the names that they are bound to.
    pub fn prefixes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.scanner.declared()
    }

    /// The default namespace, if this tag declares one; it may be empty.
    pub fn default_ns(&self) -> Option<&'a str> {
        let names = &self.scanner.names;
        self.scanner
            .declares_default()
            .then(|| &**names.uri(names.default_ns()))
    }
}

impl<'a> Attr<'a> {
    /// The namespace name; empty if there is none.
    pub fn ns(&self) -> &'a str {
        self.shared_ns()
    }

    pub(crate) fn shared_ns(&self) -> &'a Arc<str> {
        self.start.scanner.names.uri(self.raw.ns)
    }

    /// The prefix as written; empty if there is none.
    pub fn prefix(&self) -> &'a str {
        self.raw.name.prefix(self.start.input)
    }

    /// The local name.
    pub fn name(&self) -> &'a str {
        self.raw.name.local(self.start.input)
    }

    /// The offset of its name's first byte, counted from the first byte of the input.
    pub fn offset(&self) -> u64 {
        self.start.scanner.base_offset() + self.raw.name.start as u64
    }

    /// The value, unescaped and normalised.
    pub fn value(&self) -> &'a str {
        self.raw
            .value(self.start.input, &self.start.scanner.scratch)
    }
}

impl<'a> End<'a> {
    /// The namespace name; empty if there is none.
    pub fn ns(&self) -> &'a str {
        self.scanner.names.uri(self.scanner.ns())
    }

    /// The local name.
    pub fn name(&self) -> &'a str {
        self.scanner.local()
    }
}
