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
static BUILT_IN: LazyLock<[Arc<str>; 2]> = LazyLock::new(|| [Arc::from(""), Arc::from(XML_NS)]);

/// With more prefixes in scope than this, a map finds them: looking through them all would make the cost of many
/// declarations quadratic.
const LINEAR: usize = 12;

/// The declarations in scope.
#[derive(Debug)]
pub(super) struct Names {
    uris: Vec<Arc<str>>,
    bindings: Vec<Binding>,
    /// The prefixes of `bindings`, one after the other.
    prefixes: String,
    default: Uri,
    /// For each prefix its bindings, innermost last; kept only while there are more than `LINEAR`.
    index: HashMap<Box<str>, Vec<Uri>>,
    /// Streams declare the same few namespaces again and again; this saves making each of them anew. Empty until there is
    /// one, because most parsers read little.
    cache: Vec<Option<Arc<str>>>,
}

#[derive(Debug)]
struct Binding {
    start: usize,
    uri: Uri,
}

/// What to go back to when an element ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    uris: usize,
    bindings: usize,
    default: Uri,
}

impl Names {
    const CACHE: usize = 16;

    pub(super) fn new() -> Self {
        Names {
            uris: BUILT_IN.to_vec(),
            bindings: Vec::new(),
            prefixes: String::new(),
            default: NO_NS,
            index: HashMap::new(),
            cache: Vec::new(),
        }
    }

    pub(super) fn uri(&self, uri: Uri) -> &Arc<str> {
        &self.uris[uri as usize]
    }

    pub(super) fn default(&self) -> Uri {
        self.default
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            uris: self.uris.len(),
            bindings: self.bindings.len(),
            default: self.default,
        }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        self.default = mark.default;
        if self.uris.len() == mark.uris {
            return;
        }
        self.uris.truncate(mark.uris);
        while self.bindings.len() > mark.bindings {
            let binding = self
                .bindings
                .pop()
                .expect("there are more than the mark has");
            if self.bindings.len() >= LINEAR
                && let Some(stack) = self.index.get_mut(&self.prefixes[binding.start..])
            {
                stack.pop();
                if stack.is_empty() {
                    self.index.remove(&self.prefixes[binding.start..]);
                }
            }
            self.prefixes.truncate(binding.start);
        }
        if self.bindings.len() <= LINEAR {
            self.index.clear();
        }
    }

    /// Enters a declaration. `prefix` is empty for the default namespace.
    pub(super) fn declare(&mut self, prefix: &str, uri: &str) -> Result<(), Rule> {
        match prefix {
            "xmlns" => return Err(Rule::ReservedPrefix),
            "xml" if uri != XML_NS => return Err(Rule::ReservedPrefix),
            "xml" => return Ok(()),
            _ if uri == XML_NS || uri == XMLNS_NS => return Err(Rule::ReservedNamespace),
            "" if uri.is_empty() => {
                self.default = NO_NS;
                return Ok(());
            }
            _ if uri.is_empty() => return Err(Rule::EmptyNamespace),
            _ => {}
        }
        let id = self.uris.len() as Uri;
        let shared = self.shared(uri);
        self.uris.push(shared);
        if prefix.is_empty() {
            self.default = id;
            return Ok(());
        }
        self.bindings.push(Binding {
            start: self.prefixes.len(),
            uri: id,
        });
        self.prefixes.push_str(prefix);
        if self.bindings.len() > LINEAR {
            if self.index.is_empty() {
                for at in 0..self.bindings.len() {
                    let known: Box<str> = self.prefix(at).into();
                    self.index
                        .entry(known)
                        .or_default()
                        .push(self.bindings[at].uri);
                }
            } else {
                self.index.entry(prefix.into()).or_default().push(id);
            }
        }
        Ok(())
    }

    /// What a prefix is bound to.
    pub(super) fn resolve(&self, prefix: &str) -> Option<Uri> {
        if prefix == "xml" {
            return Some(XML);
        }
        if self.bindings.len() > LINEAR {
            return self.index.get(prefix)?.last().copied();
        }
        (0..self.bindings.len())
            .rev()
            .find(|&at| self.prefix(at) == prefix)
            .map(|at| self.bindings[at].uri)
    }

    /// The declarations made since `mark`: prefix and name.
    pub(super) fn since(&self, mark: Mark) -> impl Iterator<Item = (&str, &str)> {
        (mark.bindings..self.bindings.len())
            .map(|at| (self.prefix(at), &**self.uri(self.bindings[at].uri)))
    }

    fn prefix(&self, at: usize) -> &str {
        let end = self
            .bindings
            .get(at + 1)
            .map_or(self.prefixes.len(), |next| next.start);
        &self.prefixes[self.bindings[at].start..end]
    }

    fn shared(&mut self, uri: &str) -> Arc<str> {
        // The ends of names differ most.
        let end = uri
            .as_bytes()
            .last_chunk()
            .map_or(0, |end| u64::from_le_bytes(*end));
        let hash = (end ^ uri.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let hash = hash as usize;
        if self.cache.is_empty() {
            self.cache.resize(Self::CACHE, None);
        }
        let slot = &mut self.cache[hash % Self::CACHE];
        match slot {
            Some(known) if **known == *uri => known.clone(),
            _ => slot.insert(Arc::from(uri)).clone(),
        }
    }
}
