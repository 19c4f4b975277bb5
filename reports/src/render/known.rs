//! Entries for the target's profile that excuse what fails the gate now: a first draft, for people to write the reasons.

use std::fmt::Write as _;

use crate::gate::Objection;
use crate::model::{Case, Results};
use crate::render::Options;
use crate::render::outcome::{self, Outcome};
use crate::requirement;
use crate::text;
use crate::verdict::Verdict;

/// The most of what was seen that stands in for a reason, in characters.
const LONGEST: usize = 200;

pub(super) fn render(results: &Results, options: &Options<'_>) -> String {
    let gate = results.gate(&options.gate);
    let outcomes = outcome::outcomes(results, &gate);
    let mut out =
        "# Findings of a run, for the target.toml of the profile. Write why each is excused.\n"
            .to_owned();
    let failed = |outcome: &Outcome<'_>| matches!(outcome, Outcome::Failed(Objection::Case { .. }));
    for (case, _) in results
        .cases
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| failed(outcome))
    {
        entries(&mut out, case, options);
    }
    out
}

/// One entry for each requirement that the case breaks; for one that was blocked, for each that it could not judge. What the
/// harness did wrong is never excused.
fn entries(out: &mut String, case: &Case, options: &Options<'_>) {
    let broken = case.judged.iter().any(|judged| judged.verdict.is_broken());
    let wanted = |verdict: Verdict| match broken {
        true => verdict.is_broken(),
        false => verdict == Verdict::Blocked,
    };
    for judged in case.judged.iter().filter(|judged| wanted(judged.verdict)) {
        let info = requirement::find(options.requirements, &judged.id, &judged.level);
        let seen = case.reason.as_deref().unwrap_or(&case.title);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "\n# {} ({}): {}\n[[known]]\nrequirement = {}\ncase = {}\nreason = {}\n",
            text::line(&info.place()),
            text::line(info.level),
            text::line(info.text),
            quoted(&judged.id),
            quoted(&case.name),
            quoted(&text::head(seen, LONGEST)),
        );
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text::line(text).replace('\\', "\\\\").replace('"', "\\\"")
    )
}
