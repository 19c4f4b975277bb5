//! Canonical lines made by hand, for readers that are not ours.

use std::fmt::Write;

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
        let mut attrs: Vec<_> = attrs.into_iter().collect();
        attrs.sort_unstable();
        let mut line = String::from("start ");
        qualified(ns, name, &mut line);
        for (ns, name, value) in attrs {
            line.push(' ');
            if ns.is_empty() {
                line.push_str(name);
            } else {
                qualified(ns, name, &mut line);
            }
            line.push('=');
            quote(value, &mut line);
        }
        self.lines.push(line);
        let mut end = String::from("end ");
        qualified(ns, name, &mut end);
        self.open.push(end);
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
            let mut line = String::with_capacity(self.text.len() + 7);
            line.push_str("text ");
            quote(&self.text, &mut line);
            self.lines.push(line);
            self.text.clear();
        }
    }

    pub(super) fn into_lines(mut self) -> Vec<String> {
        self.end_text();
        self.lines
    }
}

fn qualified(ns: &str, name: &str, out: &mut String) {
    out.push('{');
    escape(ns, '}', out);
    out.push('}');
    out.push_str(name);
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    escape(text, '"', out);
    out.push('"');
}

fn escape(text: &str, end: char, out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == end || c == '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
}
