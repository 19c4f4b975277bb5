//! The declarations that hold at some place of the output.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::ns::XML as XML_NS;

/// With more prefixes in scope than this, maps find them, as when reading: looking through them all would make the
/// cost of a deep element quadratic.
const LINEAR: usize = 12;

#[derive(Default)]
pub(super) struct Scope<'a> {
    /// The default namespace.
    pub(super) default: &'a str,
    prefixes: Vec<(Cow<'a, str>, &'a str)>,
    /// Where in `prefixes` each prefix and each namespace is, innermost last; kept only while there are more than
    /// `LINEAR`.
    by_prefix: HashMap<Cow<'a, str>, Vec<usize>>,
    by_ns: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(default: &'a str) -> Self {
        Scope {
            default,
            ..Scope::default()
        }
    }

    /// How many declarations of prefixes hold.
    pub(super) fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// The prefixes declared since there were so many.
    pub(super) fn since(&self, len: usize) -> impl Iterator<Item = &str> {
        self.prefixes[len..].iter().map(|(prefix, _)| &**prefix)
    }

    pub(super) fn declare(&mut self, prefix: Cow<'a, str>, ns: &'a str) {
        self.prefixes.push((prefix, ns));
        if self.prefixes.len() > LINEAR {
            let from = if self.by_ns.is_empty() {
                0
            } else {
                self.len() - 1
            };
            for at in from..self.prefixes.len() {
                let (prefix, ns) = &self.prefixes[at];
                self.by_prefix.entry(prefix.clone()).or_default().push(at);
                self.by_ns.entry(ns).or_default().push(at);
            }
        }
    }

    /// Goes back to where so many declarations of prefixes held.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.prefixes.len() > len {
            let indexed = self.prefixes.len() > LINEAR;
            if let (true, Some((prefix, ns))) = (indexed, self.prefixes.pop()) {
                if let Some(places) = self.by_prefix.get_mut(&prefix) {
                    places.pop();
                }
                if let Some(places) = self.by_ns.get_mut(ns) {
                    places.pop();
                }
            }
        }
        if self.prefixes.len() <= LINEAR {
            self.by_prefix.clear();
            self.by_ns.clear();
        }
    }

    /// What a prefix is bound to.
    pub(super) fn lookup(&self, prefix: &str) -> Option<&'a str> {
        if prefix == "xml" {
            return Some(XML_NS);
        }
        if self.prefixes.len() > LINEAR {
            let at = *self.by_prefix.get(prefix)?.last()?;
            return Some(self.prefixes[at].1);
        }
        let mut inner = self.prefixes.iter().rev();
        inner.find(|(p, _)| *p == prefix).map(|(_, ns)| *ns)
    }

    /// A prefix that is bound to `ns` here and not hidden by an inner declaration.
    pub(super) fn prefix_of(&self, ns: &str) -> Option<Cow<'a, str>> {
        let visible =
            |(prefix, n): &&(Cow<'a, str>, &str)| *n == ns && self.lookup(prefix) == Some(ns);
        let found = if ns == XML_NS {
            return Some("xml".into());
        } else if self.prefixes.len() > LINEAR {
            let places = self.by_ns.get(ns)?.iter().rev();
            places.map(|at| &self.prefixes[*at]).find(visible)
        } else {
            self.prefixes.iter().rev().find(visible)
        };
        found.map(|(prefix, _)| prefix.clone())
    }
}
