//! Writing elements as XML.

use std::borrow::Cow;
use std::fmt::{self, Write};

use super::scope::Scope;
use super::{Attribute, Element, Node};
use crate::ns::{STREAMS as STREAMS_NS, XML as XML_NS, XMLNS as XMLNS_NS};

impl Element {
    /// The element as XML, as a child of a scope whose default namespace is `default_ns` and where the prefixes
    /// `stream` and `xml` are declared, which is what every stanza is. Whatever else it needs, it declares.
    pub fn to_xml(&self, default_ns: &str) -> String {
        let mut out = String::new();
        let mut scope = Scope::new(default_ns);
        scope.declare("stream".into(), STREAMS_NS);
        write(self, scope, &mut out).expect("writing to a string does not fail");
        out
    }
}

/// The element as a document of its own.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, Scope::new(""), f)
    }
}

/// An element whose end is still to be written, and what to restore there.
struct Open<'a> {
    prefix: &'a str,
    element: &'a Element,
    rest: std::slice::Iter<'a, Node>,
    outer_default: &'a str,
    outer_prefixes: usize,
}

fn write<'a>(root: &'a Element, mut scope: Scope<'a>, out: &mut impl Write) -> fmt::Result {
    let mut all = Vec::new();
    all.extend(start(root, &mut scope, out)?);
    while let Some(open) = all.last_mut() {
        match open.rest.next() {
            Some(Node::Text(text)) => escape(text, false, out)?,
            Some(Node::Element(child)) => all.extend(start(child, &mut scope, out)?),
            None => {
                out.write_str("</")?;
                qualified(open.prefix, open.element.name(), out)?;
                out.write_char('>')?;
                scope.default = open.outer_default;
                scope.truncate(open.outer_prefixes);
                all.pop();
            }
        }
    }
    Ok(())
}

/// Writes a start tag and enters the element, or writes the whole of an empty one.
fn start<'a>(
    element: &'a Element,
    scope: &mut Scope<'a>,
    out: &mut impl Write,
) -> Result<Option<Open<'a>>, fmt::Error> {
    let (outer_default, outer_prefixes) = (scope.default, scope.len());
    let ns = element.ns();
    let preferred = element.prefix().filter(|p| may_declare(p, ns));
    let prefix = match preferred {
        Some(prefix) => prefix,
        None if ns == XML_NS => "xml",
        None if ns == STREAMS_NS && scope.default != ns && scope.lookup("stream") == Some(ns) => {
            "stream"
        }
        None => "",
    };
    out.write_char('<')?;
    qualified(prefix, element.name(), out)?;
    if prefix.is_empty() {
        if scope.default != ns {
            declare("", ns, out)?;
            scope.default = ns;
        }
    } else if scope.lookup(prefix) != Some(ns) {
        declare(prefix, ns, out)?;
        scope.declare(prefix.into(), ns);
    }
    attributes(element, prefix, outer_prefixes, scope, out)?;
    if element.nodes().is_empty() {
        scope.default = outer_default;
        scope.truncate(outer_prefixes);
        out.write_str("/>")?;
        return Ok(None);
    }
    out.write_char('>')?;
    Ok(Some(Open {
        prefix,
        element,
        rest: element.nodes().iter(),
        outer_default,
        outer_prefixes,
    }))
}

fn attributes<'a>(
    element: &'a Element,
    tag_prefix: &str,
    outer_prefixes: usize,
    scope: &mut Scope<'a>,
    out: &mut impl Write,
) -> fmt::Result {
    // Prefixes that this tag has used already and that a new declaration on it must therefore not rebind.
    let mut used: Vec<Cow<'_, str>> = vec![tag_prefix.into()];
    for attr in element.attrs() {
        let ns = attr.ns();
        let kept = attr.prefix().filter(|p| scope.lookup(p) == Some(ns));
        let wanted = attr
            .prefix()
            .filter(|p| may_declare(p, ns) && !used.iter().any(|u| u == p));
        let prefix: Cow<'a, str> = match (kept, wanted) {
            _ if ns.is_empty() => "".into(),
            (Some(prefix), _) => prefix.into(),
            (None, wanted) => match (wanted, scope.prefix_of(ns)) {
                (None, Some(prefix)) => prefix,
                (wanted, _) => {
                    let fresh = || generated(scope, outer_prefixes, &used).into();
                    let prefix = wanted.map_or_else(fresh, Cow::from);
                    declare(&prefix, ns, out)?;
                    scope.declare(prefix.clone(), ns);
                    prefix
                }
            },
        };
        out.write_char(' ')?;
        qualified(&prefix, attr.name(), out)?;
        value(attr, out)?;
        used.push(prefix);
    }
    Ok(())
}

/// A prefix that nothing on this tag uses or declares.
fn generated(scope: &Scope<'_>, outer_prefixes: usize, used: &[Cow<'_, str>]) -> String {
    let free = |name: &String| {
        let mut taken = used
            .iter()
            .map(Cow::as_ref)
            .chain(scope.since(outer_prefixes));
        !taken.any(|prefix| prefix == name)
    };
    (0..)
        .map(|n| format!("ns{n}"))
        .find(free)
        .expect("a tag is not infinite")
}

/// Whether Namespaces in XML §3 lets this prefix be bound to this name.
fn may_declare(prefix: &str, ns: &str) -> bool {
    !ns.is_empty()
        && !prefix.is_empty()
        && ns != XMLNS_NS
        && prefix != "xmlns"
        && (prefix == "xml") == (ns == XML_NS)
}

fn declare(prefix: &str, ns: &str, out: &mut impl Write) -> fmt::Result {
    out.write_str(if prefix.is_empty() {
        " xmlns"
    } else {
        " xmlns:"
    })?;
    out.write_str(prefix)?;
    out.write_str("='")?;
    escape(ns, true, out)?;
    out.write_char('\'')
}

fn qualified(prefix: &str, name: &str, out: &mut impl Write) -> fmt::Result {
    if !prefix.is_empty() {
        out.write_str(prefix)?;
        out.write_char(':')?;
    }
    out.write_str(name)
}

fn value(attr: &Attribute, out: &mut impl Write) -> fmt::Result {
    out.write_str("='")?;
    escape(attr.value(), true, out)?;
    out.write_char('\'')
}

/// Writes text such that a parser gives it back unchanged: what it would normalise away is written as a reference.
pub(crate) fn escape(text: &str, attribute: bool, out: &mut impl Write) -> fmt::Result {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        let reference = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'\r' => "&#13;",
            b'\'' if attribute => "&apos;",
            b'\t' if attribute => "&#9;",
            b'\n' if attribute => "&#10;",
            _ => continue,
        };
        out.write_str(&text[done..at])?;
        out.write_str(reference)?;
        done = at + 1;
    }
    out.write_str(&text[done..])
}
