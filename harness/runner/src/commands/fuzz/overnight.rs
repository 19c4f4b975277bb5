//! `xmppspec fuzz overnight`: parsers, our own code and every installed server in turn, two at a time, until the time is used up.
//!
//! Each turn is a process of its own: a server's world is entered before any thread starts, and what dies takes nothing
//! with it. What a campaign has found stands in its folder; the state file beside it says how long each has run, so that
//! an interrupted night goes on where it was.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use xmppspec_fuzz::findings::{Finding, Findings};
use xmppspec_reports::{self as reports, Case, Results, Verdict};

use crate::commands::{Outcome, output, values};
use crate::exit::{Exit, Failed};
use crate::target::Profile;
use crate::ui::{self, BAD, BOLD, DIM, GOOD};

/// The servers that have a turn if they are installed.
const SERVERS: &[&str] = &["prosody", "ejabberd", "jabberd2"];
/// The longest turn: a finding of the last server must not wait for the morning.
const TURN: Duration = Duration::from_secs(1800);
/// Turns side by side.
const CORES: usize = 2;
/// The file that says how far the night is.
const STATE: &str = "overnight.json";
/// A turn that does not end by itself this long after its time is ended.
const GRACE: Duration = Duration::from_secs(600);

/// How long, and where.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
The folder holds one folder of findings for each campaign, overnight.json (how far it is) and results.json. Run the same command again
after an interruption: it goes on with the time that is left.

Exit codes: 0 nothing was found, 1 there are findings

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
    /// Seconds that have been used up of the whole.
    used: u64,
    /// Seconds that each campaign has run.
    campaigns: BTreeMap<String, u64>,
}

/// Runs the night.
pub(super) fn main(args: &OvernightArgs) -> Outcome {
    let unusable = |error: std::io::Error| {
        Failed::usage(format!("cannot use {}: {error}", args.out.display()))
    };
    fs::create_dir_all(&args.out).map_err(unusable)?;
    let mut state = read_state(&args.out).map_err(unusable)?;
    if state.used > 0 {
        ui::line(&format!("goes on after {} s", state.used));
    } else {
        state.started = OffsetDateTime::now_utc()
            .format(&Rfc3339)
            .unwrap_or_default();
    }
    let jobs = jobs(args);
    let turn = TURN
        .min(args.budget * 2 / u32::try_from(jobs.len()).unwrap_or(1).max(1))
        .max(Duration::from_secs(10));
    let (lines, printed) = mpsc::channel::<String>();
    let mut running: Vec<Turn> = Vec::new();
    let mut began = Instant::now();
    loop {
        let used = Duration::from_secs(state.used);
        let left = args.budget.saturating_sub(used);
        while running.len() < CORES && left > Duration::from_secs(5) {
            // The one that has run least, and is not running.
            let next = jobs
                .iter()
                .filter(|job| !running.iter().any(|turn| turn.job.name == job.name))
                .min_by_key(|job| state.campaigns.get(&job.name).copied().unwrap_or(0));
            let Some(job) = next else { break };
            let length = turn.min(left);
            match Turn::start(job, length, args, lines.clone()) {
                Ok(turn) => running.push(turn),
                Err(error) => ui::note(&format!("{}: {error}", job.name)),
            }
            // Even one that cannot be started has had its turn.
            *state.campaigns.entry(job.name.clone()).or_default() += length.as_secs();
        }
        if running.is_empty() {
            break;
        }
        while let Ok(line) = printed.recv_timeout(Duration::from_secs(1)) {
            ui::line(&line);
        }
        for turn in &mut running {
            if turn.is_over() {
                let elapsed = turn.began.elapsed().as_secs();
                ui::line(&format!(
                    "{DIM}{}: {elapsed} s, {} findings{DIM:#}",
                    turn.job.name,
                    count(&args.out, &turn.job)
                ));
            }
        }
        running.retain(|turn| !turn.done);
        state.used += began.elapsed().as_secs();
        if began.elapsed() >= Duration::from_secs(1) {
            began = Instant::now();
        }
        write_state(&args.out, &state).map_err(unusable)?;
    }
    merge(args);
    finish(args, &state, &jobs)
}

/// All campaigns that can run here.
fn jobs(args: &OvernightArgs) -> Vec<Job> {
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
    jobs
}

/// A campaign at work.
struct Turn {
    job: Job,
    child: Child,
    began: Instant,
    length: Duration,
    done: bool,
}

