//! What a live campaign sends: streams and stanzas from the grammar of the protocol, from the corpus and from scenarios, with
//! something changed, and now and then something large.

use arbitrary::Unstructured;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use xmppspec_fuzz::{SEEDS, document, mutate};
use xmppspec_protocol::{ns, stream};
use xmppspec_scenarios::builtin;

/// When something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// First thing on a connection.
    BeforeTls,
    /// First thing inside TLS.
    BeforeSasl,
    /// On a stream with a bound resource.
    Bound,
}

impl When {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeTls => "before TLS",
            Self::BeforeSasl => "before SASL",
            Self::Bound => "after binding",
        }
    }
}

/// Something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub when: When,
    /// All bytes, with the stream header where there is none yet.
    pub bytes: Vec<u8>,
}

/// What stands for Juliet's full JID in a stanza, and for her bare one, until it is sent: each login is another account. Single
/// characters, so that they are seldom written by number, that no text has by itself.
pub(super) const JULIET: &str = "\u{f0001}";
pub(super) const JULIET_BARE: &str = "\u{f0002}";

/// Who else a stanza may say it comes from.
const SOMEBODY: &str = "tybalt";
/// One of so many stanzas says so.
const FORGED_EVERY: u32 = 10;

/// One of so many attempts is a large one, of so many parts.
const LARGE_EVERY: u32 = 40;
const LARGE: [usize; 4] = [1_000, 10_000, 30_000, 60_000];

/// How many bytes describe a stanza at most.
const DESCRIPTION: usize = 400;

/// A stanza with Juliet's address where it stands for her.
pub(super) fn addressed(bytes: &[u8], juliet: &str) -> Vec<u8> {
    let bare = juliet.split('/').next().unwrap_or_default();
    let names = [(JULIET, juliet), (JULIET_BARE, bare)];
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let Some(first) = rest.first() {
        match names
            .iter()
            .find(|(token, _)| rest.starts_with(token.as_bytes()))
        {
            Some((token, name)) => {
                out.extend_from_slice(name.as_bytes());
                rest = &rest[token.len()..];
            }
            None => {
                out.push(*first);
                rest = &rest[1..];
            }
        }
    }
    out
}

/// Makes attempts.
#[derive(Debug)]
pub(super) struct Inputs {
    domain: String,
    /// Bodies of scenarios, with the domain in its place.
    bodies: Vec<Vec<u8>>,
    seeds: Vec<Vec<u8>>,
}

impl Inputs {
    /// Inputs for a server of this domain.
    #[must_use]
    pub(super) fn new(domain: &str) -> Self {
        let mut bodies = Vec::new();
        for source in builtin::scripts() {
            let mut body = String::new();
            for line in source.text.lines().chain([""]) {
                match line.strip_prefix('\t') {
                    Some(line) => {
                        body.push_str(line);
                        body.push('\n');
                    }
                    None => {
                        if body.starts_with('<') {
                            bodies.push(body.replace("${domain}", domain).into_bytes());
                        }
                        body.clear();
                    }
                }
            }
        }
        Self {
            domain: domain.to_owned(),
            bodies,
            seeds: SEEDS.iter().map(|seed| seed.to_vec()).collect(),
        }
    }

    /// Something to send before login.
    pub(super) fn unbound(&self, rng: &mut StdRng) -> Attempt {
        let mut bytes = self.header(rng);
        // A prolog stands before the root; XMPP forbids it (RFC 6120 §11.1), parsers below may read it all the same.
        if rng.random_range(0..20) == 0 {
            let (_, make) = mutate::PROLOGS[rng.random_range(0..mutate::PROLOGS.len())];
            bytes = [make(LARGE[rng.random_range(0..LARGE.len())]), bytes].concat();
        }
        for _ in 0..rng.random_range(1..4) {
            bytes.extend(self.element(rng));
        }
        Attempt {
            when: if rng.random_range(0..3) > 0 {
                When::BeforeTls
            } else {
                When::BeforeSasl
            },
            bytes,
        }
    }

    /// A stanza to one of these addresses. Most are well-formed: others end the stream.
    pub(super) fn bound(&self, rng: &mut StdRng, addresses: &[&str]) -> Attempt {
        let description = mutate::bytes(rng, DESCRIPTION);
        let mut bytes = document::stanza(&mut Unstructured::new(&description), addresses);
        let name_ends = bytes.iter().position(u8::is_ascii_whitespace);
        if let Some(at) = name_ends.filter(|_| rng.random_range(0..FORGED_EVERY) == 0) {
            let from = format!(" from='{SOMEBODY}@{}/x'", self.domain);
            bytes.splice(at..at, from.into_bytes());
        }
        if rng.random_range(0..12) == 0 {
            bytes = mutate::changed(rng, &bytes, &self.seeds);
        }
        Attempt {
            when: When::Bound,
            bytes,
        }
    }

