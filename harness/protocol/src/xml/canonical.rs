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
/// `\n`, `\r`, `\t` and, for the other control characters, `\u{7f}` stand for a character. An XML declaration and
/// whitespace outside the root are not events.
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
        Event::End(end) => Some(format!("end {{{}}}{}", end.ns(), end.name())),
    }
}

fn start_line(start: &Start<'_>) -> String {
    let mut line = format!("start {{{}}}{}", start.ns(), start.name());
    let mut attrs: Vec<_> = start.attrs().collect();
    attrs.sort_unstable_by_key(|a| (a.ns(), a.name()));
    for attr in attrs {
        line.push(' ');
        if !attr.ns().is_empty() {
            let _ = write!(line, "{{{}}}", attr.ns());
        }
        line.push_str(attr.name());
        line.push('=');
        quote(attr.value(), &mut line);
    }
    line
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
