//! Compares what was received with what was expected.
//!
//! The cost is at most the number of elements of the pattern times the number of received elements at the same depth:
//! every pair is looked at once.

use std::borrow::Cow;
use std::fmt;

use xmppspec_protocol::caps;
use xmppspec_protocol::element::{Attribute, Element};
use xmppspec_protocol::ns;

use super::value::Value;
use super::{Attr, Header, Kind, Mismatch, Node, Received};
use crate::Span;

type Captures = Vec<(String, String)>;

/// Children of one pattern up to so many are assigned to received ones such that all fit, if that is possible; of
/// more, each takes the first that fits and is free.
const ASSIGNED: usize = 64;

/// The weight of an agreeing `id`: it tells which of several things was the answer.
const ID_WEIGHT: usize = 4;

/// Received values are shown up to so many characters.
const SHOWN: usize = 200;

/// A difference, not yet put into words: most are thrown away, because something else fits.
struct Miss<'a> {
    span: &'a Span,
    why: Why<'a>,
    /// How much agreed.
    depth: usize,
}

enum Why<'a> {
    Closed,
    Declaration,
    Header,
    Between,
    Name(&'a Element),
    Namespace(&'a Element),
    NoAttribute(&'a str),
    Caps(Option<String>),
    Attribute(&'a str, Cow<'a, str>),
    MoreAttribute(&'a Attribute),
    NoChild(&'a Node),
    FewerChildren(&'a Node),
    Child(usize, &'a Element),
    MoreChild(&'a Element),
    ChildThere(&'a Element),
    NoText,
    Text(Cow<'a, str>),
    NoContentNamespace,
    ContentNamespace(&'a str),
    Version(&'a str),
    NoEncoding,
    Encoding(&'a str),
    NoCondition,
}

pub(super) fn matches(kind: &Kind, span: &Span, received: &Received) -> Result<Captures, Mismatch> {
    let mut captures = Captures::new();
    let result = match (kind, received) {
        (Kind::Closed, Received::Closed) => Ok(1),
        (Kind::Declaration { version, encoding }, Received::Declaration(declaration)) => {
            let version = version.as_ref().map(|(value, span)| {
                let why = Why::Version(&declaration.version);
                optional(value, span, Some(&declaration.version), why, &mut captures)
            });
            let encoding = encoding.as_ref().map(|(value, span)| {
                let theirs = declaration.encoding.as_deref();
                let why = theirs.map_or(Why::NoEncoding, Why::Encoding);
                // Names of encodings have no case (XML §4.3.3).
                match (value, theirs) {
                    (Value::Literal(ours), Some(theirs)) if ours.eq_ignore_ascii_case(theirs) => {
                        Ok(())
                    }
                    _ => optional(value, span, theirs, why, &mut captures),
                }
            });
            version
                .into_iter()
                .chain(encoding)
                .collect::<Result<(), _>>()
                .map(|()| 1)
        }
        (Kind::Header(pattern), Received::Header(header)) => {
            let theirs = header.default_ns.as_deref();
            header_matches(pattern, &header.element, theirs, &mut captures)
        }
        (Kind::Element(node), Received::Element(element)) => {
            node_matches(node, element, &mut captures)
        }
        (Kind::StreamError(condition), Received::Element(element)) => {
            stream_error(condition.as_ref(), span, element, &mut captures)
        }
        (_, received) => Err(Miss {
            span,
            why: Why::kind(received),
            depth: 0,
        }),
    };
    match result {
        Ok(_) => Ok(captures),
        Err(miss) => Err(Mismatch {
            span: miss.span.clone(),
            what: miss.why.to_string(),
            depth: miss.depth,
        }),
    }
}

/// A value that may be missing.
fn optional<'a>(
    value: &Value,
    span: &'a Span,
    received: Option<&str>,
    why: Why<'a>,
    captures: &mut Captures,
) -> Result<(), Miss<'a>> {
    let agrees = match received {
        Some(received) => value.accepts(received, captures),
        None => matches!(value, Value::Absent),
    };
    if agrees {
        Ok(())
    } else {
        Err(Miss {
            span,
            why,
            depth: 1,
        })
    }
}

fn header_matches<'a>(
    pattern: &'a Header,
    element: &'a Element,
    default_ns: Option<&'a str>,
    captures: &mut Captures,
) -> Result<usize, Miss<'a>> {
    let depth = node_matches(&pattern.node, element, captures)?;
    if let Some((value, span)) = &pattern.default_ns {
        let why = default_ns.map_or(Why::NoContentNamespace, Why::ContentNamespace);
        optional(value, span, default_ns, why, captures).map_err(|miss| Miss { depth, ..miss })?;
    }
    Ok(depth + 1)
}

fn stream_error<'a>(
    condition: Option<&'a Node>,
    span: &'a Span,
    element: &'a Element,
    captures: &mut Captures,
) -> Result<usize, Miss<'a>> {
    if !element.is(ns::STREAMS, "error") {
        let why = Why::Name(element);
        return Err(Miss {
            span,
            why,
            depth: 0,
        });
    }
    let Some(condition) = condition else {
        return Ok(1);
    };
    let mut nearest: Option<Miss<'a>> = None;
    for child in element.elements() {
        match node_matches(condition, child, captures) {
            Ok(depth) => return Ok(1 + depth),
            Err(miss) => keep_nearest(&mut nearest, miss),
        }
    }
    let mut miss = match nearest {
        Some(miss) if miss.depth > 0 => miss,
        _ => Miss {
            span,
            why: element
                .elements()
                .find(|child| child.ns() == ns::STREAM_ERRORS && child.name() != "text")
                .map_or(Why::NoCondition, Why::Name),
            depth: 0,
        },
    };
    miss.depth += 1;
    Err(miss)
}

fn keep_nearest<'a>(nearest: &mut Option<Miss<'a>>, miss: Miss<'a>) {
    if nearest
        .as_ref()
        .is_none_or(|other| miss.depth > other.depth)
    {
        *nearest = Some(miss);
    }
}

/// What is compared of one element: how much agreed, and the first difference.
#[derive(Default)]
struct Tally<'a> {
    depth: usize,
    first: Option<(&'a Span, Why<'a>)>,
    /// The difference is inside a child.
    inner: usize,
}

impl<'a> Tally<'a> {
    fn miss(&mut self, span: &'a Span, why: Why<'a>) {
        if self.first.is_none() {
            self.first = Some((span, why));
        }
    }

    fn child(&mut self, miss: Miss<'a>) {
        self.inner += miss.depth;
        self.miss(miss.span, miss.why);
    }
}

/// Gives how much agreed. Captures are left as they were if it does not match.
fn node_matches<'a>(
    node: &'a Node,
    element: &'a Element,
    captures: &mut Captures,
) -> Result<usize, Miss<'a>> {
    if !element.is(&node.ns, &node.name) {
        let same = element.name() == node.name;
        return Err(Miss {
            span: &node.span,
            why: if same {
                Why::Namespace(element)
            } else {
                Why::Name(element)
            },
            depth: 0,
        });
    }
    let before = captures.len();
    let mut tally = Tally {
        depth: 1,
        ..Tally::default()
    };
    attributes(node, element, captures, &mut tally);
    if let Some((value, span)) = &node.text {
        text(value, span, element, captures, &mut tally);
    }
    if let Some((wanted, span)) = &node.caps {
        let (hash, ver) = wanted.split_once(' ').unwrap_or((wanted, ""));
        let found = caps::verification(element, hash);
        if found.as_deref() != Some(ver) {
            tally.miss(span, Why::Caps(found));
        }
    }
    absent_children(node, element, &mut tally);
    if node.strict {
        children_in_order(node, element, captures, &mut tally);
    } else {
        children_anywhere(node, element, captures, &mut tally);
    }
    let depth = tally.depth + tally.inner;
    match tally.first {
        None => Ok(depth),
        Some((span, why)) => {
            captures.truncate(before);
            Err(Miss { span, why, depth })
        }
    }
}

fn attributes<'a>(
    node: &'a Node,
    element: &'a Element,
    captures: &mut Captures,
    tally: &mut Tally<'a>,
) {
    for attr in &node.attrs {
        let received = element.attr_ns(&attr.ns, &attr.name);
        let agrees = match received {
            Some(received) => attr.value.accepts(received, captures),
            None => matches!(attr.value, Value::Absent),
        };
        match received {
            _ if agrees && attr.is_id() => tally.depth += ID_WEIGHT,
            _ if agrees => tally.depth += 1,
            Some(value) => tally.miss(&attr.span, Why::Attribute(&attr.name, value.into())),
            None => tally.miss(&attr.span, Why::NoAttribute(&attr.name)),
        }
    }
    if node.strict && tally.first.is_none() {
        let known = |attr: &Attribute| {
            node.attrs
                .iter()
                .any(|ours| ours.name == attr.name() && ours.ns == attr.ns())
        };
        if let Some(more) = element.attrs().find(|attr| !known(attr)) {
            tally.miss(&node.span, Why::MoreAttribute(more));
        }
    }
}

impl Attr {
    fn is_id(&self) -> bool {
        self.name == "id" && self.ns.is_empty()
    }
}

fn text<'a>(
    value: &'a Value,
    span: &'a Span,
    element: &'a Element,
    captures: &mut Captures,
    tally: &mut Tally<'a>,
) {
    let received = element.text();
    // Empty text is not there: `{any}` and `{not:…}` want some.
    let there = !received.is_empty() || !matches!(value, Value::Any(_) | Value::Not(_));
    if there && value.accepts(&received, captures) {
        tally.depth += 1;
    } else if received.is_empty() {
        tally.miss(span, Why::NoText);
    } else {
        tally.miss(span, Why::Text(received));
    }
}

