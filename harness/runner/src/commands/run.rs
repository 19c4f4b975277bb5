//! `xmppspec run`: selects cases, brings the target up, runs them, tells what came out.

use std::path::Path;
use std::time::Instant;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use xmppspec_reports::{self as reports, Case, GateOptions, NotRun, Results, Summary, render};
use xmppspec_scenarios::{Role, catalogue};

use super::run_args::{Choice, Format, RunArgs, Shard};
use super::{Outcome, output, texts};
use crate::exit::{Exit, Failed};
use crate::run::{
    self, DEFAULT_JOBS, Early, PEER_JOBS, PEER_PROCESS_JOBS, Plan, RunError, SURPRISE_REPLAYS,
};
use crate::select::{self, Selected};
use crate::target::{Profile, Running, TargetError};
use crate::transport::Capture;
use crate::ui;
use crate::world::{self, Entered, Interrupts, Needs};

/// Runs what the arguments select.
///
/// # Errors
/// Whatever keeps it from judging the target.
pub fn main(args: &RunArgs) -> Outcome {
    if args.how.watch {
        return super::watch::main(args);
    }
    let parts = parts(args)?;
    if args.how.dry_run {
        return Ok(dry_run(parts.iter().flat_map(|part| &part.cases)));
    }
    for part in &parts {
        let output = &part.args.output;
        let files = output.reports.iter().map(|report| &report.file);
        let files = files.chain(&output.results);
        output::check_paths(files.chain(&output.pcap))?;
        if output.pcap.as_deref().is_some_and(output::is_stdout) {
            return Err(Failed::usage(
                "a packet capture is not text: give --pcap a file",
            ));
        }
        if let Choice::Profile(profile) = &part.choice {
            is_installed(profile)?;
        }
    }
    let baseline = args.output.baseline.as_deref().map(super::report::read);
    let baseline = baseline.transpose()?;
    let (parts, entered) = enter(parts)?;
    let gate = GateOptions {
        strict: args.output.strict,
        fail_on_skip: args.output.fail_on_skip,
        baseline: baseline.as_ref(),
    };
    super::runtime()?.block_on(async {
        let mut worst = Exit::Conformant;
        for part in parts {
            let exit = judge(part, gate, &entered).await?;
            if matches!(exit, Exit::Interrupted(_)) {
                return Ok(exit);
            }
            worst = if worst == Exit::Conformant {
                exit
            } else {
                worst
            };
        }
        Ok(worst)
    })
}

/// What is judged one after the other: one target, or both embedded ones.
struct Part {
    args: RunArgs,
    choice: Choice,
    role: Role,
    cases: Vec<Selected>,
    /// Those of other shards.
    elsewhere: Vec<NotRun>,
}

/// What the arguments ask for. Both embedded targets are judged where there are cases for both among the selected.
fn parts(args: &RunArgs) -> Result<Vec<Part>, Failed> {
    if !args.is_of_both() {
        return Ok(vec![part(args.clone(), &args.selectors)?]);
    }
    // Each selector selects for one of them at least.
    let (mut for_server, mut for_peer) = (Vec::new(), Vec::new());
    for selector in &args.selectors {
        let one = std::slice::from_ref(selector);
        let server = select::select(one, Role::Server);
        let peer = select::select(one, Role::Peer).is_ok();
        if server.is_ok() {
            for_server.push(selector.clone());
        }
        if peer {
            for_peer.push(selector.clone());
        } else {
            server?;
        }
    }
    let everything = args.selectors.is_empty();
    let mut parts = Vec::new();
    if everything || !for_server.is_empty() {
        parts.push(part(args.clone(), &for_server)?);
    }
    if everything || !for_peer.is_empty() {
        let mut beside = args.for_peer();
        if parts.is_empty() {
            // Its files are those that were named.
            beside.output = args.output.clone();
        }
        parts.push(part(beside, &for_peer)?);
    }
    Ok(parts)
}

