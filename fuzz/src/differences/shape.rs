//! The shape of a document: its markup without the values of bytes. Two small documents that show a difference for the same
//! reason have the same shape nearly always.

/// Words that matter; all others are one.
const WORDS: &[&str] = &[
    "xmlns",
    "xml",
    "version",
    "encoding",
    "standalone",
    "CDATA",
    "DOCTYPE",
    "ENTITY",
    "ATTLIST",
    "SYSTEM",
    "PUBLIC",
    "lt",
    "gt",
    "amp",
    "apos",
    "quot",
];

/// The shape of a document. Names are `a`, numbers of references `#1` and `#x1`, characters of several bytes `é`, of four `𐀀`;
/// what is repeated stands there once.
#[must_use]
pub fn shape(bytes: &[u8]) -> String {
    let mut out = String::new();
    let (mut is_tag, mut is_value) = (false, false);
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            match c {
                '<' | '>' if !is_value => is_tag = c == '<',
                '\'' | '"' if is_tag => is_value = !is_value,
                _ => {}
            }
            // In a value nothing separates words: it may be a namespace name.
            let is_word = |c: char| {
                c.is_ascii_alphanumeric() || c == '_' || (is_value && "-./:?=".contains(c))
            };
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let word = &rest[..length];
            let unit = match c {
                _ if out.ends_with("&#") && word.starts_with('x') => "x1",
                _ if out.ends_with("&#") && !word.is_empty() => "1",
                _ if WORDS.contains(&word) => word,
                _ if !word.is_empty() => "a",
                '"' => "'",
                '\r' | '\n' | '\t' | '\0' => &rest[..1],
                ..='\u{1f}' => "\u{1}",
                ..='\u{7e}' => &rest[..1],
                '\u{feff}' => "\u{feff}",
                '\u{fffe}' | '\u{ffff}' => "\u{ffff}",
                ..='\u{ffff}' => "é",
                _ => "𐀀",
            };
            if !out.ends_with(unit) || "<-]!?/:&".contains(unit) {
                out.push_str(unit);
            }
            rest = &rest[word.len().max(c.len_utf8())..];
        }
        if !chunk.invalid().is_empty() && !out.ends_with('\u{fffd}') {
            out.push('\u{fffd}');
        }
    }
    out.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_matter_and_markup_does() {
        let same = |a: &str, b: &str| shape(a.as_bytes()) == shape(b.as_bytes());
        assert!(same("<a b='c'/>", "<message to=\"romeo\"/>"));
        assert!(same("<a>&#9;</a>", "<b>&#10;</b>"));
        assert!(same(
            "<a xmlns='urn:x'/>",
            "<b xmlns='http://x.example/-y'/>"
        ));
        assert!(same("<a>\u{e9}</a>", "<b>\u{2028}\u{e9}</b>"));
        for (a, b) in [
            ("<a>\r</a>", "<a>\n</a>"),
            ("<a>&#9;</a>", "<a>&#x9;</a>"),
            ("<a>&lt;</a>", "<a>&b;</a>"),
            ("<a b=''/>", "<a xmlns=''/>"),
            ("<a>\0</a>", "<a>\u{1}</a>"),
            ("<a>\u{1}</a>", "<a b='\u{1}'/>"),
            ("<!----><a/>", "<a/><!---->"),
        ] {
            assert!(!same(a, b), "{a:?} {b:?}");
        }
        assert_eq!(shape(b"<a>\xc0\x80</a>"), "<a>\u{fffd}</a>");
    }
}
