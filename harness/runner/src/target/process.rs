//! The processes of a target: started in groups of their own, watched, and ended by their ids.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Death;
use crate::world::{Confinement, Host, confine, limit_memory};

/// A command ready to run: everything expanded.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) name: String,
    pub(super) command: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) cwd: String,
    /// The host of the world that it stands on; none: that of the run itself.
    pub(super) host: Option<Host>,
    /// The most memory that it may ask for, in bytes.
    pub(super) memory: Option<u64>,
}

impl Launch {
    /// The command, confined, with an almost empty environment.
    pub(super) fn command(&self, confinement: Confinement) -> Command {
        let (program, args) = self
            .command
            .split_first()
            .map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
        let mut command = std::process::Command::new(program);
        let path =
            std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        command
            .args(args)
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .env_clear();
        command
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", &self.cwd)
            .env("TMPDIR", &self.cwd);
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        match &self.host {
            Some(host) => host.enter(&mut command, Path::new(&self.cwd)),
            None => confine(&mut command, confinement),
        }
        if let Some(bytes) = self.memory {
            limit_memory(&mut command, bytes);
        }
        Command::from(command)
    }
}

/// Processes that live and die together.
#[derive(Debug)]
pub(super) struct Processes {
    running: Vec<Process>,
    death: watch::Sender<Option<Death>>,
    ending: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Process {
    group: Pid,
    ended: watch::Receiver<bool>,
}

impl Processes {
    pub(super) fn new() -> Self {
        Self {
            running: Vec::new(),
            death: watch::Sender::new(None),
            ending: Arc::default(),
        }
    }

