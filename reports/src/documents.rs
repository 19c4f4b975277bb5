//! The specifications that requirements come from: their names, chapters and addresses.

/// The number of a document of this series, however the series is joined to it: `RFC6120`, `RFC 6120`, `XEP-0174`.
fn number<'a>(spec: &'a str, series: &str) -> Option<&'a str> {
    let digits = spec.strip_prefix(series)?.trim_start_matches([' ', '-']);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// The name of a document as people write it: `RFC 6120`, `XEP-0174`.
pub(crate) fn name(spec: &str) -> String {
    match (number(spec, "RFC"), number(spec, "XEP")) {
        (Some(rfc), _) => format!("RFC {rfc}"),
        (_, Some(xep)) => format!("XEP-{xep}"),
        _ => spec.to_owned(),
    }
}

/// The chapter of a section: `4` of `4.9.3.6`, `A` of `A.2.1`.
pub(crate) fn chapter(section: &str) -> &str {
    let end = section.find(|c: char| !c.is_ascii_alphanumeric());
    &section[..end.unwrap_or(section.len())]
}

/// Where a section can be read.
pub(crate) fn link(spec: &str, section: &str) -> Option<String> {
    if let Some(rfc) = number(spec, "RFC") {
        // A section may have a remark after it: `8.1 (derived)`.
        let end = section.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        let section = &section[..end.unwrap_or(section.len())];
        let fragment = match section.chars().next() {
            Some('0'..='9') => format!("#section-{section}"),
            Some('A'..='Z') => format!("#appendix-{section}"),
            _ => String::new(),
        };
        return Some(format!("https://www.rfc-editor.org/rfc/rfc{rfc}{fragment}"));
    }
    number(spec, "XEP").map(|xep| format!("https://xmpp.org/extensions/xep-{xep}.html"))
}

/// The title of a chapter, as the document has it.
pub(crate) fn chapter_title(spec: &str, chapter: &str) -> Option<&'static str> {
    let titles: &[(&str, &str)] = match number(spec, "RFC")? {
        "6120" => &[
            ("3", "TCP Binding"),
            ("4", "XML Streams"),
            ("5", "STARTTLS Negotiation"),
            ("6", "SASL Negotiation"),
            ("7", "Resource Binding"),
            ("8", "XML Stanzas"),
            ("10", "Server Rules for Processing XML Stanzas"),
            ("11", "XML Usage"),
            ("12", "Internationalization Considerations"),
            ("13", "Security Considerations"),
        ],
        "6121" => &[
            ("2", "Managing the Roster"),
            ("3", "Managing Presence Subscriptions"),
            ("4", "Exchanging Presence Information"),
            ("5", "Exchanging Messages"),
            ("6", "Exchanging IQ Stanzas"),
            ("8", "Server Rules for Processing XML Stanzas"),
            ("11", "Security Considerations"),
            ("A", "Subscription States"),
        ],
        "6762" => &[
            ("5", "Querying"),
            ("6", "Responding"),
            ("7", "Traffic Reduction"),
            ("8", "Probing and Announcing on Startup"),
            ("9", "Conflict Resolution"),
            ("10", "Resource Record TTL Values and Cache Coherency"),
            ("11", "Source Address Check"),
            ("16", "Multicast DNS Character Set"),
            ("17", "Multicast DNS Message Size"),
            ("18", "Multicast DNS Message Format"),
        ],
        "6763" => &[
            ("4", "Service Instance Enumeration (Browsing)"),
            ("6", "Data Syntax for DNS-SD TXT Records"),
            ("9", "Service Type Enumeration"),
            ("12", "DNS Additional Record Generation"),
        ],
        "7590" => &[("3", "Recommendations")],
        "7622" => &[
            ("3", "Addresses"),
            ("4", "Enforcement in JIDs and JID Parts"),
            ("5", "Internationalization Considerations"),
        ],
        _ => return None,
    };
    let found = titles.iter().find(|(number, _)| *number == chapter);
    found.map(|(_, title)| *title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_chapters() {
        assert_eq!(name("RFC6120"), "RFC 6120");
        assert_eq!(name("XEP0174"), "XEP-0174");
        assert_eq!(name("<b>"), "<b>");
        assert_eq!(chapter("4.9.3.6"), "4");
        assert_eq!(chapter("10.2 (derived)"), "10");
        assert_eq!(chapter(""), "");
        assert_eq!(chapter_title("RFC 6120", "4"), Some("XML Streams"));
        assert_eq!(chapter_title("RFC6120", "99"), None);
    }

    #[test]
    fn links() {
        for (spec, section, end) in [
            ("RFC6120", "4.9.3.6", "/rfc6120#section-4.9.3.6"),
            ("RFC6121", "A.2.1", "/rfc6121#appendix-A.2.1"),
            ("RFC 6762", "8.1 (derived)", "/rfc6762#section-8.1"),
            ("RFC6120", "\" onclick=\"", "/rfc6120"),
            ("XEP-0174", "3", "/xep-0174.html"),
            ("XEP0174", "PUB", "/xep-0174.html"),
        ] {
            let link = link(spec, section).unwrap();
            assert!(link.ends_with(end), "{link}");
        }
        assert_eq!(link("javascript:alert(1)", "1"), None);
    }
}
