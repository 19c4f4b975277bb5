//! Verdicts, and which of two is the worse one.

use serde::{Deserialize, Serialize};

/// What became of a requirement in a case, or of a case.
///
/// The order is that of badness: `pass < skip < blocked < warn < error < fail`. What was seen to be broken outweighs what
/// could not be judged after it, so that a case that breaks a SHOULD and cannot go on is a `warn`; a proven
/// violation of a MUST outweighs everything.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The requirement holds.
    Pass,
    /// The target lacks the feature, or does not make use of a MAY.
    Skip,
    /// A precondition failed before the requirement could be judged.
    Blocked,
    /// A SHOULD is broken.
    Warn,
    /// The harness itself failed.
    Error,
    /// A MUST is broken.
    Fail,
}

impl Verdict {
    /// Every verdict, from the best to the worst.
    pub const ALL: [Verdict; 6] = [
        Verdict::Pass,
        Verdict::Skip,
        Verdict::Blocked,
        Verdict::Warn,
        Verdict::Error,
        Verdict::Fail,
    ];

    /// The worst of them; none if there are none.
    pub fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
        verdicts.into_iter().max()
    }

    /// A requirement was seen to be broken.
    pub fn is_broken(self) -> bool {
        matches!(self, Verdict::Fail | Verdict::Warn)
    }

    /// As results and reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Skip => "skip",
            Verdict::Blocked => "blocked",
            Verdict::Warn => "warn",
            Verdict::Error => "error",
            Verdict::Fail => "fail",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The state of a requirement in a run: its worst verdict, or that no case judged it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No case of the run judged it.
    Untested,
    /// It held in every case that judged it.
    Pass,
    /// The target lacks the feature.
    Skip,
    /// A precondition failed.
    Blocked,
    /// A SHOULD that is broken.
    Warn,
    /// The harness failed.
    Error,
    /// A MUST that is broken.
    Fail,
}

impl State {
    /// Every state, from the best to the worst.
    pub const ALL: [State; 7] = [
        State::Untested,
        State::Pass,
        State::Skip,
        State::Blocked,
        State::Warn,
        State::Error,
        State::Fail,
    ];

    /// As results and reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Untested => "untested",
            State::Pass => "pass",
            State::Skip => "skip",
            State::Blocked => "blocked",
            State::Warn => "warn",
            State::Error => "error",
            State::Fail => "fail",
        }
    }
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> State {
        match verdict {
            Verdict::Pass => State::Pass,
            Verdict::Skip => State::Skip,
            Verdict::Blocked => State::Blocked,
            Verdict::Warn => State::Warn,
            Verdict::Error => State::Error,
            Verdict::Fail => State::Fail,
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_is_the_last_in_order() {
        assert!(Verdict::ALL.is_sorted());
        assert_eq!(Verdict::worst([]), None);
        assert_eq!(
            Verdict::worst([Verdict::Pass, Verdict::Warn, Verdict::Blocked]),
            Some(Verdict::Warn)
        );
    }

    #[test]
    fn names_are_those_of_the_frame() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
            assert_eq!(State::from(verdict).as_str(), verdict.as_str());
        }
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert!(State::ALL.is_sorted());
    }
}
