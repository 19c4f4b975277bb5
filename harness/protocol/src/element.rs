//! Owned XML elements: what a stanza is once it has been read, and what is written when one is sent.
//!
//! Namespaces are resolved: an element knows its namespace name, and declarations are not attributes. Prefixes are
//! kept as a hint for the writer and never take part in a comparison. Nothing here recurses, so that neither a peer
//! that nests 100 000 elements nor a mistake in a scenario can overflow the stack.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;

mod build;
mod scope;
mod write;

pub(crate) use build::Builder;
pub(crate) use write::escape;

/// An XML element with its attributes and children.
pub struct Element {
    ns: Arc<str>,
    name: CompactString,
    prefix: Option<Box<str>>,
    attrs: Vec<Attribute>,
    nodes: Vec<Node>,
}

/// What an element contains.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Text, unescaped. The parser makes one node of adjacent text and CDATA sections, and none of empty text.
    Text(String),
}

/// An attribute that is not a namespace declaration. Two attributes are equal when namespace, name and value are.
#[derive(Clone)]
pub struct Attribute {
    name: CompactString,
    value: CompactString,
    /// Most attributes have neither, so that both share one pointer.
    qualified: Option<Box<Qualified>>,
}

#[derive(Clone)]
struct Qualified {
    ns: Arc<str>,
    prefix: Option<Box<str>>,
}

impl Attribute {
    fn new(ns: &str, name: &str, value: &str) -> Self {
        let qualified = (!ns.is_empty()).then(|| {
            Box::new(Qualified {
                ns: Arc::from(ns),
                prefix: None,
            })
        });
        Attribute {
            name: name.into(),
            value: value.into(),
            qualified,
        }
    }

    /// The namespace name; empty for an attribute in no namespace.
    pub fn ns(&self) -> &str {
        self.qualified.as_ref().map_or("", |q| &q.ns)
    }

    /// The local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The prefix that it was written with, if any.
    pub fn prefix(&self) -> Option<&str> {
        self.qualified.as_ref()?.prefix.as_deref()
    }

    /// The value, unescaped and normalised (XML §3.3.3).
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value && self.ns() == other.ns()
    }
}

impl Eq for Attribute {}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}{}={:?}", self.ns(), self.name(), self.value())
    }
}

impl Element {
    /// An empty element. An empty `ns` means no namespace.
    pub fn new(ns: &str, name: &str) -> Self {
        Element {
            ns: Arc::from(ns),
            name: name.into(),
            prefix: None,
            attrs: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// The namespace name; empty if it is in none.
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// The local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The prefix that it was written with and that the writer prefers.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// The same element with a prefix for the writer to use.
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Whether it has this namespace and this local name.
    pub fn is(&self, ns: &str, name: &str) -> bool {
        self.name == name && &*self.ns == ns
    }

    /// The value of an attribute in no namespace.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attr_ns("", name)
    }

    /// The value of an attribute in a namespace; `xml:lang` is in [`ns::XML`](crate::ns::XML).
    pub fn attr_ns(&self, ns: &str, name: &str) -> Option<&str> {
        self.attrs
            .iter()
            .find(|a| a.name == name && a.ns() == ns)
            .map(Attribute::value)
    }

    /// All attributes in the order of the document.
    pub fn attrs(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.attrs.iter()
    }

    /// Sets an attribute in no namespace; replaces its value if it is there.
    pub fn set_attr(&mut self, name: &str, value: &str) {
        self.set_attr_ns("", name, value);
    }

    /// Sets an attribute in a namespace; replaces its value if it is there.
    pub fn set_attr_ns(&mut self, ns: &str, name: &str, value: &str) {
        match self
            .attrs
            .iter_mut()
            .find(|a| a.name == name && a.ns() == ns)
        {
            Some(attr) => attr.value = value.into(),
            None => self.attrs.push(Attribute::new(ns, name, value)),
        }
    }

    /// Removes an attribute in no namespace and returns its value.
    pub fn remove_attr(&mut self, name: &str) -> Option<String> {
        self.remove_attr_ns("", name)
    }

    /// Removes an attribute in a namespace and returns its value.
    pub fn remove_attr_ns(&mut self, ns: &str, name: &str) -> Option<String> {
        let at = self
            .attrs
            .iter()
            .position(|a| a.name == name && a.ns() == ns)?;
        Some(self.attrs.remove(at).value.into_string())
    }

    /// The same element with an attribute set.
    pub fn with_attr(mut self, name: &str, value: &str) -> Self {
        self.set_attr(name, value);
        self
    }

    /// The same element with an attribute in a namespace set.
    pub fn with_attr_ns(mut self, ns: &str, name: &str, value: &str) -> Self {
        self.set_attr_ns(ns, name, value);
        self
    }

    /// The same element with one more child.
    pub fn with_child(mut self, child: Element) -> Self {
        self.nodes.push(Node::Element(child));
        self
    }

    /// The same element with more text.
    pub fn with_text(mut self, text: &str) -> Self {
        self.push(Node::Text(text.to_owned()));
        self
    }

    /// Appends a node. Text is joined to text before it, and empty text is dropped, as the parser does.
    pub fn push(&mut self, node: Node) {
        match (node, self.nodes.last_mut()) {
            (Node::Text(more), Some(Node::Text(text))) => text.push_str(&more),
            (Node::Text(text), _) if text.is_empty() => {}
            (node, _) => self.nodes.push(node),
        }
    }

    /// The children, elements and text.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The children, to be changed. Whoever leaves two text nodes side by side gets one back from a parser.
    pub fn nodes_mut(&mut self) -> &mut Vec<Node> {
        &mut self.nodes
    }

    /// The child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(Node::as_element)
    }