fn part(args: RunArgs, selectors: &[String]) -> Result<Part, Failed> {
    let choice = args.target.choose()?;
    let role = args.target.role.unwrap_or(match &choice {
        Choice::Profile(profile) | Choice::External(profile) => profile.role,
        Choice::ReferencePeer(_) => Role::Peer,
        Choice::Reference(_) | Choice::Connect { .. } => Role::Server,
    });
    let (cases, elsewhere) = shard(select::select(selectors, role)?, args.how.shard);
    Ok(Part {
        args,
        choice,
        role,
        cases,
        elsewhere,
    })
}

/// Enters a world if a part needs one. Where none can be made, what can be judged without is, if there is any.
fn enter(mut parts: Vec<Part>) -> Result<(Vec<Part>, Entered), Failed> {
    let needs_world = |part: &Part| {
        let started = matches!(part.choice, Choice::Profile(_) | Choice::ReferencePeer(_));
        started && !part.args.target.no_world
    };
    let mut needs: Option<Needs> = None;
    for part in parts.iter().filter(|_| parts.iter().any(needs_world)) {
        let more = part.args.needs();
        let all = needs.get_or_insert_default();
        all.write.extend(more.write);
        all.read.extend(more.read);
    }
    let Some(needs) = needs else {
        return Ok((parts, Entered::none()));
    };
    match world::enter(&needs) {
        Ok(entered) => Ok((parts, entered)),
        Err(error) => {
            parts.retain(|part| !needs_world(part));
            if parts.is_empty() {
                return Err(Failed {
                    exit: Exit::Target,
                    message: format!("{error}\n{}", error.hint()),
                });
            }
            ui::note(&format!(
                "serverless peers are not judged: {error} (--no-world judges them on loopback; xmppspec doctor says more)"
            ));
            Ok((parts, Entered::none()))
        }
    }
}

