//! A printed form of events in which two readers can be compared.

use std::fmt::Write;

use super::{Event, Limits, Mode, Reader, Start, XmlError};

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
        Event::Start(start) => Some(start_line(start)),
        Event::Text(text) => {
            let mut line = String::with_capacity(text.len() + 7);
            line.push_str("text ");
            quote(text, &mut line);
            Some(line)
        }
        Event::End(end) => {
            let mut line = String::from("end ");
            qualified(end.ns(), end.name(), &mut line);
            Some(line)
        }
    }
}

fn start_line(start: &Start<'_>) -> String {
    let mut line = String::from("start ");
    qualified(start.ns(), start.name(), &mut line);
    let mut attrs: Vec<_> = start.attrs().collect();
    attrs.sort_unstable_by_key(|a| (a.ns(), a.name()));
    for attr in attrs {
        line.push(' ');
        match attr.ns() {
            "" => line.push_str(attr.name()),
            ns => qualified(ns, attr.name(), &mut line),
        }
        line.push('=');
        quote(attr.value(), &mut line);
    }
    line
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

/// Writes text such that it takes one line and `end` ends it.
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