    /// The first child element with this name.
    pub fn child(&self, ns: &str, name: &str) -> Option<&Element> {
        self.elements().find(|e| e.is(ns, name))
    }

    /// The text directly inside, concatenated.
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.nodes.iter().filter_map(Node::as_text);
        let first = texts.next().unwrap_or_default();
        match texts.next() {
            None => Cow::Borrowed(first),
            Some(second) => Cow::Owned([first, second].into_iter().chain(texts).collect()),
        }
    }

    /// Whether dropping the children would recurse deeper than a few levels.
    fn is_deep(&self) -> bool {
        self.elements().any(|a| {
            a.elements()
                .any(|b| b.elements().any(|c| !c.nodes.is_empty()))
        })
    }

    fn same_head(&self, other: &Self) -> bool {
        if self.name != other.name || self.ns != other.ns || self.attrs.len() != other.attrs.len() {
            return false;
        }
        if self.attrs == other.attrs {
            return true;
        }
        // The order of attributes means nothing (XML §3.1).
        fn sorted(attrs: &[Attribute]) -> Vec<(&str, &str, &str)> {
            let mut all: Vec<_> = attrs
                .iter()
                .map(|a| (a.ns(), a.name(), a.value()))
                .collect();
            all.sort_unstable();
            all
        }
        sorted(&self.attrs) == sorted(&other.attrs)
    }
}

impl Node {
    /// The element, if it is one.
    pub fn as_element(&self) -> Option<&Element> {
        match self {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        }
    }

    /// The text, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            Node::Element(_) => None,
        }
    }
}

impl From<Element> for Node {
    fn from(element: Element) -> Self {
        Node::Element(element)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Element(element) => element.fmt(f),
            Node::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl Drop for Element {
    fn drop(&mut self) {
        if !self.is_deep() {
            return;
        }
        let mut rest = std::mem::take(&mut self.nodes);
        while let Some(node) = rest.pop() {
            if let Node::Element(mut element) = node
                && element.is_deep()
            {
                rest.append(&mut element.nodes);
            }
        }
    }
}

impl Clone for Element {
    fn clone(&self) -> Self {
        fn head(element: &Element) -> Element {
            Element {
                ns: element.ns.clone(),
                name: element.name.clone(),
                prefix: element.prefix.clone(),
                attrs: element.attrs.clone(),
                nodes: Vec::with_capacity(element.nodes.len()),
            }
        }
        let mut open = vec![(head(self), self.nodes.iter())];
        loop {
            let (copy, rest) = open
                .last_mut()
                .expect("the root stays until it is returned");
            match rest.next() {
                Some(Node::Text(text)) => copy.nodes.push(Node::Text(text.clone())),
                Some(Node::Element(child)) => open.push((head(child), child.nodes.iter())),
                None => {
                    let (done, _) = open.pop().expect("it was just seen");
                    match open.last_mut() {
                        Some((parent, _)) => parent.nodes.push(Node::Element(done)),
                        None => return done,
                    }
                }
            }
        }
    }
}

/// Namespaces, names, attributes in any order, and children. Prefixes do not count.
impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        let mut open = vec![(self, other)];
        while let Some((a, b)) = open.pop() {
            if !a.same_head(b) || a.nodes.len() != b.nodes.len() {
                return false;
            }
            for pair in a.nodes.iter().zip(&b.nodes) {
                match pair {
                    (Node::Text(a), Node::Text(b)) if a == b => {}
                    (Node::Element(a), Node::Element(b)) => open.push((a, b)),
                    _ => return false,
                }
            }
        }
        true
    }
}

impl Eq for Element {}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
