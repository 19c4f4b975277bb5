//! The catalogue: every normative statement that targets are judged by, the features it groups them under, and the
//! error conditions of RFC 6120.
//!
//! The tables are part of the crate (`requirements/`); what their columns mean is said at the fields here.

mod conditions;
mod features;
mod suites;
mod texts;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::names;
use crate::script::Role;

pub use conditions::{Condition, ConditionKind, conditions};
pub use features::{Feature, features};
pub use suites::{SuiteFeature, SuiteLevel, suites};
pub use texts::{LEFT_OUT, quote, section_text};

const SERVERS_AND_CLIENTS: &str = include_str!("../requirements/requirements.tsv");
const PEERS: &str = include_str!("../requirements/xep-0174-requirements.tsv");

/// How binding a requirement is (RFC 2119). SHALL and REQUIRED are MUST, RECOMMENDED is SHOULD, OPTIONAL is MAY.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// MUST
    Must,
    /// MUST NOT
    MustNot,
    /// SHOULD
    Should,
    /// SHOULD NOT
    ShouldNot,
    /// MAY: whoever does not make use of it breaks nothing.
    May,
}

impl Level {
    /// All levels, from the strongest.
    pub const ALL: [Level; 5] = [
        Level::Must,
        Level::MustNot,
        Level::Should,
        Level::ShouldNot,
        Level::May,
    ];

    /// The words of RFC 2119.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::MustNot => "MUST NOT",
            Level::Should => "SHOULD",
            Level::ShouldNot => "SHOULD NOT",
            Level::May => "MAY",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Level, UnknownWord> {
        let found = Level::ALL.into_iter().find(|level| level.name() == name);
        found.ok_or_else(|| UnknownWord(name.to_owned()))
    }
}

/// A word that a table must not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord(pub String);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not known here", self.0)
    }
}

impl std::error::Error for UnknownWord {}

/// Whom a requirement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// A server, on a stream with a client.
    ServerC2s,
    /// A server, on a stream with another server; it may be the one that opens it.
    ServerS2s,
    /// A client.
    Client,
    /// A serverless peer that makes itself known (XEP-0174).
    Advertiser,
    /// A serverless peer that looks for others.
    Browser,
    /// A serverless peer that opens a stream.
    StreamInitiator,
    /// A serverless peer that accepts a stream.
    StreamRecipient,
}

impl Party {
    /// All parties.
    pub const ALL: [Party; 7] = [
        Party::ServerC2s,
        Party::ServerS2s,
        Party::Client,
        Party::Advertiser,
        Party::Browser,
        Party::StreamInitiator,
        Party::StreamRecipient,
    ];

    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Party::ServerC2s => "server-c2s",
            Party::ServerS2s => "server-s2s",
            Party::Client => "client",
            Party::Advertiser => "advertiser",
            Party::Browser => "browser",
            Party::StreamInitiator => "stream initiator",
            Party::StreamRecipient => "stream recipient",
        }
    }

    /// The role that a target plays it in.
    pub fn role(self) -> Role {
        match self {
            Party::ServerC2s | Party::ServerS2s => Role::Server,
            Party::Client => Role::Client,
            _ => Role::Peer,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Party {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Party, UnknownWord> {
        let found = Party::ALL.into_iter().find(|party| party.name() == name);
        found.ok_or_else(|| UnknownWord(name.to_owned()))
    }
}

/// One normative statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// `RFC6120-4.9.3.6-1`: document, section, number in the section.
    pub id: &'static str,
    /// `RFC6120`, `XEP-0174`.
    pub spec: &'static str,
    /// `4.9.3.6`; a section marked "(derived)" has no sentence of its own.
    pub section: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Whom it binds.
    pub binds: Vec<Party>,
    /// The [`Feature`] that it is part of; may be empty.
    pub feature: &'static str,
    /// What it demands, in other words than the document's: the section is what counts.
    pub text: &'static str,
    /// What it takes to see it: `direct` (one raw client), `needs-tls`, `needs-s2s`, `needs-two-clients`,
    /// `needs-client-under-test`; empty for peers.
    pub observable: &'static str,
    /// How it can be seen.
    pub observation: &'static str,
    /// Where the level comes from: `keyword` (a sentence of the section says it), `lead-in` (the sentence above a
    /// list), `section` (another sentence of the section), `table` (RFC 6121 appendix A), `definition` (nothing
    /// says it, the level is a judgement), `reference` (a document that is referred to); empty for peers.
    pub basis: &'static str,
}

impl Requirement {
    /// It binds targets of this role.
    pub fn binds_role(&self, role: Role) -> bool {
        self.binds.iter().any(|party| party.role() == role)
    }
}

struct Catalogue {
    requirements: Vec<Requirement>,
    places: HashMap<&'static str, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let servers = rows(SERVERS_AND_CLIENTS).filter_map(of_servers_and_clients);
    let requirements: Vec<Requirement> = servers.chain(rows(PEERS).filter_map(of_peers)).collect();
    let places = requirements
        .iter()
        .enumerate()
        .map(|(place, requirement)| (requirement.id, place))
        .collect();
    Catalogue {
        requirements,
        places,
    }
});

