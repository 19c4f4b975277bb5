//! Findings that a target's profile expects: they do not fail a run, and must still be there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::glob::glob_matches;
use crate::model::{Case, NotRun};
use crate::verdict::Verdict;

/// A finding that is expected. A field that does not exist is an error: a `case` written wrong would excuse too much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The id of the requirement that is broken.
    pub requirement: String,
    /// The cases it shows in, as a glob; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Why it is so.
    pub reason: String,
    /// Where it was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The last day (`YYYY-MM-DD`) on which it is an excuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

impl Known {
    /// It is about this requirement in this case.
    pub fn concerns(&self, case: &str, id: &str) -> bool {
        self.requirement == id && self.selects(case)
    }

    fn selects(&self, case: &str) -> bool {
        self.case
            .as_deref()
            .is_none_or(|glob| glob_matches(glob, case))
    }

    /// The run began after its last day.
    fn is_expired(&self, started: &str) -> bool {
        // Both are written year first, so that the order of the texts is that of the days.
        match (&self.expires, started.get(..10)) {
            (Some(last), Some(day)) => day > last.as_str(),
            _ => false,
        }
    }

    /// What became of it in a run.
    pub(crate) fn status(&self, started: &str, cases: &[Case], not_run: &[NotRun]) -> KnownStatus {
        let verdicts = cases
            .iter()
            .filter(|case| self.selects(&case.name))
            .flat_map(|case| &case.judged)
            .filter(|judged| judged.id == self.requirement && judged.verdict != Verdict::Skip)
            .map(|judged| judged.verdict);
        let unseen = not_run
            .iter()
            .any(|case| self.selects(&case.name) && case.covers.contains(&self.requirement));
        let status = match Verdict::worst(verdicts) {
            None => KnownStatus::Unseen,
            // A case that was not run may be the one that shows it.
            Some(Verdict::Pass) if unseen => KnownStatus::Unseen,
            Some(Verdict::Pass) => KnownStatus::Passes,
            Some(_) => KnownStatus::Holds,
        };
        match status {
            KnownStatus::Holds if self.is_expired(started) => KnownStatus::Expired,
            status => status,
        }
    }

    /// How it is called in messages: the id, and the cases if not all are meant.
    pub fn label(&self) -> String {
        match &self.case {
            Some(case) => format!("{} in {case}", self.requirement),
            None => self.requirement.clone(),
        }
    }
}

/// A known finding and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownState {
    /// The entry of the profile.
    pub finding: Known,
    /// What became of it.
    pub status: KnownStatus,
}

/// What became of a known finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KnownStatus {
    /// The requirement is still broken or cannot be judged.
    Holds,
    /// Every case that it selects judged the requirement `pass`: the entry must go.
    Passes,
    /// Its last day is over: it excuses nothing.
    Expired,
    /// No case that it selects judged the requirement.
    Unseen,
}

/// Why the findings of a case are expected: the reasons of the entries, if every broken requirement has one. A case
/// that was blocked before it found anything needs one for each requirement that it could not judge. What the harness
/// did wrong is never known.
pub(crate) fn reason_for(case: &Case, known: &[KnownState]) -> Option<String> {
    if !(case.verdict.is_broken() || case.verdict == Verdict::Blocked) {
        return None;
    }
    let verdicts = if case.judged.iter().any(|judged| judged.verdict.is_broken()) {
        [Verdict::Fail, Verdict::Warn]
    } else {
        [Verdict::Blocked; 2]
    };
    let mut reasons: Vec<&str> = Vec::new();
    for judged in case
        .judged
        .iter()
        .filter(|judged| verdicts.contains(&judged.verdict))
    {
        let entry = known
            .iter()
            .filter(|entry| entry.status != KnownStatus::Expired)
            .find(|entry| entry.finding.concerns(&case.name, &judged.id))?;
        if !reasons.contains(&entry.finding.reason.as_str()) {
            reasons.push(&entry.finding.reason);
        }
    }
    (!reasons.is_empty()).then(|| reasons.join(" "))
}
