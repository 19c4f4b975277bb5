//! What must be received, and whether something is it.
//!
//! A pattern is made from a body of `receives`, whose placeholders have been replaced; it remembers where in the script
//! each of its parts stands. Section numbers mean nothing here: `README.md` (Bodies of `receives`) says how elements
//! are compared.

mod compare;
mod event;
mod packet;
mod read;
mod value;

use std::fmt;

use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::stream::StreamHeader;
use xmppspec_protocol::xml::Declaration;

use crate::Span;
use crate::diagnostic::Diagnostic;
use crate::text::Template;

pub use event::{EventPattern, made_up_peer};
pub use packet::{PacketPattern, PacketText, Window};
use read::BodyReader;
use value::Value;

/// One thing that a stream has received, as patterns see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The XML declaration before a stream header (RFC 6120 §11.5).
    Declaration(Declaration),
    /// The opening tag of a stream (RFC 6120 §4.7).
    Header(Box<StreamHeader>),
    /// A child of the stream.
    Element(Element),
    /// Text between stanzas that is not blank.
    Text(String),
    /// The closing tag of the stream (RFC 6120 §4.4).
    Closed,
}

/// The XML as people read it: a header as an opening tag, an element as it would stand in a stream of clients.
impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Received::Declaration(declaration) => {
                write!(f, "<?xml version='{}'", declaration.version)?;
                if let Some(encoding) = &declaration.encoding {
                    write!(f, " encoding='{encoding}'")?;
                }
                f.write_str("?>")
            }
            Received::Header(header) => f.write_str(&opening_tag(header)),
            Received::Element(element) => f.write_str(&element.to_xml(ns::CLIENT)),
            Received::Text(text) => f.write_str(text),
            Received::Closed => f.write_str("</stream:stream>"),
        }
    }
}

fn opening_tag(header: &StreamHeader) -> String {
    let mut tag = header.element.to_string();
    if tag.ends_with("/>") {
        tag.truncate(tag.len() - 2);
        tag.push('>');
    }
    // Without a prefix the element has declared it already.
    if let (Some(ns), Some(prefix)) = (&header.default_ns, header.element.prefix()) {
        let declaration = Element::new(ns, "x").to_string();
        let declaration = declaration.trim_start_matches("<x").trim_end_matches("/>");
        let at = "<:".len() + prefix.len() + header.element.name().len();
        tag.insert_str(at.min(tag.len()), declaration);
    }
    tag
}

/// Something that must be received.
#[derive(Clone, Debug)]
pub struct Pattern {
    kind: Kind,
    span: Span,
    text: String,
}

#[derive(Clone, Debug)]
enum Kind {
    Declaration {
        version: Option<(Value, Span)>,
        encoding: Option<(Value, Span)>,
    },
    Header(Box<Header>),
    Element(Node),
    /// A stream error with this condition, or any.
    StreamError(Option<Node>),
    Closed,
}

#[derive(Clone, Debug)]
struct Header {
    /// Without children.
    node: Node,
    /// What `xmlns` says: the content namespace (RFC 6120 §4.8.2).
    default_ns: Option<(Value, Span)>,
}

/// An element of a pattern.
#[derive(Clone, Debug)]
struct Node {
    ns: String,
    name: String,
    strict: bool,
    attrs: Vec<Attr>,
    /// Children that must be there.
    children: Vec<Node>,
    /// Children that must not be there; a literal text restricts it to those with this text.
    absent: Vec<Node>,
    text: Option<(Value, Span)>,
    /// `scansion:caps`: a hash function and the verification string that it makes of this element (XEP-0115 §5.1).
    caps: Option<(String, Span)>,
    /// The start tag.
    span: Span,
}

#[derive(Clone, Debug)]
struct Attr {
    ns: String,
    name: String,
    value: Value,
    span: Span,
}

impl Node {
    fn is_absent(&self) -> bool {
        matches!(&self.text, Some((Value::Absent | Value::AbsentText(_), _)))
    }

