//! From cases to results: what is known, the counts, and the state of every requirement.

use std::collections::HashMap;

use crate::known::{Known, KnownState, reason_for};
use crate::model::{Case, NotRun, RequirementState, Results, SCHEMA, Summary, Target, Tool};
use crate::verdict::State;

/// What the runner knows of a run besides its cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// What runs it.
    pub tool: Tool,
    /// What is judged.
    pub target: Target,
    /// The network of the run.
    pub world: String,
    /// What random choices come from.
    pub seed: u64,
    /// When it began (RFC 3339).
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// It was ended before all cases were done.
    pub interrupted: bool,
    /// Remarks on the run as a whole.
    pub notes: Vec<String>,
    /// Cases that exist and were not run. A known finding that only they would show does not count as gone.
    pub not_run: Vec<NotRun>,
}

impl Results {
    /// Makes the results of a run. `catalogue` holds (id, level) of each requirement for the target's role; `known` the
    /// findings that its profile expects.
    pub fn assemble<Id: Into<String>, Level: Into<String>>(
        run: Run,
        mut cases: Vec<Case>,
        catalogue: impl IntoIterator<Item = (Id, Level)>,
        known: &[Known],
    ) -> Results {
        let known: Vec<KnownState> = known
            .iter()
            .map(|entry| KnownState {
                finding: entry.clone(),
                status: entry.status(&run.started, &cases, &run.not_run),
            })
            .collect();
        for case in &mut cases {
            case.known = reason_for(case, &known);
        }
        let catalogue = catalogue
            .into_iter()
            .map(|(id, level)| (id.into(), level.into()));
        Results {
            schema: SCHEMA,
            tool: run.tool,
            target: run.target,
            world: run.world,
            seed: run.seed,
            started: run.started,
            duration_ms: run.duration_ms,
            interrupted: run.interrupted,
            summary: Summary::count(&cases),
            notes: run.notes,
            known,
            requirements: requirement_states(catalogue, &cases),
            cases,
            not_run: run.not_run,
        }
    }
}

/// The state of each requirement: first those of the catalogue, then what else was judged, in the order of the cases.
fn requirement_states(
    catalogue: impl Iterator<Item = (String, String)>,
    cases: &[Case],
) -> Vec<RequirementState> {
    let mut states: Vec<RequirementState> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let judged = cases.iter().flat_map(|case| &case.judged);
    let listed = catalogue.chain(judged.map(|judged| (judged.id.clone(), judged.level.clone())));
    for (id, level) in listed {
        places.entry(id).or_insert_with_key(|id| {
            states.push(RequirementState {
                id: id.clone(),
                level,
                state: State::Untested,
                cases: Vec::new(),
            });
            states.len() - 1
        });
    }
    for case in cases {
        for judged in &case.judged {
            let Some(&place) = places.get(&judged.id) else {
                continue;
            };
            let requirement = &mut states[place];
            requirement.state = requirement.state.max(judged.verdict.into());
            if requirement.cases.last() != Some(&case.name) {
                requirement.cases.push(case.name.clone());
            }
        }
    }
    states
}