impl Turn {
    fn start(
        job: &Job,
        length: Duration,
        args: &OvernightArgs,
        lines: mpsc::Sender<String>,
    ) -> std::io::Result<Self> {
        let folder = args.out.join(&job.name);
        fs::create_dir_all(&folder)?;
        let seconds = length.as_secs().max(1);
        let mut command = match &job.kind {
            Kind::Own(words) => {
                let mut command = Command::new(std::env::current_exe()?);
                command
                    .arg("fuzz")
                    .args(words)
                    .arg("--for")
                    .arg(format!("{seconds}s"))
                    .arg("--findings")
                    .arg(&folder);
                command
            }
            Kind::Fuzzer(program) => {
                let target = job.name.trim_start_matches("fuzzer-");
                fs::create_dir_all(folder.join("corpus"))?;
                let mut command = Command::new(program);
                command
                    .arg(folder.join("corpus"))
                    .arg(args.corpus.join(target))
                    .arg(format!("-max_total_time={seconds}"))
                    .arg(format!("-artifact_prefix={}/", folder.display()))
                    .arg("-print_final_stats=1");
                let words = args.corpus.join("xmpp.dict");
                if words.is_file() {
                    command.arg(format!("-dict={}", words.display()));
                }
                command
            }
        };
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("log.txt"))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        if let Some(stdout) = child.stdout.take() {
            let name = job.name.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if lines.send(format!("{BOLD}{name}{BOLD:#} {line}")).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Turn {
            job: job.clone(),
            child,
            began: Instant::now(),
            length,
            done: false,
        })
    }

    fn is_over(&mut self) -> bool {
        if matches!(self.child.try_wait(), Ok(None)) && self.began.elapsed() > self.length + GRACE {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        self.done = !matches!(self.child.try_wait(), Ok(None));
        self.done
    }
}

/// Makes what the fuzzers have collected small: inputs that cover nothing of their own go.
fn merge(args: &OvernightArgs) {
    let Some(fuzzers) = &args.fuzzers else { return };
    for (name, _) in xmppspec_fuzz::properties::ALL {
        let corpus = args.out.join(format!("fuzzer-{name}")).join("corpus");
        let (program, small) = (fuzzers.join(name), corpus.with_extension("small"));
        if !program.is_file() || !corpus.is_dir() || fs::create_dir_all(&small).is_err() {
            continue;
        }
        let merged = Command::new(&program)
            .arg("-merge=1")
            .arg(&small)
            .arg(&corpus)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let files = |folder: &Path| fs::read_dir(folder).map_or(0, Iterator::count);
        if merged.is_ok_and(|status| status.success()) {
            ui::line(&format!(
                "{DIM}{name}: corpus of {} inputs made {}{DIM:#}",
                files(&corpus),
                files(&small)
            ));
            let _ = fs::remove_dir_all(&corpus).and_then(|()| fs::rename(&small, &corpus));
        }
    }
}

/// What a campaign has found: its list, or the artifacts of a fuzzer.
fn found(out: &Path, job: &Job) -> Vec<Finding> {
    let folder = out.join(&job.name);
    match &job.kind {
        Kind::Own(_) => {
            Findings::open(&folder).map_or_else(|_| Vec::new(), |all| all.iter().cloned().collect())
        }
        Kind::Fuzzer(program) => fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| {
                ["crash-", "timeout-", "oom-", "slow-unit-"]
                    .iter()
                    .any(|head| name.starts_with(head))
            })
            .map(|file| Finding {
                bucket: format!(
                    "{}: {}",
                    job.name,
                    file.split('-').next().unwrap_or_default()
                ),
                detail: String::new(),
                command: format!("{} {}", program.display(), folder.join(&file).display()),
                file,
                replays: 0,
            })
            .collect(),
    }
}

fn count(out: &Path, job: &Job) -> usize {
    found(out, job).len()
}

/// Writes the results and tells what came out.
fn finish(args: &OvernightArgs, state: &State, jobs: &[Job]) -> Outcome {
    let mut cases = Vec::new();
    for job in jobs {
        let all = found(&args.out, job);
        let seconds = state.campaigns.get(&job.name).copied().unwrap_or(0);
        if all.is_empty() {
            let mut case = Case::new(
                format!("fuzz/{}", job.name),
                "nothing was found",
                Verdict::Pass,
            );
            case.duration_ms = seconds * 1000;
            cases.push(case);
        }
        for finding in all {
            let mut case = Case::new(
                format!("fuzz/{}/{}", job.name, finding.file),
                &*finding.bucket,
                Verdict::Fail,
            );
            case.reason = Some(format!(
                "{}; again with: {}",
                finding.bucket, finding.command
            ));
            case.received = Some(finding.detail);
            cases.push(case);
        }
    }
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
        duration_ms: state.used * 1000,
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
        "{style}{count} findings{style:#} in {} s; {}",
        state.used,
        file.display()
    ));
    Ok(if count == 0 {
        Exit::Conformant
    } else {
        Exit::NotConformant
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
        assert_eq!(read_state(folder.path()).unwrap().used, 0);
        let state = State {
            used: 7,
            ..State::default()
        };
        write_state(folder.path(), &state).unwrap();
        assert_eq!(read_state(folder.path()).unwrap().used, 7);
    }
}
