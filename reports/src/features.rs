//! Features: groups of requirements that an implementation supports as a whole, as the tables of conformance
//! requirements and compliance suites list them. What is said of them rests on judged requirements alone.

use std::collections::HashMap;

use crate::model::Results;
use crate::verdict::State;

/// A row of a table of features.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feature {
    /// The table: `RFC 6120 section 15`.
    pub table: String,
    /// Its name in the table: `bind-mtn`.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The document that describes it: `RFC6120`.
    pub spec: String,
    /// The section that does: `7.3.1`; may be empty.
    pub section: String,
    /// How binding it is for a target of this role.
    pub level: String,
    /// The ids of its requirements.
    pub requirements: Vec<String>,
}

/// Whether a target supports a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Support {
    /// No requirement was judged.
    Untested,
    /// All that were judged hold.
    Met,
    /// Some of them hold, some are broken.
    Partly,
    /// The target says that it lacks it.
    Absent,
    /// All that were judged are broken.
    NotMet,
}

impl Support {
    /// Every answer, the worst first.
    pub const ALL: [Support; 5] = [
        Support::NotMet,
        Support::Partly,
        Support::Absent,
        Support::Met,
        Support::Untested,
    ];

    /// As reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Support::Untested => "not tested",
            Support::Met => "met",
            Support::Partly => "partly met",
            Support::Absent => "not offered",
            Support::NotMet => "not met",
        }
    }

    /// The state of a requirement that looks the same.
    pub(crate) fn state(self) -> State {
        match self {
            Support::Untested => State::Untested,
            Support::Met => State::Pass,
            Support::Partly => State::Warn,
            Support::Absent => State::Skip,
            Support::NotMet => State::Fail,
        }
    }
}

/// A feature and what the results say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureState<'a> {
    /// The row of the table.
    pub feature: &'a Feature,
    /// The answer.
    pub support: Support,
    /// How many of its requirements hold.
    pub held: usize,
    /// The ids of those that are broken.
    pub broken: Vec<&'a str>,
    /// How many of its requirements were not judged.
    pub not_judged: usize,
}

impl Results {
    /// What the results say of each feature. A requirement that was blocked, skipped or not tested says nothing.
    pub fn features<'a>(&self, features: &'a [Feature]) -> Vec<FeatureState<'a>> {
        let states: HashMap<&str, State> = self
            .requirements
            .iter()
            .map(|requirement| (requirement.id.as_str(), requirement.state))
            .collect();
        features
            .iter()
            .map(|feature| state_of(feature, &states))
            .collect()
    }
}

fn state_of<'a>(feature: &'a Feature, states: &HashMap<&str, State>) -> FeatureState<'a> {
    let state = |id: &String| states.get(id.as_str()).copied().unwrap_or(State::Untested);
    let count = |wanted: State| {
        feature
            .requirements
            .iter()
            .filter(|id| state(id) == wanted)
            .count()
    };
    let held = count(State::Pass);
    let broken: Vec<&str> = feature
        .requirements
        .iter()
        .filter(|id| matches!(state(id), State::Fail | State::Warn))
        .map(String::as_str)
        .collect();
    let support = match (held, broken.len()) {
        (0, 0) if count(State::Skip) > 0 => Support::Absent,
        (0, 0) => Support::Untested,
        (_, 0) => Support::Met,
        (0, _) => Support::NotMet,
        _ => Support::Partly,
    };
    FeatureState {
        feature,
        support,
        held,
        not_judged: feature.requirements.len() - held - broken.len(),
        broken,
    }
}
