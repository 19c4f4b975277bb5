//! The words of the specifications: the sections of the RFCs, and the sentence of each requirement.
//!
//! The RFCs are here as they were published, whole and unmodified, as the IETF Trust's Legal Provisions allow
//! (<https://trustee.ietf.org/license-info>, section 3.c).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::rows;

/// What stands between two pieces of a quote: something is left out there.
pub const LEFT_OUT: &str = " […] ";

const DOCUMENTS: [(&str, &str); 4] = [
    (
        "RFC6120",
        include_str!("../../requirements/rfc/rfc6120.txt"),
    ),
    (
        "RFC6121",
        include_str!("../../requirements/rfc/rfc6121.txt"),
    ),
    (
        "RFC7590",
        include_str!("../../requirements/rfc/rfc7590.txt"),
    ),
    (
        "RFC7622",
        include_str!("../../requirements/rfc/rfc7622.txt"),
    ),
];

static QUOTES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let table = rows(include_str!("../../requirements/quotes.tsv"));
    let pair = |row: Vec<&'static str>| match row[..] {
        [id, quote] => Some((id, quote)),
        _ => None,
    };
    table.filter_map(pair).collect()
});

/// The words that a requirement comes from, where one sentence of its section (or an item of a list with the sentence above
/// the list) says it: verbatim but for line breaks, and for what [`LEFT_OUT`] marks.
#[must_use]
pub fn quote(id: &str) -> Option<&'static str> {
    QUOTES.get(id).copied()
}

/// The text of a section without its subsections, as it is laid out there, without the breaks between pages; `None` for
/// documents that are not at hand.
#[must_use]
pub fn section_text(spec: &str, section: &str) -> Option<String> {
    let (_, document) = DOCUMENTS.iter().find(|(name, _)| *name == spec)?;
    let mut lines = document.lines().map(str::trim_end);
    let heading = lines.find(|line| number(line) == Some(section))?;
    let mut text = vec![heading];
    let mut at_break = false;
    for line in lines {
        if is_between_pages(line) {
            while text.last().is_some_and(|line| line.is_empty()) {
                text.pop();
            }
            at_break = true;
        } else if !line.is_empty() && !line.starts_with(' ') {
            // The next heading, or what comes behind all sections.
            break;
        } else if !(line.is_empty() && at_break) {
            // A paragraph may go on on the next page.
            let ends = |line: &&str| line.ends_with(['.', ':', ';', '!', '?', '>', ')', '|', '+']);
            if at_break && text.last().is_none_or(ends) {
                text.push("");
            }
            at_break = false;
            text.push(line);
        }
    }
    while text.last().is_some_and(|line| line.is_empty()) {
        text.pop();
    }
    Some(text.join("\n"))
}

/// The number in a heading: headings begin at the margin, the table of contents does not.
fn number(line: &str) -> Option<&str> {
    let line = line.strip_prefix("Appendix ").unwrap_or(line);
    let (number, title) = line.split_once("  ")?;
    let number = number.strip_suffix('.')?;
    let is_number = number.starts_with(|c: char| c.is_ascii_alphanumeric())
        && number.split('.').all(|part| {
            !part.is_empty() && part.len() <= 2 && part.chars().all(|c| c.is_ascii_alphanumeric())
        });
    (is_number && !title.is_empty()).then_some(number)
}

/// The foot of a page, the form feed behind it, and the head of the next one.
fn is_between_pages(line: &str) -> bool {
    line.ends_with(']') && line.contains("[Page ")
        || line.starts_with('\x0c')
        || line.starts_with("RFC ") && line.contains("  ")
}

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    /// Without spaces: the quote does not keep the breaks, and words may be divided at a hyphen or a colon there.
    fn flat(text: &str) -> String {
        text.split_whitespace().collect()
    }

    #[test]
    fn every_quote_stands_in_its_section() {
        let mut count = 0;
        for requirement in all() {
            let Some(quote) = quote(requirement.id) else {
                continue;
            };
            let text = section_text(requirement.spec, requirement.section).unwrap();
            let text = flat(&text);
            for piece in quote.split(LEFT_OUT) {
                assert!(
                    text.contains(&flat(piece)),
                    "{}: {piece}\n{text}",
                    requirement.id
                );
            }
            count += 1;
        }
        assert_eq!(count, QUOTES.len());
        assert!(count > 850, "{count}");
    }

    #[test]
    fn every_section_of_the_catalogue_is_there() {
        let is_here = |spec: &str| DOCUMENTS.iter().any(|(name, _)| *name == spec);
        for requirement in all().iter().filter(|r| is_here(r.spec)) {
            let text = section_text(requirement.spec, requirement.section);
            assert!(
                text.is_some_and(|text| text.lines().count() > 1),
                "{}",
                requirement.id
            );
        }
    }

    #[test]
    fn sections_end_where_the_next_begins() {
        let text = section_text("RFC6120", "4.9.3.6").unwrap();
        assert!(
            text.starts_with("4.9.3.6.  host-unknown\n\n   The value of the 'to' attribute"),
            "{text}"
        );
        assert!(text.ends_with("</stream:stream>"), "{text}");
        assert!(
            !text.contains("[Page") && !text.contains('\x0c') && !text.contains("March 2011"),
            "{text}"
        );
        assert!(
            section_text("RFC6121", "A.2.1")
                .unwrap()
                .contains("EXISTING STATE")
        );
        assert_eq!(section_text("RFC6120", "99.9"), None);
        assert_eq!(section_text("XEP-0174", "3"), None);
    }
}
