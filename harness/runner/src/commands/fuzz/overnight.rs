//! `xmppspec fuzz overnight`: parsers, our own code and every installed server in turn, two at a time, until the time is used up.
//!
//! Each turn is a process of its own: a server's world is entered before any thread starts, and what dies takes nothing
//! with it. What a campaign has found stands in its folder; the state file beside it says how long each has run, so that
//! an interrupted night goes on where it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use xmppspec_fuzz::findings::{Finding, Findings};
use xmppspec_reports::{self as reports, Case, Results, Verdict};

use crate::commands::{Outcome, output, values};
use crate::exit::{Exit, Failed};
use crate::target::Profile;
use crate::ui::{self, BAD, DIM, GOOD};
use crate::world::Interrupt;

mod fuzzers;
mod turn;

use turn::Turn;

/// The servers that have a turn if they are installed.
const SERVERS: &[&str] = &["prosody", "ejabberd", "jabberd2"];
/// The longest turn: a finding of the last server must not wait for the morning.
const TURN: Duration = Duration::from_secs(1800);
/// Turns side by side.
const CORES: usize = 2;
/// The file that says how far the night is.
const STATE: &str = "overnight.json";
/// Less time than this is not worth a turn.
const SHORTEST: Duration = Duration::from_secs(5);

/// How long, and where.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
The folder holds one folder of findings for each campaign, overnight.json (how far it is) and results.json. Ctrl-C ends it with the \
results so far; the same command again goes on with the time that is left.

Exit codes: 0 nothing was found, 1 there are findings, 3 nothing was found but a campaign could not do its work

Examples:
  xmppspec fuzz overnight --for 8h
  cargo fuzz build -s none && xmppspec fuzz overnight --for 8h --fuzzers target/x86_64-unknown-linux-gnu/release")]
pub(super) struct OvernightArgs {
    /// When to end: 8h, 10m, 30s
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = values::time)]
    budget: Duration,

    /// Where everything goes
    #[arg(long, value_name = "FOLDER", default_value = "fuzz-overnight")]
    out: PathBuf,

    /// Only these campaigns: parser, properties, a server, fuzzer-stream and the like; repeatable
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// The folder of fuzz targets that cargo-fuzz built: they have turns too
    #[arg(long, value_name = "FOLDER")]
    fuzzers: Option<PathBuf>,

    /// Seeds of the fuzz targets: a folder with one folder each
    #[arg(long, value_name = "FOLDER", default_value = "corpus")]
    corpus: PathBuf,
}

/// One campaign.
#[derive(Debug, Clone)]
struct Job {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// A subcommand of this program, with its arguments.
    Own(Vec<String>),
    /// A libFuzzer program.
    Fuzzer(PathBuf),
}

/// How far a night is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// When it began (RFC 3339).
    started: String,
    /// Milliseconds that have been used up of the whole.
    used_ms: u64,
    campaigns: BTreeMap<String, Share>,
}

/// What a campaign has had.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Share {
    /// Those who have had the fewest are next; one that ends at once must not come again and again.
    turns: u64,
    seconds: u64,
    /// Why it could not do its work the last time.
    trouble: Option<String>,
}

impl State {
    fn share(&mut self, job: &Job) -> &mut Share {
        self.campaigns.entry(job.name.clone()).or_default()
    }
}

/// Runs the night.
pub(super) fn main(args: &OvernightArgs) -> Outcome {
    let unusable = |error: std::io::Error| {
        Failed::usage(format!("cannot use {}: {error}", args.out.display()))
    };
    fs::create_dir_all(&args.out).map_err(unusable)?;
    let mut state = read_state(&args.out).map_err(unusable)?;
    if state.used_ms > 0 {
        ui::line(&format!("goes on after {} s", state.used_ms / 1000));
    } else {
        state.started = OffsetDateTime::now_utc()
            .format(&Rfc3339)
            .unwrap_or_default();
    }
    let stop = Arc::new(AtomicBool::new(false));
    super::parser::signals(&stop)
        .map_err(|error| Failed::usage(format!("cannot listen to signals: {error}")))?;
    let jobs = jobs(args)?;
    turns(args, &jobs, &mut state, &stop).map_err(unusable)?;
    if !stop.load(Ordering::Relaxed) {
        fuzzers::merge(args, &stop);
    }
    let outcome = finish(args, &state, &jobs, &stop);
    if stop.load(Ordering::Relaxed) {
        ui::line("interrupted; the same command goes on with the time that is left");
        return outcome.map(|_| Exit::Interrupted(Interrupt::Int));
    }
    outcome
}

