//! Actors and the stage they stand on: connecting, sending, waiting, disconnecting.
//!
//! While one actor waits, the connections of all are read and written, so that times in the transcript are true and no
//! target is held up by an actor whose turn has not come. Whoever waits does so for something that must come, and names a
//! deadline only to give up (design: nothing sleeps).

mod account;
mod error;
mod negotiate;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rand::SeedableRng as _;
use tokio::time::{Instant, timeout_at};
use xmppspec_protocol::element::Element;
use xmppspec_scenarios::pattern::Received;

use crate::transport::{Capture, Connection, Tls, Transcript};

pub use error::{Problem, StepError};
pub(crate) use negotiate::offered_mechanisms;
pub use negotiate::{Authentication, Opening};

/// How long a closing handshake may take at the end of a case, when nobody judges it any more.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(2);

/// The actors of a case wait this much longer than a busy machine needs to connect over loopback.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// When nothing has come for so long, it is found out whether the target is still busy. If it answers something else at
/// once, it is not, and will not say more. Far above what servers on loopback take; a slow machine makes the answers slow too.
const QUIET: Duration = Duration::from_secs(3);

/// How long something is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// It is given up then.
    pub until: Instant,
    /// The script names the time: it is not given up before.
    pub in_full: bool,
}

/// How a target is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The XMPP domain.
    pub domain: String,
    /// `host:port` for client connections with STARTTLS.
    pub c2s: String,
    /// `host:port` for client connections with direct TLS.
    pub c2s_tls: Option<String>,
    /// After which an expectation is given up.
    pub timeout: Duration,
    /// How often a connection that is refused or closed before the first byte is tried again.
    pub connect_retries: u32,
}

/// Whom an actor logs in as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The localpart.
    pub user: String,
    /// The domain.
    pub domain: String,
    /// The password.
    pub password: String,
}

/// One actor.
#[derive(Debug)]
pub struct Actor {
    /// Its name in the script.
    pub name: String,
    /// Whom it is, if anybody.
    pub account: Option<Account>,
    /// The resource that it asks for.
    pub resource: Option<String>,
    /// Where it connects to, instead of the target's own address.
    pub address: Option<String>,
    /// It begins with TLS.
    pub direct_tls: bool,
    /// It sends whole stanzas only, so that a request may be put between them.
    pub is_client: bool,
    /// Its connection, also after its end: what was received stays to be looked at.
    pub connection: Option<Connection>,
    /// The full JID, once bound.
    pub jid: Option<String>,
    /// It has sent something that the target may not have processed yet.
    unfenced: bool,
}

impl Actor {
    /// An actor before its first entry.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            account: None,
            resource: None,
            address: None,
            direct_tls: false,
            is_client: false,
            connection: None,
            jid: None,
            unfenced: false,
        }
    }

    /// Bytes can be exchanged.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_open)
    }

    /// A stanza of it would be answered: it has a resource, and its stream is open in both directions.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.jid.is_some()
            && self
                .connection
                .as_ref()
                .is_some_and(|c| c.is_open() && !c.sent_close && !c.ending.stream)
    }
}

/// The actors of a case and the target that they talk to.
#[derive(Debug)]
pub struct Stage {
    /// In the order of the script.
    pub actors: Vec<Actor>,
    /// The target.
    pub reach: Arc<Reach>,
    /// What is written.
    pub log: Transcript,
    /// What it is for: the name of a case; empty for what the harness does on its own.
    pub title: String,
    /// Random, from the seed of the run: nonces are made of it.
    pub rng: rand::rngs::StdRng,
    tls: Tls,
    ids: u32,
}

impl Stage {
    /// A stage for these actors.
    #[must_use]
    pub fn new(actors: Vec<Actor>, reach: Arc<Reach>, tls: Tls, rng: rand::rngs::StdRng) -> Self {
        Self {
            actors,
            reach,
            log: Transcript::default(),
            title: String::new(),
            rng,
            tls,
            ids: 0,
        }
    }

