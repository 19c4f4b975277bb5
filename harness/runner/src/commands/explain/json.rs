//! The same for programs: one JSON document, whatever was asked for.

use serde::Serialize;
use xmppspec_reference::Fault;
use xmppspec_scenarios::catalogue::{self, ConditionKind, Requirement};

use super::{Named, caveat, info, observation};
use crate::commands::Outcome;
use crate::select::Selected;

/// What was asked for, by kind.
#[derive(Default, Serialize)]
struct Explained<'a> {
    requirements: Vec<RequirementJson<'a>>,
    conditions: Vec<ConditionJson>,
    cases: Vec<CaseJson<'a>>,
}

#[derive(Serialize)]
struct RequirementJson<'a> {
    id: &'a str,
    spec: &'a str,
    section: &'a str,
    level: &'a str,
    text: &'a str,
    /// The words of the specification.
    quote: Option<&'a str>,
    section_text: Option<String>,
    link: Option<String>,
    binds: Vec<&'a str>,
    feature: &'a str,
    seen_by: String,
    note: Option<&'a str>,
    covered_by: Vec<String>,
    faults: Vec<&'a str>,
}

#[derive(Serialize)]
struct ConditionJson {
    name: &'static str,
    kind: &'static str,
    spec: &'static str,
    section: &'static str,
    error_type: &'static str,
    seen_by: &'static str,
}

#[derive(Serialize)]
struct CaseJson<'a> {
    name: String,
    title: &'a str,
    role: &'a str,
    covers: &'a [String],
    requires: &'a [String],
    file: &'a str,
    script: &'a str,
}

/// Prints it.
pub(super) fn print(named: &[Named<'_>], cases: &[Selected]) -> Outcome {
    let mut explained = Explained::default();
    for named in named {
        match named {
            Named::Requirement(one) => explained.requirements.push(requirement(one, cases)),
            Named::Section(all) => {
                let all = all.iter().map(|one| requirement(one, cases));
                explained.requirements.extend(all);
            }
            Named::Conditions(all) => {
                let all = all.iter().map(|condition| ConditionJson {
                    name: condition.name,
                    kind: match condition.kind {
                        ConditionKind::Stream => "stream",
                        ConditionKind::Sasl => "sasl",
                        ConditionKind::Stanza => "stanza",
                    },
                    spec: condition.spec,
                    section: condition.section,
                    error_type: condition.error_type,
                    seen_by: condition.trigger,
                });
                explained.conditions.extend(all);
            }
            Named::Cases(all) => {
                let all = all.iter().map(|case| CaseJson {
                    name: case.script.case_name(),
                    title: &case.script.title,
                    role: case.script.role.name(),
                    covers: &case.script.covers,
                    requires: &case.script.requires,
                    file: &case.source.name,
                    script: &case.source.text,
                });
                explained.cases.extend(all);
            }
        }
    }
    crate::commands::json(&explained)
}

fn requirement(one: &'static Requirement, cases: &[Selected]) -> RequirementJson<'static> {
    let info = info(one);
    let covering = cases
        .iter()
        .filter(|case| case.script.covers.iter().any(|id| id == one.id));
    let breaking = Fault::ALL
        .iter()
        .filter(|fault| fault.requirements().contains(&one.id));
    RequirementJson {
        id: one.id,
        spec: one.spec,
        section: one.section,
        level: info.level,
        text: one.text,
        quote: info.quote,
        section_text: catalogue::section_text(one.spec, one.section),
        link: info.link(),
        binds: one.binds.iter().map(|party| party.name()).collect(),
        feature: one.feature,
        seen_by: observation(one),
        note: caveat(one),
        covered_by: covering.map(|case| case.script.case_name()).collect(),
        faults: breaking.map(|fault| fault.name()).collect(),
    }
}