/// Gives every campaign its turns, until the time is used up or everything is to end.
fn turns(
    args: &OvernightArgs,
    jobs: &[Job],
    state: &mut State,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    let turn = TURN
        .min(args.budget * 2 / u32::try_from(jobs.len()).unwrap_or(1).max(1))
        .max(Duration::from_secs(10));
    let (lines, printed) = mpsc::channel::<String>();
    let mut running: Vec<Turn> = Vec::new();
    let mut unusable: Vec<&str> = Vec::new();
    let (began, before) = (Instant::now(), state.used_ms);
    let mut stopping = false;
    loop {
        state.used_ms = before + began.elapsed().as_millis() as u64;
        let left = args
            .budget
            .saturating_sub(Duration::from_millis(state.used_ms));
        if stop.load(Ordering::Relaxed) && !stopping {
            stopping = true;
            running.iter_mut().for_each(Turn::stop);
        }
        while running.len() < CORES && left > SHORTEST && !stopping {
            let next = jobs
                .iter()
                .filter(|job| !running.iter().any(|turn| turn.job.name == job.name))
                .filter(|job| !unusable.contains(&&*job.name))
                .min_by_key(|job| state.campaigns.get(&job.name).map_or(0, |s| s.turns));
            let Some(job) = next else { break };
            state.share(job).turns += 1;
            match Turn::start(job, turn.min(left), args, lines.clone()) {
                Ok(turn) => running.push(turn),
                Err(error) => {
                    ui::note(&format!("{}: {error}", job.name));
                    state.share(job).trouble = Some(error.to_string());
                    unusable.push(&job.name);
                }
            }
        }
        write_state(&args.out, state)?;
        if running.is_empty() {
            return Ok(());
        }
        let heard = printed.recv_timeout(Duration::from_secs(1));
        ui::erase_progress();
        for line in heard.into_iter().chain(printed.try_iter()) {
            ui::line(&line);
        }
        running.retain_mut(|turn| {
            let Some(ended) = turn.ended() else {
                return true;
            };
            let count = count(&args.out, &turn.job);
            let trouble = ended.trouble.as_deref().unwrap_or_default();
            ui::line(&format!(
                "{DIM}{}: {} s, {}{DIM:#} {trouble}",
                turn.job.name,
                ended.seconds,
                ui::plural(count, "finding")
            ));
            let share = state.share(&turn.job);
            share.seconds += ended.seconds;
            share.trouble = ended.trouble;
            false
        });
        if ui::has_progress() && !running.is_empty() {
            ui::progress(&status(state, args.budget, &running));
        }
    }
}

/// One line for a terminal: how far the night is, and each of its campaigns.
fn status(state: &State, budget: Duration, running: &[Turn]) -> String {
    let mut line = format!("{} of {} s", state.used_ms / 1000, budget.as_secs());
    for turn in running {
        line.push_str(" · ");
        line.push_str(&turn.status());
    }
    match line.char_indices().nth(ui::width().saturating_sub(1)) {
        Some((end, _)) => line[..end].to_owned(),
        None => line,
    }
}

/// All campaigns that can run here.
fn jobs(args: &OvernightArgs) -> Result<Vec<Job>, Failed> {
    let own = |name: &str, words: &[&str]| Job {
        name: name.to_owned(),
        kind: Kind::Own(words.iter().map(|word| (*word).to_owned()).collect()),
    };
    let mut jobs = vec![
        own("parser", &["parser"]),
        own("properties", &["properties"]),
    ];
    for server in SERVERS {
        match Profile::load(server) {
            Ok(profile) if profile.missing().is_empty() => {
                jobs.push(own(server, &["server", "--target", server]))
            }
            _ => {
                ui::line(&format!("{DIM}not installed: {server}{DIM:#}"));
            }
        }
    }
    for (name, _) in xmppspec_fuzz::properties::ALL {
        if let Some(program) = args
            .fuzzers
            .as_ref()
            .map(|folder| folder.join(name))
            .filter(|p| p.is_file())
        {
            jobs.push(Job {
                name: format!("fuzzer-{name}"),
                kind: Kind::Fuzzer(program),
            });
        }
    }
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    if let Some(other) = args.only.iter().find(|name| !names.contains(name)) {
        return Err(Failed::usage(format!(
            "there is no campaign {other} here; there are {}",
            names.join(", ")
        )));
    }
    jobs.retain(|job| args.only.is_empty() || args.only.contains(&job.name));
    Ok(jobs)
}

