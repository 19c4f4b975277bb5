//! `xmppspec fuzz parser`: readers beside each other.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use xmppspec_fuzz::SEEDS;
use xmppspec_fuzz::campaign::{Campaign, Event, LARGE, Progress, shown};
use xmppspec_fuzz::differences::{differences, known};
use xmppspec_fuzz::findings::{Finding, Findings};
use xmppspec_fuzz::readers::adapters;
use xmppspec_fuzz::readers::child::{Process, Spec};
use xmppspec_fuzz::readers::{self, OURS};

use crate::commands::{Outcome, values};
use crate::exit::{Exit, Failed};
use crate::ui::{self, BAD, BOLD, DIM, GOOD};

/// Which parsers, for how long.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
The pipe protocol: your program reads, again and again, the length of a document (4 bytes, little-endian) and the document from \
standard input, and writes the length and the text of its answer to standard output, flushed. The answer is one event a line, as \
`xmppspec parse` prints them:

  start {jabber:client}message to=\"a@example.org\" {http://www.w3.org/XML/1998/namespace}lang=\"en\"
  text \"two\\nlines\"
  end {jabber:client}message

or, when it refuses the document, a last line `error: ` with a few words that do not quote the document.

A shared library gives the same answer by a function, which calls `answer` once:

  void xmppspec_read(const unsigned char *document, size_t length,
                     void (*answer)(void *to, const char *text, size_t length), void *to);

Exit codes: 0 nothing new was found, 1 there are findings, 2 a parser cannot be started or does not speak the protocol

Examples:
  xmppspec fuzz parser --for 10m                           what is installed here
  xmppspec fuzz parser --exec ./mine --for 8h              your own parser beside ours
  xmppspec fuzz parser --lib ./mine.so --for 8h            the same, from a shared library
  xmppspec fuzz parser --exec ./mine fuzz-findings/001-*.xml   what each says of one document")]
pub(super) struct ParserArgs {
    /// Instead of a campaign: what every parser says of these documents
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A program that speaks the pipe protocol, with arguments; repeatable
    #[arg(long, value_name = "COMMAND")]
    exec: Vec<String>,

    /// A shared library with the function xmppspec_read; repeatable
    #[arg(long, value_name = "FILE")]
    lib: Vec<PathBuf>,

    /// Which of the ready adapters to use; repeatable [default: all that are installed, or none with --exec or --lib]
    #[arg(long, value_name = "NAME")]
    adapter: Vec<String>,

    /// When to end: 8h, 10m, 30s
    #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = values::time)]
    budget: Duration,

    /// Where findings go; a campaign that was interrupted goes on there
    #[arg(long, value_name = "FOLDER", default_value = "fuzz-findings")]
    findings: PathBuf,

    /// More inputs to begin with: files, or folders of them; repeatable
    #[arg(long, value_name = "PATH")]
    corpus: Vec<PathBuf>,

    /// From it all choices follow [default: by chance]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// After so many seconds what is given by --exec or --lib hangs
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = values::seconds)]
    timeout: Duration,

    /// What is given by --exec or --lib may need so much memory, in megabytes
    #[arg(long, value_name = "MB", default_value_t = 1024)]
    memory: u64,
}

/// Runs the campaign, or looks at files.
pub(super) fn main(args: &ParserArgs) -> Outcome {
    let work = tempfile::tempdir()
        .map_err(|error| Failed::usage(format!("cannot make a temporary folder: {error}")))?;
    let processes = start(args, work.path())?;
    let seed = args.seed.unwrap_or_else(crate::run::random_seed);
    let mut campaign = Campaign {
        readers: readers::in_process(),
        processes,
        seeds: seeds(args)?,
        seed,
        budget: args.budget,
        replay: replay(args),
    };
    if !args.files.is_empty() {
        return look(&mut campaign, &args.files);
    }
    let mut findings = Findings::open(&args.findings).map_err(|error| {
        Failed::usage(format!("cannot use {}: {error}", args.findings.display()))
    })?;
    let before = findings.iter().len();
    ui::line(&format!(
        "seed {seed}, findings in {}{}",
        args.findings.display(),
        if before > 0 {
            format!(" ({before} are there already)")
        } else {
            String::new()
        }
    ));
    let stop = Arc::new(AtomicBool::new(false));
    let interrupted = stop.clone();
    // The first Ctrl-C ends the campaign with its summary, the second the program.
    let _ = signals(&interrupted);
    let mut last = Progress::default();
    let run = campaign.run(&mut findings, |event| {
        match event {
            Event::Progress(progress) => {
                last = progress;
                show(&progress);
            }
            Event::Finding(finding) => {
                clear();
                print(finding);
            }
        }
        !stop.load(Ordering::Relaxed)
    });
    clear();
    let progress = run.map_err(|error| Failed::usage(format!("cannot write findings: {error}")))?;
    let style = if findings.iter().len() == 0 {
        GOOD
    } else {
        BAD
    };
    ui::line(&format!(
        "{} documents in {:.0} s ({:.0} a second), {} kept as new behaviour, {} known differences, {style}{} findings{style:#}",
        progress.executions,
        progress.elapsed.as_secs_f64(),
        progress.executions as f64 / progress.elapsed.as_secs_f64().max(0.001),
        progress.kept,
        progress.known,
        findings.iter().len(),
    ));
    Ok(if findings.iter().len() == 0 {
        Exit::Conformant
    } else {
        Exit::NotConformant
    })
}

/// Sets the flag on the first SIGINT or SIGTERM.
pub(super) fn signals(flag: &Arc<AtomicBool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let flag = flag.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let Ok(mut interrupts) = crate::world::Interrupts::listen() else {
                return;
            };
            let first = interrupts.next().await;
            flag.store(true, Ordering::Relaxed);
            interrupts.next().await;
            std::process::exit(Exit::Interrupted(first).code().into());
        });
    });
    Ok(())
}

