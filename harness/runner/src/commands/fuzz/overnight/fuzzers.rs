//! What libFuzzer programs leave behind: inputs that broke something, and a corpus.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use xmppspec_fuzz::findings::Finding;

use super::OvernightArgs;
use crate::ui::{self, DIM};

/// How long one input may take, and how long making it small may.
const ONE_RUN: Duration = Duration::from_secs(30);
const MINIMISING: Duration = Duration::from_secs(20);
/// How long making a corpus small may take.
const MERGING: Duration = Duration::from_secs(900);
/// Inputs of one fuzzer that are tried again. The same fault is found in many ways.
const MOST_TRIED: usize = 20;
/// How the names of artifacts begin.
const KINDS: [&str; 3] = ["crash-", "timeout-", "oom-"];

/// Makes what the fuzzers have collected small: inputs that cover nothing of their own go.
pub(super) fn merge(args: &OvernightArgs, stop: &AtomicBool) {
    let Some(fuzzers) = &args.fuzzers else { return };
    for (name, _) in xmppspec_fuzz::properties::ALL {
        let corpus = args.out.join(format!("fuzzer-{name}")).join("corpus");
        let (program, small) = (fuzzers.join(name), corpus.with_extension("small"));
        // An interruption may have left one.
        let _ = fs::remove_dir_all(&small);
        if !program.is_file() || !corpus.is_dir() || fs::create_dir_all(&small).is_err() {
            continue;
        }
        let mut command = Command::new(&program);
        command.arg("-merge=1").arg(&small).arg(&corpus);
        let files = |folder: &Path| fs::read_dir(folder).map_or(0, Iterator::count);
        if run(&mut command, MERGING, stop).is_some_and(|(success, _)| success) {
            ui::line(&format!(
                "{DIM}{name}: corpus of {} inputs made {}{DIM:#}",
                files(&corpus),
                files(&small)
            ));
            let _ = fs::remove_dir_all(&corpus).and_then(|()| fs::rename(&small, &corpus));
        }
        let _ = fs::remove_dir_all(&small);
    }
}

/// The inputs of a fuzzer that broke something.
pub(super) fn artifacts(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            KINDS.iter().any(|kind| name.starts_with(kind))
        })
        .collect();
    files.sort();
    files
}

/// The findings of a fuzzer: its artifacts tried three times each, one for each place that breaks, made small.
pub(super) fn findings(
    name: &str,
    program: &Path,
    folder: &Path,
    stop: &AtomicBool,
) -> Vec<Finding> {
    let mut found: BTreeMap<String, Finding> = BTreeMap::new();
    for path in artifacts(folder).into_iter().take(MOST_TRIED) {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let kind = file.split('-').next().unwrap_or_default();
        let (replays, detail) = replay(program, &path, stop);
        let bucket = format!("{name}: {}", place(&detail).unwrap_or(kind));
        if found.contains_key(&bucket) {
            continue;
        }
        let small = folder.join(format!("small-{file}"));
        let mut command = Command::new(program);
        command
            .arg("-minimize_crash=1")
            .arg(format!("-max_total_time={}", MINIMISING.as_secs()))
            .arg(format!("-exact_artifact_path={}", small.display()))
            .arg(&path);
        if replays > 0 && kind == "crash" {
            run(&mut command, MINIMISING + ONE_RUN, stop);
        }
        let best = if small.is_file() { small } else { path };
        found.insert(
            bucket.clone(),
            Finding {
                bucket,
                detail,
                command: format!("{} {}", program.display(), best.display()),
                file: best
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                replays,
            },
        );
    }
    found.into_values().collect()
}

/// How often of three an input breaks something, and what is said then.
fn replay(program: &Path, input: &Path, stop: &AtomicBool) -> (u8, String) {
    let mut said = String::new();
    let mut count = 0;
    for _ in 0..3 {
        let mut command = Command::new(program);
        command
            .arg(input)
            .arg(format!("-timeout={}", ONE_RUN.as_secs() / 2));
        if let Some((false, words)) = run(&mut command, ONE_RUN, stop) {
            count += 1;
            said = words;
        }
    }
    (count, said)
}

/// Where it broke: `fuzz/src/properties/element.rs:20:5`.
fn place(said: &str) -> Option<&str> {
    let at = said
        .lines()
        .find_map(|line| line.split_once("panicked at "));
    at.map(|(_, place)| place.trim_end_matches(':'))
}

/// Runs a program: whether it succeeded, and the panic that it told of. `None`: it was ended, for being late or because
/// everything ends.
fn run(command: &mut Command, limit: Duration, stop: &AtomicBool) -> Option<(bool, String)> {
    /// Lines of a panic that are worth showing.
    const LINES: usize = 6;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stderr = child.stderr.take()?;
    let (said, all) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stderr.read_to_end(&mut bytes);
        let _ = said.send(bytes);
    });
    let until = Instant::now() + limit;
    let said = loop {
        if let Ok(said) = all.recv_timeout(Duration::from_secs(1)) {
            break said;
        }
        if Instant::now() > until || stop.load(Ordering::Relaxed) {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
    };
    let status = child.wait().ok()?;
    let said = String::from_utf8_lossy(&said);
    let panic: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.contains("panicked at "))
        .take_while(|line| !line.starts_with("stack backtrace"))
        .take(LINES)
        .collect();
    Some((status.success(), panic.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_panics() {
        let said = "\nthread '<unnamed>' (7) panicked at fuzz/src/properties/element.rs:20:5:\nnot the same";
        assert_eq!(place(said), Some("fuzz/src/properties/element.rs:20:5"));
        assert_eq!(place("libFuzzer: timeout"), None);
    }
}
