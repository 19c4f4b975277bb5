//! Results of one run that was done in parts.

use std::collections::{HashMap, HashSet};

use crate::ReportError;
use crate::assemble::Run;
use crate::known::Known;
use crate::model::{Case, NotRun, Results};

impl Results {
    /// Makes one of the results of several shards of a run, or of several attempts of it. The parts must have judged the
    /// same target in the same version.
    ///
    /// A case that is in several parts is kept as in the last one; the verdicts of the others become its earlier
    /// attempts, so that one that changed is flaky. The run took as long as the longest part.
    pub fn merge(parts: Vec<Results>) -> Result<Results, ReportError> {
        let first = parts.first().ok_or(ReportError::NoResults)?;
        if let Some(other) = parts.iter().find(|part| part.target != first.target) {
            return Err(ReportError::DifferentTargets(label(first), label(other)));
        }
        let mut run = Run {
            tool: first.tool.clone(),
            target: first.target.clone(),
            seed: first.seed,
            started: first.started.clone(),
            ..Run::default()
        };
        let mut worlds: Vec<String> = Vec::new();
        let mut cases: Vec<Case> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut catalogue: Vec<(String, String)> = Vec::new();
        let mut listed: HashSet<String> = HashSet::new();
        let mut known: Vec<Known> = Vec::new();
        let mut not_run: Vec<NotRun> = Vec::new();
        for part in parts {
            // Both are RFC 3339 in UTC, so that the order of the texts is that of the times.
            run.started = run.started.min(part.started);
            run.duration_ms = run.duration_ms.max(part.duration_ms);
            run.interrupted |= part.interrupted;
            push_new(&mut worlds, [part.world]);
            push_new(&mut run.notes, part.notes);
            push_new(
                &mut known,
                part.known.into_iter().map(|entry| entry.finding),
            );
            push_new(&mut not_run, part.not_run);
            for requirement in part.requirements {
                if listed.insert(requirement.id.clone()) {
                    catalogue.push((requirement.id, requirement.level));
                }
            }
            for mut case in part.cases {
                match places.get(&case.name) {
                    None => {
                        places.insert(case.name.clone(), cases.len());
                        cases.push(case);
                    }
                    Some(&place) => {
                        let earlier = &mut cases[place];
                        let mut attempts = std::mem::take(&mut earlier.attempts);
                        attempts.push(earlier.verdict);
                        attempts.append(&mut case.attempts);
                        case.attempts = attempts;
                        *earlier = case;
                    }
                }
            }
        }
        run.world = worlds.join(", ");
        run.not_run = not_run;
        run.not_run.retain(|case| !places.contains_key(&case.name));
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Results::assemble(run, cases, catalogue, &known))
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

/// What was judged, for people.
pub(crate) fn label(results: &Results) -> String {
    match &results.target.version {
        Some(version) => format!("{} {version}", results.target.name),
        None => results.target.name.clone(),
    }
}
