//! What reports say about a requirement besides its verdict.

/// The texts of a requirement. They come from outside, because results hold ids only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirementInfo<'a> {
    /// The document: `RFC6120`, `XEP-0174`.
    pub spec: &'a str,
    /// The section: `4.9.3.6`.
    pub section: &'a str,
    /// The level: `MUST`, `SHOULD NOT`, …
    pub level: &'a str,
    /// What is required, in one sentence.
    pub text: &'a str,
    /// The words of the specification, if they are at hand.
    pub quote: Option<&'a str>,
}

/// Finds the texts of the requirement with an id.
pub type RequirementTexts<'a> = &'a dyn Fn(&str) -> Option<RequirementInfo<'a>>;

impl<'a> RequirementInfo<'a> {
    /// What an id (`RFC6120-4.9.3.6-1`) tells by itself, for requirements that nobody has texts for.
    pub fn from_id(id: &'a str, level: &'a str) -> RequirementInfo<'a> {
        let (spec, section) = match id.split_once('-') {
            Some((spec, rest)) => (
                spec,
                rest.rsplit_once('-').map_or(rest, |(section, _)| section),
            ),
            None => (id, ""),
        };
        RequirementInfo {
            spec,
            section,
            level,
            text: "",
            quote: None,
        }
    }

    /// Where the section can be read.
    pub fn link(&self) -> Option<String> {
        if let Some(rfc) = number(self.spec, "RFC") {
            let fragment = match self.section {
                s if !is_plain(s) => String::new(),
                s if s.starts_with(|c: char| c.is_ascii_digit()) => format!("#section-{s}"),
                s if s.starts_with(|c: char| c.is_ascii_uppercase()) => format!("#appendix-{s}"),
                _ => String::new(),
            };
            return Some(format!("https://www.rfc-editor.org/rfc/rfc{rfc}{fragment}"));
        }
        number(self.spec, "XEP").map(|xep| format!("https://xmpp.org/extensions/xep-{xep}.html"))
    }
}

/// The number of a document of this series.
fn number<'a>(spec: &'a str, series: &str) -> Option<&'a str> {
    let digits = spec.strip_prefix(series)?.trim_start_matches('-');
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

fn is_plain(section: &str) -> bool {
    section
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(spec: &str, section: &str) -> Option<String> {
        RequirementInfo {
            spec,
            section,
            level: "MUST",
            text: "",
            quote: None,
        }
        .link()
    }

    #[test]
    fn ids() {
        for (id, spec, section) in [
            ("RFC6120-4.9.3.6-1", "RFC6120", "4.9.3.6"),
            ("XEP0174-PUB-01", "XEP0174", "PUB"),
            ("nonsense", "nonsense", ""),
        ] {
            let info = RequirementInfo::from_id(id, "MUST");
            assert_eq!((info.spec, info.section), (spec, section));
        }
    }

    #[test]
    fn links() {
        let rfc = link("RFC6120", "4.9.3.6").unwrap();
        assert_eq!(
            rfc,
            "https://www.rfc-editor.org/rfc/rfc6120#section-4.9.3.6"
        );
        assert!(
            link("RFC6121", "A.2.1")
                .unwrap()
                .ends_with("#appendix-A.2.1")
        );
        assert!(link("RFC6120", "4 (derived)").unwrap().ends_with("rfc6120"));
        assert!(link("XEP-0174", "3").unwrap().ends_with("xep-0174.html"));
        assert!(link("XEP0174", "PUB").unwrap().ends_with("xep-0174.html"));
        assert_eq!(link("javascript:alert(1)", "1"), None);
    }
}
