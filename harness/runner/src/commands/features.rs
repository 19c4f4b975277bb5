//! The tables of features that the RFCs print, and the compliance suites (XEP-0479), each row with the requirements that it stands for.

use xmppspec_reports::Feature;
use xmppspec_scenarios::Role;
use xmppspec_scenarios::catalogue::{self, SuiteFeature, SuiteLevel};

/// The rows that concern a target of this role (as results name it).
pub(super) fn features(role: &str) -> Vec<Feature> {
    let Some(role @ (Role::Server | Role::Client)) = Role::from_name(role) else {
        // The tables know servers and clients only.
        return Vec::new();
    };
    let row = |feature: &catalogue::Feature| {
        let level = match role {
            Role::Server => feature.server?,
            _ => feature.client?,
        };
        let requirements =
            catalogue::for_role(role).filter(|requirement| requirement.feature == feature.name);
        Some(Feature {
            table: table(feature.spec),
            name: feature.name.to_owned(),
            description: feature.description.to_owned(),
            spec: feature.spec.to_owned(),
            section: feature.section.to_owned(),
            level: level.name().to_owned(),
            requirements: requirements
                .map(|requirement| requirement.id.to_owned())
                .collect(),
        })
    };
    let suites = catalogue::suites()
        .iter()
        .filter_map(|row| suite(row, role));
    let rows = catalogue::features().iter().filter_map(row);
    rows.chain(suites).collect()
}

/// A row of a suite. It stands for all requirements of its document: what a suite asks for is the document.
fn suite(row: &SuiteFeature, role: Role) -> Option<Feature> {
    let level = match row.level(role) {
        SuiteLevel::Core => "core",
        SuiteLevel::Advanced => "advanced",
        SuiteLevel::None => return None,
    };
    let bare = |document: &str| document.replace([' ', '-'], "");
    let requirements = catalogue::for_role(role)
        .filter(|requirement| bare(requirement.spec) == bare(row.provider));
    Some(Feature {
        table: format!("XEP-0479, {} suite", row.suite),
        name: row.feature.to_owned(),
        description: row.notes.to_owned(),
        spec: row.provider.to_owned(),
        section: String::new(),
        level: level.to_owned(),
        requirements: requirements
            .map(|requirement| requirement.id.to_owned())
            .collect(),
    })
}

/// Where a document prints its table.
fn table(spec: &str) -> String {
    let section = match spec {
        "RFC6120" => "15",
        "RFC6121" => "12",
        "RFC7622" => "8",
        _ => return spec.to_owned(),
    };
    format!("{}, section {section}", spec.replacen("RFC", "RFC ", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_requirements_of_their_role() {
        let server = features("server");
        let bind = server
            .iter()
            .find(|feature| feature.name == "bind-gen")
            .unwrap();
        assert_eq!(
            (bind.table.as_str(), bind.level.as_str()),
            ("RFC 6120, section 15", "MUST")
        );
        assert!(!bind.requirements.is_empty());
        assert!(
            features("client")
                .iter()
                .all(|feature| feature.name != "bind-gen")
        );
        assert!(features("peer").is_empty());
        let core = server
            .iter()
            .find(|feature| feature.name == "Core features")
            .unwrap();
        assert_eq!(
            (core.table.as_str(), core.level.as_str()),
            ("XEP-0479, Core suite", "core")
        );
        assert!(
            core.requirements
                .iter()
                .all(|id| id.starts_with("RFC6120-"))
        );
        assert!(core.requirements.len() > 100);
    }
}
