//! Namespaces: what is declared where, and what names resolve to (Namespaces in XML 1.0, 3rd edition).

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::Rule;
use crate::ns::{XML as XML_NS, XMLNS as XMLNS_NS};

/// An index of [`Names`]; stays valid while the element that declared it is open.
pub(super) type Uri = u32;
/// No namespace.
pub(super) const NO_NS: Uri = 0;
const XML: Uri = 1;
/// The names behind these two.
static BUILT_IN: LazyLock<[Arc<str>; BUILT_INS]> =
    LazyLock::new(|| [Arc::from(""), Arc::from(XML_NS)]);
const BUILT_INS: usize = 2;

/// With more declarations in scope than this, a map finds prefixes: looking through them all would make the cost of many
/// quadratic.
const LINEAR: usize = 12;

/// The number of the name that the binding at this place is to.
fn uri_of(at: usize) -> Uri {
    (at + BUILT_INS) as Uri
}

/// The declarations in scope.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The number of a name is its place here, behind those that are built in.
    bindings: Vec<Binding>,
    /// The prefixes of `bindings`, one after the other.
    prefixes: Vec<u8>,
    default: Uri,
    /// Made when there are more than `LINEAR`.
    index: Option<Box<Index>>,
}

/// For each prefix its bindings, innermost last.
type Index = HashMap<Box<[u8]>, Vec<Uri>>;

#[derive(Debug)]
struct Binding {
    uri: Arc<str>,
    /// Where its prefix begins; that of a default namespace is empty.
    start: usize,
}

/// What to go back to when an element ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    bindings: usize,
    default: Uri,
}

impl Names {
    pub(super) fn uri(&self, uri: Uri) -> &Arc<str> {
        let uri = uri as usize;
        match uri.checked_sub(BUILT_INS) {
            Some(declared) => &self.bindings[declared].uri,
            None => &BUILT_IN[uri],
        }
    }

    pub(super) fn default_ns(&self) -> Uri {
        self.default
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            bindings: self.bindings.len(),
            default: self.default,
        }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        self.default = mark.default;
        if self.bindings.len() == mark.bindings {
            return;
        }
        while self.bindings.len() > mark.bindings {
            let binding = self
                .bindings
                .pop()
                .expect("there are more than the mark has");
            let prefix = &self.prefixes[binding.start..];
            if let Some(index) = &mut self.index
                && !prefix.is_empty()
                && let Some(stack) = index.get_mut(prefix)
            {
                stack.pop();
                if stack.is_empty() {
                    index.remove(prefix);
                }
            }
            self.prefixes.truncate(binding.start);
        }
        // Not as soon as it could go: elements that come and go would make it again and again.
        if self.bindings.len() <= LINEAR / 2 {
            self.index = None;
        }
    }

    /// Enters a declaration. `prefix` is empty for the default namespace.
    pub(super) fn declare(&mut self, prefix: &[u8], uri: &[u8]) -> Result<(), Rule> {
        match prefix {
            b"xmlns" => return Err(Rule::ReservedPrefix),
            b"xml" if uri != XML_NS.as_bytes() => return Err(Rule::ReservedPrefix),
            b"xml" => return Ok(()),
            _ if uri == XML_NS.as_bytes() || uri == XMLNS_NS.as_bytes() => {
                return Err(Rule::ReservedNamespace);
            }
            b"" if uri.is_empty() => {
                self.default = NO_NS;
                return Ok(());
            }
            _ if uri.is_empty() => return Err(Rule::EmptyNamespace),
            _ => {}
        }
        let name = std::str::from_utf8(uri).expect("names were text");
        self.bindings.push(Binding {
            uri: Arc::from(name),
            start: self.prefixes.len(),
        });
        self.prefixes.extend_from_slice(prefix);
        if prefix.is_empty() {
            self.default = uri_of(self.bindings.len() - 1);
        }
        if self.index.is_some() || self.bindings.len() > LINEAR {
            // Those before this one are in it already, or come now.
            let first = match self.index {
                Some(_) => self.bindings.len() - 1,
                None => 0,
            };
            let mut index = self.index.take().unwrap_or_default();
            for at in first..self.bindings.len() {
                let prefix = self.prefix(at);
                if !prefix.is_empty() {
                    index.entry(prefix.into()).or_default().push(uri_of(at));
                }
            }
            self.index = Some(index);
        }
        Ok(())
    }

    /// What a prefix is bound to.
    pub(super) fn resolve(&self, prefix: &[u8]) -> Option<Uri> {
        if prefix == b"xml" {
            return Some(XML);
        }
        if let Some(index) = &self.index {
            return index.get(prefix)?.last().copied();
        }
        (0..self.bindings.len())
            .rev()
            .find(|&at| self.prefix(at) == prefix)
            .map(uri_of)
    }

    /// The declarations made since `mark`: prefix and name.
    pub(super) fn since(&self, mark: Mark) -> impl Iterator<Item = (&str, &str)> {
        (mark.bindings..self.bindings.len())
            .map(|at| {
                let prefix = std::str::from_utf8(self.prefix(at)).expect("prefixes were text");
                (prefix, &*self.bindings[at].uri)
            })
            .filter(|(prefix, _)| !prefix.is_empty())
    }

    fn prefix(&self, at: usize) -> &[u8] {
        let end = self
            .bindings
            .get(at + 1)
            .map_or(self.prefixes.len(), |next| next.start);
        &self.prefixes[self.bindings[at].start..end]
    }
}
