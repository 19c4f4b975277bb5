//! After login: what one client sends and what another gets.

use std::time::Duration;

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;
use xmppspec_fuzz::differences::{differences, known, read_all};
use xmppspec_fuzz::readers;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::stream::{self, StreamEvent, StreamParser};
use xmppspec_protocol::xml::Limits;
use xmppspec_scenarios::pattern::Received;

use super::hunt::{PATIENCE, minimise};
use super::input::{self, When, addressed};
use super::script::Shows;
use super::{Campaign, Event, Failure, STANZAS, Trouble, grown, script};
use crate::actor::{Account, Actor, Stage};
use crate::transport::{Direction, Layer, TcpEnd};

const ROMEO: usize = 0;
const JULIET: usize = 1;

/// Calls for making a stanza small: each is a round trip or a login.
const TRIES: usize = 120;
/// So long a server may take to close a stream that was closed, or was sent something wrong.
const CLOSE: Duration = Duration::from_secs(3);

/// Two clients that are logged in and available.
#[derive(Debug)]
pub(super) struct Pair {
    stage: Stage,
    romeo: String,
    juliet: String,
}

/// Whether these are whole stanzas: a server that is sent less than that owes no answer to what comes after it.
fn is_whole(bytes: &[u8]) -> bool {
    let header = stream::header(ns::CLIENT, &[]);
    let mut reader = StreamParser::new(Limits::default());
    for part in [header.as_bytes(), bytes, b"</stream:stream>"] {
        reader.feed(part);
    }
    loop {
        match reader.next_event() {
            Some(Ok(StreamEvent::Closed)) => return true,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return false,
        }
    }
}

/// What is wrong with what a server made of a stanza.
pub(super) struct Wrong {
    pub(super) bucket: String,
    seen: String,
    shows: Shows,
}

impl Wrong {
    fn new(bucket: impl Into<String>, seen: String, shows: Shows) -> Option<Self> {
        Some(Self {
            bucket: bucket.into(),
            seen,
            shows,
        })
    }
}

impl Pair {
    /// Sends bytes, waits until the server is done with them, and looks at what came out.
    async fn try_one(&mut self, domain: &str, bytes: &[u8]) -> Option<Wrong> {
        let bytes = &addressed(bytes, &self.juliet);
        let _ = self.stage.log.take();
        for who in [ROMEO, JULIET] {
            if let Ok(connection) = self.stage.connection(who) {
                connection.clear();
            }
        }
        if self.stage.send(ROMEO, bytes).await.is_err() {
            return None;
        }
        let settled = is_whole(bytes) && self.stage.fence(ROMEO).await.is_ok();
        if !settled {
            self.end_stream().await;
        }
        let _ = self.stage.fence(JULIET).await;
        if !settled
            && let Some(connection) = &self.stage.actors[ROMEO].connection
            && connection.ending.tcp == Some(TcpEnd::Fin)
            && !connection.ending.stream
            && connection.broken.is_none()
            && !connection.queue().iter().any(
                |item| matches!(&item.received, Received::Element(e) if e.is(ns::STREAMS, "error")),
            )
        {
            let seen = connection.ending.to_string();
            let bucket = "the stream is closed without an error after binding";
            return Wrong::new(bucket, seen, Shows::Wordless);
        }
        let raw = self.received();
        let connection = self.stage.actors[JULIET].connection.as_ref()?;
        if let Some(error) = connection.broken {
            return Wrong::new(
                format!(
                    "what it delivers is not XML as RFC 6120 allows it: {}",
                    error.rule.name()
                ),
                format!("{error}: {}", raw.escape_ascii()),
                Shows::Spoiled,
            );
        }
        let mine = |from: &str| {
            from == self.romeo
                || from == domain
                || self.juliet.starts_with(from)
                || self.romeo.starts_with(from)
        };
        let is_stanza =
            |e: &Element| e.ns() == ns::CLIENT && ["message", "presence", "iq"].contains(&e.name());
        for (before, item) in connection.queue().iter().enumerate() {
            if let Received::Element(element) = &item.received
                && is_stanza(element)
                && let Some(from) = element.attr("from")
                && !mine(from)
            {
                return Wrong::new(
                    "a stanza is delivered in the name of somebody else",
                    format!(
                        "from {from}, sent by {}: {}",
                        self.romeo,
                        raw.escape_ascii()
                    ),
                    Shows::Foreign(before + 1),
                );
            }
        }
        let header = format!(
            "<stream:stream xmlns='{}' xmlns:stream='{}'>",
            ns::CLIENT,
            ns::STREAMS
        );
        let document = [header.as_bytes(), &raw, b"</stream:stream>"].concat();
        let readings = read_all(readers::in_process(), &document);
        let bucket = differences(&document, &readings)
            .into_iter()
            .find(|bucket| known(bucket, &document).is_none())?;
        Wrong::new(
            format!("what it delivers is read in two ways: {bucket}"),
            format!("{}", raw.escape_ascii()),
            Shows::Delivered,
        )
    }

    /// Romeo closes his stream. What was incomplete is wrong then, so that the server has something to say; if it has not, it
    /// is not waited for.
    async fn end_stream(&mut self) {
        if let Ok(connection) = self.stage.connection(ROMEO) {
            connection.close_stream();
        }
        let closed = |stage: &mut Stage| {
            let connection = stage.actors[ROMEO].connection.as_ref()?;
            (!connection.is_open()).then_some(())
        };
        let until = Instant::now() + CLOSE;
        if self.stage.wait(until, closed).await.is_none()
            && let Ok(connection) = self.stage.connection(ROMEO)
        {
            connection.drop_connection();
        }
    }

