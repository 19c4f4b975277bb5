//! Workflow commands that GitHub turns into annotations.

use std::fmt::Write as _;

use crate::model::Results;
use crate::render::Options;
use crate::render::outcome::{self, Outcome};

/// Writes the commands: errors for what fails the gate, then warnings for what is broken and does not count. Of many GitHub shows
/// the first.
pub(super) fn render(results: &Results, options: &Options<'_>) -> String {
    let gate = results.gate(&options.gate);
    let (mut errors, mut warnings) = (String::new(), String::new());
    for (case, outcome) in results.cases.iter().zip(outcome::outcomes(results, &gate)) {
        let (out, command) = match outcome {
            Outcome::Failed(_) => (&mut errors, "error"),
            Outcome::Excused(_) if case.known.is_none() && case.verdict.is_broken() => {
                (&mut warnings, "warning")
            }
            _ => continue,
        };
        let place = case.at.as_ref().map_or(String::new(), |at| {
            format!("file={},line={},", property(&at.file), at.line)
        });
        let title = property(&format!("{}: {}", case.verdict, case.name));
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "::{command} {place}title={title}::{}",
            data(&outcome::details(case, options))
        );
    }
    for (name, objection) in outcome::other_objections(&gate) {
        let _ = writeln!(
            errors,
            "::error title={}::{}",
            property(&name),
            data(&objection.to_string())
        );
    }
    errors + &warnings
}

/// The text of a command: what would end the line is escaped.
fn data(text: &str) -> String {
    text.trim_end()
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a command: what would end the property is escaped, too.
fn property(text: &str) -> String {
    data(&crate::text::line(text))
        .replace(':', "%3A")
        .replace(',', "%2C")
}
