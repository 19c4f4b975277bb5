//! `xmppspec selftest`: the proof that scenarios can fail. Each fault of the reference server breaks something; some scenario
//! must notice, and the correct server must pass them all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use xmppspec_reference::{Config, Fault};
use xmppspec_reports::Verdict;
use xmppspec_scenarios::Role;

use super::{Outcome, json, runtime};
use crate::exit::{Exit, Failed};
use crate::run::{self, Capabilities, Plan};
use crate::select::{self, Selected};
use crate::target::Running;
use crate::ui::{self, BAD, BOLD, DIM, GOOD};
use crate::world::Interrupts;

/// Expectations that a fault leaves unmet are given up soon: the reference answers within a millisecond or never.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// Servers with faults that run side by side, and cases on each.
const SERVERS: usize = 32;
const JOBS: usize = 4;

/// Which faults.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Runs, for each fault of the reference server, the scenarios that cover what it breaks. Ends with 1 if a fault goes
unnoticed.

Examples:
  xmppspec selftest                          all faults
  xmppspec selftest header-without-id        one")]
pub struct SelftestArgs {
    /// Faults [default: all; `xmppspec serve --help` lists them]
    #[arg(value_name = "FAULT", value_parser = super::values::fault)]
    faults: Vec<Fault>,

    /// Print the matrix as JSON
    #[arg(long)]
    json: bool,

    /// Name the cases that noticed
    #[arg(short, long)]
    verbose: bool,
}

/// What became of a fault.
#[derive(Debug, serde::Serialize)]
struct Row {
    fault: &'static str,
    breaks: Vec<&'static str>,
    /// The requirements among them that some scenario covers and that no scenario saw broken.
    unseen: Vec<&'static str>,
    /// The cases that saw it.
    noticed_by: Vec<String>,
    /// Cases that cover what it breaks.
    tried: usize,
}

/// Runs the matrix.
pub(super) fn main(args: &SelftestArgs) -> Outcome {
    let faults = if args.faults.is_empty() {
        Fault::ALL.to_vec()
    } else {
        args.faults.clone()
    };
    let cases = select::select(&[], Role::Server).map_err(|error| Failed {
        exit: error.exit(),
        message: error.to_string(),
    })?;
    runtime()?.block_on(async {
        let mut interrupts = Interrupts::listen()
            .map_err(|error| Failed::usage(format!("cannot listen to signals: {error}")))?;
        tokio::select! {
            outcome = matrix(args, &faults, &cases) => outcome,
            interrupt = interrupts.next() => Ok(Exit::Interrupted(interrupt)),
        }
    })
}

async fn matrix(args: &SelftestArgs, faults: &[Fault], cases: &[Selected]) -> Outcome {
    let capabilities = play(None, Vec::new(), None).await?.capabilities;
    let mut rows = Vec::new();
    let mut running = stream::iter(faults)
        .map(|fault| try_fault(*fault, cases, &capabilities))
        .buffered(SERVERS);
    while let Some(row) = running.next().await {
        let row = row?;
        if !args.json {
            show(&row, args.verbose);
        }
        rows.push(row);
    }
    let unnoticed = rows.iter().filter(|row| row.noticed_by.is_empty()).count();
    if args.json {
        json(&rows)?;
    } else {
        summary(&rows, cases, args.faults.is_empty());
    }
    Ok(if unnoticed == 0 {
        Exit::Conformant
    } else {
        Exit::NotConformant
    })
}

