//! What the gate makes of each case, for reports that know only passed, failed and skipped.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::gate::{Gate, Objection};
use crate::model::{Case, Results};
use crate::render::Options;
use crate::requirement;
use crate::text;
use crate::verdict::Verdict;

/// What the gate makes of a case.
pub(super) enum Outcome<'a> {
    /// Nothing is wrong with it.
    Passed,
    /// It fails the gate.
    Failed(&'a Objection),
    /// Something is wrong, and it does not count; says why not.
    Excused(String),
    /// It was skipped.
    Skipped,
}

/// The outcome of each case, in the order of the results.
pub(super) fn outcomes<'a>(results: &Results, gate: &'a Gate) -> Vec<Outcome<'a>> {
    let mut objections: HashMap<&str, &Objection> = HashMap::new();
    for objection in gate.objections() {
        if let Objection::Case { name, .. } | Objection::Flaky { name, .. } = objection {
            objections.insert(name, objection);
        }
    }
    let outcome = |case: &Case| match (
        objections.get(case.name.as_str()),
        &case.known,
        case.verdict,
    ) {
        (Some(objection), ..) => Outcome::Failed(objection),
        (_, _, Verdict::Pass) => Outcome::Passed,
        (_, Some(reason), _) => Outcome::Excused(format!("known: {reason}")),
        (_, _, Verdict::Skip) => Outcome::Skipped,
        (_, _, Verdict::Warn) => Outcome::Excused("a SHOULD is broken".to_owned()),
        _ => Outcome::Excused("not worse than in the baseline".to_owned()),
    };
    results.cases.iter().map(outcome).collect()
}

/// What fails the gate and is not a case, each with a short name.
pub(super) fn other_objections(gate: &Gate) -> impl Iterator<Item = (String, &Objection)> {
    gate.objections()
        .iter()
        .filter_map(|objection| match objection {
            Objection::Case { .. } | Objection::Flaky { .. } => None,
            Objection::KnownPasses { entry } | Objection::KnownExpired { entry, .. } => {
                Some((format!("known finding {entry}"), objection))
            }
            Objection::Interrupted => Some(("run".to_owned(), objection)),
        })
}

/// The remarks on a run, each once, with how often it was made.
pub(super) fn notes(results: &Results) -> Vec<String> {
    let mut notes: Vec<(&str, usize)> = Vec::new();
    for note in &results.notes {
        match notes.iter_mut().find(|(known, _)| known == note) {
            Some((_, times)) => *times += 1,
            None => notes.push((note, 1)),
        }
    }
    let written = |(note, times): (&str, usize)| match times {
        1 => text::line(note),
        times => format!("{} ({times} times)", text::line(note)),
    };
    notes.into_iter().map(written).collect()
}

/// One line on a case: its reason, or what it is about.
pub(super) fn headline(case: &Case) -> String {
    text::line(case.reason.as_deref().unwrap_or(&case.title))
}

/// Everything about a case but its transcript, as lines of plain text.
pub(super) fn details(case: &Case, options: &Options<'_>) -> String {
    let mut out = String::new();
    let mut put = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    put(&text::line(&case.title));
    let diagnostic = case.diagnostic.as_deref().unwrap_or_default();
    if let Some(reason) = &case.reason
        && !text::says(diagnostic, reason)
    {
        put(&text::line(reason));
    }
    for judged in &case.judged {
        if matches!(judged.verdict, Verdict::Pass | Verdict::Skip) {
            continue;
        }
        let info = requirement::find(options.requirements, &judged.id, &judged.level);
        let (id, level) = (text::line(&judged.id), text::line(info.level));
        put(&format!(
            "{}: {id} ({level}, {}) {}",
            judged.verdict,
            text::line(&info.place()),
            text::line(info.text)
        ));
    }
    if !diagnostic.is_empty() {
        put(text::lines(diagnostic).trim_end());
    } else if let Some(at) = &case.at {
        put(&format!("at {}:{}", text::line(&at.file), at.line));
    }
    for (heading, value) in [("expected", &case.expected), ("received", &case.received)] {
        if let Some(value) = value
            && !text::says(diagnostic, value)
        {
            put(&format!("{heading}: {}", text::lines(value)));
        }
    }
    out
}

/// The transcript, one entry a line; the lines of a packet are indented.
pub(super) fn transcript(case: &Case) -> String {
    let mut out = String::new();
    for entry in &case.transcript {
        let arrow = entry.direction.arrow();
        let layer = entry.layer.as_str();
        let actor = text::line(&entry.actor);
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{:.1} ms {actor} {arrow} {layer} {}",
            entry.at_ms,
            text::entry(entry).replace('\n', "\n    ")
        );
    }
    out
}