    fn elements<'a>(&'a self, elements: &mut Vec<(&'a str, &'a str, Span)>) {
        elements.push((&self.ns, &self.name, self.span.clone()));
        for child in self.children.iter().chain(&self.absent) {
            child.elements(elements);
        }
    }

    fn captures<'a>(&'a self, names: &mut Vec<(&'a str, Span)>) {
        let attrs = self.attrs.iter().map(|attr| (&attr.value, &attr.span));
        let text = self.text.iter().map(|(value, span)| (value, span));
        for (value, span) in attrs.chain(text) {
            names.extend(value.captures().map(|name| (name, span.clone())));
        }
        for child in &self.children {
            child.captures(names);
        }
    }

    fn add(&mut self, mut child: Node) {
        match child.text.take() {
            Some((Value::Absent, _)) => self.absent.push(child),
            Some((Value::AbsentText(text), span)) => {
                child.text = Some((Value::Literal(text), span));
                self.absent.push(child);
            }
            text => {
                child.text = text;
                self.children.push(child);
            }
        }
    }
}

/// Why a received thing is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The piece of the script concerned: the attribute, the child, the text.
    pub span: Span,
    /// What was received instead, as one short sentence without a full stop.
    pub what: String,
    /// How much agreed. Of several received things, the one with the greatest depth was probably meant.
    pub depth: usize,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Pattern {
    /// Compares a received thing with the pattern. Gives what it captured, in the order of the script.
    ///
    /// # Errors
    /// The first difference.
    pub fn matches(&self, received: &Received) -> Result<Vec<(String, String)>, Mismatch> {
        compare::matches(&self.kind, &self.span, received)
    }

    /// Where it stands in the script. Empty for the body of a `receives stream error` that has none.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The namespace and name of every element that is written in it, with its start tag.
    pub(crate) fn elements(&self) -> Vec<(&str, &str, Span)> {
        let mut elements = Vec::new();
        if let Kind::Element(node) | Kind::StreamError(Some(node)) = &self.kind {
            node.elements(&mut elements);
        }
        elements
    }

    /// The names it binds when it matches, with the attribute or text that binds them.
    pub fn captures(&self) -> Vec<(&str, Span)> {
        let mut names = Vec::new();
        match &self.kind {
            Kind::Declaration { version, encoding } => {
                for (value, span) in version.iter().chain(encoding) {
                    names.extend(value.captures().map(|name| (name, span.clone())));
                }
            }
            Kind::Header(header) => {
                header.node.captures(&mut names);
                if let Some((value, span)) = &header.default_ns {
                    names.extend(value.captures().map(|name| (name, span.clone())));
                }
            }
            Kind::Element(node) | Kind::StreamError(Some(node)) => node.captures(&mut names),
            Kind::StreamError(None) | Kind::Closed => {}
        }
        names
    }
}

/// The expected XML, as the script says it, with placeholders replaced.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads a body of `receives`: siblings, of which each is one pattern. The body comes from
/// [`Bindings::expand_body`](crate::Bindings::expand_body), so that spans lead back to the script; `loose` is
/// [`Script::loose`](crate::Script::loose), `source` the script's name for the diagnostic.
///
/// # Errors
/// The first fault: XML that is not well-formed, or a matcher that has no meaning.
pub fn parse(body: &Template, loose: bool, source: &str) -> Result<Vec<Pattern>, Diagnostic> {
    parse_noting(body, loose, source, &mut Vec::new())
}

/// [`parse`], and what is probably not meant.
pub(crate) fn parse_noting(
    body: &Template,
    loose: bool,
    source: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<Pattern>, Diagnostic> {
    BodyReader::new(body, loose, source, warnings).patterns()
}

/// Reads a body of `receives stream error:`: the conditions, any of which will do, in
/// `urn:ietf:params:xml:ns:xmpp-streams` without saying so. Each pattern matches a whole `<stream:error/>` with its
/// condition; an empty body gives one that matches any stream error.
///
/// # Errors
/// As [`parse`].
pub fn parse_stream_errors(body: &Template, source: &str) -> Result<Vec<Pattern>, Diagnostic> {
    parse_stream_errors_noting(body, source, &mut Vec::new())
}

/// [`parse_stream_errors`], and what is probably not meant.
pub(crate) fn parse_stream_errors_noting(
    body: &Template,
    source: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<Pattern>, Diagnostic> {
    BodyReader::new(body, true, source, warnings).conditions()
}

/// Reads a body of `sends` of a `[Client]`: one or more stanzas, in `jabber:client` without saying so. Matchers are
/// text like any other here.
///
/// # Errors
/// The first fault of the XML.
pub fn parse_stanzas(body: &Template, source: &str) -> Result<Vec<Element>, Diagnostic> {
    BodyReader::new(body, true, source, &mut Vec::new()).stanzas()
}

#[cfg(test)]
mod tests;
