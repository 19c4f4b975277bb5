//! A printed form of events in which two readers can be compared.

use std::fmt::Write;

use super::{Event, Limits, Mode, Reader, XmlError, chars};

/// Reads bytes to their end and prints the events, one a line, up to the first fault.
///
/// ```text
/// start {jabber:client}message to="a@example.org" {http://www.w3.org/XML/1998/namespace}lang="en"
/// text "two\nlines"
/// end {jabber:client}message
/// ```
///
/// Elements always have braces, empty ones if they are in no namespace; attributes in no namespace have none.
/// Attributes are sorted by namespace and name; declarations and prefixes are not shown. Text is unescaped, adjacent
/// text and CDATA sections are one line, empty text is none. Values and text are in double quotes, where `\"`, `\\`,
/// `\n`, `\r`, `\t` and, for the other control characters, `\u{7f}` stand for a character; in braces the same, with `\}`
/// and without `\"`. An XML declaration and whitespace outside the root are not events.
pub fn canonical(bytes: &[u8], mode: Mode, limits: Limits) -> (Vec<String>, Option<XmlError>) {
    let mut lines = Vec::new();
    let mut reader = Reader::new(bytes, mode, limits);
    loop {
        match reader.next() {
            Ok(Some(event)) => lines.extend(canonical_line(&event)),
            Ok(None) => return (lines, None),
            Err(error) => return (lines, Some(error)),
        }
    }
}

/// The line of [`canonical`] for an event, if it has one.
pub fn canonical_line(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Declaration(_) => None,
        Event::Start(start) => {
            let attrs = start.attrs().map(|a| (a.ns(), a.name(), a.value()));
            Some(start_line(start.ns(), start.name(), attrs))
        }
        Event::Text(text) => Some(text_line(text)),
        Event::End(end) => Some(end_line(end.ns(), end.name())),
    }
}

/// The line of [`canonical`] for the start of an element with these attributes: namespace, name, value of each, in any order.
pub fn start_line<'a>(
    ns: &str,
    name: &str,
    attrs: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
) -> String {
    let mut line = String::with_capacity(128);
    line.push_str("start ");
    qualified(ns, name, &mut line);
    let mut attrs: Vec<_> = attrs.into_iter().collect();
    attrs.sort_unstable();
    for (ns, name, value) in attrs {
        line.push(' ');
        match ns {
            "" => line.push_str(name),
            ns => qualified(ns, name, &mut line),
        }
        line.push('=');
        quote(value, &mut line);
    }
    line
}

/// The line of [`canonical`] for text.
pub fn text_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len() + 7);
    line.push_str("text ");
    quote(text, &mut line);
    line
}

/// The line of [`canonical`] for the end of an element.
pub fn end_line(ns: &str, name: &str) -> String {
    let mut line = String::with_capacity(ns.len() + name.len() + 6);
    line.push_str("end ");
    qualified(ns, name, &mut line);
    line
}

fn qualified(ns: &str, name: &str, out: &mut String) {
    out.push('{');
    escape(ns, b'}', out);
    out.push('}');
    out.push_str(name);
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    escape(text, b'"', out);
    out.push('"');
}

/// Writes text such that it takes one line and `end` ends it.
fn escape(text: &str, end: u8, out: &mut String) {
    // 0xc2 begins the control characters behind ASCII, and others.
    let stops = |b: u8| (b < 0x20) | (b == end) | (b == b'\\') | (b == 0x7f) | (b == 0xc2);
    let mut done = 0;
    loop {
        let at = chars::position(text.as_bytes(), done, stops);
        out.push_str(&text[done..at]);
        let Some(c) = text[at..].chars().next() else {
            return;
        };
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == char::from(end) || c == '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
        done = at + c.len_utf8();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_line_or_a_value_is_escaped() {
        let long = "a".repeat(40);
        let text = format!("{long}\n\r\t\\\"}}\u{1}\u{7f}\u{85}\u{a0}\u{e9}{long}");
        assert_eq!(
            text_line(&text),
            format!(
                "text \"{long}\\n\\r\\t\\\\\\\"}}\\u{{1}}\\u{{7f}}\\u{{85}}\u{a0}\u{e9}{long}\""
            )
        );
        assert_eq!(end_line("a}\"", "b"), "end {a\\}\"}b");
        assert_eq!(
            start_line("", "b", [("u", "x", "2"), ("", "y", "\n"), ("", "x", "")]),
            "start {}b x=\"\" y=\"\\n\" {u}x=\"2\""
        );
    }
}