/// What a campaign has found so far: what is in its list, or the artifacts of a fuzzer.
fn count(out: &Path, job: &Job) -> usize {
    let folder = out.join(&job.name);
    match &job.kind {
        Kind::Own(_) => Findings::open(&folder).map_or(0, |all| all.iter().len()),
        Kind::Fuzzer(_) => fuzzers::artifacts(&folder).len(),
    }
}

fn found(out: &Path, job: &Job, stop: &AtomicBool) -> Vec<Finding> {
    let folder = out.join(&job.name);
    match &job.kind {
        Kind::Own(_) => {
            Findings::open(&folder).map_or_else(|_| Vec::new(), |all| all.iter().cloned().collect())
        }
        Kind::Fuzzer(program) => fuzzers::findings(&job.name, program, &folder, stop),
    }
}

/// Writes the results and tells what came out.
fn finish(args: &OvernightArgs, state: &State, jobs: &[Job], stop: &AtomicBool) -> Outcome {
    let mut cases = Vec::new();
    for job in jobs {
        let all = found(&args.out, job, stop);
        let share = state.campaigns.get(&job.name);
        if all.is_empty() {
            let (title, verdict) = match share {
                None => ("it had no turn", Verdict::Skip),
                Some(Share { trouble: None, .. }) => ("nothing was found", Verdict::Pass),
                Some(_) => ("it could not do its work", Verdict::Error),
            };
            let mut case = Case::new(format!("fuzz/{}", job.name), title, verdict);
            case.duration_ms = share.map_or(0, |share| share.seconds * 1000);
            case.reason = match share {
                None => Some("the time was used up".to_owned()),
                Some(share) => share.trouble.clone(),
            };
            cases.push(case);
        }
        for finding in all {
            let mut case = Case::new(
                format!("fuzz/{}/{}", job.name, finding.file),
                &*finding.bucket,
                Verdict::Fail,
            );
            case.reason = Some(format!(
                "{}; shows again {} of 3 times: {}",
                finding.bucket, finding.replays, finding.command
            ));
            case.received = Some(finding.detail);
            cases.push(case);
        }
    }
    let failed = cases.iter().any(|case| case.verdict == Verdict::Error);
    let count = cases
        .iter()
        .filter(|case| case.verdict == Verdict::Fail)
        .count();
    let run = reports::Run {
        tool: reports::Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        target: reports::Target {
            name: "fuzz".to_owned(),
            version: None,
            role: "server".to_owned(),
        },
        world: crate::world::Entered::NONE.to_owned(),
        started: state.started.clone(),
        duration_ms: state.used_ms,
        interrupted: stop.load(Ordering::Relaxed),
        ..reports::Run::default()
    };
    let nothing: [(&str, &str); 0] = [];
    let results = Results::assemble(run, cases, nothing, &[]);
    let json = results
        .to_json()
        .map_err(|error| Failed::usage(error.to_string()))?;
    let file = args.out.join("results.json");
    output::write(&file, &json)?;
    let style = if count == 0 { GOOD } else { BAD };
    ui::line(&format!(
        "{style}{}{style:#} in {} s; {}",
        ui::plural(count, "finding"),
        state.used_ms / 1000,
        file.display()
    ));
    Ok(match count {
        0 if failed => Exit::Target,
        0 => Exit::Conformant,
        _ => Exit::NotConformant,
    })
}

fn read_state(folder: &Path) -> std::io::Result<State> {
    match fs::read(folder.join(STATE)) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
        Err(error) => Err(error),
    }
}

fn write_state(folder: &Path, state: &State) -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(state).map_err(std::io::Error::other)?;
    let new = folder.join(format!("{STATE}.new"));
    fs::write(&new, text + "\n")?;
    fs::rename(&new, folder.join(STATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_there_after_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_state(folder.path()).unwrap().used_ms, 0);
        let state = State {
            used_ms: 7,
            ..State::default()
        };
        write_state(folder.path(), &state).unwrap();
        assert_eq!(read_state(folder.path()).unwrap().used_ms, 7);
    }
}