fn absent_children<'a>(node: &'a Node, element: &'a Element, tally: &mut Tally<'a>) {
    for absent in &node.absent {
        let there = element
            .elements()
            .find(|child| node_matches(absent, child, &mut Captures::new()).is_ok());
        match there {
            Some(child) => tally.miss(&absent.span, Why::ChildThere(child)),
            None => tally.depth += 1,
        }
    }
}

/// Strict: exactly these children in this order.
fn children_in_order<'a>(
    node: &'a Node,
    element: &'a Element,
    captures: &mut Captures,
    tally: &mut Tally<'a>,
) {
    let mut received = element.elements();
    for (index, child) in node.children.iter().enumerate() {
        let Some(theirs) = received.next() else {
            return tally.miss(&child.span, Why::NoChild(child));
        };
        match node_matches(child, theirs, captures) {
            Ok(depth) => tally.depth += depth,
            Err(miss) if miss.depth == 0 => {
                let why = match miss.why {
                    why @ Why::Namespace(_) => why,
                    _ => Why::Child(index + 1, theirs),
                };
                return tally.miss(&child.span, why);
            }
            Err(miss) => return tally.child(miss),
        }
    }
    if let Some(more) = received.next() {
        tally.miss(&node.span, Why::MoreChild(more));
    }
}