    /// The bytes that Juliet got.
    fn received(&self) -> Vec<u8> {
        let entries = self.stage.log.take();
        let hers = entries.into_iter().filter(|e| {
            e.actor == "Juliet"
                && e.direction == Direction::Received
                && matches!(e.layer, Layer::Plain | Layer::Tls)
        });
        hers.flat_map(|e| e.bytes).collect()
    }

    fn is_there(&self) -> bool {
        [ROMEO, JULIET]
            .iter()
            .all(|who| self.stage.actors[*who].is_bound())
            && self.stage.actors[JULIET]
                .connection
                .as_ref()
                .is_some_and(|c| c.broken.is_none())
    }
}

impl Campaign<'_> {
    /// Sends stanzas for a while.
    pub(super) async fn stanzas(
        &mut self,
        pair: &mut Option<Pair>,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let (domain, nowhere) = (
            self.reach.domain.clone(),
            format!("nobody@{}", self.reach.domain),
        );
        let (full, bare) = (input::JULIET, input::JULIET_BARE);
        let addresses = [full, bare, full, &domain, &nowhere];
        for _ in 0..STANZAS {
            let attempt = self.inputs.bound(&mut self.rng, &addresses);
            match self.tried(pair, &attempt.bytes).await? {
                Some(wrong) if !self.findings.has(&wrong.bucket) => {
                    self.delivered(&attempt.bytes, &wrong.bucket, tell).await?;
                }
                // Nobody can log in.
                None if pair.is_none() => return Ok(()),
                _ => {}
            }
            self.progress.stanzas += 1;
        }
        Ok(())
    }

    /// Sends something on a login that is there, or on a new one; where something is wrong, it is used up. A server that fell is
    /// started again.
    pub(super) async fn tried(
        &mut self,
        pair: &mut Option<Pair>,
        bytes: &[u8],
    ) -> Result<Option<Wrong>, Failure> {
        if !pair.as_ref().is_some_and(Pair::is_there) {
            *pair = self.log_in().await;
        }
        let Some(two) = pair else { return Ok(None) };
        let trouble = tokio::select! {
            wrong = two.try_one(&self.reach.domain, bytes) => {
                if wrong.is_some() {
                    *pair = None;
                }
                return Ok(wrong);
            }
            death = self.running.died() => Trouble::Death(death),
            memory = grown(self.running) => Trouble::Memory(memory),
        };
        *pair = None;
        self.restart().await?;
        let bucket = trouble.bucket(When::Bound);
        Ok(Wrong::new(bucket, trouble.detail(), Shows::Spoiled))
    }

    /// Makes a stanza small, tries it three times on fresh logins, and writes the scenario.
    pub(super) async fn delivered(
        &mut self,
        bytes: &[u8],
        bucket: &str,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let mut pair: Option<Pair> = None;
        let (mut last, mut failure) = (None, None);
        let until = Instant::now() + PATIENCE;
        let mut shows = async |bytes: &[u8]| match self.tried(&mut pair, bytes).await {
            Ok(wrong) => {
                let same = wrong.filter(|wrong| wrong.bucket == bucket);
                let shown = same.is_some();
                last = same.or(last.take());
                shown
            }
            Err(error) => {
                failure = Some(error);
                false
            }
        };
        let mut in_time = async |bytes: &[u8]| Instant::now() < until && shows(bytes).await;
        let small = minimise(bytes, TRIES, &mut in_time).await;
        let mut replays = 0;
        for _ in 0..3 {
            replays += u8::from(shows(&small).await);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        let Some(wrong) = last.filter(|_| replays > 0) else {
            // Seen once: two stanzas may have been at work together. It will come again if it is real.
            return Ok(());
        };
        let text = script::delivered(bucket, &small, wrong.shows);
        let sent = script::named(&small.escape_ascii().to_string());
        let detail = format!("sent {sent}\ndelivered {}", wrong.seen);
        self.scenario(bucket, &detail, &[text], replays, tell).await
    }

    /// Two clients with accounts that are made for them; `None` where no accounts can be had.
    async fn log_in(&mut self) -> Option<Pair> {
        let number: u32 = self.rng.random();
        let account = |name: &str| Account {
            user: format!("{name}-{number:08x}"),
            domain: self.reach.domain.clone(),
            password: format!("secret-{number:08x}"),
        };
        let mut actors = Vec::new();
        for name in ["Romeo", "Juliet"] {
            let mut actor = Actor::new(name);
            actor.account = Some(account(&name.to_lowercase()));
            actor.resource = Some("fuzz".to_owned());
            actor.is_client = true;
            actors.push(actor);
        }
        let mut stage = Stage::new(
            actors,
            self.reach.clone(),
            self.tls.clone(),
            StdRng::from_rng(&mut self.rng),
        );
        for who in [ROMEO, JULIET] {
            stage.register(who).await.ok()?;
            stage.log_in(who).await.ok()?;
            stage.send(who, b"<presence/>").await.ok()?;
            stage.fence(who).await.ok()?;
        }
        let jid = |who: usize| stage.actors[who].jid.clone();
        let (romeo, juliet) = (jid(ROMEO)?, jid(JULIET)?);
        Some(Pair {
            stage,
            romeo,
            juliet,
        })
    }
}
