//! The gate: whether a run means that the target is conformant, and if not, everything that says so.

use std::collections::HashMap;

use crate::known::KnownStatus;
use crate::model::{Case, Results};
use crate::verdict::Verdict;

/// What the gate asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct GateOptions<'a> {
    /// A broken SHOULD counts.
    pub strict: bool,
    /// A skipped case counts.
    pub fail_on_skip: bool,
    /// Only what is worse than in these results counts.
    pub baseline: Option<&'a Results>,
}

/// What a run means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Every case that counts passed; known findings aside.
    Conformant,
    /// Something speaks against it.
    NotConformant(Vec<Objection>),
    /// Nothing was run, or everything was skipped.
    Nothing,
}

impl Gate {
    /// Nothing speaks against it.
    pub fn is_conformant(&self) -> bool {
        matches!(self, Gate::Conformant)
    }

    /// What speaks against it.
    pub fn objections(&self) -> &[Objection] {
        match self {
            Gate::NotConformant(objections) => objections,
            Gate::Conformant | Gate::Nothing => &[],
        }
    }
}

/// One thing that speaks against conformance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// A case did not pass.
    Case {
        /// Its name.
        name: String,
        /// Its verdict.
        verdict: Verdict,
        /// Its verdict in the baseline.
        before: Option<Verdict>,
    },
    /// A case had different verdicts in different attempts.
    Flaky {
        /// Its name.
        name: String,
        /// All of them, the last one last.
        verdicts: Vec<Verdict>,
    },
    /// A known finding is no longer there.
    KnownPasses {
        /// The entry: requirement and cases.
        entry: String,
    },
    /// A known finding is no longer excused.
    KnownExpired {
        /// The entry: requirement and cases.
        entry: String,
        /// Its last day.
        last_day: String,
    },
    /// The run was ended too early.
    Interrupted,
}

impl std::fmt::Display for Objection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Objection::Case {
                name,
                verdict,
                before,
            } => {
                write!(f, "{name}: {verdict}")?;
                match before {
                    Some(before) => write!(f, " (was {before})"),
                    None => Ok(()),
                }
            }
            Objection::Flaky { name, verdicts } => {
                let verdicts: Vec<&str> = verdicts.iter().map(|verdict| verdict.as_str()).collect();
                write!(f, "{name} is flaky: {}", verdicts.join(", then "))
            }
            Objection::KnownPasses { entry } => {
                write!(
                    f,
                    "the known finding {entry} passes now: take it out of the profile"
                )
            }
            Objection::KnownExpired { entry, last_day } => {
                write!(
                    f,
                    "the known finding {entry} was excused until {last_day} and is still there"
                )
            }
            Objection::Interrupted => f.write_str("the run was interrupted"),
        }
    }
}

impl Results {
    /// Whether the target may be called conformant.
    ///
    /// A `fail`, `blocked` or `error` that is not known counts (what could not be judged is not conformant), `warn`
    /// if it is strict, `skip` if asked for. With a baseline, a case counts only if it is new or worse than there, and
    /// a known finding that passes counts as before.
    pub fn gate(&self, options: &GateOptions<'_>) -> Gate {
        let baseline: Option<HashMap<&str, &Case>> = options.baseline.map(|results| {
            results
                .cases
                .iter()
                .map(|case| (case.name.as_str(), case))
                .collect()
        });
        let mut objections = Vec::new();
        for case in &self.cases {
            if case.is_flaky() {
                let mut verdicts = case.attempts.clone();
                verdicts.push(case.verdict);
                objections.push(Objection::Flaky {
                    name: case.name.clone(),
                    verdicts,
                });
                continue;
            }
            let counts = match case.verdict {
                _ if case.known.is_some() => false,
                Verdict::Pass => false,
                Verdict::Fail | Verdict::Blocked | Verdict::Error => true,
                Verdict::Warn => options.strict,
                Verdict::Skip => options.fail_on_skip,
            };
            let before = baseline
                .as_ref()
                .and_then(|baseline| baseline.get(case.name.as_str()));
            if counts && before.is_none_or(|before| is_regression(before, case)) {
                objections.push(Objection::Case {
                    name: case.name.clone(),
                    verdict: case.verdict,
                    before: before.map(|before| before.verdict),
                });
            }
        }
        for entry in &self.known {
            match entry.status {
                KnownStatus::Passes => objections.push(Objection::KnownPasses {
                    entry: entry.finding.label(),
                }),
                KnownStatus::Expired => objections.push(Objection::KnownExpired {
                    entry: entry.finding.label(),
                    last_day: entry.finding.expires.clone().unwrap_or_default(),
                }),
                KnownStatus::Holds | KnownStatus::Unseen => {}
            }
        }
        if self.interrupted {
            objections.push(Objection::Interrupted);
        }
        if !objections.is_empty() {
            return Gate::NotConformant(objections);
        }
        if self.cases.iter().all(|case| case.verdict == Verdict::Skip) {
            return Gate::Nothing;
        }
        Gate::Conformant
    }
}

/// The case is worse than it was, or a requirement is broken that was not.
pub(crate) fn is_regression(before: &Case, now: &Case) -> bool {
    if now.verdict > before.verdict {
        return true;
    }
    now.judged.iter().any(|judged| {
        judged.verdict.is_broken()
            && before
                .judged
                .iter()
                .find(|old| old.id == judged.id)
                .is_none_or(|old| old.verdict < judged.verdict)
    })
}
