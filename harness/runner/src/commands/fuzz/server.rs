//! `xmppspec fuzz server`: generated streams and stanzas through a real server.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use xmppspec_fuzz::findings::Findings;

use crate::commands::run_args::{Choice, TargetArgs};
use crate::commands::{Outcome, runtime, values};
use crate::exit::{Exit, Failed};
use crate::live::{Campaign, Event, Progress};
use crate::target::TargetError;
use crate::transport::Tls;
use crate::ui::{self, BAD, BOLD, DIM, GOOD};
use crate::world::{self, Entered, Interrupts, Needs};

/// Which server, for how long.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Findings are scenarios: `xmppspec run --target NAME fuzz-findings/001-*.scs` reproduces one against a fresh server.

Exit codes: 0 nothing was found, 1 there are findings, 3 the target does not start

Examples:
  xmppspec fuzz server --target prosody --for 1h
  xmppspec fuzz server --target ejabberd --for 30m --findings ejabberd-findings")]
pub(super) struct ServerArgs {
    /// What is tested
    #[command(flatten)]
    target: TargetArgs,

    /// When to end: 8h, 10m, 30s
    #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = values::time)]
    budget: Duration,

    /// Where findings go; a campaign that was interrupted goes on there
    #[arg(long, value_name = "FOLDER", default_value = "fuzz-findings")]
    findings: PathBuf,

    /// From it all choices follow [default: by chance]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// What a process of a target may ask for where nothing else is said, in bytes: a small machine, or a container. Servers that
/// are just up need 20 to 150 MB.
const MEMORY: u64 = 2 << 30;

/// Brings the target up and runs the campaign.
pub(super) fn main(args: &ServerArgs) -> Outcome {
    let mut args = args.clone();
    args.target.memory.get_or_insert(MEMORY);
    let choice = args.target.choose()?;
    std::fs::create_dir_all(&args.findings).map_err(|error| {
        Failed::usage(format!("cannot make {}: {error}", args.findings.display()))
    })?;
    let entered = match &choice {
        Choice::Profile(_) if !args.target.no_world => {
            let target = PathBuf::from(args.target.name());
            let needs = Needs {
                write: vec![args.findings.clone()],
                read: if target.exists() {
                    vec![target]
                } else {
                    Vec::new()
                },
            };
            world::enter(&needs).map_err(|error| Failed {
                exit: Exit::Target,
                message: format!("{error}\n{}", error.hint()),
            })?
        }
        _ => Entered::none(),
    };
    runtime()?.block_on(fuzz(&args, choice, &entered))
}

async fn fuzz(args: &ServerArgs, choice: Choice, entered: &Entered) -> Outcome {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| Failed::usage(format!("cannot listen to signals: {error}")))?;
    let failed = |error: TargetError| Failed {
        exit: match error {
            TargetError::Profile(_) => Exit::Usage,
            _ => Exit::Target,
        },
        message: error.to_string(),
    };
    let mut running = super::super::run::start(choice, entered)
        .await
        .map_err(failed)?;
    let tls = Tls::new(None).map_err(|error| Failed::usage(format!("cannot use TLS: {error}")))?;
    let mut findings = Findings::open(&args.findings).map_err(|error| {
        Failed::usage(format!("cannot use {}: {error}", args.findings.display()))
    })?;
    let seed = args.seed.unwrap_or_else(crate::run::random_seed);
    let name = running.target.name.clone();
    let version = running.target.version.clone().unwrap_or_default();
    ui::line(&format!(
        "{BOLD}{name} {version}{BOLD:#}, seed {seed}, findings in {}",
        args.findings.display()
    ));
    let mut replay = format!("xmppspec run --target {}", args.target.name());
    for fault in &args.target.faults {
        replay.push_str(&format!(" --fault {fault}"));
    }
    if let Some(limit) = running.memory_limit() {
        replay.push_str(&format!(" --memory {}M", limit >> 20));
    }
    let mut campaign = Campaign::new(&mut running, tls, &mut findings, seed, replay);
    let result = campaign
        .run(args.budget, &mut interrupts, &mut |event| match event {
            Event::Progress(progress) => show(&progress),
            Event::Note(note) => {
                clear();
                ui::line(&format!("{DIM}{note}{DIM:#}"));
            }
            Event::Finding(finding) => {
                clear();
                super::parser::print(finding);
            }
        })
        .await;
    clear();
    running.stop().await;
    let progress = result.map_err(|failure| Failed {
        exit: Exit::Target,
        message: failure.to_string(),
    })?;
    let count = findings.iter().len();
    let style = if count == 0 { GOOD } else { BAD };
    ui::line(&format!(
        "{} connections and {} stanzas in {:.0} s, {} restarts, {} MB at the end, {style}{count} findings{style:#}",
        progress.connections,
        progress.stanzas,
        progress.elapsed.as_secs_f64(),
        progress.restarts,
        progress.memory >> 20,
    ));
    Ok(if count == 0 {
        Exit::Conformant
    } else {
        Exit::NotConformant
    })
}

fn show(progress: &Progress) {
    if ui::has_progress() {
        let _ = write!(
            anstream::stderr(),
            "\r\x1b[K{:.0} s, {} connections, {} stanzas, {} restarts, {} MB, {} findings",
            progress.elapsed.as_secs_f64(),
            progress.connections,
            progress.stanzas,
            progress.restarts,
            progress.memory >> 20,
            progress.findings
        );
    }
}

fn clear() {
    if ui::has_progress() {
        let _ = write!(anstream::stderr(), "\r\x1b[K");
    }
}
