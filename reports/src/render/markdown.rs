//! Markdown for a job summary: what fails the gate first, visible without opening anything.

use std::fmt::Write as _;

use crate::chapters::chapters;
use crate::gate::{Gate, Objection};
use crate::model::{Case, Results};
use crate::render::Options;
use crate::render::outcome::{self, Outcome};
use crate::requirement;
use crate::text;
use crate::verdict::{State, Verdict};

/// GitHub refuses summaries over 1 MiB. Findings beyond this many bytes are named without details.
const DETAILS_LIMIT: usize = 700 * 1024;

/// No details are longer (in characters): the transcript is in the other reports.
const ONE_LIMIT: usize = 8000;

/// So many findings have their details unfolded: a summary is read, not opened.
const UNFOLDED: usize = 5;

/// Notes on the run that are shown.
const NOTES: usize = 5;

/// Characters of the line that says what is wrong.
const HEADLINE_LENGTH: usize = 1000;

/// Characters of a name.
const NAME_LENGTH: usize = 300;

/// At most so many names in one list, so that the limit holds for any number of cases.
const NAMES: usize = 500;

/// Writes the report.
pub(super) fn render(results: &Results, options: &Options<'_>) -> String {
    let gate = results.gate(&options.gate);
    let mut out = String::new();
    let (mark, meaning) = match &gate {
        Gate::Conformant => ("✅", "conformant".to_owned()),
        Gate::NotConformant(objections) => ("❌", text::count(objections.len(), "finding")),
        Gate::Nothing => ("⚠️", "nothing was judged".to_owned()),
    };
    let mut target = results.target.name.clone();
    if let Some(version) = &results.target.version {
        target = format!("{target} {version}");
    }
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "## {mark} {}: {meaning}\n", escape(&target));
    let summary = results.summary;
    out.push_str(
        "| fail | error | blocked | warn | known | skip | pass |\n|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} |\n",
        summary.fail,
        summary.error,
        summary.blocked,
        summary.warn,
        summary.known,
        summary.skip,
        summary.pass
    );
    let outcomes: Vec<(&Case, Outcome<'_>)> = results
        .cases
        .iter()
        .zip(outcome::outcomes(results, &gate))
        .collect();
    findings(&mut out, &outcomes, &gate, options);
    let broken = |case: &&Case| case.known.is_none() && case.verdict.is_broken();
    let excused = || {
        outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Excused(_)))
    };
    list(
        &mut out,
        "uncounted finding",
        excused().map(|(case, _)| *case).filter(broken),
        outcome::headline,
    );
    list(
        &mut out,
        "known finding",
        results.cases.iter().filter(|case| case.known.is_some()),
        |case| case.known.clone().unwrap_or_default(),
    );
    let skipped = results
        .cases
        .iter()
        .filter(|case| case.verdict == Verdict::Skip);
    list(&mut out, "skipped case", skipped, |case| {
        outcome::headline(case)
    });
    notes(&mut out, results);
    requirements(&mut out, results, options);
    features(&mut out, results, options);
    let _ = writeln!(
        out,
        "<sub>{} {}, seed {}, {}, {}</sub>",
        escape(&results.tool.name),
        escape(&results.tool.version),
        results.seed,
        escape(&results.started),
        text::duration(results.duration_ms)
    );
    out
}

fn findings(
    out: &mut String,
    outcomes: &[(&Case, Outcome<'_>)],
    gate: &Gate,
    options: &Options<'_>,
) {
    for (name, objection) in outcome::other_objections(gate) {
        let _ = writeln!(
            out,
            "- **{}**: {}",
            escape(&name),
            escape(&objection.to_string())
        );
    }
    let mut failed: Vec<(&Case, &Objection)> = Vec::new();
    for (case, outcome) in outcomes {
        if let Outcome::Failed(objection) = outcome {
            failed.push((case, objection));
        }
    }
    failed.sort_by_key(|(case, _)| std::cmp::Reverse(case.verdict));
    let mut left_out = 0;
    for (number, (case, objection)) in failed.into_iter().enumerate() {
        if out.len() > DETAILS_LIMIT {
            left_out += 1;
        } else {
            finding(out, case, objection, number < UNFOLDED, options);
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "\n… and {}.", text::count(left_out, "more finding"));
    }
    out.push('\n');
}

fn finding(
    out: &mut String,
    case: &Case,
    objection: &Objection,
    open: bool,
    options: &Options<'_>,
) {
    let was = match objection {
        Objection::Case {
            before: Some(before),
            ..
        } => format!(", was {before}"),
        Objection::Flaky { .. } => ", flaky".to_owned(),
        _ => String::new(),
    };
    let _ = writeln!(out, "\n### {} `{}`{was}\n", case.verdict, name(case));
    let headline = text::head(&outcome::headline(case), HEADLINE_LENGTH);
    let _ = writeln!(out, "{}\n", escape(&headline));
    let broken = case
        .judged
        .iter()
        .filter(|judged| judged.verdict.is_broken());
    for judged in broken {
        let info = requirement::find(options.requirements, &judged.id, &judged.level);
        let place = escape(&info.place());
        let place = match info.link() {
            Some(link) => format!("[{place}]({link})"),
            None => place,
        };
        let (level, text) = (escape(info.level), escape(info.text));
        let _ = writeln!(out, "> **{level}** {place}: {text}");
        if let Some(quote) = info.quote {
            let words: Vec<&str> = quote.split_whitespace().collect();
            let _ = writeln!(out, ">\n> _{}_", escape(&words.join(" ")));
        }
        out.push('\n');
    }
    let details = text::head(&outcome::details(case, options), ONE_LIMIT);
    let fence = fence(&details);
    let open = if open { " open" } else { "" };
    let _ = writeln!(
        out,
        "<details{open}><summary>details</summary>\n\n{fence}\n{}\n{fence}\n</details>",
        details.trim_end()
    );
}

/// The name of a case, as code, not too long for a summary.
fn name(case: &Case) -> String {
    code(&text::head(&text::line(&case.name), NAME_LENGTH))
}

fn list<'a>(
    out: &mut String,
    what: &str,
    cases: impl Iterator<Item = &'a Case>,
    about: impl Fn(&Case) -> String,
) {
    let cases: Vec<&Case> = cases.collect();
    if cases.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<details><summary>{}</summary>\n",
        text::count(cases.len(), what)
    );
    for case in cases.iter().take(NAMES) {
        let _ = writeln!(
            out,
            "- `{}` {}",
            name(case),
            escape(&text::head(&about(case), 200))
        );
    }
    if cases.len() > NAMES {
        let _ = writeln!(out, "- … and {} more", cases.len() - NAMES);
    }
    out.push_str("\n</details>\n\n");
}

