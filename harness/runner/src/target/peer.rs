//! A serverless peer under test that is up, on a host of its own.

use std::fmt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinHandle;

use super::process::{Processes, tail};
use super::profile::Profile;
use super::started::Started;
use super::{Death, TargetError};
use crate::peer::journal::Journal;
use crate::world::{Entered, Host};

/// The hook whose command prints what the user of the peer would see, as long as the peer lives: a [`PeerEvent`] a line.
const WATCH: &str = "watch";

/// What the user of a peer sees. In JSON, as the `watch` hook prints it: `{"event": "message", "peer": "romeo@forza",
/// "text": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum PeerEvent {
    /// Another peer is there.
    Online(Contact),
    /// The status of another peer has changed.
    Status(Contact),
    /// Another peer has gone.
    Offline {
        /// Which.
        peer: String,
    },
    /// A message has come.
    Message {
        /// From whom it is said to be.
        peer: String,
        /// As the user reads it, without markup.
        text: String,
    },
    /// The peer itself is online.
    SelfOnline,
    /// The peer itself is offline.
    SelfOffline,
    /// Something that the user is told is wrong; also a line of the hook that is none of these events.
    Error {
        /// What.
        text: String,
    },
}

/// Another peer, as a peer shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Contact {
    /// Its name, in most programs the instance name.
    pub peer: String,
    /// `available`, `away`, `dnd`, or what else the program calls it.
    #[serde(default)]
    pub status: String,
    /// The text of the status; empty if there is none.
    #[serde(default)]
    pub text: String,
}

/// An event, and when it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// What.
    pub event: PeerEvent,
}

/// Why a hook did not do what it was asked.
#[derive(Debug)]
pub enum HookError {
    /// The profile has no such hook: a case that needs it is a skip.
    Missing(String),
    /// Its command failed.
    Failed(TargetError),
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the target has no hook `{name}`"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HookError {}

/// A peer that the run started. It is offline until its `announce` hook runs.
///
/// Dropping it ends its processes at once and removes its files; [`RunningPeer::stop`] is kinder.
#[derive(Debug)]
pub struct RunningPeer {
    /// The name of its profile.
    pub name: String,
    /// The name that it is to publish first: `user@machine` (XEP-0174 section 3).
    pub instance: String,
    /// How long the start took.
    pub start_time: Duration,
    // Before its processes, because it ends when they do.
    watch: Option<JoinHandle<()>>,
    events: Arc<Journal<Seen>>,
    started: Started,
}

impl RunningPeer {
    /// Starts a peer on `host` for the user `user`, and returns when it takes commands.
    ///
    /// # Errors
    /// Everything in [`TargetError`]. Nothing is left then.
    pub async fn start(
        profile: &Profile,
        entered: &Entered,
        host: &Host,
        user: &str,
    ) -> Result<Self, TargetError> {
        let began = Instant::now();
        let missing = profile.missing();
        if !missing.is_empty() {
            return Err(TargetError::Missing {
                target: profile.name.clone(),
                programs: missing,
                hint: profile.install_hint(),
            });
        }
        let mut started = Started::prepare_on(profile, entered, Some((host, user))).await?;
        started.start_all().await?;
        let mut me = Self {
            name: profile.name.clone(),
            instance: format!("{user}@{}", host.name),
            start_time: began.elapsed(),
            watch: None,
            events: Arc::default(),
            started,
        };
        me.watch()?;
        Ok(me)
    }

    /// Runs a hook to its end: `announce`, `withdraw`, `status`, `message` and what else the profile has. Returns what it
    /// printed. Parameters that are not given are empty.
    ///
    /// # Errors
    /// [`HookError`].
    pub async fn hook(&self, name: &str, parameters: &[(&str, &str)]) -> Result<String, HookError> {
        match self.started.run_hook(name, parameters).await {
            Ok(Some(printed)) => Ok(printed),
            Ok(None) => Err(HookError::Missing(name.to_owned())),
            Err(error) => Err(HookError::Failed(error)),
        }
    }

