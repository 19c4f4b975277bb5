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

use super::input::{Attempt, When};
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

/// What is wrong with what a server made of a stanza: a bucket and what was seen.
type Wrong = Option<(String, String)>;

impl Pair {
    /// Sends bytes, waits until the server is done with them, and looks at what came out.
    async fn try_one(&mut self, domain: &str, bytes: &[u8]) -> Wrong {
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
            return Some((
                "the stream is closed without an error after binding".to_owned(),
                seen,
            ));
        }
        let raw = self.received();
        let connection = self.stage.actors[JULIET].connection.as_ref()?;
        if let Some(error) = connection.broken {
            return Some((
                format!(
                    "what it delivers is not XML as RFC 6120 allows it: {}",
                    error.rule.name()
                ),
                format!("{error}: {}", raw.escape_ascii()),
            ));
        }
        let mine = |from: &str| {
            from == self.romeo
                || from == domain
                || self.juliet.starts_with(from)
                || self.romeo.starts_with(from)
        };
        let is_stanza =
            |e: &Element| e.ns() == ns::CLIENT && ["message", "presence", "iq"].contains(&e.name());
        for item in connection.queue() {
            if let Received::Element(element) = &item.received
                && is_stanza(element)
                && let Some(from) = element.attr("from")
                && !mine(from)
            {
                return Some((
                    "a stanza is delivered in the name of somebody else".to_owned(),
                    format!(
                        "from {from}, sent by {}: {}",
                        self.romeo,
                        raw.escape_ascii()
                    ),
                ));
            }
        }
        let header = format!(
            "<stream:stream xmlns='{}' xmlns:stream='{}'>",
            ns::CLIENT,
            ns::STREAMS
        );
        let document = [header.as_bytes(), &raw, b"</stream:stream>"].concat();
        let readings = read_all(readers::in_process(), &document);
        let bucket = differences(&readings)
            .into_iter()
            .find(|bucket| known(bucket, &document).is_none())?;
        Some((
            format!("what it delivers is read in two ways: {bucket}"),
            format!("{}", raw.escape_ascii()),
        ))
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
        let domain = self.reach.domain.clone();
        for _ in 0..STANZAS {
            if !pair.as_ref().is_some_and(Pair::is_there) {
                *pair = self.log_in().await;
            }
            let Some(two) = pair else { return Ok(()) };
            let bare = two.juliet.split('/').next().unwrap_or_default().to_owned();
            let nowhere = format!("nobody@{domain}");
            let addresses = [two.juliet.as_str(), &bare, &two.juliet, &domain, &nowhere];
            let attempt = self.inputs.bound(&mut self.rng, &addresses);
            self.progress.stanzas += 1;
            let wrong = tokio::select! {
                wrong = two.try_one(&domain, &attempt.bytes) => Ok(wrong),
                death = self.running.died() => Err(Trouble::Death(death)),
                memory = grown(self.running) => Err(Trouble::Memory(memory)),
            };
            match wrong {
                Ok(None) => {}
                Ok(Some((bucket, _))) if self.findings.has(&bucket) => *pair = None,
                Ok(Some(found)) => {
                    self.delivered(&attempt, found, tell).await?;
                    *pair = None;
                }
                Err(trouble) => {
                    *pair = None;
                    let bucket = trouble.bucket(When::Bound);
                    if !self.findings.has(&bucket) {
                        let text = script::scenario(&bucket, &attempt);
                        self.report(&bucket, &trouble.detail(), text.as_bytes(), "scs", 0, tell)?;
                    }
                    self.restart().await?;
                }
            }
        }
        Ok(())
    }

    /// Makes a stanza small, tries it three times on fresh logins, and writes the scenario.
    async fn delivered(
        &mut self,
        attempt: &Attempt,
        found: (String, String),
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let (bucket, _) = found;
        let domain = self.reach.domain.clone();
        let mut pair: Option<Pair> = None;
        let mut detail = String::new();
        let small = {
            let mut shows = async |bytes: &[u8]| {
                if !pair.as_ref().is_some_and(Pair::is_there) {
                    pair = self.log_in().await;
                }
                let Some(two) = &mut pair else { return false };
                let wrong = two.try_one(&domain, bytes).await;
                let same = wrong.as_ref().is_some_and(|(b, _)| *b == bucket);
                if let Some((_, seen)) = wrong.filter(|_| same) {
                    detail = seen;
                    pair = None;
                }
                same
            };
            let small = super::hunt::minimise(&attempt.bytes, TRIES, &mut shows).await;
            let mut replays = 0;
            for _ in 0..3 {
                replays += u8::from(shows(&small).await);
            }
            (small, replays)
        };
        let (bytes, replays) = small;
        if replays == 0 {
            // Seen once: two stanzas may have been at work together. It will come again if it is real.
            return Ok(());
        }
        let attempt = Attempt {
            when: When::Bound,
            bytes,
        };
        let mut text = script::scenario(&bucket, &attempt);
        // The scenario names the one it was sent to by its placeholder.
        let (user, resource) = ("Juliet's full JID", "Juliet's JID");
        if let Some(two) = &pair {
            let bare = two.juliet.split('/').next().unwrap_or_default();
            text = text
                .replace(&two.juliet, &format!("${{{user}}}"))
                .replace(bare, &format!("${{{resource}}}"));
        }
        let detail = format!("sent {}\ndelivered {detail}", attempt.bytes.escape_ascii());
        self.report(&bucket, &detail, text.as_bytes(), "scs", replays, tell)
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
