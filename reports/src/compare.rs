//! Several results beside each other: two runs of one target, or many targets.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ReportError;
use crate::gate::is_regression;
use crate::merge::label;
use crate::model::{Case, Results};
use crate::verdict::{State, Verdict};

/// What several results have in common, and what not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// Two runs of one target.
    Runs(Difference),
    /// Different targets, or more than two runs.
    Targets(Matrix),
}

impl Comparison {
    /// Compares results: two of the same target as earlier and later run, all others as a matrix.
    pub fn new(results: &[Results]) -> Result<Comparison, ReportError> {
        match results {
            [] | [_] => Err(ReportError::NothingToCompare(results.len())),
            [before, after] if before.target.name == after.target.name => {
                Ok(Comparison::Runs(Difference::new(before, after)))
            }
            many => Ok(Comparison::Targets(Matrix::new(many))),
        }
    }
}

/// What changed from one run to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The earlier run: target and version.
    pub before: String,
    /// The later run: target and version.
    pub after: String,
    /// Cases that are worse now, or break another requirement.
    pub broken: Vec<Change>,
    /// Cases that pass now and did not.
    pub fixed: Vec<Change>,
    /// Cases whose verdict is another one, neither broken nor fixed.
    pub changed: Vec<Change>,
    /// Cases that only the later run has.
    pub new: Vec<Change>,
    /// Cases that only the earlier run has.
    pub gone: Vec<Change>,
    /// How many cases are as before.
    pub same: usize,
}

/// A case in two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// Its verdict in the earlier run.
    pub before: Option<Verdict>,
    /// Its verdict in the later run.
    pub after: Option<Verdict>,
    /// What the later run, or else the earlier one, says of it.
    pub reason: Option<String>,
    /// The requirements that it breaks in the later run.
    pub requirements: Vec<String>,
}

impl Difference {
    fn new(before: &Results, after: &Results) -> Difference {
        let mut difference = Difference {
            before: label(before),
            after: label(after),
            broken: Vec::new(),
            fixed: Vec::new(),
            changed: Vec::new(),
            new: Vec::new(),
            gone: Vec::new(),
            same: 0,
        };
        let names: HashMap<&str, &Case> = before
            .cases
            .iter()
            .map(|case| (case.name.as_str(), case))
            .collect();
        for now in &after.cases {
            let Some(&old) = names.get(now.name.as_str()) else {
                difference.new.push(change(None, Some(now)));
                continue;
            };
            let list = if is_regression(old, now) {
                &mut difference.broken
            } else if now.verdict == old.verdict {
                difference.same += 1;
                continue;
            } else if now.verdict == Verdict::Pass {
                &mut difference.fixed
            } else {
                &mut difference.changed
            };
            list.push(change(Some(old), Some(now)));
        }
        let later: HashMap<&str, &Case> = after
            .cases
            .iter()
            .map(|case| (case.name.as_str(), case))
            .collect();
        let gone = before
            .cases
            .iter()
            .filter(|case| !later.contains_key(case.name.as_str()));
        difference.gone = gone.map(|case| change(Some(case), None)).collect();
        difference
    }

    /// The lists with their headings, what matters most first.
    pub(crate) fn lists(&self) -> [(&'static str, &[Change]); 5] {
        [
            ("Broken", &self.broken),
            ("Fixed", &self.fixed),
            ("Changed", &self.changed),
            ("New", &self.new),
            ("Gone", &self.gone),
        ]
    }
}

fn change(before: Option<&Case>, after: Option<&Case>) -> Change {
    let case = after.or(before);
    let broken = after
        .into_iter()
        .flat_map(|case| &case.judged)
        .filter(|judged| judged.verdict.is_broken());
    Change {
        name: case.map(|case| case.name.clone()).unwrap_or_default(),
        before: before.map(|case| case.verdict),
        after: after.map(|case| case.verdict),
        reason: case.and_then(|case| case.reason.clone()),
        requirements: broken.map(|judged| judged.id.clone()).collect(),
    }
}

/// Requirements by targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// The targets, with their versions.
    pub targets: Vec<String>,
    /// The requirements that some target was judged by, in the order of the catalogue.
    pub rows: Vec<Row>,
    /// How many requirements no target was judged by.
    pub untested: usize,
}

/// One requirement in all results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The id of the requirement.
    pub id: String,
    /// Its level.
    pub level: String,
    /// Its state in each of the results.
    pub states: Vec<State>,
}

impl Row {
    /// The targets that were judged by it do not agree.
    pub fn differs(&self) -> bool {
        let mut judged = self
            .states
            .iter()
            .filter(|state| **state != State::Untested);
        let first = judged.next();
        judged.any(|state| Some(state) != first)
    }
}

impl Matrix {
    fn new(results: &[Results]) -> Matrix {
        let mut rows: Vec<Row> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (column, result) in results.iter().enumerate() {
            for requirement in &result.requirements {
                let place = *places.entry(&requirement.id).or_insert_with(|| {
                    rows.push(Row {
                        id: requirement.id.clone(),
                        level: requirement.level.clone(),
                        states: vec![State::Untested; results.len()],
                    });
                    rows.len() - 1
                });
                rows[place].states[column] = requirement.state;
            }
        }
        let all = rows.len();
        rows.retain(|row| row.states.iter().any(|state| *state != State::Untested));
        Matrix {
            targets: results.iter().map(label).collect(),
            untested: all - rows.len(),
            rows,
        }
    }

    /// How many requirements are in this state for a target.
    pub(crate) fn count(&self, column: usize, state: State) -> usize {
        self.rows
            .iter()
            .filter(|row| row.states.get(column) == Some(&state))
            .count()
    }
}
