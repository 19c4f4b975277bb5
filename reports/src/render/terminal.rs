//! The report that people read first: what failed and why, then the rest in brief, then one line.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::chapters::{Chapter, chapters};
use crate::gate::{Gate, Objection};
use crate::known::KnownStatus;
use crate::model::{Case, Direction, Entry, Results};
use crate::render::layout::{break_anywhere, cut, wrap};
use crate::render::{Options, Verbosity, outcome};
use crate::requirement;
use crate::text;
use crate::verdict::{State, Verdict};

/// Entries at the end of a transcript that are shown if not all of it is asked for.
const LAST_ENTRIES: usize = 6;

/// Lines of one transcript entry, or of an expected or received text, before it is cut.
const ENTRY_LINES: usize = 4;

/// Notes on the run that are shown if not all of it is asked for.
const NOTES: usize = 5;

/// Narrower than this nothing is readable; wider lines are hard to read.
const WIDTHS: (usize, usize) = (40, 140);

/// Writes the report.
pub(super) fn render(results: &Results, options: &Options<'_>) -> String {
    let width = options.width.clamp(WIDTHS.0, WIDTHS.1);
    let mut report = Report {
        out: String::new(),
        width,
        results,
        options,
    };
    let gate = results.gate(&options.gate);
    if options.verbosity > Verbosity::Quiet {
        report.failures();
        report.groups();
        report.sections();
    }
    report.objections(&gate);
    report.verdict(&gate);
    report.out
}

struct Report<'a> {
    out: String,
    width: usize,
    results: &'a Results,
    options: &'a Options<'a>,
}

