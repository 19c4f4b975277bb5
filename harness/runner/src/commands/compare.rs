//! `xmppspec compare`: results beside each other.

use std::path::PathBuf;

use xmppspec_reports::{Comparison, Format, render_comparison};

use super::run_args::ReportTo;
use super::{Outcome, output, report, texts, values};
use crate::exit::{Exit, Failed};
use crate::ui;

/// Which results, and which reports.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Two results of one target are an earlier and a later run: what is broken, fixed, new.
All others are a table of requirements by targets.

Examples:
  xmppspec compare yesterday.json today.json --gate
  xmppspec compare prosody.json ejabberd.json jabberd2.json --report html=compare.html")]
pub struct CompareArgs {
    /// What `xmppspec run --results FILE` wrote, twice or more; - is standard input
    #[arg(value_name = "RESULTS.json", required = true, num_args = 2..)]
    results: Vec<PathBuf>,

    /// Write a report: terminal, markdown, html or json; repeatable [default: print it]
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = values::report)]
    reports: Vec<ReportTo>,

    /// End with 1 if the later of two runs broke something
    #[arg(long)]
    gate: bool,
}

/// Reads the results and tells how they differ.
pub(super) fn main(args: &CompareArgs) -> Outcome {
    let results = args.results.iter().map(|path| report::read(path));
    let results = results.collect::<Result<Vec<_>, Failed>>()?;
    let comparison = Comparison::new(&results).map_err(|error| Failed::usage(error.to_string()))?;
    output::check_paths(args.reports.iter().map(|report| &report.file))?;
    let gate = xmppspec_reports::GateOptions::default();
    let options = output::terminal(&texts, gate, false, 0);
    let make = |format: Format, color: bool| {
        let options = xmppspec_reports::Options { color, ..options };
        render_comparison(format, &comparison, &options)
            .map_err(|error| Failed::usage(error.to_string()))
    };
    if args.reports.is_empty() {
        ui::print(&make(Format::Terminal, options.color)?);
    }
    for report in &args.reports {
        output::write(&report.file, &make(report.format, false)?)?;
    }
    Ok(match comparison {
        Comparison::Runs(difference) if args.gate && !difference.broken.is_empty() => {
            Exit::NotConformant
        }
        _ => Exit::Conformant,
    })
}
