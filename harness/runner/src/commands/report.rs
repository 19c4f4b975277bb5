//! `xmppspec report`: reports from the results of a run.

use std::io::Read;
use std::path::{Path, PathBuf};

use xmppspec_reports::{Format, Gate, GateOptions, Results, render};

use super::run_args::ReportTo;
use super::{Outcome, output, texts, values};
use crate::exit::{Exit, Failed};
use crate::ui;

/// Which results, and which reports.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help())]
pub struct ReportArgs {
    /// What `xmppspec run --results FILE` wrote; - is standard input. Several are parts of one run and become one
    #[arg(value_name = "RESULTS.json", required = true)]
    results: Vec<PathBuf>,

    /// Write a report; repeatable [default: print the one that `run` prints]
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = values::report)]
    reports: Vec<ReportTo>,

    /// A broken SHOULD counts like a broken MUST
    #[arg(long)]
    strict: bool,

    /// A skipped case counts like a failed one
    #[arg(long)]
    fail_on_skip: bool,

    /// Only what is new or worse than in these results counts
    #[arg(long, value_name = "RESULTS.json")]
    baseline: Option<PathBuf>,

    /// End with the exit code that the run had, not with 0
    #[arg(long)]
    gate: bool,

    /// Only what is wrong
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// More; -vv tells every case
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

fn help() -> String {
    let mut text = "Formats:\n".to_owned();
    let width = Format::ALL.iter().map(|format| format.name().len()).max();
    let width = width.unwrap_or(0);
    for format in Format::ALL {
        let (name, description) = (format.name(), format.description());
        text.push_str(&format!("  {name:width$}  {description}\n"));
    }
    text.push_str("\nExamples:\n  xmppspec report results.json --report terminal=-\n  xmppspec report shard-1.json shard-2.json --report json=results.json --gate");
    text
}

/// Reads the results and writes the reports.
pub(super) fn main(args: &ReportArgs) -> Outcome {
    let parts = args.results.iter().map(|path| read(path));
    let mut parts = parts.collect::<Result<Vec<_>, Failed>>()?;
    let results = match parts.len() {
        1 => parts.remove(0),
        _ => Results::merge(parts).map_err(|error| Failed::usage(error.to_string()))?,
    };
    let baseline = args.baseline.as_deref().map(read).transpose()?;
    output::check_paths(args.reports.iter().map(|report| &report.file))?;
    let gate = GateOptions {
        strict: args.strict,
        fail_on_skip: args.fail_on_skip,
        baseline: baseline.as_ref(),
    };
    if args.reports.is_empty() {
        let options = output::terminal(&texts, gate, args.quiet, args.verbose);
        let text = render(Format::Terminal, &results, &options)
            .map_err(|error| Failed::usage(error.to_string()))?;
        ui::print(&text);
    } else {
        output::write_reports(&args.reports, &results, &texts, gate)?;
    }
    Ok(if args.gate {
        exit(&results.gate(&gate))
    } else {
        Exit::Conformant
    })
}

/// Reads results; `-` is standard input.
///
/// # Errors
/// That they cannot be read, or are none.
pub(super) fn read(file: &Path) -> Result<Results, Failed> {
    let path = file.display();
    let bytes = if output::is_stdout(file) {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(|error| Failed::usage(format!("cannot read {path}: {error}")))?;
    Results::from_json(&bytes).map_err(|error| {
        Failed::usage(format!(
            "{path} cannot be used: {error}\nit should be what `xmppspec run --results FILE` wrote"
        ))
    })
}

/// The exit code of what the gate says.
#[must_use]
pub fn exit(gate: &Gate) -> Exit {
    match gate {
        Gate::Conformant => Exit::Conformant,
        Gate::NotConformant(_) => Exit::NotConformant,
        Gate::Nothing => Exit::Nothing,
    }
}
