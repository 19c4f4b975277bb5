//! A serverless peer under test that is up, on a host of its own.

use std::fmt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinHandle;
use xmppspec_reference::peer::{self, Peer, PeerConfig, Status};

use super::process::{Processes, tail};
use super::profile::Profile;
use super::started::Started;
use super::{Death, TargetError};
use crate::peer::journal::Journal;
use crate::world::{Entered, Host};

/// What the embedded peer is called where targets are named.
pub const REFERENCE: &str = "reference-peer";

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
    /// Its command ended with 69 (`EX_UNAVAILABLE`): the target has no such thing. Then the case is a skip, too.
    Unavailable(String),
    /// Its command failed.
    Failed(TargetError),
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the target has no hook `{name}`"),
            Self::Unavailable(asked) => {
                write!(
                    f,
                    "the target has no such thing: the hook {asked} ended with 69"
                )
            }
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
    // Before what it watches, because it ends when that does.
    watch: Option<JoinHandle<()>>,
    events: Arc<Journal<Seen>>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Processes of the run.
    Started(Box<Started>),
    /// In this process.
    Embedded(Box<Embedded>),
}

/// The reference peer, and what it takes to start it again.
#[derive(Debug)]
struct Embedded {
    config: PeerConfig,
    host: Option<Host>,
    peer: Option<Peer>,
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
            kind: Kind::Started(Box::new(started)),
        };
        me.watch()?;
        Ok(me)
    }

    /// Starts the embedded reference peer: on `host`, or without one in this process's own network, where multicast goes out
    /// of the interface that `config` names.
    ///
    /// # Errors
    /// [`TargetError::Io`] if it cannot bind its sockets.
    pub async fn reference(config: PeerConfig, host: Option<&Host>) -> Result<Self, TargetError> {
        let began = Instant::now();
        let mut me = Self {
            name: REFERENCE.to_owned(),
            instance: format!("{}@{}", config.user, config.machine),
            start_time: Duration::ZERO,
            watch: None,
            events: Arc::default(),
            kind: Kind::Embedded(Box::new(Embedded {
                config,
                host: host.cloned(),
                peer: None,
            })),
        };
        me.start_embedded().await?;
        me.start_time = began.elapsed();
        Ok(me)
    }

    async fn start_embedded(&mut self) -> Result<(), TargetError> {
        let Kind::Embedded(embedded) = &mut self.kind else {
            return Ok(());
        };
        let config = embedded.config.clone();
        let started = match &embedded.host {
            Some(host) => Peer::start(config, host.entrance()).await,
            None => Peer::start(config, || Ok(())).await,
        };
        let (peer, mut seen) = started.map_err(|error| TargetError::Io {
            what: "cannot start the reference peer".to_owned(),
            error,
        })?;
        embedded.peer = Some(peer);
        let events = Arc::clone(&self.events);
        self.watch = Some(tokio::spawn(async move {
            while let Some(event) = seen.recv().await {
                events.push(Seen {
                    at: Instant::now(),
                    event: event.into(),
                });
            }
        }));
        Ok(())
    }

    /// Runs a hook to its end: `announce`, `withdraw`, `status`, `message` and what else the profile has. Returns what it
    /// printed. Parameters that are not given are empty.
    ///
    /// # Errors
    /// [`HookError`].
    pub async fn hook(&self, name: &str, parameters: &[(&str, &str)]) -> Result<String, HookError> {
        let started = match &self.kind {
            Kind::Started(started) => started,
            Kind::Embedded(embedded) => return embedded.hook(name, parameters).await,
        };
        match started.run_hook(name, parameters).await {
            Ok(Some(Some(printed))) => Ok(printed),
            Ok(Some(None)) => {
                let given: Vec<_> = parameters
                    .iter()
                    .map(|(k, v)| format!("{k}: {v}"))
                    .collect();
                let given = given.join(", ");
                Err(HookError::Unavailable(format!("`{name}` ({given})")))
            }
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
        match &self.kind {
            Kind::Started(started) => started.processes.death().is_none(),
            Kind::Embedded(embedded) => embedded.peer.is_some(),
        }
    }

    /// Resolves as soon as one of its processes ends unasked. Cancel-safe.
    pub async fn died(&self) -> Death {
        match &self.kind {
            Kind::Started(started) => started.processes.died().await,
            Kind::Embedded(_) => std::future::pending().await,
        }
    }

    /// Ends the program itself, the last of its processes, as its user (`kill`: false, SIGTERM) or the kernel (SIGKILL) would;
    /// its responder may stay. Returns when it has ended. It does nothing after that until [`RunningPeer::restart`].
    pub async fn end(&mut self, kill: bool) {
        match &mut self.kind {
            Kind::Started(started) => {
                let signal = if kill {
                    Signal::SIGKILL
                } else {
                    Signal::SIGTERM
                };
                started.processes.end_last(signal).await;
            }
            Kind::Embedded(embedded) => match embedded.peer.take() {
                Some(peer) if kill => peer.kill().await,
                Some(peer) => peer.stop().await,
                None => {}
            },
        }
    }

    /// Starts it again, with the data and the configuration it had; it is offline then.
    ///
    /// # Errors
    /// As for a start.
    pub async fn restart(&mut self) -> Result<(), TargetError> {
        if let Kind::Embedded(_) = self.kind {
            self.end(false).await;
            self.unwatch();
            return self.start_embedded().await;
        }
        self.unwatch();
        if let Kind::Started(started) = &mut self.kind {
            started.processes.stop(started.patience()).await;
            started.processes = Processes::new();
            started.clear_run()?;
            started.start_all().await?;
        }
        self.watch()
    }

    /// Stops it and removes everything that it left.
    pub async fn stop(mut self) {
        self.unwatch();
        if let Kind::Started(started) = &mut self.kind {
            started.processes.stop(started.patience()).await;
        }
        self.end(false).await;
    }

    /// The last lines of its logs; empty for the embedded peer.
    #[must_use]
    pub fn log_tail(&self) -> String {
        match &self.kind {
            Kind::Started(started) => tail(&started.folder.0.join("log")),
            Kind::Embedded(_) => String::new(),
        }
    }

    fn unwatch(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.abort();
        }
    }

    fn watch(&mut self) -> Result<(), TargetError> {
        let Kind::Started(started) = &self.kind else {
            return Ok(());
        };
        let Some(mut command) = started.hook(WATCH, &[])? else {
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

impl Embedded {
    async fn hook(&self, name: &str, parameters: &[(&str, &str)]) -> Result<String, HookError> {
        let failed = |output: &str| {
            HookError::Failed(TargetError::Command {
                command: name.to_owned(),
                output: output.to_owned(),
            })
        };
        let given = |key: &str| {
            let found = parameters.iter().find(|(k, _)| *k == key);
            found.map_or("", |(_, value)| *value)
        };
        let peer = self.peer.as_ref().ok_or_else(|| failed("it has ended"))?;
        match name {
            "announce" => peer.announce(),
            "withdraw" => peer.withdraw(),
            "status" => {
                let status = Status::from_name(given("status"));
                peer.status(
                    status.ok_or_else(|| failed("there is no such status"))?,
                    given("text"),
                );
            }
            "message" => peer.message(given("to"), given("text")),
            "close" => peer.close(given("to")),
            "icon" => {
                let image = std::fs::read(given("file")).map_err(|e| failed(&e.to_string()))?;
                peer.icon(image);
            }
            "private" => peer.private(),
            "require-tls" => peer.require_tls(),
            "list" => {
                let contacts = peer.list().await.into_iter();
                let lines = contacts.map(|(peer, status, text)| {
                    let line = serde_json::json!({
                        "peer": peer, "status": status.name(), "text": text
                    });
                    format!("{line}\n")
                });
                return Ok(lines.collect());
            }
            _ => return Err(HookError::Missing(name.to_owned())),
        }
        Ok(String::new())
    }
}

impl From<peer::PeerEvent> for PeerEvent {
    fn from(event: peer::PeerEvent) -> Self {
        let contact = |peer: String, status: Status, text: String| Contact {
            peer,
            status: status.name().to_owned(),
            text,
        };
        match event {
            peer::PeerEvent::SelfOnline { .. } => Self::SelfOnline,
            peer::PeerEvent::SelfOffline => Self::SelfOffline,
            peer::PeerEvent::Online { peer, status, text } => {
                Self::Online(contact(peer, status, text))
            }
            peer::PeerEvent::Status { peer, status, text } => {
                Self::Status(contact(peer, status, text))
            }
            peer::PeerEvent::Offline { peer } => Self::Offline { peer },
            peer::PeerEvent::Message { peer, text } => Self::Message { peer, text },
            peer::PeerEvent::Error { text } => Self::Error { text },
        }
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
