//! TAP version 13, which every consumer reads (Perl's `prove` refuses 14). What is wrong and does not count is a TODO.

use std::fmt::Write as _;

use crate::model::Results;
use crate::render::Options;
use crate::render::outcome::{self, Outcome};
use crate::text;

/// Writes the report.
pub(super) fn render(results: &Results, options: &Options<'_>) -> String {
    let gate = results.gate(&options.gate);
    let others: Vec<_> = outcome::other_objections(&gate).collect();
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "TAP version 13\n1..{}",
        results.cases.len() + others.len()
    );
    let mut number = 0;
    for (case, outcome) in results.cases.iter().zip(outcome::outcomes(results, &gate)) {
        number += 1;
        let (ok, directive) = match &outcome {
            Outcome::Passed => ("ok", String::new()),
            Outcome::Failed(_) => ("not ok", String::new()),
            Outcome::Excused(why) => ("not ok", format!(" # TODO {}", description(why))),
            Outcome::Skipped => (
                "ok",
                format!(" # SKIP {}", description(&outcome::headline(case))),
            ),
        };
        let _ = writeln!(
            out,
            "{ok} {number} - {}{directive}",
            description(&case.name)
        );
        if !matches!(outcome, Outcome::Passed | Outcome::Skipped) {
            let requirements: Vec<String> = case
                .judged
                .iter()
                .map(|judged| text::line(&judged.id))
                .collect();
            out.push_str("  ---\n");
            yaml(&mut out, "severity", case.verdict.as_str().into());
            yaml(&mut out, "message", outcome::headline(case).into());
            yaml(&mut out, "requirements", requirements.into());
            if let Some(at) = &case.at {
                yaml(
                    &mut out,
                    "at",
                    serde_json::json!({"file": text::line(&at.file), "line": at.line}),
                );
            }
            yaml(&mut out, "duration_ms", case.duration_ms.into());
            yaml(&mut out, "details", outcome::details(case, options).into());
            out.push_str("  ...\n");
        }
    }
    for (name, objection) in others {
        number += 1;
        let _ = writeln!(out, "not ok {number} - {}", description(&name));
        out.push_str("  ---\n");
        yaml(
            &mut out,
            "message",
            text::line(&objection.to_string()).into(),
        );
        out.push_str("  ...\n");
    }
    out
}

/// Text after the number: one line, and nothing that reads as a directive.
fn description(text: &str) -> String {
    text::line(text).replace('\\', "\\\\").replace('#', "\\#")
}

/// A field of a YAML block. The values are JSON, which YAML is a superset of, made from text without anything that YAML
/// does not allow to stand for itself.
fn yaml(out: &mut String, key: &str, value: serde_json::Value) {
    let _ = writeln!(out, "  {key}: {value}");
}