/// Loose: each of the children, extras and order are free. One received child stands for one of the script's.
fn children_anywhere<'a>(
    node: &'a Node,
    element: &'a Element,
    captures: &mut Captures,
    tally: &mut Tally<'a>,
) {
    if node.children.is_empty() {
        return;
    }
    let received: Vec<&Element> = element.elements().collect();
    let mut assignment = Assignment {
        children: &node.children,
        owner: vec![None; received.len()],
        received: &received,
        fits: vec![None; node.children.len()],
        chosen: vec![None; node.children.len()],
    };
    for (index, child) in node.children.iter().enumerate() {
        let nearest = match assignment.take_free(index) {
            Ok(()) => continue,
            Err(nearest) => nearest,
        };
        let taken = assignment.is_taken(index);
        if taken && node.children.len() <= ASSIGNED && assignment.take_by_exchange(index) {
            continue;
        }
        match nearest {
            _ if taken => tally.miss(&child.span, Why::FewerChildren(child)),
            Some(miss) if miss.depth > 0 => tally.child(miss),
            Some(Miss {
                why: why @ Why::Namespace(_),
                ..
            }) => tally.miss(&child.span, why),
            _ => tally.miss(&child.span, Why::NoChild(child)),
        }
    }
    for fit in assignment.chosen.into_iter().flatten() {
        tally.depth += fit.depth;
        captures.extend(fit.captures);
    }
}

/// A received child that matches one of the script's.
#[derive(Clone)]
struct Fit {
    received: usize,
    depth: usize,
    captures: Captures,
}

/// Which received child stands for which of the script's.
struct Assignment<'a, 'r> {
    children: &'a [Node],
    received: &'r [&'a Element],
    /// For each received child: what it stands for.
    owner: Vec<Option<usize>>,
    /// For each of the script's children: all that match, once somebody had to know.
    fits: Vec<Option<Vec<Fit>>>,
    chosen: Vec<Option<Fit>>,
}

