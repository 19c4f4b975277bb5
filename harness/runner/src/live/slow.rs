//! What costs a server more than it should: the same input four times as large must not take much more than four times as
//! long.

use std::time::Duration;

use tokio::time::Instant;
use xmppspec_fuzz::mutate;
use xmppspec_protocol::{ns, stream};

use super::input::{Attempt, When};
use super::unbound::connected;
use super::{Campaign, Event, Failure, script};

/// Bytes of the smaller input. Four times as many stay below the 256 kB that servers take before login.
const SIZE: usize = 55_000;
const LARGER: usize = 4;
/// So often the times must show it.
const MEASURED: u8 = 3;
/// Linear cost would make the larger input take four times as long, quadratic cost sixteen times.
const STEEP: f64 = 9.0;
/// What takes less is not worth a word, whatever the ratio: a busy machine is no clock.
const WORTH: Duration = Duration::from_millis(300);
/// Each time is the least of so many, as long as they are short.
const MEASURES: usize = 3;
/// What takes so long is measured once: no other work of the machine makes up for most of it.
const LONG: Duration = Duration::from_secs(2);
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

/// What an input has many of.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Elements in each other, none of which ends.
    Open,
    /// A stream header with a long attribute: its name and the piece that it is made of.
    Header(&'static str, &'static str),
    /// A stream header with many prefixes, and an element whose children use the first and the last of them.
    Prefixes,
    /// A stream header with many prefixes, and an element whose children declare another one.
    Redeclared,
    /// An element.
    Element(&'static str, mutate::Stress),
}

impl Kind {
    /// All of them, first what costs servers most.
    fn all() -> Vec<Self> {
        let headers = HEADERS
            .iter()
            .map(|(name, piece)| Self::Header(name, piece));
        let elements = mutate::STRESSES
            .iter()
            .map(|(name, make)| Self::Element(name, *make));
        [Self::Open, Self::Prefixes, Self::Redeclared]
            .into_iter()
            .chain(elements)
            .chain(headers)
            .collect()
    }

    /// In words.
    fn name(self) -> String {
        match self {
            Self::Open => "elements that do not end".to_owned(),
            Self::Header(name, piece) => {
                format!("{name} of a stream header, by {}", piece.escape_unicode())
            }
            Self::Prefixes => "prefixes in a stream header, and children with them".to_owned(),
            Self::Redeclared => {
                "prefixes in a stream header, and children that declare more".to_owned()
            }
            Self::Element(name, _) => name.to_owned(),
        }
    }

    /// A stream that is left open, of whose parts none has more than about so many bytes. An element is not finished.
    fn stream(self, domain: &str, size: usize) -> Vec<u8> {
        let header =
            |attributes: &[(&str, &str)]| stream::header(ns::CLIENT, attributes).into_bytes();
        let usual = [("to", domain), ("version", "1.0")];
        match self {
            Self::Open => {
                let opened = "<a>".repeat(size / "<a>".len());
                [header(&usual), b"<iq>".to_vec(), opened.into_bytes()].concat()
            }
            Self::Header(name, piece) => {
                let long = piece.repeat(size / piece.len());
                let value = match name {
                    "version" => format!("1.{long}"),
                    "from" => format!("{long}@{domain}"),
                    "to" => format!("{long}{domain}"),
                    _ => long,
                };
                let mut attributes: Vec<_> =
                    usual.into_iter().filter(|(n, _)| *n != name).collect();
                attributes.push((name, &value));
                header(&attributes)
            }
            Self::Prefixes | Self::Redeclared => {
                let declared = |at: usize| format!(" xmlns:p{at}='u'");
                let count = size / declared(size).len();
                let declarations: String = (0..count).map(declared).collect();
                let mut bytes = header(&usual);
                // Before the `>`.
                let end = bytes.len() - 1;
                bytes.splice(end..end, declarations.into_bytes());
                let children = match self {
                    Self::Redeclared => "<q:a xmlns:q='u'/>".to_owned(),
                    _ => format!("<p0:a/><p{}:a/>", count - 1),
                };
                bytes.extend_from_slice(b"<iq>");
                bytes.extend(children.repeat(size / children.len()).into_bytes());
                bytes
            }
            Self::Element(_, make) => {
                let one = make(100).len().div_ceil(100);
                [header(&usual), b"<iq>".to_vec(), make(size / one)].concat()
            }
        }
    }
}

impl Campaign<'_> {
    /// Compares the times of one kind of input, another one each time.
    pub(super) async fn slow(
        &mut self,
        turn: usize,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let kinds = Kind::all();
        let kind = kinds[turn % kinds.len()];
        let what = kind.name();
        let bucket = format!("time grows faster than input before login: {what}");
        let attempt = Attempt {
            when: When::BeforeTls,
            bytes: kind.stream(&self.reach.domain, SIZE * LARGER),
        };
        if self.findings.has(&bucket) {
            if self.awaits_crowd(&what) {
                self.crowds(&what, &attempt, true, tell).await?;
            }
            return Ok(());
        }
        let finished = |size| {
            let mut bytes = kind.stream(&self.reach.domain, size);
            bytes.extend_from_slice(b"</iq></stream:stream>");
            bytes
        };
        let (small, large) = (finished(SIZE), finished(SIZE * LARGER));
        let mut steep = 0;
        let mut seen = String::new();
        let mut linear = Duration::MAX;
        for _ in 0..MEASURED {
            let (Some(a), Some(b)) = (self.least(&small).await, self.least(&large).await) else {
                break;
            };
            if b < WORTH || b.as_secs_f64() < a.as_secs_f64() * STEEP {
                break;
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
        let steep_each_time = steep == MEASURED;
        if steep_each_time {
            let finished = Attempt {
                bytes: large,
                ..attempt.clone()
            };
            let text = script::slow(&bucket, &finished, linear);
            self.scenario(&bucket, &seen, &[text], steep, tell).await?;
        }
        self.crowds(&what, &attempt, steep_each_time, tell).await
    }

    /// The least time that the server took to be done with these bytes; `None` if it was not.
    async fn least(&self, bytes: &[u8]) -> Option<Duration> {
        let mut least = None;
        for _ in 0..MEASURES {
            let (reach, tls) = (self.reach.clone(), self.tls.clone());
            let mut stage = connected(reach, tls, When::BeforeTls).await?;
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
            if took > LONG {
                break;
            }
        }
        least
    }
}