    /// Whom the peer shows as online, by its `list` hook: a [`Contact`] in JSON a line.
    ///
    /// # Errors
    /// [`HookError`].
    pub async fn list(&self) -> Result<Vec<Contact>, HookError> {
        let printed = self.hook("list", &[]).await?;
        let lines = printed.lines().filter(|l| !l.trim().is_empty());
        lines
            .map(|line| {
                serde_json::from_str(line).map_err(|e| {
                    HookError::Failed(TargetError::Command {
                        command: "list".to_owned(),
                        output: format!("{line:?} is no contact: {e}"),
                    })
                })
            })
            .collect()
    }

    /// Whether it tells what its user sees: whether there is a `watch` hook.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// How many events there were by now.
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// The events from number `from` on.
    #[must_use]
    pub fn events(&self, from: usize) -> Vec<Seen> {
        self.events.since(from)
    }

    /// Shows the events from number `from` on to `look`, each once, those to come too, until it returns something.
    /// Cancel-safe; wrap it in a timeout. Without a `watch` hook it never ends.
    pub async fn until<T>(&self, from: usize, look: impl FnMut(&Seen) -> Option<T>) -> T {
        self.events.until(from, look).await
    }

    /// Whether all its processes are up.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.started.processes.death().is_none()
    }

    /// Resolves as soon as one of its processes ends unasked. Cancel-safe.
    pub async fn died(&self) -> Death {
        self.started.processes.died().await
    }

    /// Ends the program itself, the last of its processes, as its user (`kill`: false, SIGTERM) or the kernel (SIGKILL) would;
    /// its responder may stay. Returns when it has ended. It does nothing after that until [`RunningPeer::restart`].
    pub async fn end(&mut self, kill: bool) {
        let signal = if kill {
            Signal::SIGKILL
        } else {
            Signal::SIGTERM
        };
        self.started.processes.end_last(signal).await;
    }

    /// Starts it again, with the data and the configuration it had; it is offline then.
    ///
    /// # Errors
    /// As for a start.
    pub async fn restart(&mut self) -> Result<(), TargetError> {
        self.unwatch();
        self.started.processes.stop(self.started.patience()).await;
        self.started.processes = Processes::new();
        self.started.clear_run()?;
        self.started.start_all().await?;
        self.watch()
    }

    /// Stops it and removes everything that it left.
    pub async fn stop(mut self) {
        self.unwatch();
        self.started.processes.stop(self.started.patience()).await;
    }

    /// The last lines of its logs.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.started.folder.0.join("log"))
    }

    fn unwatch(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.abort();
        }
    }

    fn watch(&mut self) -> Result<(), TargetError> {
        let Some(mut command) = self.started.hook(WATCH, &[])? else {
            return Ok(());
        };
        let command = command.stdout(Stdio::piped()).kill_on_drop(true);
        let io = |error| TargetError::Io {
            what: "cannot start the hook `watch`".to_owned(),
            error,
        };
        let mut child = command.spawn().map_err(io)?;
        let events = Arc::clone(&self.events);
        self.watch = Some(tokio::spawn(async move {
            let Some(output) = child.stdout.take() else {
                return;
            };
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| PeerEvent::Error {
                    text: format!("{line:?} is no event: {error}"),
                });
                events.push(Seen {
                    at: Instant::now(),
                    event,
                });
            }
            let _ = child.wait().await;
        }));
        Ok(())
    }
}

impl Drop for RunningPeer {
    fn drop(&mut self) {
        self.unwatch();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_in_json() {
        let event = |text: &str| serde_json::from_str::<PeerEvent>(text).unwrap();
        assert_eq!(event(r#"{"event": "self-online"}"#), PeerEvent::SelfOnline);
        let contact = Contact {
            peer: "romeo@forza".to_owned(),
            status: "away".to_owned(),
            text: String::new(),
        };
        let text = r#"{"event": "online", "peer": "romeo@forza", "status": "away"}"#;
        assert_eq!(event(text), PeerEvent::Online(contact));
        let text = r#"{"event": "message", "peer": "a", "text": "b\u0085"}"#;
        let message = PeerEvent::Message {
            peer: "a".to_owned(),
            text: "b\u{85}".to_owned(),
        };
        assert_eq!(event(text), message);
    }
}
