//! Before login: a connection for each attempt.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;
use xmppspec_protocol::ns;
use xmppspec_scenarios::pattern::Received;

use super::input::{Attempt, When};
use super::{BATCH, Campaign, Event, Failure, HANG, Trouble, grown};
use crate::actor::{Actor, Opening, Reach, Stage};
use crate::transport::{TcpEnd, Tls};

/// So long the server may say what it has to say, before we say that nothing more comes.
const WORD: Duration = Duration::from_millis(300);
/// So long it may take then to close.
const CLOSE: Duration = Duration::from_secs(3);

/// How a server took an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// It opened its stream, took everything, and closed the connection by itself, with FIN, but with neither an error nor
    /// `</stream:stream>` (RFC 6120 §4.9.1.1, §4.4).
    pub(super) wordless: bool,
}

/// A connection as attempts of this kind need it; `None` where there can be none.
pub(super) async fn connected(reach: Arc<Reach>, tls: Tls, when: When) -> Option<Stage> {
    let mut actor = Actor::new("Romeo");
    actor.direct_tls = when == When::BeforeSasl;
    let mut stage = Stage::new(vec![actor], reach, tls, StdRng::seed_from_u64(0));
    stage.connect(0).await.is_ok().then_some(stage)
}

/// Sends one attempt on a connection of its own and waits until the server is done with it.
pub(super) async fn send(reach: Arc<Reach>, tls: Tls, attempt: &Attempt) -> Sent {
    let Some(mut stage) = connected(reach, tls, attempt.when).await else {
        return Sent::default();
    };
    if let Ok(connection) = stage.connection(0) {
        connection.send(&attempt.bytes);
    }
    let over = |stage: &mut Stage| {
        let connection = stage.actors[0].connection.as_mut()?;
        if connection.is_full() {
            connection.clear();
        }
        (!connection.is_open()).then_some(())
    };
    let by_itself = stage.wait(Instant::now() + WORD, over).await.is_some();
    let mut sent = Sent::default();
    if let Ok(connection) = stage.connection(0) {
        let queue = connection.queue();
        let opened = queue
            .iter()
            .any(|item| matches!(item.received, Received::Header(_)));
        let said = connection.broken.is_some()
            || queue.iter().any(|item| match &item.received {
                Received::Closed => true,
                Received::Element(e) => {
                    e.is(ns::STREAMS, "error")
                        || e.is(ns::TLS, "proceed")
                        || e.is(ns::TLS, "failure")
                }
                _ => false,
            });
        let closing = attempt.bytes.windows(2).any(|pair| pair == b"</");
        sent.wordless = by_itself
            && opened
            && !said
            && !closing
            && connection.is_flushed()
            && connection.ending.tcp == Some(TcpEnd::Fin);
        if !by_itself {
            let deadline = Instant::now() + CLOSE;
            let bye = std::future::poll_fn(|cx| connection.poll_shutdown(cx));
            let _ = tokio::time::timeout_at(deadline, bye).await;
            stage.wait(deadline, over).await;
        }
    }
    sent
}

impl Campaign<'_> {
    /// Some attempts at once, and what became of the server.
    pub(super) async fn batch(&mut self, tell: &mut dyn FnMut(Event<'_>)) -> Result<(), Failure> {
        let has_tls = self.reach.c2s_tls.is_some();
        let attempts: Vec<Attempt> = (0..BATCH)
            .map(|_| {
                let mut attempt = self.inputs.unbound(&mut self.rng);
                if !has_tls {
                    attempt.when = When::BeforeTls;
                }
                attempt
            })
            .collect();
        self.remember(&attempts);
        self.progress.connections += attempts.len() as u64;
        match self.try_all(&attempts).await {
            Err(trouble) => self.hunt(trouble, tell).await,
            Ok(sent) => {
                let wordless = attempts.iter().zip(sent).filter(|(_, sent)| sent.wordless);
                for (attempt, _) in wordless {
                    self.wordless(attempt, tell).await?;
                }
                Ok(())
            }
        }
    }

    /// Sends attempts side by side, then asks for a stream.
    pub(super) async fn try_all(&self, attempts: &[Attempt]) -> Result<Vec<Sent>, Trouble> {
        let work = join_all(
            attempts
                .iter()
                .map(|attempt| send(self.reach.clone(), self.tls.clone(), attempt)),
        );
        let sent = tokio::select! {
            sent = work => sent,
            death = self.running.died() => return Err(Trouble::Death(death)),
            memory = grown(self.running) => return Err(Trouble::Memory(memory)),
        };
        tokio::select! {
            answers = self.offers_streams() => if answers { Ok(sent) } else { Err(Trouble::Hang) },
            death = self.running.died() => Err(Trouble::Death(death)),
            memory = grown(self.running) => Err(Trouble::Memory(memory)),
        }
    }

    /// Whether the server answers a stream header. It may take its time.
    pub(super) async fn offers_streams(&self) -> bool {
        let until = Instant::now() + HANG;
        while Instant::now() < until {
            let (reach, tls) = (self.reach.clone(), self.tls.clone());
            if let Some(mut stage) = connected(reach, tls, When::BeforeTls).await {
                let opening = Opening::to(&self.reach.domain);
                if stage.open_stream(0, &opening).await.is_ok() {
                    return true;
                }
            }
        }
        false
    }

    /// A connection that was closed without a word: reported if it shows three times more.
    pub(super) async fn wordless(
        &mut self,
        attempt: &Attempt,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let bucket = format!(
            "the connection is closed without an error {}",
            attempt.when.name()
        );
        if self.findings.has(&bucket) {
            return Ok(());
        }
        let mut shows = async |bytes: &[u8]| {
            let attempt = Attempt {
                bytes: bytes.to_vec(),
                ..attempt.clone()
            };
            send(self.reach.clone(), self.tls.clone(), &attempt)
                .await
                .wordless
        };
        for _ in 0..3 {
            if !shows(&attempt.bytes).await {
                return Ok(());
            }
        }
        let small = super::hunt::minimise(&attempt.bytes, 100, &mut shows).await;
        let attempt = Attempt {
            bytes: small,
            ..attempt.clone()
        };
        let text = super::script::wordless(&bucket, &attempt);
        let detail = format!("{}", attempt.bytes.escape_ascii());
        self.scenario(&bucket, &detail, &[text], 3, tell).await
    }
}
