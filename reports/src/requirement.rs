//! What reports say about a requirement besides its verdict.

use crate::documents;

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

/// Finds the texts of the requirement with an id, most likely in the embedded catalogue.
pub type RequirementTexts<'a> = &'a dyn for<'id> Fn(&'id str) -> Option<RequirementInfo<'id>>;

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

    /// Document and section as people write them: `RFC 6120 section 4.9.3.6`.
    pub fn place(&self) -> String {
        let document = documents::name(self.spec);
        match self.section {
            "" => document,
            section => format!("{document} section {section}"),
        }
    }

    /// Where the section can be read.
    pub fn link(&self) -> Option<String> {
        documents::link(self.spec, self.section)
    }
}

/// The texts of a requirement, or what its id tells.
pub(crate) fn find<'a>(
    texts: RequirementTexts<'_>,
    id: &'a str,
    level: &'a str,
) -> RequirementInfo<'a> {
    texts(id).unwrap_or_else(|| RequirementInfo::from_id(id, level))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
