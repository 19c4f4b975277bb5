//! Features: groups of requirements that implementations support as a whole (RFC 6120 §15, RFC 6121 §12, RFC 7622 §8).

use std::sync::LazyLock;

use super::{Level, rows};

const TABLE: &str = include_str!("../../requirements/features.tsv");

/// A feature of a conformance table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// `RFC6120`.
    pub spec: &'static str,
    /// `bind-gen`.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Where it is described.
    pub section: &'static str,
    /// How binding it is for clients; `None`: not applicable.
    pub client: Option<Level>,
    /// How binding it is for servers; `None`: not applicable.
    pub server: Option<Level>,
}

static FEATURES: LazyLock<Vec<Feature>> = LazyLock::new(|| {
    let feature = |row: Vec<&'static str>| {
        let [spec, name, description, section, client, server] = row[..] else {
            return None;
        };
        Some(Feature {
            spec,
            name,
            description,
            section,
            client: client.parse().ok(),
            server: server.parse().ok(),
        })
    };
    rows(TABLE).filter_map(feature).collect()
});

/// Every feature, document by document.
pub fn features() -> &'static [Feature] {
    &FEATURES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read() {
        assert_eq!(features().len(), 86);
        for row in rows(TABLE) {
            let levels = &row[4..];
            let known = |level: &&str| *level == "N/A" || level.parse::<Level>().is_ok();
            assert!(levels.iter().all(known), "{row:?}");
        }
        let bind = features().iter().find(|f| f.name == "bind-gen").unwrap();
        assert_eq!((bind.client, bind.server), (None, Some(Level::Must)));
    }
}
