//! Readers in other processes, by the pipe protocol: a document as u32 (little-endian) length and bytes in, canonical
//! lines as length and bytes out; a last line that begins with `error:` refuses the document and names the error.
//!
//! A reader that hangs, dies, needs too much memory or answers something else is ended with its process group and
//! started afresh for the next document.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{Failure, Reading};

/// How long a reader may take for its first answer: virtual machines start slowly, and compilers on a busy machine.
const START: Duration = Duration::from_secs(60);

/// How often the memory of a reader is looked at while it is waited for, and after how many answers.
const LOOK: Duration = Duration::from_millis(50);
const LOOK_EVERY: u32 = 64;

/// Longer answers are garbage. The lines of a document are a few times as long as itself.
const MOST_ANSWER: u32 = 256 << 20;

/// More of the standard error of a reader is not kept, in bytes.
const MOST_COMPLAINT: u64 = 1 << 13;

/// Who is gone has written all; who only closed its standard output, or left others behind, is not waited for longer.
const COMPLAINT: Duration = Duration::from_secs(5);

/// How a reader in another process is run.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name in findings.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Added to the environment.
    pub env: Vec<(String, String)>,
    /// After this it hangs.
    pub timeout: Duration,
    /// More resident memory than this is too much, in bytes.
    pub memory: u64,
}

/// A reader in another process.
#[derive(Debug)]
pub struct Process {
    spec: Spec,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    documents: Sender<Vec<u8>>,
    answers: Receiver<io::Result<Vec<u8>>>,
    answered: u32,
    /// What it began to write to its standard error, once it is gone or has written that much.
    complaint: Receiver<Vec<u8>>,
}

impl Process {
    /// Starts a reader and tries it on `<a/>`.
    ///
    /// # Errors
    /// What it did instead, in a sentence for its author.
    pub fn start(spec: Spec) -> Result<Self, String> {
        let mut process = Process {
            spec,
            running: None,
        };
        if let Err(error) = process.spawn() {
            return Err(format!(
                "{} cannot be started: {error}",
                process.spec.command.join(" ")
            ));
        }
        let expected = ["start {}a", "end {}a"].map(str::to_owned).to_vec();
        let name = process.spec.name.clone();
        match process.ask(b"<a/>") {
            Reading::Read(lines) if lines == expected => Ok(process),
            Reading::Failed(Failure::Crash) => Err(match process.complaint() {
                Some(words) => format!("{name} ends at its start: {words}"),
                None => format!("{name} ends without an answer to the document <a/>"),
            }),
            other => Err(format!(
                "{name} does not speak the pipe protocol: of the document <a/> it should say the lines {expected:?}, and gave {other:?}"
            )),
        }
    }