impl Report<'_> {
    /// Text in a style; the text is harmless already.
    fn paint(&self, style: Style, text: &str) -> String {
        if self.options.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    fn put(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// A paragraph, broken between words.
    fn wrapped(&mut self, indent: usize, text: &str) {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            self.put(&format!("{:indent$}{line}", ""));
        }
    }

    /// Text with a heading in front, broken anywhere, cut after some lines.
    fn block(&mut self, heading: &str, style: Style, text: &str, limit: usize) {
        let indent = heading.width();
        let width = self.width.saturating_sub(indent);
        let lines: Vec<&str> = text
            .split('\n')
            .flat_map(|line| break_anywhere(line, width))
            .collect();
        let shown: usize = lines.iter().take(limit).map(|line| line.len()).sum();
        for (index, line) in lines.iter().take(limit).enumerate() {
            let line = if index == 0 {
                format!("{}{line}", self.paint(style, heading))
            } else {
                format!("{:indent$}{line}", "")
            };
            self.put(&line);
        }
        if lines.len() > limit {
            let rest = text::count(text.len() - shown, "more byte");
            self.put(&format!("{:indent$}… {rest}", ""));
        }
    }

    fn whole_transcripts(&self) -> bool {
        self.options.verbosity >= Verbosity::Verbose
    }

    /// The case is shown at length.
    fn is_failure(&self, case: &Case) -> bool {
        match case.verdict {
            _ if case.known.is_some() => self.options.verbosity == Verbosity::Full,
            Verdict::Fail | Verdict::Error => true,
            Verdict::Warn => self.options.gate.strict || self.whole_transcripts(),
            Verdict::Blocked => self.whole_transcripts(),
            Verdict::Pass | Verdict::Skip => self.options.verbosity == Verbosity::Full,
        }
    }

    fn failures(&mut self) {
        let results = self.results;
        let mut shown: Vec<&Case> = results
            .cases
            .iter()
            .filter(|case| self.is_failure(case))
            .collect();
        shown.sort_by_key(|case| std::cmp::Reverse((case.known.is_none(), case.verdict)));
        for case in shown {
            self.failure(case);
        }
    }

    fn failure(&mut self, case: &Case) {
        let word = if case.known.is_some() {
            "KNOWN"
        } else {
            word(case.verdict)
        };
        let name = text::line(&case.name);
        let heading = format!(
            "{} {}",
            self.paint(style(case.verdict).bold(), word),
            self.paint(Style::new().bold(), &name)
        );
        self.put(&heading);
        self.wrapped(2, &text::line(&case.title));
        self.put("");
        let diagnostic = case.diagnostic.as_deref().unwrap_or_default();
        if let Some(reason) = &case.reason
            && !text::says(diagnostic, reason)
        {
            self.wrapped(2, &text::line(reason));
            self.put("");
        }
        if let Some(reason) = &case.known {
            self.wrapped(2, &format!("Known: {}", text::line(reason)));
            self.put("");
        }
        self.requirements(case);
        self.evidence(case);
        self.transcript(case);
    }

    /// What was broken: id, level, text, the words of the document and where they are.
    fn requirements(&mut self, case: &Case) {
        let broken = |verdict: Verdict| verdict.is_broken() || verdict == Verdict::Error;
        for judged in case.judged.iter().filter(|judged| broken(judged.verdict)) {
            let info = requirement::find(self.options.requirements, &judged.id, &judged.level);
            let heading = format!("{} ({})", text::line(&judged.id), text::line(info.level));
            let heading = self.paint(style(judged.verdict), &heading);
            self.put(&format!("  {heading} {}", text::line(&info.place())));
            if !info.text.is_empty() {
                self.wrapped(4, &text::line(info.text));
            }
            if let Some(quote) = info.quote {
                for line in wrap(&text::line(quote), self.width.saturating_sub(6)) {
                    let line = self.paint(Style::new().dimmed(), &format!("| {line}"));
                    self.put(&format!("    {line}"));
                }
            }
            if let Some(link) = info.link() {
                let link = self.paint(Style::new().dimmed(), &link);
                self.put(&format!("    {link}"));
            }
            self.put("");
        }
        let blocked: Vec<String> = case
            .judged
            .iter()
            .filter(|judged| judged.verdict == Verdict::Blocked)
            .map(|judged| text::line(&judged.id))
            .collect();
        if !blocked.is_empty() {
            self.wrapped(2, &format!("Could not be judged: {}", blocked.join(", ")));
            self.put("");
        }
    }

    /// The script with its caret, and what came instead.
    fn evidence(&mut self, case: &Case) {
        let diagnostic = case
            .diagnostic
            .as_deref()
            .map(text::lines)
            .unwrap_or_default();
        for line in diagnostic.lines() {
            self.put(&format!("  {line}"));
        }
        if diagnostic.is_empty()
            && let Some(at) = &case.at
        {
            self.put(&format!("  --> {}:{}", text::line(&at.file), at.line));
        }
        if !diagnostic.is_empty() {
            self.put("");
        }
        // The diagnostic says it too, unless it had to be short.
        let limit = if self.whole_transcripts() {
            usize::MAX
        } else {
            ENTRY_LINES
        };
        let mut any = false;
        for (heading, style, value) in [
            ("  expected  ", AnsiColor::Green, &case.expected),
            ("  received  ", AnsiColor::Red, &case.received),
        ] {
            let Some(value) = value.as_deref() else {
                continue;
            };
            let value = text::lines(value.trim_end());
            if !text::says(&diagnostic, &value) {
                self.block(heading, style.on_default(), &value, limit);
                any = true;
            }
        }
        if any || (diagnostic.is_empty() && case.at.is_some()) {
            self.put("");
        }
    }

    fn transcript(&mut self, case: &Case) {
        let whole = self.whole_transcripts();
        let entries = if whole {
            &case.transcript
        } else {
            case.decisive()
        };
        if entries.is_empty() {
            return;
        }
        let first = if whole {
            0
        } else {
            entries.len().saturating_sub(LAST_ENTRIES)
        };
        let heading = if first == 0 {
            "  transcript".to_owned()
        } else {
            format!(
                "  transcript, the last {LAST_ENTRIES} of {} before the verdict (all: -v)",
                entries.len()
            )
        };
        self.put(&self.paint(Style::new().dimmed(), &heading));
        let names = entries[first..]
            .iter()
            .map(|entry| text::line(&entry.actor).width());
        let names = names.max().unwrap_or(0).min(self.width / 4);
        let limit = if whole { usize::MAX } else { ENTRY_LINES };
        for entry in &entries[first..] {
            let (heading, style) = entry_heading(entry, names);
            self.block(&heading, style, &text::entry(entry), limit);
        }
        self.put("");
    }

    /// What is neither passed nor shown at length, by reason.
    fn groups(&mut self) {
        let results = self.results;
        let strict = self.options.gate.strict;
        let warn = "a SHOULD is broken; counts with --strict";
        for (verdict, about) in [
            (Verdict::Blocked, "a precondition failed: not judged"),
            (Verdict::Warn, if strict { "" } else { warn }),
        ] {
            let cases = results.cases.iter().filter(|case| {
                case.verdict == verdict && case.known.is_none() && !self.is_failure(case)
            });
            self.group(
                word(verdict),
                style(verdict),
                about,
                cases.collect(),
                |case| {
                    let broken = case
                        .judged
                        .iter()
                        .filter(|judged| judged.verdict.is_broken());
                    let ids: Vec<String> = broken.map(|judged| text::line(&judged.id)).collect();
                    let reason = case
                        .reason
                        .as_deref()
                        .map_or("no reason given".to_owned(), text::line);
                    if ids.is_empty() {
                        reason
                    } else {
                        format!("{}: {reason}", ids.join(", "))
                    }
                },
            );
        }
        let known = results
            .cases
            .iter()
            .filter(|case| case.known.is_some() && !self.is_failure(case));
        let about = "broken as the target's profile says";
        self.group(
            "KNOWN",
            AnsiColor::Magenta.on_default(),
            about,
            known.collect(),
            |case| text::line(case.known.as_deref().unwrap_or_default()),
        );
        let skipped = results
            .cases
            .iter()
            .filter(|case| case.verdict == Verdict::Skip && !self.is_failure(case));
        let about = "the target lacks a feature";
        self.group(
            "SKIP",
            style(Verdict::Skip),
            about,
            skipped.collect(),
            |case| {
                case.reason
                    .as_deref()
                    .map_or("no reason given".to_owned(), text::line)
            },
        );
        if self.options.verbosity == Verbosity::Verbose {
            let passed = results
                .cases
                .iter()
                .filter(|case| case.verdict == Verdict::Pass);
            self.group("PASS", style(Verdict::Pass), "", passed.collect(), |_| {
                String::new()
            });
        }
    }

    fn group(
        &mut self,
        word: &str,
        style: Style,
        about: &str,
        cases: Vec<&Case>,
        reason: impl Fn(&Case) -> String,
    ) {
        if cases.is_empty() {
            return;
        }
        let colon = if about.is_empty() { "" } else { ": " };
        let heading = self.paint(style.bold(), word);
        self.put(&format!(
            "{heading} {}{colon}{about}",
            text::count(cases.len(), "case")
        ));
        let mut reasons: Vec<(String, Vec<&Case>)> = Vec::new();
        for case in cases {
            let reason = reason(case);
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, cases)) => cases.push(case),
                None => reasons.push((reason, vec![case])),
            }
        }
        let length = if self.whole_transcripts() {
            usize::MAX
        } else {
            self.width * 2
        };
        for (reason, cases) in reasons {
            self.wrapped(2, &text::head(&reason, length));
            let indent = if reason.is_empty() { 2 } else { 4 };
            for case in &cases {
                let name = self.paint(Style::new().dimmed(), &text::line(&case.name));
                self.put(&format!("{:indent$}{name}", ""));
            }
            // What was blocked speaks against the target, and a reason alone does not show where.
            if let [
                Case {
                    diagnostic: Some(diagnostic),
                    verdict: Verdict::Blocked,
                    known: None,
                    ..
                },
                ..,
            ] = cases[..]
            {
                self.put("");
                for line in text::lines(diagnostic).lines() {
                    self.put(&format!("{:indent$}{line}", ""));
                }
                self.put("");
            }
        }
        self.put("");
    }

    /// The requirements by chapter.
    fn sections(&mut self) {
        const COLUMNS: [State; 7] = [
            State::Pass,
            State::Fail,
            State::Warn,
            State::Blocked,
            State::Error,
            State::Skip,
            State::Untested,
        ];
        let all = chapters(self.results, self.options.requirements);
        let (tested, rest): (Vec<Chapter>, Vec<Chapter>) =
            all.into_iter().partition(Chapter::is_tested);
        if tested.is_empty() {
            return;
        }
        // Errors are rare; a column of nothing would cost the titles their room.
        let columns: Vec<State> = COLUMNS
            .into_iter()
            .filter(|&state| {
                state != State::Error || tested.iter().any(|chapter| chapter.count(state) > 0)
            })
            .collect();
        let widths: Vec<usize> = columns
            .iter()
            .map(|state| state.as_str().len().max(5) + 1)
            .collect();
        let room = self.width.saturating_sub(widths.iter().sum()).max(12);
        let labels: Vec<String> = tested
            .iter()
            .map(|chapter| cut(&text::line(&chapter.label()), room))
            .collect();
        let name = "Requirements";
        let longest = labels.iter().map(|label| label.width()).max();
        let first = longest.unwrap_or(0).max(name.len());
        let mut heading = format!("{name:first$}");
        for (column, width) in columns.iter().zip(&widths) {
            let _ = write!(heading, "{column:>width$}");
        }
        let heading = self.paint(Style::new().bold(), &heading);
        self.put(&heading);
        for (label, chapter) in labels.iter().zip(&tested) {
            let mut line = format!("{label}{:1$}", "", first - label.width());
            for (&column, width) in columns.iter().zip(&widths) {
                let (number, style) = match chapter.count(column) {
                    0 => ("·".to_owned(), Style::new().dimmed()),
                    count => (count.to_string(), state_style(column)),
                };
                line.push_str(&self.paint(style, &format!("{number:>width$}")));
            }
            self.put(&line);
        }
        let untouched: usize = rest.iter().map(Chapter::total).sum();
        if untouched > 0 {
            let requirements = text::count(untouched, "requirement");
            self.put(&format!("{requirements} of other chapters not tested"));
        }
        self.put("");
    }

    /// What fails the gate and is not among the failures; with `Quiet`, everything that does.
    fn objections(&mut self, gate: &Gate) {
        let quiet = self.options.verbosity == Verbosity::Quiet;
        let mut any = false;
        for objection in gate.objections() {
            if quiet || !matches!(objection, Objection::Case { .. }) {
                self.wrapped(0, &text::line(&objection.to_string()));
                any = true;
            }
        }
        let notes = outcome::notes(self.results);
        let shown = if self.whole_transcripts() {
            notes.len()
        } else {
            NOTES
        };
        for note in notes.iter().take(shown) {
            self.wrapped(0, &format!("note: {note}"));
            any = true;
        }
        if notes.len() > shown {
            let rest = text::count(notes.len() - shown, "more note");
            self.put(&format!("{rest} (all: -v)"));
        }
        if any && !quiet {
            self.put("");
        }
    }

    fn verdict(&mut self, gate: &Gate) {
        let results = self.results;
        let mut target = text::line(&results.target.name);
        if let Some(version) = &results.target.version {
            let _ = write!(target, " {}", text::line(version));
        }
        let summary = &results.summary;
        let mut counts: Vec<String> = Vec::new();
        for (number, word) in [
            (summary.fail, "fail"),
            (summary.error, "error"),
            (summary.warn, "warn"),
            (summary.blocked, "blocked"),
            (summary.skip, "skip"),
            (summary.known, "known"),
            (summary.pass, "pass"),
        ] {
            if number > 0 {
                counts.push(format!("{number} {word}"));
            }
        }
        let stale = results
            .known
            .iter()
            .filter(|entry| entry.status == KnownStatus::Passes)
            .count();
        if stale > 0 {
            counts.push(format!(
                "{} no longer there",
                text::count(stale, "known finding")
            ));
        }
        let (style, meaning) = match gate {
            Gate::Conformant => (AnsiColor::Green, "conformant"),
            Gate::NotConformant(_) => (AnsiColor::Red, "NOT CONFORMANT"),
            Gate::Nothing => (AnsiColor::Yellow, "nothing was judged"),
        };
        let meaning = self.paint(style.on_default().bold(), meaning);
        let cases = text::count(summary.total(), "case");
        let counts = if counts.is_empty() {
            String::new()
        } else {
            format!(": {}", counts.join(", "))
        };
        let seed = results.seed;
        self.put(&format!(
            "{target}: {meaning}. {cases}{counts} ({}, seed {seed})",
            text::duration(results.duration_ms)
        ));
    }
}