fn of_servers_and_clients(row: Vec<&'static str>) -> Option<Requirement> {
    let [
        id,
        spec,
        section,
        level,
        _role,
        feature,
        text,
        observable,
        observation,
        binds,
        basis,
    ] = row[..]
    else {
        return None;
    };
    Some(Requirement {
        id,
        spec,
        section,
        level: level.parse().ok()?,
        binds: binds
            .split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?,
        feature,
        text,
        observable,
        observation,
        basis,
    })
}

fn of_peers(row: Vec<&'static str>) -> Option<Requirement> {
    let [id, spec, section, level, role, text, observation] = row[..] else {
        return None;
    };
    Some(Requirement {
        id,
        spec,
        section,
        level: level.parse().ok()?,
        binds: vec![role.parse().ok()?],
        feature: "",
        text,
        observable: "",
        observation,
        basis: "",
    })
}

/// The rows of a table below its header, as cells.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| line.split('\t').collect())
}

/// Every requirement, document by document in the order of their sections.
pub fn all() -> &'static [Requirement] {
    &CATALOGUE.requirements
}

/// The requirement with this id.
pub fn get(id: &str) -> Option<&'static Requirement> {
    let place = *CATALOGUE.places.get(id)?;
    CATALOGUE.requirements.get(place)
}

/// What targets of this role are judged by, and listed for in results.
pub fn for_role(role: Role) -> impl Iterator<Item = &'static Requirement> {
    all()
        .iter()
        .filter(move |requirement| requirement.binds_role(role))
}

/// The known id nearest to a misspelt one: preferably of the same section.
pub fn nearest(id: &str) -> Option<&'static str> {
    let section = |id: &str| id.rsplit_once('-').map(|(section, _)| section.to_owned());
    let wanted = section(id);
    let same = all()
        .iter()
        .map(|requirement| requirement.id)
        .filter(|known| wanted.is_some() && section(known) == wanted);
    names::nearest(id, same).or_else(|| names::nearest(id, all().iter().map(|known| known.id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_tables_is_read() {
        let count = |prefix: &str| all().iter().filter(|r| r.id.starts_with(prefix)).count();
        assert_eq!(count("RFC6120-"), 612);
        assert_eq!(count("RFC6121-"), 428);
        assert_eq!(count("RFC7590-"), 13);
        assert_eq!(count("RFC7622-"), 44);
        assert_eq!(all().len(), 1097 + 154);
        assert_eq!(
            rows(SERVERS_AND_CLIENTS).count() + rows(PEERS).count(),
            all().len()
        );
        // No id occurs twice.
        assert_eq!(CATALOGUE.places.len(), all().len());
        for requirement in all() {
            assert!(!requirement.binds.is_empty(), "{}", requirement.id);
            assert!(!requirement.text.is_empty(), "{}", requirement.id);
            assert!(!requirement.section.is_empty(), "{}", requirement.id);
            let known = |feature: &Feature| feature.name == requirement.feature;
            assert!(
                requirement.feature.is_empty() || features().iter().any(known),
                "{} names the feature {}",
                requirement.id,
                requirement.feature
            );
        }
    }

    #[test]
    fn finds_requirements() {
        let requirement = get("RFC6120-4.9.3.6-1").unwrap();
        assert_eq!(requirement.section, "4.9.3.6");
        assert!(requirement.binds_role(Role::Server));
        assert!(!requirement.binds_role(Role::Peer));
        assert_eq!(get("RFC6120-4.9.3.6-99"), None);
        assert!(for_role(Role::Peer).any(|r| r.id == "XEP0174-PUB-01"));
        assert_eq!(for_role(Role::Peer).count(), 154);
        assert!(for_role(Role::Server).any(|r| r.level == Level::MustNot));
    }

    #[test]
    fn finds_what_was_meant() {
        assert_eq!(nearest("RFC6120-4.9.3.6-99"), Some("RFC6120-4.9.3.6-1"));
        assert_eq!(nearest("rfc6120-4.9.3.6-1"), Some("RFC6120-4.9.3.6-1"));
        assert_eq!(nearest("RFC6210-4.9.3.6-1"), Some("RFC6120-4.9.3.6-1"));
        assert_eq!(nearest("unknown"), None);
    }

    #[test]
    fn levels_are_written_as_in_the_documents() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert_eq!("must".parse::<Level>(), Err(UnknownWord("must".into())));
    }
}