/// Starts the programs, and the adapters that are installed; names those that are not.
fn start(args: &ParserArgs, work: &Path) -> Result<Vec<Process>, Failed> {
    let mut processes = Vec::new();
    let mut add = |name: String, command| {
        let spec = Spec {
            name,
            command,
            env: Vec::new(),
            timeout: args.timeout,
            memory: args.memory << 20,
        };
        processes.push(Process::start(spec).map_err(Failed::usage)?);
        Ok::<(), Failed>(())
    };
    for command in &args.exec {
        let words = command.split_whitespace().map(str::to_owned).collect();
        add(command.clone(), words)?;
    }
    for path in &args.lib {
        let own = std::env::current_exe()
            .map_err(|error| Failed::usage(format!("cannot find this program: {error}")))?;
        let path = path.display().to_string();
        let words = [&*own.to_string_lossy(), "fuzz", "library", &path];
        add(path.clone(), words.map(str::to_owned).to_vec())?;
    }
    for name in &args.adapter {
        if !adapters::ALL.iter().any(|adapter| adapter.name == name) {
            let names: Vec<_> = adapters::ALL.iter().map(|adapter| adapter.name).collect();
            return Err(Failed::usage(format!(
                "there is no adapter {name}; there are {}",
                names.join(", ")
            )));
        }
    }
    let all = args.adapter.is_empty() && args.exec.is_empty() && args.lib.is_empty();
    let mut missing = Vec::new();
    for adapter in adapters::ALL {
        if !all && !args.adapter.iter().any(|name| name == adapter.name) {
            continue;
        }
        match adapter.start(work) {
            Ok(process) => processes.push(process),
            Err(why) => missing.push(format!("  {}: {why}", adapter.name)),
        }
    }
    let names: Vec<&str> = readers::in_process()
        .iter()
        .map(|reader| reader.name())
        .chain(processes.iter().map(Process::name))
        .collect();
    ui::line(&format!("{BOLD}parsers{BOLD:#}: {}", names.join(", ")));
    if !missing.is_empty() {
        ui::line(&format!("{DIM}not used:{DIM:#}\n{}", missing.join("\n")));
    }
    if !args.adapter.is_empty() && !missing.is_empty() {
        return Err(Failed::usage(
            "an adapter that was asked for cannot be used",
        ));
    }
    Ok(processes)
}

/// The committed seeds, and those of the user.
fn seeds(args: &ParserArgs) -> Result<Vec<Vec<u8>>, Failed> {
    let mut seeds: Vec<Vec<u8>> = SEEDS.iter().map(|seed| seed.to_vec()).collect();
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |error| Failed::usage(format!("cannot read {path}: {error}"))
    };
    for path in &args.corpus {
        let mut files = vec![path.clone()];
        if path.is_dir() {
            let entries = fs::read_dir(path).map_err(unreadable(path))?;
            files = entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|p| p.is_file())
                .collect();
            files.sort();
        }
        for file in files {
            seeds.push(fs::read(&file).map_err(unreadable(&file))?);
        }
    }
    Ok(seeds)
}

/// The command that shows one document again, without its file.
fn replay(args: &ParserArgs) -> String {
    let mut command = String::from("xmppspec fuzz parser");
    for program in &args.exec {
        command.push_str(&format!(" --exec '{program}'"));
    }
    for library in &args.lib {
        command.push_str(&format!(" --lib '{}'", library.display()));
    }
    for adapter in &args.adapter {
        command.push_str(&format!(" --adapter {adapter}"));
    }
    command
}

/// What every parser says of each file, and in what they differ.
fn look(campaign: &mut Campaign<'_>, files: &[PathBuf]) -> Outcome {
    let mut exit = Exit::Conformant;
    for file in files {
        let bytes = fs::read(file)
            .map_err(|error| Failed::usage(format!("cannot read {}: {error}", file.display())))?;
        ui::line(&format!(
            "{BOLD}{}{BOLD:#}: {} bytes",
            file.display(),
            bytes.len()
        ));
        let readings = campaign.read(&bytes, bytes.len() > LARGE);
        for (name, reading) in &readings {
            ui::line(&format!("  {name}: {}", shown(reading)));
        }
        let named: Vec<_> = readings
            .iter()
            .map(|(name, reading)| (&**name, reading.clone()))
            .collect();
        debug_assert_eq!(named.first().map(|(name, _)| *name), Some(OURS));
        for bucket in differences(&bytes, &named) {
            match known(&bucket, &bytes) {
                Some(known) => {
                    ui::line(&format!("  {DIM}known: {bucket}: {}{DIM:#}", known.reason))
                }
                None => {
                    exit = Exit::NotConformant;
                    ui::line(&format!("  {BAD}{bucket}{BAD:#}"))
                }
            };
        }
    }
    Ok(exit)
}

/// Shows a finding.
pub(super) fn print(finding: &Finding) {
    ui::line(&format!("{BAD}finding{BAD:#} {}", finding.bucket));
    for line in finding.detail.lines() {
        ui::line(&format!("  {line}"));
    }
    ui::line(&format!(
        "  shows again {} of 3 times: {}",
        finding.replays, finding.command
    ));
}

fn show(progress: &Progress) {
    if ui::has_progress() {
        let _ = write!(
            anstream::stderr(),
            "\r\x1b[K{:.0} s, {} documents, {} kept, {} findings",
            progress.elapsed.as_secs_f64(),
            progress.executions,
            progress.kept,
            progress.findings
        );
    }
}

fn clear() {
    if ui::has_progress() {
        let _ = write!(anstream::stderr(), "\r\x1b[K");
    }
}
