//! `xmppspec check`: finds mistakes in scripts without running them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use xmppspec_scenarios::diagnostic::Note;
use xmppspec_scenarios::{Diagnostic, Severity, Source, check, diagnostic};

use super::run_args::Format;
use super::{Outcome, json, output};
use crate::exit::{Exit, Failed};
use crate::select::{name_of_file, scripts_in};
use crate::ui::{self, BAD, DOUBTFUL, GOOD};

/// Which scripts.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong (there may be warnings), 2 there are errors, or a file cannot be read

Examples:
  xmppspec check mine.scs
  xmppspec check scenarios/ --deny-warnings")]
pub struct CheckArgs {
    /// Script files, or folders of them; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Warnings count like errors
    #[arg(long)]
    deny_warnings: bool,

    /// What to write to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What was found, for programs.
#[derive(serde::Serialize)]
struct Found {
    scripts: usize,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<FoundDiagnostic>,
}

#[derive(serde::Serialize)]
struct FoundDiagnostic {
    file: String,
    /// `error`, `warning` or `note`.
    severity: &'static str,
    message: String,
    /// Where, counted from 1, columns in characters; null if it is about the whole file.
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    /// What is said about the place.
    label: Option<String>,
    notes: Vec<String>,
}

impl FoundDiagnostic {
    fn new(diagnostic: &Diagnostic, source: &Source) -> Self {
        let span = diagnostic.span();
        let place = |at: usize| {
            let before = source.text.get(..at).unwrap_or(&source.text);
            let line = before.rsplit('\n').next().unwrap_or_default();
            (before.matches('\n').count() + 1, line.chars().count() + 1)
        };
        let start = span.as_ref().map(|span| place(span.start));
        let end = span.as_ref().map(|span| place(span.end));
        let label = diagnostic.labels.iter().find(|label| label.primary);
        Self {
            file: source.name.clone(),
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            message: diagnostic.title.clone(),
            line: start.map(|(line, _)| line),
            column: start.map(|(_, column)| column),
            end_line: end.map(|(line, _)| line),
            end_column: end.map(|(_, column)| column),
            label: label
                .map(|label| label.text.clone())
                .filter(|text| !text.is_empty()),
            notes: diagnostic
                .notes
                .iter()
                .map(|note| match note {
                    Note::Note(text) | Note::Help(text) => text.clone(),
                })
                .collect(),
        }
    }
}

/// Checks every script and shows what is wrong with it.
pub(super) fn main(args: &CheckArgs) -> Outcome {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    let mut scripts = 0;
    let mut found = Vec::new();
    for path in &args.files {
        for file in files(path)? {
            let source = read(&file)?;
            let diagnostics = check(&source, &name_of_file(&file));
            scripts += 1;
            for diagnostic in &diagnostics {
                *counts.entry(diagnostic.severity).or_default() += 1;
            }
            if args.format == Format::Json {
                let all = diagnostics
                    .iter()
                    .map(|one| FoundDiagnostic::new(one, &source));
                found.extend(all);
            } else if !diagnostics.is_empty() {
                let rendered = diagnostic::render_all(&diagnostics, true, &source.text);
                ui::line(&format!("{rendered}\n"));
            }
        }
    }
    let count = |severity| counts.get(&severity).copied().unwrap_or(0);
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let is_wrong = errors > 0 || (args.deny_warnings && warnings > 0);
    let exit = if is_wrong {
        Exit::Usage
    } else {
        Exit::Conformant
    };
    if args.format == Format::Json {
        json(&Found {
            scripts,
            errors,
            warnings,
            diagnostics: found,
        })?;
        return Ok(exit);
    }
    let style = match (is_wrong, warnings) {
        (true, _) => BAD,
        (false, 0) => GOOD,
        (false, _) => DOUBTFUL,
    };
    ui::line(&format!(
        "{}: {style}{}, {}{style:#}",
        ui::plural(scripts, "script"),
        ui::plural(errors, "error"),
        ui::plural(warnings, "warning")
    ));
    Ok(exit)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Failed> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = scripts_in(path)?;
    if files.is_empty() {
        return Err(Failed {
            exit: Exit::Nothing,
            message: format!("there is no .scs file in {}", path.display()),
        });
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Source, Failed> {
    let (name, bytes) = if output::is_stdout(path) {
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes);
        ("<stdin>".to_owned(), read.map(|_| bytes))
    } else {
        (path.display().to_string(), std::fs::read(path))
    };
    let unreadable = |error: String| Failed::usage(format!("cannot read {name}: {error}"));
    let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        unreadable(format!(
            "byte {} is not UTF-8",
            e.utf8_error().valid_up_to()
        ))
    })?;
    Ok(Source { name, text })
}
