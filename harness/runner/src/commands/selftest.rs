//! `xmppspec selftest`: the proof that scenarios can fail. Each fault of the reference server or peer breaks something; some
//! scenario must notice, and the correct one must pass them all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use xmppspec_reference::peer::PeerFault;
use xmppspec_reference::{Config, Fault};
use xmppspec_reports::Verdict;
use xmppspec_scenarios::catalogue::{self, Level};
use xmppspec_scenarios::{Role, names};

use super::{Outcome, json, runtime};
use crate::exit::{Exit, Failed};
use crate::run::{self, Capabilities, PeerSource, Plan};
use crate::select::{self, Selected};
use crate::target::{Running, TargetError};
use crate::ui::{self, BAD, BOLD, DIM, GOOD};
use crate::world::{self, Entered, Interrupts, Needs};

/// The domain of the reference server.
const DOMAIN: &str = "capulet.example";

/// Expectations that a fault leaves unmet are given up soon: the reference answers within a millisecond or never.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// Peers wait as multicast DNS wants them to: the longest that a scenario waits for is a second question.
const PEER_TIMEOUT: Duration = Duration::from_secs(6);

/// Servers with faults that run side by side, and cases on each.
const SERVERS: usize = 32;
const JOBS: usize = 4;

/// Faults of peers that are tried side by side. Each case has a peer of its own, which waits most of its time.
const PEERS: usize = 16;

/// Which faults.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Runs, for each fault of the reference server, the scenarios that cover what it breaks. Ends with 1 if a fault goes \
unnoticed. Peers are tried in a closed world, as `run` does.

Examples:
  xmppspec selftest                          all faults of the server
  xmppspec selftest header-without-id        one
  xmppspec selftest --role peer              all faults of the serverless peer")]
pub struct SelftestArgs {
    /// Faults [default: all; `xmppspec serve --help` lists those of the server]
    #[arg(value_name = "FAULT")]
    faults: Vec<String>,

    /// Whose: of the reference server or of the reference peer
    #[arg(long, value_name = "server|peer", default_value = "server", value_parser = super::values::role)]
    role: Role,

    /// Try peers on the loopback of this machine instead of in a closed world
    #[arg(long)]
    no_world: bool,

    /// Print the matrix as JSON
    #[arg(long)]
    json: bool,

    /// Name the cases that noticed
    #[arg(short, long)]
    verbose: bool,
}

/// A fault of one of the references.
#[derive(Debug, Clone, Copy)]
enum Bug {
    Server(Fault),
    Peer(PeerFault),
}

impl Bug {
    fn all(role: Role) -> Vec<Self> {
        match role {
            Role::Peer => PeerFault::ALL.iter().copied().map(Self::Peer).collect(),
            Role::Server | Role::Client => Fault::ALL.iter().copied().map(Self::Server).collect(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Server(fault) => fault.name(),
            Self::Peer(fault) => fault.name(),
        }
    }

    fn requirements(self) -> &'static [&'static str] {
        match self {
            Self::Server(fault) => fault.requirements(),
            Self::Peer(fault) => fault.requirements(),
        }
    }
}

/// The faults that were named, or all.
fn chosen(args: &SelftestArgs) -> Result<Vec<Bug>, Failed> {
    let all = Bug::all(args.role);
    if args.faults.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        let found = all.iter().find(|bug| bug.name() == *name).copied();
        found.ok_or_else(|| {
            let near = names::nearest(name, all.iter().map(|bug| bug.name()));
            let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            Failed::usage(format!(
                "there is no fault `{name}` of a {}{near}",
                args.role.name()
            ))
        })
    };
    args.faults.iter().map(find).collect()
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
    let faults = chosen(args)?;
    let cases = select::select(&[], args.role).map_err(|error| Failed {
        exit: error.exit(),
        message: error.to_string(),
    })?;
    let entered = match args.role {
        Role::Peer if !args.no_world => {
            world::enter(&Needs::default()).map_err(|error| Failed {
                exit: Exit::Target,
                message: format!("{error}\n{}", error.hint()),
            })?
        }
        _ => Entered::none(),
    };
    runtime()?.block_on(async {
        let mut interrupts = Interrupts::listen()
            .map_err(|error| Failed::usage(format!("cannot listen to signals: {error}")))?;
        tokio::select! {
            outcome = matrix(args, &faults, &cases, &entered) => outcome,
            interrupt = interrupts.next() => Ok(Exit::Interrupted(interrupt)),
        }
    })
}

async fn matrix(
    args: &SelftestArgs,
    faults: &[Bug],
    cases: &[Selected],
    entered: &Entered,
) -> Outcome {
    let (capabilities, side_by_side) = match args.role {
        Role::Peer => (Capabilities::default(), PEERS),
        Role::Server | Role::Client => {
            let running = Running::reference(Config::new(DOMAIN)).await;
            (
                play(running, TIMEOUT, Vec::new(), None).await?.capabilities,
                SERVERS,
            )
        }
    };
    let mut rows = Vec::new();
    let mut running = stream::iter(faults)
        .map(|fault| try_fault(*fault, cases, &capabilities, entered))
        .buffered(side_by_side);
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

/// Plays cases on a target of their own.
async fn play(
    running: Result<Running, TargetError>,
    timeout: Duration,
    cases: Vec<Selected>,
    capabilities: Option<Capabilities>,
) -> Result<run::Outcome, Failed> {
    let failed = |error: String| Failed::usage(error);
    let mut running = running.map_err(|e| failed(e.to_string()))?;
    running.target.timeout = timeout;
    // Faults that make a server untestable begin with its second connection; the first would be the one that finds out what it has.
    if capabilities.is_some() && running.target.role == Role::Server {
        drop(tokio::net::TcpStream::connect(&running.target.services.c2s).await);
    }
    let plan = Plan {
        cases,
        jobs: JOBS,
        seed: 0,
        fail_fast: false,
        strict: true,
        retries: 0,
        surprise_replays: 0,
        capture: None,
        capabilities,
    };
    let mut interrupts = Interrupts::listen().map_err(|e| failed(e.to_string()))?;
    let outcome = run::run(&mut running, &plan, &mut interrupts, |_, _| {}).await;
    running.stop().await;
    outcome.map_err(|e| failed(e.to_string()))
}

async fn try_fault(
    fault: Bug,
    cases: &[Selected],
    capabilities: &Capabilities,
    entered: &Entered,
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
        let (running, timeout) = match fault {
            Bug::Server(fault) => {
                let mut config = Config::new(DOMAIN);
                config.faults.insert(fault);
                (Running::reference(config).await, TIMEOUT)
            }
            Bug::Peer(fault) => {
                let source = PeerSource::Reference(vec![fault]);
                (Running::peer(source, entered).await, PEER_TIMEOUT)
            }
        };
        let outcome = play(running, timeout, covering, Some(capabilities.clone())).await?;
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
        // What a peer or server may do or leave out cannot be broken.
        let binding = |id: &&String| catalogue::get(id).is_none_or(|r| r.level != Level::May);
        for id in case.script.covers.iter().filter(binding) {
            covered.entry(id).or_default().push(case.script.case_name());
        }
    }
    let unproved: Vec<_> = covered
        .iter()
        .filter(|(id, _)| !broken.contains(**id))
        .collect();
    ui::line(&format!(
        "{} of {} covered MUSTs and SHOULDs were seen broken by a fault",
        covered.len() - unproved.len(),
        covered.len()
    ));
    for (id, cases) in unproved {
        ui::line(&format!("  {id}  {DIM}{}{DIM:#}", cases.join(" ")));
    }
}