fn notes(out: &mut String, results: &Results) {
    let notes = outcome::notes(results);
    for note in notes.iter().take(NOTES) {
        let _ = writeln!(out, "- {}", escape(&text::head(note, HEADLINE_LENGTH)));
    }
    if notes.len() > NOTES {
        let _ = writeln!(
            out,
            "- … and {}",
            text::count(notes.len() - NOTES, "more note")
        );
    }
    if !notes.is_empty() {
        out.push('\n');
    }
}

fn requirements(out: &mut String, results: &Results, options: &Options<'_>) {
    let chapters = chapters(results, options.requirements);
    let tested: Vec<_> = chapters
        .iter()
        .filter(|chapter| chapter.is_tested())
        .collect();
    if tested.is_empty() {
        return;
    }
    out.push_str("<details><summary>requirements by chapter</summary>\n\n");
    out.push_str(
        "| | pass | fail | warn | blocked | skip | untested |\n|:--|--:|--:|--:|--:|--:|--:|\n",
    );
    for chapter in tested {
        let _ = write!(out, "| {} |", escape(&text::head(&chapter.label(), 200)));
        for state in [
            State::Pass,
            State::Fail,
            State::Warn,
            State::Blocked,
            State::Skip,
            State::Untested,
        ] {
            let errors = if state == State::Blocked {
                chapter.count(State::Error)
            } else {
                0
            };
            let _ = write!(out, " {} |", chapter.count(state) + errors);
        }
        out.push('\n');
    }
    out.push_str("\n</details>\n\n");
}

fn features(out: &mut String, results: &Results, options: &Options<'_>) {
    let states = results.features(options.features);
    if states.is_empty() {
        return;
    }
    out.push_str("<details><summary>features</summary>\n\n");
    let mut table = "";
    for state in &states {
        let feature = state.feature;
        if feature.table != table {
            table = &feature.table;
            let _ = writeln!(
                out,
                "\n**{}**\n\n| feature | level | support | held | broken | not judged |",
                escape(table)
            );
            out.push_str("|:--|:--|:--|--:|--:|--:|\n");
        }
        let _ = writeln!(
            out,
            "| {} {} | {} | {} | {} | {} | {} |",
            escape(&feature.name),
            escape(&feature.description),
            escape(&feature.level),
            state.support.as_str(),
            state.held,
            state.broken.len(),
            state.not_judged
        );
    }
    out.push_str("\n</details>\n\n");
}

/// Text that is nothing but text, wherever it stands: punctuation as character references, which Markdown never takes
/// for structure.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text::line(text).chars() {
        match c {
            '.' | ',' | ';' | '\'' | '/' | '-' | '(' | ')' | '?' | '=' => out.push(c),
            // A name or address would become a link or a mention.
            ':' | '@' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if c.is_ascii_punctuation() => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Text between single backticks.
pub(crate) fn code(text: &str) -> String {
    text::line(text).replace('`', "'").replace('|', "¦")
}

/// A fence longer than any in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escape("<b>*x*|`"), "&#60;b&#62;&#42;x&#42;&#124;&#96;");
        assert_eq!(escape("a.b-c"), "a.b-c");
        assert_eq!(code("a`b|c"), "a'b¦c");
        assert_eq!(fence("x"), "```");
        assert_eq!(fence("```` `"), "`````");
    }
}