/// Brings the target up, runs the cases, stops it, writes what came out.
async fn judge(part: Part, gate: GateOptions<'_>, entered: &Entered) -> Outcome {
    let Part {
        args,
        choice,
        role,
        cases,
        elsewhere,
    } = part;
    let args = &args;
    let mut interrupts = Interrupts::listen()
        .map_err(|error| Failed::usage(format!("cannot listen to signals: {error}")))?;
    let started = OffsetDateTime::now_utc();
    let began = Instant::now();
    let world = match &choice {
        Choice::Profile(_) | Choice::ReferencePeer(_) => entered.world,
        // None of them leaves this process or was started by it: there is nothing to be closed in.
        Choice::Reference(_) | Choice::External(_) | Choice::Connect { .. } => Entered::NONE,
    };
    let jobs = match (&choice, role) {
        (Choice::ReferencePeer(_), _) => PEER_JOBS,
        (_, Role::Peer) => PEER_PROCESS_JOBS,
        _ => DEFAULT_JOBS,
    };
    let starting = start(choice, entered);
    let mut running = tokio::select! {
        running = starting => running.map_err(|error| Failed {
            exit: match error {
                TargetError::Profile(_) | TargetError::NeedsWorld { .. } => Exit::Usage,
                _ => Exit::Target,
            },
            message: error.to_string(),
        })?,
        interrupt = interrupts.next() => return Ok(Exit::Interrupted(interrupt)),
    };
    if let Some(timeout) = args.how.timeout {
        running.target.timeout = timeout;
    }
    let plan = Plan {
        cases,
        jobs: args.how.jobs.map_or(jobs, usize::from),
        seed: args.how.seed.unwrap_or_else(run::random_seed),
        fail_fast: args.how.fail_fast,
        strict: args.output.strict,
        retries: args.how.retries.into(),
        surprise_replays: SURPRISE_REPLAYS,
        capture: args.output.pcap.as_ref().map(|_| Capture::default()),
        capabilities: None,
    };
    let mut progress = Progress::new(plan.cases.len(), &running, args.output.quiet);
    let outcome = run::run(&mut running, &plan, &mut interrupts, |case, count| {
        progress.case(case, count);
    })
    .await;
    progress.end();
    let target = running.target.clone();
    let log = running.log_tail();
    running.stop().await;
    // Also of a run that came to nothing: then the packets may tell why.
    if let (Some(file), Some(capture)) = (&args.output.pcap, &plan.capture) {
        write_capture(file, capture)?;
    }
    let outcome = outcome.map_err(|error| Failed {
        exit: match error {
            RunError::Interrupted(interrupt) => Exit::Interrupted(interrupt),
            RunError::NoStream(_) | RunError::Tls(_) => Exit::Target,
        },
        message: if log.is_empty() || matches!(error, RunError::Interrupted(_)) {
            error.to_string()
        } else {
            format!("{error}\nits last lines:\n{log}")
        },
    })?;

    let mut notes = entered.notes.clone();
    notes.extend(outcome.notes);
    if let Some(Early::Target(why)) = &outcome.early {
        notes.push(why.clone());
    }
    notes.extend(outcome.deaths.iter().map(ToString::to_string));
    let left = outcome.not_run.iter().map(|index| &plan.cases[*index]);
    let mut not_run: Vec<NotRun> = left.map(not_run_case).collect();
    let unselected = not_selected(&plan.cases, &elsewhere, role);
    not_run.extend(elsewhere);
    not_run.extend(unselected);
    let frame = reports::Run {
        tool: reports::Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        target: reports::Target {
            name: target.name.clone(),
            version: target.version.clone().or_else(|| {
                software_version(&target.name, outcome.capabilities.software.as_deref())
            }),
            role: role.name().to_owned(),
        },
        world: world.to_owned(),
        seed: plan.seed,
        started: started.format(&Rfc3339).unwrap_or_default(),
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        interrupted: matches!(
            outcome.early,
            Some(Early::Interrupted(_) | Early::Target(_))
        ),
        notes,
        not_run,
    };
    let all = catalogue::for_role(role).map(|r| (r.id, r.level.to_string()));
    let results = Results::assemble(frame, outcome.cases, all, &target.known);
    write_out(args, gate, &results)?;
    Ok(match outcome.early {
        Some(Early::Interrupted(interrupt)) => Exit::Interrupted(interrupt),
        Some(Early::Target(_)) => Exit::Target,
        _ if !outcome.deaths.is_empty() => Exit::Target,
        _ => super::report::exit(&results.gate(&gate)),
    })
}

/// Brings a target up.
pub(super) async fn start(choice: Choice, entered: &Entered) -> Result<Running, TargetError> {
    match choice {
        Choice::Reference(config) => Running::reference(*config).await,
        Choice::ReferencePeer(faults) => {
            Running::peer(run::PeerSource::Reference(faults), entered).await
        }
        Choice::Profile(profile) if profile.role == Role::Peer => {
            Running::peer(run::PeerSource::Profile(profile), entered).await
        }
        Choice::Profile(profile) => Running::start(&profile, entered).await,
        Choice::External(profile) => Running::reach(&profile).await,
        Choice::Connect {
            address,
            domain,
            accounts,
        } => Running::connect(&address, &domain, accounts).await,
    }
}

/// What the target says it is, without its name if that is the one that it has already.
fn software_version(name: &str, software: Option<&str>) -> Option<String> {
    let software = software?;
    let version = match software.split_once(' ') {
        Some((said, version)) if said.eq_ignore_ascii_case(name) => version,
        _ => software,
    };
    Some(version.to_owned())
}

fn not_run_case(case: &Selected) -> NotRun {
    NotRun {
        name: case.script.case_name(),
        covers: case.script.covers.clone(),
    }
}

/// The cases of this part of the run, and those of the other parts.
fn shard(cases: Vec<Selected>, shard: Option<Shard>) -> (Vec<Selected>, Vec<NotRun>) {
    let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
    for (place, case) in cases.into_iter().enumerate() {
        if shard.is_none_or(|shard| shard.has(place)) {
            here.push(case);
        } else {
            elsewhere.push(not_run_case(&case));
        }
    }
    (here, elsewhere)
}