    /// The time at which an expectation that begins now is given up.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.reach.timeout
    }

    /// An id that no script uses.
    fn id(&mut self, what: &str) -> String {
        self.ids += 1;
        format!("xmppspec-{what}-{}", self.ids)
    }

    /// The actor's connection.
    ///
    /// # Errors
    /// [`Problem::NotConnected`].
    pub fn connection(&mut self, who: usize) -> Result<&mut Connection, StepError> {
        let actor = &mut self.actors[who];
        actor.connection.as_mut().ok_or_else(|| {
            StepError::new(
                Problem::NotConnected,
                format!("{} is not connected", actor.name),
            )
        })
    }

    /// Drives all connections until `wanted` finds something, or the deadline has passed.
    pub async fn wait<T>(
        &mut self,
        deadline: Instant,
        mut wanted: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<T> {
        loop {
            if let Some(found) = wanted(self) {
                return Some(found);
            }
            // A target that never stops sending keeps the line below from ever being late.
            if Instant::now() >= deadline {
                return None;
            }
            let moved = std::future::poll_fn(|cx| {
                let mut any = false;
                for actor in &mut self.actors {
                    if let Some(connection) = &mut actor.connection {
                        any |= connection.poll(cx).is_ready();
                    }
                }
                if any { Poll::Ready(()) } else { Poll::Pending }
            });
            if timeout_at(deadline, moved).await.is_err() {
                return wanted(self);
            }
        }
    }

    /// Like [`Stage::wait`], but gives up early when the target is idle: nothing has come for a while, and it answers other
    /// requests (design: a negative is proved by order, not by waiting).
    pub async fn wait_patiently<T>(
        &mut self,
        patience: Patience,
        mut wanted: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let quiet = Instant::now() + QUIET;
        if patience.in_full || quiet >= patience.until {
            return self.wait(patience.until, wanted).await;
        }
        if let Some(found) = self.wait(quiet, &mut wanted).await {
            return Some(found);
        }
        match timeout_at(patience.until, self.is_answering()).await {
            Ok(true) => wanted(self),
            _ => self.wait(patience.until, wanted).await,
        }
    }

    /// Whether the target answers requests: on the streams of clients, or, where there is none, on a stream of its own.
    async fn is_answering(&mut self) -> bool {
        let clients: Vec<usize> = (0..self.actors.len())
            .filter(|who| self.actors[*who].is_client && self.actors[*who].is_bound())
            .collect();
        for who in &clients {
            match self.fence(*who).await {
                Ok(_) => {}
                Err(error) if error.problem == Problem::Ended => {}
                Err(_) => return false,
            }
        }
        if !clients.is_empty() {
            return true;
        }
        let rng = rand::rngs::StdRng::from_rng(&mut self.rng);
        let actor = Actor::new("harness");
        let mut other = Stage::new(vec![actor], self.reach.clone(), self.tls.clone(), rng);
        other.title.clone_from(&self.title);
        let opening = Opening::to(&self.reach.domain);
        // Boxed, because opening a stream waits too.
        let answered = Box::pin(async {
            other.connect(0).await.is_ok() && other.open_stream(0, &opening).await.is_ok()
        })
        .await;
        other.leave().await;
        answered
    }

    /// Waits for something on one connection. Ends early when nothing more can come there.
    async fn wait_on<T>(
        &mut self,
        who: usize,
        for_what: &str,
        mut wanted: impl FnMut(&mut Connection) -> Option<T>,
    ) -> Result<T, StepError> {
        self.connection(who)?;
        let began = Instant::now();
        let deadline = self.deadline();
        let found = self
            .wait(deadline, |stage| {
                let connection = stage.actors[who].connection.as_mut()?;
                match wanted(connection) {
                    Some(found) => Some(Some(found)),
                    None if !connection.is_open() || connection.broken.is_some() => Some(None),
                    None => None,
                }
            })
            .await
            .flatten();
        match found {
            Some(found) => Ok(found),
            None => Err(self.did_not_come(who, for_what, began.elapsed())),
        }
    }

    /// The error for something that was waited for in vain: says what came instead.
    #[must_use]
    pub fn did_not_come(&self, who: usize, what: &str, waited: Duration) -> StepError {
        let seconds = waited.as_secs_f64();
        let Some(connection) = &self.actors[who].connection else {
            return StepError::new(
                Problem::NotConnected,
                format!("{} is not connected", self.actors[who].name),
            );
        };
        let (problem, why) = if let Some(error) = &connection.broken {
            (
                Problem::NotXml,
                format!("what came is not XML as RFC 6120 allows it: {error}"),
            )
        } else if connection.is_full() {
            (
                Problem::Flood,
                "the target sent more than 512 kB of other things".to_owned(),
            )
        } else if !connection.is_open() || connection.ending.stream {
            (
                Problem::Ended,
                format!("the connection ended: {}", connection.ending),
            )
        } else {
            (
                Problem::TimedOut,
                format!("it did not come within {seconds:.1} s"),
            )
        };
        let received = if connection.broken.is_some() {
            let bytes = connection.recent();
            format!(
                "{}",
                bytes[bytes.len().saturating_sub(600)..].escape_ascii()
            )
        } else {
            received_so_far(connection)
        };
        StepError::new(problem, format!("no {what}: {why}")).with_received(received)
    }

    /// Opens the TCP connection, and does the TLS handshake where the service begins with it.
    ///
    /// # Errors
    /// [`Problem::Unreachable`], [`Problem::Refused`] for a handshake that failed.
    pub async fn connect(&mut self, who: usize) -> Result<(), StepError> {
        let actor = &mut self.actors[who];
        let address = match (&actor.address, actor.direct_tls) {
            (Some(address), _) => address.clone(),
            (None, false) => self.reach.c2s.clone(),
            (None, true) => self.reach.c2s_tls.clone().ok_or_else(|| {
                StepError::new(
                    Problem::Unreachable,
                    "the target has no address for direct TLS",
                )
            })?,
        };
        actor.jid = None;
        actor.unfenced = false;
        let unreachable = |why: String| {
            StepError::new(
                Problem::Unreachable,
                format!("cannot connect to {address}: {why}"),
            )
        };
        let mut tries = 0;
        let mut connection = loop {
            let open = Connection::open(&address, &actor.name, self.log.clone());
            match timeout_at(Instant::now() + CONNECT_TIMEOUT, open).await {
                Ok(Ok(mut connection)) => {
                    if let Some(capture) = self.tls.capture() {
                        connection.tap(capture, &self.title, true);
                    }
                    break connection;
                }
                Ok(Err(_)) if tries < self.reach.connect_retries => tries += 1,
                Ok(Err(error)) => return Err(unreachable(error.to_string())),
                Err(_) => {
                    return Err(unreachable(format!(
                        "no answer within {} s",
                        CONNECT_TIMEOUT.as_secs()
                    )));
                }
            }
        };
        let handshake = if actor.direct_tls {
            let handshake = connection.start_tls(&self.tls, None, &self.reach.domain);
            match timeout_at(Instant::now() + self.reach.timeout, handshake).await {
                Ok(result) => result.map_err(|e| e.to_string()),
                Err(_) => Err("the handshake did not end".to_owned()),
            }
        } else {
            Ok(())
        };
        actor.connection = Some(connection);
        handshake.map_err(|why| StepError::new(Problem::Refused, format!("TLS failed: {why}")))
    }

    /// What hears of every byte, where a capture is wanted.
    #[must_use]
    pub fn capture(&self) -> Option<&Capture> {
        self.tls.capture()
    }

    /// Takes a TCP connection that there is already for the actor's own; `ours`: we opened it.
    ///
    /// # Errors
    /// [`Problem::Unreachable`] if it has ended.
    pub fn take_connection(
        &mut self,
        who: usize,
        tcp: tokio::net::TcpStream,
        ours: bool,
    ) -> Result<(), StepError> {
        let actor = &mut self.actors[who];
        let mut connection = Connection::on(tcp, &actor.name, self.log.clone())
            .map_err(|e| StepError::new(Problem::Unreachable, e.to_string()))?;
        if let Some(capture) = self.tls.capture() {
            connection.tap(capture, &self.title, ours);
        }
        actor.jid = None;
        actor.connection = Some(connection);
        Ok(())
    }

    /// Sends bytes. Silent without a connection, as scansion is.
    ///
    /// # Errors
    /// [`Problem::TimedOut`] if the target does not take them.
    pub async fn send(&mut self, who: usize, bytes: &[u8]) -> Result<(), StepError> {
        let actor = &mut self.actors[who];
        let Some(connection) = actor.connection.as_mut().filter(|c| c.is_open()) else {
            return Ok(());
        };
        connection.send(bytes);
        actor.unfenced = true;
        let deadline = self.deadline();
        let sent = self
            .wait(deadline, |stage| {
                let connection = stage.actors[who].connection.as_ref()?;
                (connection.is_flushed() || !connection.is_open() || connection.is_full())
                    .then_some(())
            })
            .await;
        match sent {
            Some(()) => Ok(()),
            None => Err(StepError::new(
                Problem::TimedOut,
                format!(
                    "the target took less than the {} bytes that were sent",
                    bytes.len()
                ),
            )),
        }
    }

    /// Makes sure that the target has processed what the actor sent: streams are processed in order (RFC 6120 §10.1), so a
    /// request is sent that must be answered (§8.2.3), and its answer awaited. Returns how many things arrived before the
    /// answer and are not taken yet.
    ///
    /// # Errors
    /// Whatever keeps the answer from coming; [`Problem::Ended`] if the stream has ended instead.
    pub async fn fence(&mut self, who: usize) -> Result<usize, StepError> {
        let id = self.id("fence");
        self.connection(who)?.send(
            format!("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>").as_bytes(),
        );
        let is_answer = |received: &Received| match received {
            Received::Element(e) => e.name() == "iq" && e.attr("id") == Some(&id),
            _ => false,
        };
        let before = self
            .wait_on(
                who,
                "answer to the request that proves the order",
                |connection| {
                    let at = connection
                        .queue()
                        .iter()
                        .position(|item| is_answer(&item.received))?;
                    connection.take_element(|e| e.name() == "iq" && e.attr("id") == Some(&id));
                    Some(at)
                },
            )
            .await?;
        self.actors[who].unfenced = false;
        Ok(before)
    }

    /// A fence if the actor has sent something and can be answered; else nothing.
    ///
    /// # Errors
    /// As for [`Stage::fence`], but not if the stream ends meanwhile.
    pub async fn settle(&mut self, who: usize) -> Result<(), StepError> {
        if !self.actors[who].unfenced || !self.actors[who].is_bound() {
            return Ok(());
        }
        match self.fence(who).await {
            Err(error) if error.problem != Problem::Ended => Err(error),
            _ => Ok(()),
        }
    }

    /// Closes the stream and waits until the other side has closed too (RFC 6120 §4.4), at most `patience`. Whatever happens
    /// then, the connection is gone.
    pub async fn disconnect(&mut self, who: usize, patience: Duration) {
        let Some(connection) = &mut self.actors[who].connection else {
            return;
        };
        connection.close_stream();
        let deadline = Instant::now() + patience;
        self.wait(deadline, |stage| {
            let connection = stage.actors[who].connection.as_mut()?;
            if connection.is_full() {
                connection.clear();
            }
            (connection.ending.stream || !connection.is_open()).then_some(())
        })
        .await;
        if let Some(connection) = &mut self.actors[who].connection
            && connection.is_open()
        {
            let bye = std::future::poll_fn(|cx| connection.poll_shutdown(cx));
            let _ = timeout_at(deadline, bye).await;
            self.wait(deadline, |stage| {
                let connection = stage.actors[who].connection.as_mut()?;
                connection.ending.tcp.as_ref().map(|_| ())
            })
            .await;
        }
        if let Some(connection) = &mut self.actors[who].connection {
            connection.drop_connection();
        }
        self.actors[who].jid = None;
    }

    /// Ends the case: every stream is closed, and every connection.
    pub async fn leave(&mut self) {
        for actor in &mut self.actors {
            if let Some(connection) = &mut actor.connection {
                connection.clear();
                connection.close_stream();
            }
        }
        let deadline = Instant::now() + PATIENCE_AT_THE_END;
        self.wait(deadline, |stage| {
            let mut connections = stage
                .actors
                .iter_mut()
                .filter_map(|a| a.connection.as_mut());
            connections
                .all(|c| {
                    c.clear();
                    c.ending.stream || !c.is_open() || c.broken.is_some()
                })
                .then_some(())
        })
        .await;
        for actor in &mut self.actors {
            if let Some(connection) = &mut actor.connection {
                connection.drop_connection();
            }
        }
    }
}

/// The things waiting on a connection, as people read them; the last of many.
fn received_so_far(connection: &Connection) -> String {
    const SHOWN: usize = 5;
    let queue = connection.queue();
    let mut out = String::new();
    if queue.len() > SHOWN {
        out.push_str(&format!("({} more before)\n", queue.len() - SHOWN));
    }
    for item in queue.iter().skip(queue.len().saturating_sub(SHOWN)) {
        out.push_str(&item.received.to_string());
        out.push('\n');
    }
    out.trim_end().to_owned()
}

/// The error condition in an answer: the first child that is not `<text/>` (RFC 6120 §4.9.2, §6.5, §8.3.2).
pub(crate) fn condition(error: &Element) -> String {
    error
        .elements()
        .find(|e| e.name() != "text")
        .map_or_else(|| "no condition".to_owned(), |e| format!("<{}/>", e.name()))
}