/// Time, actor and direction of an entry, and how they look.
fn entry_heading(entry: &Entry, names: usize) -> (String, Style) {
    let actor = cut(&text::line(&entry.actor), names);
    let pad = names.saturating_sub(actor.width());
    let style = match entry.direction {
        Direction::Sent => AnsiColor::Blue.on_default(),
        Direction::Received => AnsiColor::Cyan.on_default(),
        Direction::Note => Style::new().dimmed(),
    };
    let arrow = entry.direction.arrow();
    let layer = entry.layer.as_str();
    (
        format!(
            "  {:>9.1} ms {actor}{:pad$} {arrow} {layer:<5} ",
            entry.at_ms, ""
        ),
        style,
    )
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Skip => "SKIP",
        Verdict::Blocked => "BLOCKED",
        Verdict::Warn => "WARN",
        Verdict::Error => "ERROR",
        Verdict::Fail => "FAIL",
    }
}

fn style(verdict: Verdict) -> Style {
    state_style(verdict.into())
}

pub(super) fn state_style(state: State) -> Style {
    match state {
        State::Pass => AnsiColor::Green.on_default(),
        State::Fail | State::Error => AnsiColor::Red.on_default(),
        State::Warn | State::Blocked => AnsiColor::Yellow.on_default(),
        State::Skip => AnsiColor::Cyan.on_default(),
        State::Untested => Style::new().dimmed(),
    }
}