    /// Ends a reader. Of what it wrote to its standard error: the line that tells most.
    fn complaint(&mut self) -> Option<String> {
        let running = self.running.take()?;
        let written = running.complaint.recv_timeout(COMPLAINT).ok()?;
        let text = String::from_utf8_lossy(&written);
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let error = lines().find(|line| line.contains("rror"));
        Some(error.or(lines().next())?.to_owned())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Reads a whole document.
    pub fn read(&mut self, bytes: &[u8]) -> Reading {
        if self.running.is_none() {
            if self.spawn().is_err() {
                return Reading::Failed(Failure::Crash);
            }
            // The start has a patience of its own, which the document must not get.
            if let Reading::Failed(failure) = self.ask(b"<a/>") {
                self.running = None;
                return Reading::Failed(failure);
            }
        }
        let reading = self.ask(bytes);
        if matches!(reading, Reading::Failed(_)) {
            self.running = None;
        }
        reading
    }

    fn spawn(&mut self) -> io::Result<()> {
        let (program, arguments) = self
            .spec
            .command
            .split_first()
            .ok_or_else(|| io::Error::other("no program"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .envs(self.spec.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        // What eats all memory faster than it can be looked at is to die before others do.
        let _ = std::fs::write(format!("/proc/{}/oom_score_adj", child.id()), "1000");
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) = pipes else {
            return Err(io::Error::other("no pipes"));
        };
        // Threads, because a pipe that nobody reads blocks its writer. All end when the process is gone, and what it started.
        let (complain, complaint) = mpsc::channel();
        std::thread::spawn(move || {
            let mut words = Vec::new();
            let _ = (&mut stderr).take(MOST_COMPLAINT).read_to_end(&mut words);
            let _ = complain.send(words);
            io::copy(&mut stderr, &mut io::sink())
        });
        let (documents, to_write) = mpsc::channel::<Vec<u8>>();
        std::thread::spawn(move || {
            for frame in to_write {
                if stdin
                    .write_all(&frame)
                    .and_then(|()| stdin.flush())
                    .is_err()
                {
                    return;
                }
            }
        });
        let (answer, answers) = mpsc::channel();
        std::thread::spawn(move || {
            loop {
                let frame = frame(&mut stdout);
                let over = frame.is_err();
                if answer.send(frame).is_err() || over {
                    return;
                }
            }
        });
        self.running = Some(Running {
            child,
            documents,
            answers,
            answered: 0,
            complaint,
        });
        Ok(())
    }

    fn ask(&mut self, bytes: &[u8]) -> Reading {
        let Some(running) = &mut self.running else {
            return Reading::Failed(Failure::Crash);
        };
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let frame = [&length.to_le_bytes()[..], bytes].concat();
        if running.documents.send(frame).is_err() {
            return Reading::Failed(Failure::Crash);
        }
        let patience = if running.answered == 0 {
            START.max(self.spec.timeout)
        } else {
            self.spec.timeout
        };
        let began = Instant::now();
        let answer = loop {
            match running.answers.recv_timeout(LOOK) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Disconnected) => return Reading::Failed(Failure::Crash),
                Err(RecvTimeoutError::Timeout) => {
                    if running.resident() > self.spec.memory {
                        return Reading::Failed(Failure::Memory);
                    }
                    if began.elapsed() > patience {
                        return Reading::Failed(Failure::Hang);
                    }
                }
            }
        };
        running.answered += 1;
        if running.answered.is_multiple_of(LOOK_EVERY) && running.resident() > self.spec.memory {
            return Reading::Failed(Failure::Memory);
        }
        match answer {
            Ok(answer) => parse(&answer),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Reading::Failed(Failure::Garbage)
            }
            Err(_) => Reading::Failed(Failure::Crash),
        }
    }
}

impl Running {
    /// Resident memory of it and of what it has started, in bytes.
    fn resident(&self) -> u64 {
        let mut all = vec![self.child.id().to_string()];
        let mut sum = 0;
        while let Some(id) = all.pop() {
            let of = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}"));
            let pages = of("statm")
                .ok()
                .and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok());
            sum += pages.unwrap_or(0) * 4096;
            let children = of(&format!("task/{id}/children")).unwrap_or_default();
            all.extend(children.split_whitespace().map(str::to_owned));
        }
        sum
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // Its group has its id, and it is not collected yet: the group is still its own.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// One answer: its length, then as many bytes.
fn frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MOST_ANSWER {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes)?;
    if bytes.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// What an answer says.
fn parse(answer: &[u8]) -> Reading {
    let Ok(text) = std::str::from_utf8(answer) else {
        return Reading::Failed(Failure::Garbage);
    };
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(class) = line.strip_prefix("error:") {
            return Reading::Refused(words(class));
        }
        if !["start {", "text \"", "end {"]
            .iter()
            .any(|head| line.starts_with(head))
        {
            return Reading::Failed(Failure::Garbage);
        }
        lines.push(line.to_owned());
    }
    if lines.is_empty() {
        return Reading::Failed(Failure::Garbage);
    }
    Reading::Read(lines)
}