/// Plays cases on a reference server of their own.
async fn play(
    fault: Option<Fault>,
    cases: Vec<Selected>,
    capabilities: Option<Capabilities>,
) -> Result<run::Outcome, Failed> {
    let failed = |error: String| Failed::usage(error);
    let mut config = Config::new("capulet.example");
    config.faults.extend(fault);
    let mut running = Running::reference(config)
        .await
        .map_err(|e| failed(e.to_string()))?;
    running.target.timeout = TIMEOUT;
    // Faults that make a server untestable begin with its second connection; the first would be the one that finds out what it has.
    if capabilities.is_some() {
        drop(tokio::net::TcpStream::connect(&running.target.services.c2s).await);
    }
    let plan = Plan {
        cases,
        jobs: JOBS,
        seed: 0,
        fail_fast: false,
        strict: true,
        retries: 0,
        capture: None,
        capabilities,
    };
    let mut interrupts = Interrupts::listen().map_err(|e| failed(e.to_string()))?;
    let outcome = run::run(&mut running, &plan, &mut interrupts, |_, _| {}).await;
    running.stop().await;
    outcome.map_err(|e| failed(e.to_string()))
}

async fn try_fault(
    fault: Fault,
    cases: &[Selected],
    capabilities: &Capabilities,
) -> Result<Row, Failed> {
    let breaks = fault.requirements();
    let covering: Vec<Selected> = cases
        .iter()
        .filter(|case| {
            case.script
                .covers
                .iter()
                .any(|id| breaks.contains(&id.as_str()))
        })
        .cloned()
        .collect();
    let tried = covering.len();
    let mut row = Row {
        fault: fault.name(),
        breaks: breaks.to_vec(),
        unseen: Vec::new(),
        noticed_by: Vec::new(),
        tried,
    };
    let covered: BTreeSet<String> = covering
        .iter()
        .flat_map(|case| case.script.covers.clone())
        .collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    if tried > 0 {
        let outcome = play(Some(fault), covering, Some(capabilities.clone())).await?;
        for case in &outcome.cases {
            let broken = case.judged.iter().filter(|judged| {
                matches!(judged.verdict, Verdict::Fail | Verdict::Warn)
                    && breaks.contains(&judged.id.as_str())
            });
            let broken: Vec<String> = broken.map(|judged| judged.id.clone()).collect();
            if !broken.is_empty() {
                row.noticed_by.push(case.name.clone());
                seen.extend(broken);
            }
        }
    }
    row.unseen = breaks
        .iter()
        .copied()
        .filter(|id| covered.contains(*id) && !seen.contains(*id))
        .collect();
    Ok(row)
}

fn show(row: &Row, verbose: bool) {
    let (style, word) = if row.noticed_by.is_empty() {
        (BAD, "unnoticed")
    } else {
        (GOOD, "noticed")
    };
    let why = match (row.noticed_by.len(), row.tried) {
        (0, 0) => "no scenario covers what it breaks".to_owned(),
        (0, tried) => format!("by none of {tried} cases"),
        (noticed, tried) => format!("by {noticed} of {tried} cases"),
    };
    ui::line(&format!(
        "{style}{word:9}{style:#} {} {DIM}{why}{DIM:#}",
        row.fault
    ));
    if verbose {
        for case in &row.noticed_by {
            ui::line(&format!("            {case}"));
        }
        if !row.unseen.is_empty() {
            ui::line(&format!(
                "            not seen broken: {}",
                row.unseen.join(" ")
            ));
        }
    }
}

fn summary(rows: &[Row], cases: &[Selected], all: bool) {
    let noticed = rows.iter().filter(|row| !row.noticed_by.is_empty()).count();
    ui::line(&format!(
        "\n{BOLD}{noticed} of {} faults noticed{BOLD:#}",
        rows.len()
    ));
    if !all {
        return;
    }
    let broken: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.breaks.iter().filter(|id| !row.unseen.contains(id)))
        .copied()
        .collect();
    let mut covered: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for case in cases {
        for id in &case.script.covers {
            covered.entry(id).or_default().push(case.script.case_name());
        }
    }
    let unproved: Vec<_> = covered
        .iter()
        .filter(|(id, _)| !broken.contains(**id))
        .collect();
    ui::line(&format!(
        "{} of {} covered requirements were seen broken by a fault",
        covered.len() - unproved.len(),
        covered.len()
    ));
    for (id, cases) in unproved {
        ui::line(&format!("  {id}  {DIM}{}{DIM:#}", cases.join(" ")));
    }
}
