//! `xmppspec run --watch`: the same run again whenever what it reads is saved.
//!
//! Each run is a process of its own: a world is entered once, before any thread starts.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Outcome, RunArgs, runtime};
use crate::exit::{Exit, Failed};
use crate::ui::{self, DIM};
use crate::world::{Interrupt, Interrupts};

/// Editors write a file in several steps; after so long without another one the file is whole.
const QUIET: Duration = Duration::from_millis(100);

/// Runs, and again after each change, until somebody asks for the end.
pub(super) fn main(args: &RunArgs) -> Outcome {
    let mut wanted: Vec<PathBuf> = args.selectors.iter().map(PathBuf::from).collect();
    wanted.extend(args.target.target.iter().map(PathBuf::from));
    wanted.retain(|path| path.exists());
    if wanted.is_empty() {
        return Err(Failed::usage(
            "there is nothing to watch: what is built in does not change\n\
             select a script file or a folder of them, or give the path of a profile with --target",
        ));
    }
    runtime()?.block_on(watch(&wanted))
}

async fn watch(wanted: &[PathBuf]) -> Outcome {
    let cannot = |what: &str, error: io::Error| Failed::usage(format!("cannot {what}: {error}"));
    let mut interrupts =
        Interrupts::listen().map_err(|error| cannot("listen to signals", error))?;
    let mut watched = Watched::new().map_err(|error| cannot("watch files", error))?;
    loop {
        // Before the run: what is saved while it goes on is not missed, and folders that are new are watched, too.
        watched
            .add_paths(wanted)
            .map_err(|error| cannot("watch files", error))?;
        let last = match run_once(&mut interrupts).await {
            Ok(exit) => exit,
            Err(error) => return Err(cannot("start the run", error)),
        };
        if matches!(last, Exit::Interrupted(_)) {
            return Ok(last);
        }
        ui::note(&format!(
            "{DIM}watching {}; Ctrl-C ends{DIM:#}",
            ui::plural(watched.folders.len(), "folder")
        ));
        tokio::select! {
            changed = watched.changed() => changed.map_err(|error| cannot("watch files", error))?,
            interrupt = interrupts.next() => return Ok(Exit::Interrupted(interrupt)),
        }
    }
}

/// One run, as its own process with the same arguments. Only an interrupt is told from the other ends.
async fn run_once(interrupts: &mut Interrupts) -> io::Result<Exit> {
    let arguments: Vec<OsString> = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != "--watch")
        .collect();
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .args(arguments)
        .spawn()?;
    let mut interrupted = None;
    loop {
        tokio::select! {
            ended = child.wait() => {
                ended?;
                return Ok(interrupted.map_or(Exit::Conformant, Exit::Interrupted));
            }
            interrupt = interrupts.next() => {
                interrupted = Some(interrupt);
                let pid = child.id().and_then(|id| i32::try_from(id).ok());
                // A terminal tells Ctrl-C to both of us.
                if let (Some(pid), Interrupt::Term | Interrupt::Hup) = (pid, interrupt) {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
                }
            }
        }
    }
}

/// Folders that are watched. A file is watched by its folder, because editors put a new file in its place.
struct Watched {
    inotify: Arc<Inotify>,
    events: mpsc::UnboundedReceiver<nix::Result<Vec<InotifyEvent>>>,
    folders: Vec<(WatchDescriptor, Option<OsString>)>,
}

impl Watched {
    fn new() -> io::Result<Self> {
        let inotify = Arc::new(Inotify::init(InitFlags::IN_CLOEXEC)?);
        let (sender, events) = mpsc::unbounded_channel();
        let reader = inotify.clone();
        // It ends with the program: who reads events waits for them.
        std::thread::Builder::new().spawn(move || {
            loop {
                let read = reader.read_events();
                let is_over = read.is_err();
                if sender.send(read).is_err() || is_over {
                    return;
                }
            }
        })?;
        Ok(Self {
            inotify,
            events,
            folders: Vec::new(),
        })
    }

    /// Watches these paths and no others; a path that is watched already stays so.
    fn add_paths(&mut self, wanted: &[PathBuf]) -> io::Result<()> {
        self.folders.clear();
        for path in wanted {
            if path.is_dir() {
                self.add_all(path)?;
            } else if let Some(name) = path.file_name() {
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
                self.add(folder.unwrap_or(Path::new(".")), Some(name.to_owned()))?;
            }
        }
        Ok(())
    }

    fn add_all(&mut self, folder: &Path) -> io::Result<()> {
        self.add(folder, None)?;
        for entry in std::fs::read_dir(folder)?.flatten() {
            // Links to folders may lead in circles.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.add_all(&entry.path())?;
            }
        }
        Ok(())
    }

    fn add(&mut self, folder: &Path, file: Option<OsString>) -> io::Result<()> {
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE;
        let descriptor = self.inotify.add_watch(folder, flags)?;
        self.folders.push((descriptor, file));
        Ok(())
    }

    /// Resolves when something that the run reads was saved, and nothing more is for a moment.
    async fn changed(&mut self) -> io::Result<()> {
        while !self.next().await? {}
        while let Ok(more) = timeout(QUIET, self.next()).await {
            more?;
        }
        Ok(())
    }

    /// Waits for events; whether one of them matters. Cancel-safe.
    async fn next(&mut self) -> io::Result<bool> {
        let read = self.events.recv().await;
        let events = read.ok_or(io::ErrorKind::UnexpectedEof)??;
        let matters = |event: &InotifyEvent| {
            let name = event.name.as_deref().unwrap_or_default();
            let of_it = |(descriptor, file): &(WatchDescriptor, Option<OsString>)| {
                *descriptor == event.wd
                    && match file {
                        Some(file) => file == name,
                        None => is_source(Path::new(name)),
                    }
            };
            self.folders.iter().any(of_it)
        };
        Ok(events.iter().any(matters))
    }
}

/// What scripts and profiles are made of. Results, which may be written into the same folder, and what editors keep beside a
/// file are not.
fn is_source(name: &Path) -> bool {
    const OTHERS: [&str; 10] = [
        "", "json", "xml", "html", "svg", "md", "tap", "sarif", "pcapng", "swp",
    ];
    let text = name.to_string_lossy();
    let ending = name.extension().unwrap_or_default().to_string_lossy();
    let is_beside = text.starts_with('.') || text.ends_with('~');
    !is_beside && !OTHERS.contains(&&*ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_do_not_make_a_run() {
        for (name, is) in [
            ("a.scs", true),
            ("target.toml", true),
            ("prosody.cfg.lua", true),
            ("results.json", false),
            (".a.scs.swp", false),
            ("4913", false),
            ("a.lua~", false),
        ] {
            assert_eq!(is_source(Path::new(name)), is, "{name}");
        }
    }

    #[tokio::test]
    async fn a_saved_file_is_noticed_and_its_neighbours_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("a.scs");
        std::fs::write(&script, "x").unwrap();
        let mut watched = Watched::new().unwrap();
        watched.add_paths(std::slice::from_ref(&script)).unwrap();
        std::fs::write(folder.path().join("b.scs"), "x").unwrap();
        assert!(!watched.next().await.unwrap());
        // As editors do it.
        let new = folder.path().join("a.tmp");
        std::fs::write(&new, "y").unwrap();
        std::fs::rename(&new, &script).unwrap();
        while !watched.next().await.unwrap() {}
    }
}
