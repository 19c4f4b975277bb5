//! The XMPP Compliance Suites (XEP-0479): what clients and servers should support for a purpose.

use std::sync::LazyLock;

use super::rows;
use crate::script::Role;

const TABLE: &str = include_str!("../../requirements/xep-suites.tsv");

/// What a suite asks for by way of one document. Where several documents provide a feature, each has a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteFeature {
    /// `Core`, `Web`, `IM`, `Mobile`, `A/V`.
    pub suite: &'static str,
    /// `Direct TLS`.
    pub feature: &'static str,
    /// The document: `XEP-0368`, `RFC 7590`.
    pub provider: &'static str,
    /// What the suite remarks on it; may be empty.
    pub notes: &'static str,
    client: SuiteLevel,
    server: SuiteLevel,
}

/// How far an implementation wants to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuiteLevel {
    /// It is asked for at no level.
    None,
    /// It is asked for at the advanced level only.
    Advanced,
    /// It is asked for at the core level, and so at the advanced one.
    Core,
}

impl SuiteFeature {
    /// The level at which an implementation of this role must have it.
    pub fn level(&self, role: Role) -> SuiteLevel {
        match role {
            Role::Client => self.client,
            Role::Server => self.server,
            Role::Peer => SuiteLevel::None,
        }
    }
}

static SUITES: LazyLock<Vec<SuiteFeature>> = LazyLock::new(|| {
    let level = |core: &str, advanced: &str| match (core, advanced) {
        ("yes", _) => SuiteLevel::Core,
        (_, "yes") => SuiteLevel::Advanced,
        _ => SuiteLevel::None,
    };
    let feature = |row: Vec<&'static str>| {
        let [
            suite,
            feature,
            provider,
            core_client,
            core_server,
            client,
            server,
            notes,
        ] = row[..]
        else {
            return None;
        };
        Some(SuiteFeature {
            suite,
            feature,
            provider,
            notes,
            client: level(core_client, client),
            server: level(core_server, server),
        })
    };
    rows(TABLE).filter_map(feature).collect()
});

/// Every row of every suite.
pub fn suites() -> &'static [SuiteFeature] {
    &SUITES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read() {
        assert_eq!(suites().len(), 57);
        for row in rows(TABLE) {
            assert!(
                row[3..7]
                    .iter()
                    .all(|cell| ["yes", "no", "N/A"].contains(cell)),
                "{row:?}"
            );
        }
        let direct = suites()
            .iter()
            .find(|row| row.provider == "XEP-0368")
            .unwrap();
        assert_eq!(direct.level(Role::Server), SuiteLevel::Advanced);
        assert_eq!(direct.level(Role::Peer), SuiteLevel::None);
        let core = suites()
            .iter()
            .find(|row| row.provider == "RFC 6120")
            .unwrap();
        assert_eq!(core.level(Role::Client), SuiteLevel::Core);
    }
}
