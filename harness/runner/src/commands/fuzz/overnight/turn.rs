//! One campaign at work, as a process of its own: what it prints, how far it says it is, how it ended.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Job, Kind, OvernightArgs};
use crate::ui::BOLD;

/// A turn that does not end by itself this long after its time, or after it was told to end, is ended.
const GRACE: Duration = Duration::from_secs(600);
const GRACE_OF_STOP: Duration = Duration::from_secs(60);

/// A campaign at work.
pub(super) struct Turn {
    pub(super) job: Job,
    child: Child,
    began: Instant,
    /// When it is ended whatever it does.
    until: Instant,
    heard: Arc<Mutex<Heard>>,
}

/// What a campaign says on standard error.
#[derive(Debug, Default)]
struct Heard {
    /// How far it is: the line that it writes anew, or what libFuzzer last said of itself.
    status: String,
    /// Its last other line, which says why if it fails.
    last: String,
}

impl Turn {
    pub(super) fn start(
        job: &Job,
        length: Duration,
        args: &OvernightArgs,
        lines: mpsc::Sender<String>,
    ) -> io::Result<Self> {
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
                    .arg(&folder)
                    .env(crate::ui::PROGRESS, "always");
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
                    // What libFuzzer does by itself for targets without a mutator of their own: small inputs first.
                    .arg("-len_control=100")
                    .arg(format!("-artifact_prefix={}/", folder.display()));
                let words = args.corpus.join("xmpp.dict");
                if words.is_file() {
                    command.arg(format!("-dict={}", words.display()));
                }
                command
            }
        };
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log.txt"))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // An interruption is passed on, once: what a terminal sends to its whole group would be the second.
            .process_group(0)
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
        let heard = Arc::new(Mutex::new(Heard::default()));
        if let Some(stderr) = child.stderr.take() {
            let heard = heard.clone();
            std::thread::spawn(move || listen(stderr, log, &heard));
        }
        let began = Instant::now();
        Ok(Turn {
            job: job.clone(),
            child,
            began,
            until: began + length + GRACE,
            heard,
        })
    }

    /// How it ended, if it has. One that is much too late is ended.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        let mut status = self.child.try_wait().ok()?;
        if status.is_none() && Instant::now() > self.until {
            self.signal(Signal::SIGKILL);
            status = self.child.wait().ok();
        }
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        status.map(|status| Ended {
            seconds: self.began.elapsed().as_secs(),
            trouble: self
                .is_trouble(status)
                .then(|| format!("{status}: {}", heard.last)),
        })
    }

    /// Asks it to end now.
    pub(super) fn stop(&mut self) {
        self.until = self.until.min(Instant::now() + GRACE_OF_STOP);
        self.signal(Signal::SIGINT);
    }

    fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    /// How far it says it is.
    pub(super) fn status(&self) -> String {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{} {}", self.job.name, heard.status)
    }

    fn is_trouble(&self, status: ExitStatus) -> bool {
        /// How libFuzzer ends after a finding: a crash, a timeout, too much memory; and when it was interrupted.
        const FUZZER: [i32; 5] = [0, 70, 71, 72, 77];
        match (&self.job.kind, status.code()) {
            (Kind::Own(_), Some(code)) => ![0, 1, 130].contains(&code),
            (Kind::Fuzzer(_), Some(code)) => !FUZZER.contains(&code),
            // A panic of a Rust target aborts it: that is what it looks for.
            (Kind::Fuzzer(_), None) => status.signal() != Some(Signal::SIGABRT as i32),
            (Kind::Own(_), None) => status.signal() != Some(Signal::SIGINT as i32),
        }
    }
}

/// How a turn ended.
pub(super) struct Ended {
    pub(super) seconds: u64,
    /// Why it could not do its work.
    pub(super) trouble: Option<String>,
}

/// Reads what a campaign says on standard error. What it goes back over is its status, whole lines go into the log.
fn listen(stderr: ChildStderr, mut log: File, heard: &Mutex<Heard>) {
    let mut text = Vec::new();
    for byte in BufReader::new(stderr).bytes().map_while(Result::ok) {
        if !matches!(byte, b'\r' | b'\n') {
            text.push(byte);
            continue;
        }
        let line = String::from_utf8_lossy(&text);
        let line = line.trim_start_matches("\x1b[K");
        let mut now = heard.lock().unwrap_or_else(PoisonError::into_inner);
        match fuzzer_status(line) {
            Some(status) => now.status = status,
            None if line.is_empty() => {}
            None if byte == b'\r' => now.status = line.to_owned(),
            None => {
                let _ = writeln!(log, "{line}");
                now.last = line.to_owned();
            }
        }
        drop(now);
        text.clear();
    }
    let _ = log.write_all(&text);
}

/// What libFuzzer says of itself now and then, without what only its developers want to know:
/// `#8192 NEW cov: 389 ft: 1216 corp: 410/130Kb lim: 2014 exec/s: 4096 rss: 28Mb L: 3/9 MS: 1 -`.
fn fuzzer_status(line: &str) -> Option<String> {
    let count = line.strip_prefix('#')?.split_whitespace().next()?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    Some(format!(
        "{count} executions ({}/s), coverage {}, corpus {}, {}",
        after("exec/s:")?,
        after("cov:")?,
        after("corp:")?,
        after("rss:")?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_of_itself() {
        let line = "#8192\tNEW    cov: 389 ft: 1216 corp: 410/130Kb lim: 2014 exec/s: 4096 rss: 28Mb L: 3/9 MS: 1 -";
        assert_eq!(
            fuzzer_status(line).as_deref(),
            Some("8192 executions (4096/s), coverage 389, corpus 410/130Kb, 28Mb")
        );
        assert_eq!(fuzzer_status("INFO: seed corpus: files: 150"), None);
    }
}