    /// A stream header: mostly as it should be, with a strange attribute, or changed.
    fn header(&self, rng: &mut StdRng) -> Vec<u8> {
        let strange = |rng: &mut StdRng| {
            let bytes = mutate::bytes(rng, 60);
            let text = document::attacker_text(&mut Unstructured::new(&bytes));
            // Long ones too.
            let times = if rng.random_range(0..10) == 0 { 500 } else { 1 };
            text.repeat(times)
        };
        let (mut to, mut from, mut lang, mut version) =
            (self.domain.clone(), None, "en".to_owned(), "1.0".to_owned());
        match rng.random_range(0..12) {
            0 => to = strange(rng),
            1 => from = Some(format!("{}@{}", strange(rng), self.domain)),
            2 => lang = strange(rng),
            3 => version = strange(rng),
            4 => from = Some(strange(rng)),
            _ => {}
        }
        let mut attributes = vec![
            ("to", to.as_str()),
            ("version", &version),
            ("xml:lang", &lang),
        ];
        attributes.extend(from.as_deref().map(|from| ("from", from)));
        let header = stream::header(ns::CLIENT, &attributes).into_bytes();
        match rng.random_range(0..12) {
            0 => mutate::changed(rng, &header, &self.seeds),
            _ => header,
        }
    }

    fn element(&self, rng: &mut StdRng) -> Vec<u8> {
        if rng.random_range(0..LARGE_EVERY) == 0
            && let Some((_, make)) = mutate::STRESSES.choose(rng)
        {
            return make(LARGE[rng.random_range(0..LARGE.len())]);
        }
        let description = mutate::bytes(rng, DESCRIPTION);
        let mut description = Unstructured::new(&description);
        match rng.random_range(0..8) {
            0 => document::element(&mut description),
            1 => document::damaged(&mut description),
            2 => mutate::bytes(rng, 200),
            3 => self.sasl(rng),
            4 => format!("<starttls xmlns='{}'/>", ns::TLS).into_bytes(),
            5 => self
                .seeds
                .choose(rng)
                .map(|seed| mutate::changed(rng, seed, &self.seeds))
                .unwrap_or_default(),
            _ => self
                .bodies
                .choose(rng)
                .map(|body| mutate::changed(rng, body, &self.bodies))
                .unwrap_or_default(),
        }
    }

    /// The beginning of an authentication, with all sorts of contents.
    fn sasl(&self, rng: &mut StdRng) -> Vec<u8> {
        let mechanisms = [
            "PLAIN",
            "SCRAM-SHA-1",
            "SCRAM-SHA-256",
            "SCRAM-SHA-1-PLUS",
            "EXTERNAL",
            "ANONYMOUS",
            "DIGEST-MD5",
            "X-OAUTH2",
            "",
        ];
        let mechanism = mechanisms.choose(rng).copied().unwrap_or_default();
        let parts: [&[u8]; 12] = [
            b"n,,",
            b"y,,",
            b"p=tls-exporter,,",
            b"n=",
            b",r=",
            b"a=",
            b"=2C",
            b"\0",
            b"romeo",
            b"m=x",
            b",",
            b"\xff",
        ];
        let mut message = Vec::new();
        for _ in 0..rng.random_range(0..6) {
            message.extend_from_slice(parts.choose(rng).copied().unwrap_or_default());
            message.extend(mutate::bytes(rng, 6));
        }
        let name = if rng.random_range(0..4) == 0 {
            "response"
        } else {
            "auth"
        };
        format!(
            "<{name} xmlns='{}' mechanism='{mechanism}'>{}</{name}>",
            ns::SASL,
            xmppspec_protocol::sasl::encode(&message)
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn attempts_are_of_all_kinds_and_follow_from_the_seed() {
        let inputs = Inputs::new("capulet.example");
        assert!(inputs.bodies.len() > 100, "{}", inputs.bodies.len());
        let make = || {
            let mut rng = StdRng::seed_from_u64(7);
            (0..300)
                .map(|_| inputs.unbound(&mut rng))
                .collect::<Vec<_>>()
        };
        let all = make();
        assert_eq!(all, make());
        assert!(
            all.iter().any(|a| a.when == When::BeforeSasl)
                && all.iter().any(|a| a.bytes.len() > 100_000)
        );
        let mut rng = StdRng::seed_from_u64(7);
        let bound: Vec<_> = (0..200)
            .map(|_| inputs.bound(&mut rng, &[JULIET]))
            .collect();
        let starts = |start: &str| {
            let so = |a: &&Attempt| a.bytes.starts_with(start.as_bytes());
            bound.iter().filter(so).count()
        };
        assert!(starts("<message") > 50 && starts("<message from='tybalt@capulet.example/x'") > 2);
        let stanza = format!("<a to='{JULIET}'>{JULIET_BARE}</a>");
        assert_eq!(
            addressed(stanza.as_bytes(), "juliet@b/c"),
            b"<a to='juliet@b/c'>juliet@b</a>"
        );
    }
}