/// The words of an error without what may be bytes of the document: what is quoted, numbers, other alphabets, a long tail.
fn words(error: &str) -> String {
    /// Characters.
    const MOST: usize = 80;
    let mut out = String::new();
    let mut rest = error.trim();
    // A number at the very start is the error's own.
    if let Some(end) = rest
        .find(|c: char| !c.is_ascii_digit())
        .or(Some(rest.len()))
        && end <= 4
    {
        out.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let is_begin = out.is_empty() || out.ends_with([' ', '(', '[', ':', '=']);
        match c {
            '\'' | '"' | '`' if is_begin => {
                rest = rest.split_once(c).map_or("", |(_, behind)| behind);
                out.push('…');
            }
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            c if c.is_ascii_graphic() => out.push(c),
            _ if !out.ends_with(' ') => out.push(' '),
            _ => {}
        }
    }
    out.chars().take(MOST).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(script: &str) -> Spec {
        Spec {
            name: "it".to_owned(),
            command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            env: Vec::new(),
            timeout: Duration::from_millis(500),
            memory: 1 << 30,
        }
    }

    /// Answers the trial document as it should, then does something else with the next.
    fn after_the_trial(then: &str) -> Reading {
        // 4 bytes of length and `<a/>`; the answer is 17 bytes long.
        let script =
            format!("head -c 8 >/dev/null; printf '\\021\\0\\0\\0start {{}}a\\nend {{}}a'; {then}");
        let mut process = Process::start(spec(&script)).expect("it passes the trial");
        process.read(b"<b/>")
    }

    #[test]
    fn errors_are_classed_without_values() {
        assert_eq!(words(" not UTF-8 at 1:17 "), "not UTF-N at N:N");
        assert_eq!(
            words("Unexpected 'a' (want \"b\") \u{e9}"),
            "Unexpected … (want …)"
        );
        assert_eq!(words("76: tag 12 ends"), "76: tag N ends");
        assert_eq!(words("it isn't closed"), "it isn't closed");
        assert_eq!(words(&"x".repeat(200)).len(), 80);
    }

    #[test]
    fn what_readers_do_wrong() {
        assert_eq!(after_the_trial("exit 1"), Reading::Failed(Failure::Crash));
        assert_eq!(after_the_trial("sleep 100"), Reading::Failed(Failure::Hang));
        let answer = |text: &str| after_the_trial(&format!("printf '{text}'; cat >/dev/null"));
        assert_eq!(
            answer("\\003\\0\\0\\0abc"),
            Reading::Failed(Failure::Garbage)
        );
        assert_eq!(answer("\\0\\0\\0\\0"), Reading::Failed(Failure::Garbage));
        assert_eq!(
            answer("\\377\\377\\377\\377"),
            Reading::Failed(Failure::Garbage)
        );
        assert_eq!(
            answer("\\012\\0\\0\\0error: bad"),
            Reading::Refused("bad".to_owned())
        );
        let hoard = "python3 -c 'import time; x = bytearray(1 << 28); time.sleep(100)'; exit";
        let mut hungry = spec(&format!(
            "head -c 8 >/dev/null; printf '\\021\\0\\0\\0start {{}}a\\nend {{}}a'; {hoard}"
        ));
        hungry.memory = 1 << 27;
        hungry.timeout = Duration::from_secs(30);
        let mut hungry = Process::start(hungry).expect("it passes the trial");
        assert_eq!(hungry.read(b"<b/>"), Reading::Failed(Failure::Memory));
    }

    #[test]
    fn what_is_no_reader_is_told_so() {
        let error = Process::start(spec("exit 1")).expect_err("no reader");
        assert_eq!(error, "it ends without an answer to the document <a/>");
        let traceback = "printf 'Traceback:\\n  File x\\nImportError: No module\\n' >&2; exit 1";
        let error = Process::start(spec(traceback)).expect_err("no reader");
        assert_eq!(error, "it ends at its start: ImportError: No module");
        let error =
            Process::start(spec("printf '\\1\\0\\0\\0x'; cat >/dev/null")).expect_err("no reader");
        assert!(
            error.starts_with("it does not speak the pipe protocol"),
            "{error}"
        );
        let mut missing = spec("");
        missing.command = vec!["/nonexistent/reader".to_owned()];
        let error = Process::start(missing).expect_err("no program");
        assert!(
            error.starts_with("/nonexistent/reader cannot be started"),
            "{error}"
        );
    }
}
