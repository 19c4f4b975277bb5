//! Which names are captured where, and whether anything uses them.

use std::collections::{BTreeMap, HashMap};

use crate::Span;
use crate::bindings::{closing, repetition};
use crate::diagnostic::Diagnostic;
use crate::script::{Action, Script};
use crate::text::Template;

/// How a capture begins.
const WRITTEN: [&str; 2] = ["{capture:", "{scansion:capture:"];

#[derive(Debug, Default)]
pub(super) struct Captures {
    /// Where each name is captured for the first time, in the order of the script.
    places: BTreeMap<String, Span>,
    /// The last step that uses a name.
    uses: HashMap<String, usize>,
    /// A name is made from another one: nobody can say what is used.
    dynamic: bool,
    /// The captures that were reached, and in which step.
    reached: Vec<(String, Span, usize)>,
    step: usize,
}

impl Captures {
    /// Reads what a script captures and uses.
    pub(super) fn of(script: &Script) -> Captures {
        let mut captures = Captures::default();
        for (index, step) in script.steps.iter().enumerate() {
            match &step.action {
                Action::Receive { body, .. }
                | Action::ReceiveStreamError { body }
                | Action::Hear { body, .. }
                | Action::See { body, .. } => {
                    captures.find(body);
                    captures.uses_of(body, index);
                }
                Action::Send(body) | Action::Multicast(body) => captures.uses_of(body, index),
                Action::SendBytes(pieces) => {
                    for piece in pieces {
                        captures.uses_of(&piece.line, index);
                    }
                }
                action => {
                    for property in action.props().into_iter().flat_map(|props| props.iter()) {
                        captures.uses_of(&property.value, index);
                    }
                }
            }
        }
        captures
    }

    fn find(&mut self, body: &Template) {
        for written in WRITTEN {
            for (at, _) in body.match_indices(written) {
                let from = at + written.len();
                if let Some(length) = body[from..].find('}') {
                    let name = body[from..from + length].trim().to_owned();
                    let span = body.locate(at..from + length + 1);
                    self.places.entry(name).or_insert(span);
                }
            }
        }
    }

    fn uses_of(&mut self, text: &str, step: usize) {
        let mut at = 0;
        while let Some(found) = text[at..].find("${") {
            let open = at + found;
            let Some(close) = closing(text, open) else {
                return;
            };
            let inside = &text[open + 2..close];
            let (plain, is_name) = match (inside.strip_prefix("base64:"), repetition(inside)) {
                (Some(text), _) | (None, Some((text, _))) => (text, false),
                (None, None) => (inside, true),
            };
            if plain.contains("${") {
                self.dynamic |= is_name;
                self.uses_of(plain, step);
            } else if is_name {
                self.uses.insert(plain.trim().to_owned(), step);
            }
            at = close + 1;
        }
    }

    /// The step that is looked at.
    pub(super) fn now(&mut self, step: usize) {
        self.step = step;
    }

    /// The step captures this.
    pub(super) fn captured(&mut self, name: &str, span: Span) {
        self.reached.push((name.to_owned(), span, self.step));
    }

    /// Where a name is captured for the first time.
    pub(super) fn place(&self, name: &str) -> Option<Span> {
        self.places.get(name).cloned()
    }

    /// All names that are captured somewhere.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Reports those that nothing uses afterwards.
    pub(super) fn unused(&self, diagnostics: &mut Vec<Diagnostic>) {
        if self.dynamic {
            return;
        }
        for (name, span, step) in &self.reached {
            if self.uses.get(name).is_none_or(|last| last <= step) {
                let diagnostic = Diagnostic::warning(format!(
                    "`{name}` is captured and never used"
                ))
                .label(span.clone(), "")
                .help(format!(
                    "`${{{name}}}` in a later step is its value; `{{any}}` is there without a name"
                ));
                diagnostics.push(diagnostic);
            }
        }
    }
}