/// The cases of the role that were not selected: what only they would show is not gone.
fn not_selected(cases: &[Selected], elsewhere: &[NotRun], role: Role) -> Vec<NotRun> {
    let here = cases.iter().map(|case| case.script.case_name());
    let elsewhere = elsewhere.iter().map(|case| case.name.clone());
    let selected: std::collections::HashSet<String> = here.chain(elsewhere).collect();
    let all = select::select(&[], role).unwrap_or_default();
    all.iter()
        .map(not_run_case)
        .filter(|case| !selected.contains(&case.name))
        .collect()
}

fn dry_run<'a>(cases: impl Iterator<Item = &'a Selected>) -> Exit {
    for case in cases {
        if !ui::line(&format!(
            "{}  {}",
            case.script.case_name(),
            case.script.title
        )) {
            break;
        }
    }
    Exit::Conformant
}

fn is_installed(profile: &Profile) -> Result<(), Failed> {
    let missing = profile.missing();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failed {
        exit: Exit::Target,
        message: TargetError::Missing {
            target: profile.name.clone(),
            programs: missing,
            hint: profile.install_hint(),
        }
        .to_string(),
    })
}

fn write_capture(file: &Path, capture: &Capture) -> Result<(), Failed> {
    let cannot = |error| Failed::usage(format!("cannot write {}: {error}", file.display()));
    let mut bytes = Vec::new();
    capture.write_to(&mut bytes).map_err(cannot)?;
    std::fs::write(file, bytes).map_err(cannot)?;
    if capture.is_full() {
        ui::note(&format!(
            "{} is full: what came later is not in it",
            file.display()
        ));
    }
    Ok(())
}

/// Writes results and reports.
fn write_out(args: &RunArgs, gate: GateOptions<'_>, results: &Results) -> Result<(), Failed> {
    let json = || {
        results
            .to_json()
            .map_err(|error| Failed::usage(error.to_string()))
    };
    if let Some(file) = &args.output.results {
        output::write(file, &json()?)?;
    }
    output::write_reports(&args.output.reports, results, &texts, gate)?;
    match args.output.format {
        Format::Text => {
            let options = output::terminal(&texts, gate, args.output.quiet, args.output.verbose);
            let text = render(reports::Format::Terminal, results, &options)
                .map_err(|error| Failed::usage(error.to_string()))?;
            ui::print(&text);
        }
        Format::Json => {
            ui::print(&json()?);
        }
    }
    Ok(())
}

/// What is shown while the run goes on, on a terminal.
struct Progress {
    total: usize,
    shown: bool,
    bad: usize,
}

impl Progress {
    fn new(total: usize, running: &Running, quiet: bool) -> Self {
        let shown = ui::has_progress() && !quiet;
        if shown {
            let target = &running.target;
            let version = target.version.as_deref().unwrap_or_default();
            ui::note(&format!(
                "{} {version}: up after {:.1} s, {}",
                target.name,
                running.start_time.as_secs_f64(),
                ui::plural(total, "case")
            ));
        }
        Self {
            total,
            shown,
            bad: 0,
        }
    }

    fn case(&mut self, case: &Case, count: usize) {
        let summary = Summary::count([case]);
        self.bad += summary.fail + summary.error + summary.blocked;
        if self.shown {
            let bad = match self.bad {
                0 => String::new(),
                bad => format!(", {bad} not passed"),
            };
            let name: String = case.name.chars().take(60).collect();
            ui::progress(&format!("{count}/{}{bad}  {name}", self.total));
        }
    }

    fn end(&self) {
        if self.shown {
            ui::progress("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_said_once() {
        let version = |name, software| software_version(name, Some(software));
        assert_eq!(
            version("prosody", "Prosody 0.12.3").as_deref(),
            Some("0.12.3")
        );
        assert_eq!(
            version("localhost:5222", "Prosody 0.12.3").as_deref(),
            Some("Prosody 0.12.3")
        );
        assert_eq!(version("prosody", "Prosody").as_deref(), Some("Prosody"));
        assert_eq!(software_version("prosody", None), None);
    }
}
