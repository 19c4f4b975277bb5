//! `xmppspec check`: finds mistakes in scripts without running them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use xmppspec_scenarios::{Severity, Source, check, diagnostic};

use super::{Outcome, output};
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
}

/// Checks every script and shows what is wrong with it.
pub(super) fn main(args: &CheckArgs) -> Outcome {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    let mut scripts = 0;
    for path in &args.files {
        for file in files(path)? {
            let source = read(&file)?;
            let diagnostics = check(&source, &name_of_file(&file));
            scripts += 1;
            for diagnostic in &diagnostics {
                *counts.entry(diagnostic.severity).or_default() += 1;
            }
            if !diagnostics.is_empty() {
                let rendered = diagnostic::render_all(&diagnostics, true, &source.text);
                ui::line(&format!("{rendered}\n"));
            }
        }
    }
    let count = |severity| counts.get(&severity).copied().unwrap_or(0);
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let is_wrong = errors > 0 || (args.deny_warnings && warnings > 0);
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
    Ok(if is_wrong {
        Exit::Usage
    } else {
        Exit::Conformant
    })
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