    /// Starts a process; its output goes to `NAME.out` in the folder of the logs.
    pub(super) fn start(
        &mut self,
        launch: &Launch,
        logs: &Path,
        confinement: Confinement,
    ) -> io::Result<()> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(logs.join(format!("{}.out", launch.name)))?;
        let mut command = launch.command(confinement);
        command.stdout(output.try_clone()?).stderr(output);
        let mut child = command.spawn()?;
        let Some(group) = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw)
        else {
            return Err(io::Error::other("it ended at once"));
        };
        let (ended_sender, ended) = watch::channel(false);
        let (name, logs) = (launch.name.clone(), logs.to_owned());
        let (death, ending) = (self.death.clone(), self.ending.clone());
        tokio::spawn(async move {
            let status = child.wait().await;
            // Whatever it left in its group goes with it.
            let _ = killpg(group, Signal::SIGKILL);
            if !ending.load(Ordering::Acquire) {
                let status = status.map_or_else(|e| e.to_string(), describe);
                death.send_if_modified(|first| {
                    let new = first.is_none();
                    if new {
                        *first = Some(Death {
                            process: name,
                            status,
                            log: tail(&logs),
                        });
                    }
                    new
                });
            }
            let _ = ended_sender.send(true);
        });
        self.running.push(Process { group, ended });
        Ok(())
    }

    /// Resident memory of all processes of their groups, in bytes.
    pub(super) fn memory(&self) -> u64 {
        // Behind the name: state, parent, group, …; resident pages are the 22nd of these.
        self.sum(|fields| fields.get(21)?.parse().ok()) * PAGE
    }

    /// What all processes of their groups have computed for so far.
    pub(super) fn cpu(&self) -> Duration {
        let ticks = |fields: &[&str]| {
            let user: u64 = fields.get(11)?.parse().ok()?;
            let system: u64 = fields.get(12)?.parse().ok()?;
            Some(user + system)
        };
        TICK * u32::try_from(self.sum(ticks)).unwrap_or(u32::MAX)
    }

    /// The sum of a number in `/proc/*/stat` over all processes of their groups.
    fn sum(&self, number: impl Fn(&[&str]) -> Option<u64>) -> u64 {
        let groups: Vec<i32> = self.running.iter().map(|p| p.group.as_raw()).collect();
        std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_name().as_encoded_bytes()[0].is_ascii_digit())
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
            // The name may hold anything.
            .filter_map(|stat| {
                let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
                let group = fields.get(2)?.parse().ok()?;
                groups.contains(&group).then(|| number(&fields))?
            })
            .sum()
    }

    /// How the first of them ended unasked, if one did.
    pub(super) fn death(&self) -> Option<Death> {
        self.death.borrow().clone()
    }

    /// Resolves when one ends unasked.
    pub(super) async fn died(&self) -> Death {
        let mut deaths = self.death.subscribe();
        loop {
            if let Some(death) = deaths.borrow_and_update().clone() {
                return death;
            }
            if deaths.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Asks one after the other to end, and after `patience` ends those that are left.
    pub(super) async fn stop(&mut self, patience: Duration) {
        self.ending.store(true, Ordering::Release);
        // Last started, first ended, so that each has what it stands on to its end: an avahi whose bus is gone spins for ever.
        let one_by_one = async {
            for process in self.running.iter_mut().rev() {
                if !*process.ended.borrow() {
                    let _ = killpg(process.group, Signal::SIGTERM);
                }
                let _ = process.ended.wait_for(|ended| *ended).await;
            }
        };
        if timeout(patience, one_by_one).await.is_err() {
            self.signal(Signal::SIGKILL);
            for process in &mut self.running {
                let _ = process.ended.wait_for(|ended| *ended).await;
            }
        }
        self.running.clear();
    }

    /// Sends a signal to the process that was started last, and waits for its end, which is then no death.
    pub(super) async fn end_last(&mut self, signal: Signal) {
        self.ending.store(true, Ordering::Release);
        if let Some(process) = self.running.last_mut() {
            if !*process.ended.borrow() {
                let _ = killpg(process.group, signal);
            }
            let _ = process.ended.wait_for(|ended| *ended).await;
        }
    }

    fn signal(&self, signal: Signal) {
        // Only those that still hold their id.
        for process in self.running.iter().rev().filter(|p| !*p.ended.borrow()) {
            let _ = killpg(process.group, signal);
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        self.signal(Signal::SIGKILL);
        // Until they are dead they may still write into the folder that goes next. They stay to be collected by their task.
        for process in self.running.iter().filter(|p| !*p.ended.borrow()) {
            let _ = waitid(
                Id::Pid(process.group),
                WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT,
            );
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(number) => {
            let name = Signal::try_from(number).map_or("unknown", Signal::as_str);
            format!("signal {number}, {name}")
        }
        None => format!("exit status {}", status.code().unwrap_or_default()),
    }
}

/// The unit of times in `/proc`, on the machines that worlds run on.
const TICK: Duration = Duration::from_millis(10);
/// Bytes of a page of memory there.
const PAGE: u64 = 4096;

/// How much of a log is read for its last lines, and how many of them are shown.
const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 12;

/// The last lines of every log in `folder`, each log under its name.
pub(super) fn tail(folder: &Path) -> String {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    let mut out = String::new();
    for file in files {
        let Ok(bytes) = last_bytes(&file) else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        if !lines.is_empty() {
            out.push_str(&format!(
                "  {}:\n",
                file.file_name().unwrap_or_default().to_string_lossy()
            ));
            for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
                out.push_str(&format!("    {line}\n"));
            }
        }
    }
    if out.is_empty() {
        "  (it wrote nothing)".to_owned()
    } else {
        out.trim_end().to_owned()
    }
}

fn last_bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_short_and_named() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(tail(dir.path()), "  (it wrote nothing)");
        let many: String = (0..5000).map(|n| format!("line {n}\n\n")).collect();
        std::fs::write(dir.path().join("a.log"), many).unwrap();
        std::fs::write(dir.path().join("b.log"), b"one \xff line\n").unwrap();
        let text = tail(dir.path());
        assert_eq!(text.lines().count(), 2 + TAIL_LINES + 1);
        assert!(
            text.starts_with("  a.log:\n    line 4988\n")
                && text.ends_with("  b.log:\n    one \u{fffd} line"),
            "{text}"
        );
    }

    fn shell(script: &str) -> Launch {
        let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        Launch {
            name: "it".to_owned(),
            command,
            env: vec![("WORD".to_owned(), "last".to_owned())],
            cwd: "/".to_owned(),
            host: None,
            memory: None,
        }
    }

    #[tokio::test]
    async fn a_death_is_noticed_with_its_status_and_words() {
        let logs = tempfile::tempdir().unwrap();
        let mut processes = Processes::new();
        processes
            .start(
                &shell("echo $WORD words; exit 3"),
                logs.path(),
                Confinement::default(),
            )
            .unwrap();
        let death = processes.died().await;
        assert_eq!(
            (death.process.as_str(), death.status.as_str()),
            ("it", "exit status 3")
        );
        assert_eq!(death.log, "  it.out:\n    last words");
        assert_eq!(processes.death(), Some(death));

        let mut processes = Processes::new();
        processes
            .start(&shell("kill -SEGV $$"), logs.path(), Confinement::default())
            .unwrap();
        assert_eq!(processes.died().await.status, "signal 11, SIGSEGV");
    }

    #[tokio::test]
    async fn the_last_that_was_started_ends_first() {
        let logs = tempfile::tempdir().unwrap();
        let mut processes = Processes::new();
        for number in ["1", "2", "3"] {
            let script = format!(
                "trap 'echo {number} >> order; exit' TERM; echo {number} >> up; tail -f /dev/null & wait"
            );
            let mut launch = shell(&script);
            launch.cwd = logs.path().display().to_string();
            processes
                .start(&launch, logs.path(), Confinement::default())
                .unwrap();
            let up = logs.path().join("up");
            timeout(
                Duration::from_secs(20),
                super::super::ready::says(&up, number),
            )
            .await
            .unwrap();
        }
        processes.stop(Duration::from_secs(20)).await;
        let order = std::fs::read_to_string(logs.path().join("order")).unwrap();
        assert_eq!(order, "3\n2\n1\n");
    }

    #[tokio::test]
    async fn stopping_ends_the_deaf_and_is_no_death() {
        let logs = tempfile::tempdir().unwrap();
        let mut processes = Processes::new();
        let deaf = shell("trap '' TERM; echo ready; read never < /dev/zero");
        processes
            .start(&deaf, logs.path(), Confinement::default())
            .unwrap();
        let group = processes.running[0].group;
        processes.stop(Duration::from_millis(50)).await;
        assert_eq!(processes.death(), None);
        assert_eq!(killpg(group, None), Err(nix::errno::Errno::ESRCH));
    }
}
