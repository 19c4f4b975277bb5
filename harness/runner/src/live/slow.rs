//! What costs a server more than it should: the same input four times as large must not take much more than four times as
//! long.

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;
use xmppspec_fuzz::mutate;
use xmppspec_protocol::{ns, stream};

use super::input::{Attempt, When};
use super::{Campaign, Event, Failure, script};
use crate::actor::{Actor, Stage};

/// Bytes of the smaller input. Four times as many stay below the 256 kB that servers take before login.
const SIZE: usize = 55_000;
const LARGER: usize = 4;
/// Linear cost would make the larger input take four times as long, quadratic cost sixteen times.
const STEEP: f64 = 9.0;
/// What takes less is not worth a word, whatever the ratio: a busy machine is no clock.
const WORTH: Duration = Duration::from_millis(300);
/// Each time is the least of so many.
const MEASURES: usize = 3;
/// So many connections at once show whether what is slow holds up everybody.
const MANY: usize = 400;
/// Longer is not waited for.
const MOST: Duration = Duration::from_secs(30);

/// The parts of a stream header that grow, and the pieces that they grow by.
const HEADERS: &[(&str, &str)] = &[
    ("version", "9"),
    ("to", "a."),
    ("to", "\u{323}\u{301}"),
    ("from", "\u{301}\u{323}"),
    ("from", "\u{fdfa}"),
    ("xml:lang", "en-"),
    ("id", "&#9;"),
];

impl Campaign<'_> {
    /// Compares the times of one kind of input, another one each time.
    pub(super) async fn slow(
        &mut self,
        turn: usize,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let kind = turn % (HEADERS.len() + mutate::STRESSES.len());
        let what = match HEADERS.get(kind) {
            Some((name, piece)) => {
                format!("{name} of a stream header, by {}", piece.escape_unicode())
            }
            None => mutate::STRESSES[kind - HEADERS.len()].0.to_owned(),
        };
        let bucket = format!("time grows faster than input before login: {what}");
        if self.findings.has(&bucket) {
            return Ok(());
        }
        let (small, large) = (self.weight(kind, SIZE), self.weight(kind, SIZE * LARGER));
        let mut steep = 0;
        let mut seen = String::new();
        let mut linear = Duration::MAX;
        for _ in 0..3 {
            let (Some(a), Some(b)) = (self.least(&small).await, self.least(&large).await) else {
                return Ok(());
            };
            if b < WORTH || b.as_secs_f64() < a.as_secs_f64() * STEEP {
                return Ok(());
            }
            steep += 1;
            // Half of what it takes, which is more than if the cost were linear.
            linear = linear.min(b / 2);
            seen.push_str(&format!(
                "{} bytes: {a:?}, {} bytes: {b:?}\n",
                small.len(),
                large.len()
            ));
        }
        let attempt = Attempt {
            when: When::BeforeTls,
            bytes: large,
        };
        let text = script::slow(&bucket, &attempt, linear);
        self.report(&bucket, &seen, text.as_bytes(), "scs", steep, tell)?;
        self.many(&attempt, tell).await
    }

    /// What is slow once may stop a server when it comes many times at once.
    async fn many(
        &mut self,
        attempt: &Attempt,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let all = vec![attempt.clone(); MANY];
        let mut shown = 0;
        let mut last = None;
        for _ in 0..3 {
            let Err(trouble) = self.try_all(&all).await else {
                break;
            };
            shown += 1;
            last = Some(trouble);
            self.restart().await?;
        }
        let Some(trouble) = last else { return Ok(()) };
        let bucket = format!("{}, {MANY} times at once", trouble.bucket(attempt.when));
        let text = script::crowd(&bucket, attempt, MANY);
        let detail = format!(
            "{MANY} times {} bytes\n{}",
            attempt.bytes.len(),
            trouble.detail()
        );
        self.report(&bucket, &detail, text.as_bytes(), "scs", shown, tell)
    }

    /// A whole stream of about so many bytes.
    fn weight(&self, kind: usize, size: usize) -> Vec<u8> {
        let domain = &self.reach.domain;
        let header =
            |attributes: &[(&str, &str)]| stream::header(ns::CLIENT, attributes).into_bytes();
        let mut bytes = match HEADERS.get(kind) {
            Some(&(name, piece)) => {
                let long = piece.repeat(size / piece.len());
                let value = match name {
                    "version" => format!("1.{long}"),
                    "from" => format!("{long}@{domain}"),
                    "to" => format!("{long}{domain}"),
                    _ => long,
                };
                let usual = [("to", domain.as_str()), ("version", "1.0")];
                let mut attributes: Vec<_> =
                    usual.into_iter().filter(|(n, _)| *n != name).collect();
                attributes.push((name, &value));
                header(&attributes)
            }
            None => {
                let (_, make) = mutate::STRESSES[kind - HEADERS.len()];
                let one = make(100).len().div_ceil(100);
                [
                    header(&[("to", domain), ("version", "1.0")]),
                    make(size / one),
                ]
                .concat()
            }
        };
        bytes.extend_from_slice(b"</stream:stream>");
        bytes
    }

    /// The least time that the server took to be done with these bytes; `None` if it was not.
    async fn least(&self, bytes: &[u8]) -> Option<Duration> {
        let mut least = None;
        for _ in 0..MEASURES {
            let mut stage = Stage::new(
                vec![Actor::new("Romeo")],
                self.reach.clone(),
                self.tls.clone(),
                StdRng::seed_from_u64(0),
            );
            stage.connect(0).await.ok()?;
            let began = Instant::now();
            stage.connection(0).ok()?.send(bytes);
            let over = stage.wait(began + MOST, |stage| {
                let connection = stage.actors[0].connection.as_mut()?;
                (!connection.is_open() || connection.ending.stream || connection.broken.is_some())
                    .then_some(())
            });
            over.await?;
            let took = began.elapsed();
            least = Some(least.map_or(took, |before: Duration| before.min(took)));
        }
        least
    }
}
