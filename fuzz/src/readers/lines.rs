//! Canonical lines for readers that are not ours.

use xmppspec_protocol::xml::{end_line, start_line, text_line};

/// The lines of a document while it is read. Adjacent text becomes one line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<String>,
    text: String,
    open: Vec<String>,
}

impl Lines {
    pub(super) fn start<'a>(
        &mut self,
        ns: &str,
        name: &str,
        attrs: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
    ) {
        self.end_text();
        self.lines.push(start_line(ns, name, attrs));
        self.open.push(end_line(ns, name));
    }

    /// Text inside the root; what stands outside of it is no event.
    pub(super) fn text(&mut self, text: &str) {
        if !self.open.is_empty() {
            self.text.push_str(text);
        }
    }

    pub(super) fn end(&mut self) {
        self.end_text();
        self.lines.extend(self.open.pop());
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.lines.push(text_line(&self.text));
            self.text.clear();
        }
    }

    pub(super) fn into_lines(mut self) -> Vec<String> {
        self.end_text();
        self.lines
    }
}
