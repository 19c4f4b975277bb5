//! Building elements from events.

use compact_str::CompactString;

use super::{Attribute, Element, Node, Qualified};
use crate::xml::{Attr, Event, Limits, Mode, Reader, Start, XmlError};

impl Element {
    /// Reads one whole element, strictly; a declaration before it and whitespace around it are allowed. The limits are
    /// those of [`Limits::NONE`]: the bytes are there already.
    ///
    /// # Errors
    /// The first rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Element, XmlError> {
        let mut reader = Reader::new(bytes, Mode::Element, Limits::NONE);
        let mut all = read_all(&mut reader)?;
        Ok(all
            .pop()
            .expect("a document that was read to its end has a root"))
    }

    /// Reads sibling elements, strictly, inside a scope where prefixes and a default namespace are declared already.
    /// Between them may be whitespace, which is dropped.
    ///
    /// # Errors
    /// The first rule that the bytes break; a declaration that may not be made is an error at offset 0.
    pub fn parse_fragment(
        bytes: &[u8],
        declared: &[(&str, &str)],
        default_ns: &str,
    ) -> Result<Vec<Element>, XmlError> {
        read_all(&mut Reader::fragment(bytes, declared, default_ns)?)
    }

    pub(crate) fn from_start(start: &Start<'_>) -> Element {
        let prefix = start.prefix();
        Element {
            ns: start.shared_ns().clone(),
            name: CompactString::new(start.name()),
            prefix: (!prefix.is_empty()).then(|| prefix.into()),
            attrs: start.attrs().map(Attribute::from).collect(),
            nodes: Vec::new(),
        }
    }
}

impl From<Attr<'_>> for Attribute {
    fn from(attr: Attr<'_>) -> Self {
        let prefix = attr.prefix();
        let qualified = (!prefix.is_empty()).then(|| {
            Box::new(Qualified {
                ns: attr.shared_ns().clone(),
                prefix: Some(prefix.into()),
            })
        });
        Attribute {
            name: CompactString::new(attr.name()),
            value: CompactString::new(attr.value()),
            qualified,
        }
    }
}

fn read_all(reader: &mut Reader<'_>) -> Result<Vec<Element>, XmlError> {
    let (mut builder, mut all) = (Builder::default(), Vec::new());
    while let Some(event) = reader.next()? {
        all.extend(builder.add(&event));
    }
    Ok(all)
}

/// Puts events together.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    open: Vec<Element>,
}

impl Builder {
    /// Adds an event; gives the outermost element when it is complete.
    pub(crate) fn add(&mut self, event: &Event<'_>) -> Option<Element> {
        match event {
            Event::Declaration(_) => {}
            Event::Start(start) => self.open.push(Element::from_start(start)),
            Event::Text(text) => {
                if let Some(parent) = self.open.last_mut() {
                    parent.nodes.push(Node::Text((*text).to_owned()));
                }
            }
            Event::End(_) => {
                let done = self.open.pop()?;
                match self.open.last_mut() {
                    Some(parent) => parent.nodes.push(Node::Element(done)),
                    None => return Some(done),
                }
            }
        }
        None
    }

    /// Whether no element is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