impl<'a> Assignment<'a, '_> {
    fn fit(&self, child: usize, received: usize) -> Result<Fit, Miss<'a>> {
        let mut captures = Captures::new();
        let depth = node_matches(
            &self.children[child],
            self.received[received],
            &mut captures,
        )?;
        Ok(Fit {
            received,
            depth,
            captures,
        })
    }

    /// Takes the first received child that matches and is free; else gives the nearest difference.
    fn take_free(&mut self, child: usize) -> Result<(), Option<Miss<'a>>> {
        let mut nearest = None;
        for received in 0..self.received.len() {
            if self.owner[received].is_some() {
                continue;
            }
            match self.fit(child, received) {
                Ok(fit) => {
                    self.owner[received] = Some(child);
                    self.chosen[child] = Some(fit);
                    return Ok(());
                }
                Err(miss) => keep_nearest(&mut nearest, miss),
            }
        }
        Err(nearest)
    }

    /// One that matches stands for another child already.
    fn is_taken(&self, child: usize) -> bool {
        let owned = |received: &usize| self.owner[*received].is_some();
        (0..self.received.len())
            .filter(owned)
            .any(|received| self.fit(child, received).is_ok())
    }

    /// Looks for a child that others can make free by taking another one (Kuhn's algorithm).
    fn take_by_exchange(&mut self, child: usize) -> bool {
        let mut visited = vec![false; self.received.len()];
        self.exchange(child, &mut visited)
    }

    fn exchange(&mut self, child: usize, visited: &mut [bool]) -> bool {
        let fits = match self.fits[child].take() {
            Some(fits) => fits,
            None => (0..self.received.len())
                .filter_map(|received| self.fit(child, received).ok())
                .collect(),
        };
        let mut found = None;
        for fit in &fits {
            if std::mem::replace(&mut visited[fit.received], true) {
                continue;
            }
            let free = match self.owner[fit.received] {
                None => true,
                Some(owner) => self.exchange(owner, visited),
            };
            if free {
                found = Some(fit.clone());
                break;
            }
        }
        self.fits[child] = Some(fits);
        let Some(fit) = found else {
            return false;
        };
        self.owner[fit.received] = Some(child);
        self.chosen[child] = Some(fit);
        true
    }
}

impl<'a> Why<'a> {
    fn kind(received: &'a Received) -> Why<'a> {
        match received {
            Received::Declaration(_) => Why::Declaration,
            Received::Header(_) => Why::Header,
            Received::Element(element) => Why::Name(element),
            Received::Text(_) => Why::Between,
            Received::Closed => Why::Closed,
        }
    }
}

/// A name as a tag.
struct Tag<'a>(Option<&'a str>, &'a str);

impl<'a> From<&'a Element> for Tag<'a> {
    fn from(element: &'a Element) -> Self {
        Tag(element.prefix(), element.name())
    }
}

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tag(Some(prefix), name) => write!(f, "<{prefix}:{}/>", cut(name)),
            Tag(None, name) => write!(f, "<{}/>", cut(name)),
        }
    }
}

/// The beginning of a value.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Closed => f.write_str("this is the end of the stream"),
            Why::Declaration => f.write_str("this is an XML declaration"),
            Why::Header => f.write_str("this is a stream header"),
            Why::Between => f.write_str("this is text between stanzas"),
            Why::Name(element) => write!(f, "this is {}", Tag::from(*element)),
            Why::Namespace(element) if element.ns().is_empty() => {
                write!(f, "{} is in no namespace", Tag::from(*element))
            }
            Why::Namespace(element) => {
                let (tag, ns) = (Tag::from(*element), cut(element.ns()));
                write!(f, "{tag} is in the namespace `{ns}`")
            }
            Why::NoAttribute(name) => write!(f, "there is no attribute `{name}`"),
            Why::Caps(Some(hash)) => write!(f, "the hash of what it says is `{hash}`"),
            Why::Caps(None) => f.write_str("there is no such hash function"),
            Why::Attribute(name, value) => write!(f, "attribute `{name}` is `{}`", cut(value)),
            Why::MoreAttribute(attr) => {
                let (name, value) = (cut(attr.name()), cut(attr.value()));
                write!(f, "there is one more attribute: `{name}` is `{value}`")
            }
            Why::NoChild(node) => write!(f, "there is no child {}", Tag(None, &node.name)),
            Why::FewerChildren(node) => {
                write!(f, "there are fewer children {}", Tag(None, &node.name))
            }
            Why::Child(index, element) => write!(f, "child {index} is {}", Tag::from(*element)),
            Why::MoreChild(element) => {
                write!(f, "there is one more child: {}", Tag::from(*element))
            }
            Why::ChildThere(element) => write!(f, "there is a child {}", Tag::from(*element)),
            Why::NoText => f.write_str("there is no text"),
            Why::Text(text) => write!(f, "the text is `{}`", cut(text)),
            Why::NoContentNamespace => f.write_str("no content namespace is declared"),
            Why::ContentNamespace(ns) => write!(f, "the content namespace is `{}`", cut(ns)),
            Why::Version(version) => write!(f, "the version is `{version}`"),
            Why::NoEncoding => f.write_str("no encoding is named"),
            Why::Encoding(encoding) => write!(f, "the encoding is `{encoding}`"),
            Why::NoCondition => f.write_str("the stream error has no condition"),
        }
    }
}
