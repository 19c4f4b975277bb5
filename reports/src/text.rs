//! Text that targets had a hand in, made harmless and readable.

use std::fmt::Write as _;

use crate::model::{Content, Entry};

/// Characters that would act on a terminal or a reader instead of being seen: controls, and those that turn the direction
/// of what follows or hide.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn push_visible(out: &mut String, c: char, lines: bool) {
    match c {
        '\n' | '\t' if lines => out.push(c),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_ascii_control() => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c if is_invisible(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// One line: everything that cannot be seen is written as an escape, line ends too.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_visible(&mut out, c, false);
    }
    out
}

/// The same, but lines stay lines.
pub(crate) fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_visible(&mut out, c, true);
    }
    out
}

/// The bytes on one line, those that are not UTF-8 as `\xNN`.
pub(crate) fn content(content: &Content) -> String {
    let mut out = String::new();
    for chunk in content.bytes().utf8_chunks() {
        out.push_str(&line(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// What an entry of a transcript says: the bytes on one line, of a packet the message in lines.
pub(crate) fn entry(entry: &Entry) -> String {
    match &entry.packet {
        None => content(&entry.content),
        Some(packet) => format!(
            "{} > {}, IP TTL {}\n{}",
            line(&packet.source),
            line(&packet.destination),
            packet.ttl,
            lines(&packet.text)
        ),
    }
}

/// At most so many characters from the beginning; says how many bytes are left out.
pub(crate) fn head(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} more bytes)", &text[..end], text.len() - end),
    }
}

/// Whether a text says what another one says, however either is broken into lines.
pub(crate) fn says(text: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    words(text).contains(&words(other))
}

/// `1 case`, `2 cases`.
pub(crate) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// Milliseconds as people read them: `812 ms`, `3.4 s`, `2 min 5 s`.
pub(crate) fn duration(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts() {
        assert_eq!(line("a\x1b[31m\r\n\0é"), "a\\x1b[31m\\r\\n\\x00é");
        assert_eq!(line("\u{202e}x\u{9b}"), "\\u{202e}x\\u{9b}");
        assert_eq!(lines("a\n\tb\x07"), "a\n\tb\\x07");
        assert_eq!(
            content(&Content::new(b"<a>\xff\xfe</a>")),
            "<a>\\xff\\xfe</a>"
        );
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(head("ééé", 2), "éé… (2 more bytes)");
        assert_eq!(head("ééé", 3), "ééé");
    }

    #[test]
    fn lines_do_not_matter() {
        assert!(says("  = note: <a>\n       <b/>", "<a>\n\t<b/>"));
        assert!(!says("<a><b/>", "<a> <b/>"));
        assert!(says("x", ""));
    }

    #[test]
    fn times() {
        assert_eq!(duration(7), "7 ms");
        assert_eq!(duration(3450), "3.4 s");
        assert_eq!(duration(125_000), "2 min 5 s");
    }
}
