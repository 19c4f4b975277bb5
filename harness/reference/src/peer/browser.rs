//! The browser: finds other peers, keeps what they say, and asks again before it is forgotten (RFC 6762 section 5.2).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use xmppspec_protocol::dns::{Data, Kind, Name, Question, Record};
use xmppspec_protocol::mdns::{PORT, same_record as same};

use super::packet::{self, Incoming, Outgoing, To};
use super::records::{self, Status};
use super::{PeerConfig, PeerEvent, PeerFault};

/// The first gap between questions; each further one is twice as long, up to an hour (section 5.2).
const FIRST_GAP: Duration = Duration::from_secs(1);
const LAST_GAP: Duration = Duration::from_secs(3600);

/// How long a record is kept that was said goodbye to, or that another one replaces (sections 10.1, 10.2).
const GRACE: Duration = Duration::from_secs(1);

/// Percent of its life after which a record of interest is asked for again (section 5.2).
const ASK_AGAIN: [u32; 4] = [80, 85, 90, 95];

/// How often something is asked for that does not come.
const TRIES: u32 = 4;

/// How many records are kept: a link with more of them is not one of friends.
const MOST: usize = 2048;

/// How many things are asked for at a time. Whoever makes up names must not make it ask for all of them.
const MOST_WANTED: usize = 128;

/// A record that somebody said.
#[derive(Clone, Debug)]
struct Kept {
    record: Record,
    came: Duration,
    expires: Duration,
    /// How many of the times to ask again have passed.
    asked: usize,
    /// Asking again happens a little later than others do it, in thousandths of the life.
    jitter: u32,
}

impl Kept {
    /// When to ask for it again, if ever.
    fn ask_at(&self) -> Option<Duration> {
        let percent = ASK_AGAIN.get(self.asked)?;
        Some(
            self.came
                + Duration::from_secs(u64::from(self.record.ttl)) * (percent * 10 + self.jitter)
                    / 1000,
        )
    }
}

/// Something that is asked for until it comes.
#[derive(Clone, Debug)]
struct Wanted {
    question: Question,
    next: Duration,
    gap: Duration,
    tries: u32,
}

/// Another peer, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Contact {
    status: Status,
    text: String,
}

/// What one peer knows of the others.
#[derive(Debug)]
pub(super) struct Browser {
    config: Arc<PeerConfig>,
    rng: StdRng,
    /// The next question for all peers, and the gap after it; `None`: offline.
    browse: Option<(Duration, Duration)>,
    cache: BTreeMap<(String, Kind), Vec<Kept>>,
    size: usize,
    wanted: Vec<Wanted>,
    contacts: BTreeMap<Vec<u8>, Contact>,
    icons: BTreeSet<String>,
    /// Who is not shown, by a fault.
    hidden: BTreeSet<Vec<u8>>,
    events: Vec<PeerEvent>,
    out: Vec<Outgoing>,
}

fn key(name: &Name, kind: Kind) -> (String, Kind) {
    (name.to_string().to_ascii_lowercase(), kind)
}

/// The text of a label; labels are UTF-8 (RFC 6763 section 4.1.1).
pub(super) fn label_text(label: &[u8]) -> String {
    String::from_utf8_lossy(label).into_owned()
}

/// Whether a TXT record says nothing (RFC 6763 section 6.1).
fn is_empty(strings: &[Vec<u8>]) -> bool {
    strings.iter().all(Vec::is_empty)
}

impl Browser {
    pub(super) fn new(config: Arc<PeerConfig>, rng: StdRng) -> Browser {
        Browser {
            config,
            rng,
            browse: None,
            cache: BTreeMap::new(),
            size: 0,
            wanted: Vec::new(),
            contacts: BTreeMap::new(),
            icons: BTreeSet::new(),
            hidden: BTreeSet::new(),
            events: Vec::new(),
            out: Vec::new(),
        }
    }

    fn has(&self, fault: PeerFault) -> bool {
        self.config.has(fault)
    }

    pub(super) fn take_output(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn take_events(&mut self) -> Vec<PeerEvent> {
        std::mem::take(&mut self.events)
    }

    /// Begins to look for others.
    pub(super) fn begin(&mut self, now: Duration) {
        if self.browse.is_none() && !self.has(PeerFault::NeverAsks) {
            let delay = if self.has(PeerFault::AsksAtOnce) {
                0
            } else {
                self.rng.random_range(20..=120)
            };
            self.browse = Some((now + Duration::from_millis(delay), FIRST_GAP));
        }
    }

    /// Stops looking for others; whoever was shown is shown no longer.
    pub(super) fn end(&mut self) {
        self.browse = None;
        self.wanted.clear();
        self.cache.clear();
        self.size = 0;
        for label in std::mem::take(&mut self.contacts).into_keys() {
            let peer = label_text(&label);
            self.events.push(PeerEvent::Offline { peer });
        }
    }

    /// Whom it shows: name, status, text.
    pub(super) fn contacts(&self) -> Vec<(String, Status, String)> {
        let contacts = self.contacts.iter();
        contacts
            .map(|(label, c)| (label_text(label), c.status, c.text.clone()))
            .collect()
    }

    /// When `advance` has something to do.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let browse = self.browse.map(|(at, _)| at);
        let wanted = self.wanted.iter().map(|w| w.next);
        let kept = self.cache.values().flatten();
        let kept = kept
            .flat_map(|k| [Some(k.expires), self.ask_at(k)])
            .flatten();
        browse.into_iter().chain(wanted).chain(kept).min()
    }

    /// When a record is asked for again: those that tell who is there, and how.
    fn ask_at(&self, kept: &Kept) -> Option<Duration> {
        let of_interest =
            self.browse.is_some() && matches!(kept.record.kind(), Kind::PTR | Kind::TXT);
        kept.ask_at()
            .filter(|_| of_interest && !self.has(PeerFault::NeverAsksAgain))
    }

    /// Does what is due; `me` is the own instance name.
    pub(super) fn advance(&mut self, now: Duration, me: &Name) {
        self.expire(now);
        self.show(now, me);
        let mut ask: Vec<Question> = Vec::new();
        if let Some((at, gap)) = self.browse
            && now >= at
        {
            ask.push(Question::new(records::service(), Kind::PTR));
            let next = if self.has(PeerFault::AsksTooOften) {
                gap
            } else {
                (gap * 2).min(LAST_GAP)
            };
            self.browse = Some((now + gap, next));
        }
        let due: Vec<(String, Kind)> = self
            .cache
            .iter()
            .filter(|(_, kept)| {
                kept.iter()
                    .any(|k| self.ask_at(k).is_some_and(|at| at <= now))
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            for kept in self.cache.get_mut(&key).into_iter().flatten() {
                while kept.ask_at().is_some_and(|at| at <= now) {
                    kept.asked += 1;
                }
                let question = Question::new(kept.record.name.clone(), key.1);
                if !ask.contains(&question) {
                    ask.push(question);
                }
            }
        }
        let mut wanted = std::mem::take(&mut self.wanted);
        for want in &mut wanted {
            if want.next <= now {
                ask.push(want.question.clone());
                want.tries += 1;
                want.next = now + want.gap;
                want.gap *= 2;
            }
        }
        wanted.retain(|w| w.tries < TRIES);
        self.wanted = wanted;
        for question in ask {
            self.ask(question, now);
        }
    }

    /// Sends a question with the answers that are known (section 7.1).
    fn ask(&mut self, question: Question, now: Duration) {
        let kept = self.cache.get(&key(&question.name, question.kind));
        let mut known = Vec::new();
        for kept in kept.into_iter().flatten() {
            let left = kept.expires.saturating_sub(now).as_secs();
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            if left > kept.record.ttl / 2 && !self.has(PeerFault::HidesKnown) {
                known.push(Record {
                    flush: self.has(PeerFault::FlushInProbe),
                    ttl: left,
                    ..kept.record.clone()
                });
            }
        }
        for mut message in packet::queries(question, known) {
            if self.has(PeerFault::QueryWithId) {
                message.id = 4711;
            }
            let bytes = message.encode(true);
            self.out.push(Outgoing {
                to: To::Group,
                bytes,
            });
        }
    }

    fn want(&mut self, question: Question, now: Duration) {
        let known = self.wanted.iter().any(|w| w.question == question);
        if !known && self.wanted.len() < MOST_WANTED {
            self.wanted.push(Wanted {
                question,
                next: now,
                gap: FIRST_GAP,
                tries: 0,
            });
        }
    }

    /// A message has come, from somebody else. What it changes for the user is shown by the next `advance`.
    pub(super) fn received(&mut self, packet: &Incoming, now: Duration) {
        let message = &packet.message;
        let wrong_port = packet.source.port() != PORT && !self.has(PeerFault::TrustsAnyPort);
        let strange = message.flags.opcode() != 0 || message.flags.rcode() != 0;
        if !message.is_response() || wrong_port || strange || self.browse.is_none() {
            return;
        }
        for record in message.answers.iter().chain(&message.additionals) {
            self.keep(record, now);
        }
    }

    fn keep(&mut self, record: &Record, now: Duration) {
        let service = records::service();
        let of_service = record.name.is_within(&service);
        let of_host = matches!(record.kind(), Kind::A | Kind::AAAA);
        let of_nobody = matches!(&record.data, Data::Ptr(to) if !to.parent().same(&service));
        if record.class != 1 || !(of_service || of_host) || of_nobody {
            return;
        }
        let key = key(&record.name, record.kind());
        let cancels = record.ttl > 0 && !self.has(PeerFault::KeepsAsking);
        self.wanted.retain(|w| {
            !(cancels && w.question.kind == record.kind() && w.question.name.same(&record.name))
        });
        let jitter = self.rng.random_range(0..20);
        let ignores = (
            self.has(PeerFault::IgnoresFlush),
            self.has(PeerFault::IgnoresGoodbye),
            self.has(PeerFault::NoGrace),
        );
        let kept = self.cache.entry(key).or_default();
        if record.flush && !ignores.0 {
            for old in kept
                .iter_mut()
                .filter(|k| !same(&k.record, record) && k.came + GRACE <= now)
            {
                old.expires = old.expires.min(now + GRACE);
            }
        }
        let life = Duration::from_secs(u64::from(record.ttl));
        let expires = if record.ttl > 0 {
            now + life
        } else if ignores.2 {
            now
        } else {
            now + GRACE
        };
        match kept.iter_mut().find(|k| same(&k.record, record)) {
            Some(_) if record.ttl == 0 && ignores.1 => {}
            Some(old) if record.ttl == 0 => {
                old.expires = old.expires.min(expires);
                old.asked = ASK_AGAIN.len();
            }
            Some(old) => {
                *old = Kept {
                    record: record.clone(),
                    came: now,
                    expires,
                    asked: 0,
                    jitter,
                };
            }
            None if record.ttl == 0 || self.size >= MOST => {}
            None => {
                self.size += 1;
                kept.push(Kept {
                    record: record.clone(),
                    came: now,
                    expires,
                    asked: 0,
                    jitter,
                });
            }
        }
    }

    fn expire(&mut self, now: Duration) {
        if self.has(PeerFault::NeverForgets) {
            for kept in self
                .cache
                .values_mut()
                .flatten()
                .filter(|k| k.expires <= now)
            {
                kept.expires = now + LAST_GAP;
            }
            return;
        }
        self.cache.retain(|_, kept| {
            kept.retain(|k| k.expires > now);
            !kept.is_empty()
        });
        self.size = self.cache.values().map(Vec::len).sum();
    }

    fn newest(&self, name: &Name, kind: Kind) -> Option<&Kept> {
        let kept = self.cache.get(&key(name, kind))?;
        // What is not flushed is not replaced either.
        if self.has(PeerFault::IgnoresFlush) {
            return kept.iter().min_by_key(|k| k.came);
        }
        kept.iter().max_by_key(|k| k.came)
    }

    /// Compares who is there with who is shown, and asks for what is missing.
    fn show(&mut self, now: Duration, me: &Name) {
        let service = records::service();
        let there = self.cache.get(&key(&service, Kind::PTR));
        let mut instances: Vec<Name> = Vec::new();
        for kept in there.into_iter().flatten() {
            if let Data::Ptr(instance) = &kept.record.data
                && (!instance.same(me) || self.has(PeerFault::ShowsItself))
            {
                instances.push(instance.clone());
            }
        }
        let mut contacts = BTreeMap::new();
        for instance in instances {
            let txt = self
                .newest(&instance, Kind::TXT)
                .map(|k| k.record.data.clone());
            let strings = match txt {
                Some(Data::Txt(strings)) => strings,
                _ => {
                    self.look_up(&instance, now);
                    if self.has(PeerFault::NeedsTxt) {
                        continue;
                    }
                    Vec::new()
                }
            };
            if self.has(PeerFault::KeepsAsking) && !self.contacts.contains_key(instance.first()) {
                self.want(Question::new(instance.clone(), Kind::SRV), now);
            }
            self.look_for_icon(&instance, &strings, now);
            let plain = instance.first().is_ascii() && !instance.first().contains(&b'.');
            let unknown = |s: &Vec<u8>| s.starts_with(b"x-");
            let bare = self.newest(&instance, Kind::SRV).is_none();
            let hidden = [
                (PeerFault::OnlyPlainNames, !plain),
                (PeerFault::OnlyKnownKeys, strings.iter().any(unknown)),
                (PeerFault::NeedsAdditionals, bare),
                (PeerFault::NeedsParameters, is_empty(&strings)),
            ];
            if hidden
                .iter()
                .any(|(fault, hides)| *hides && self.has(*fault))
            {
                self.hidden.insert(instance.first().to_vec());
            }
            if self.hidden.contains(instance.first()) {
                continue;
            }
            let known = self.contacts.get(instance.first()).cloned();
            let contact = known
                .filter(|_| self.has(PeerFault::Deaf))
                .unwrap_or_else(|| self.read(&strings));
            contacts.insert(instance.first().to_vec(), contact);
        }
        let mut events = Vec::new();
        for label in self.contacts.keys().filter(|l| !contacts.contains_key(*l)) {
            events.push(PeerEvent::Offline {
                peer: label_text(label),
            });
        }
        for (label, contact) in &contacts {
            let mut peer = label_text(label);
            if self.has(PeerFault::OddNames) {
                peer.truncate(peer.find('@').unwrap_or(peer.len()));
            }
            let (status, text) = (contact.status, contact.text.clone());
            match self.contacts.get(label) {
                None => events.push(PeerEvent::Online { peer, status, text }),
                Some(old) if old != contact => {
                    events.push(PeerEvent::Status { peer, status, text })
                }
                Some(_) => {}
            }
        }
        // Nobody asks any longer about who has gone (XEP-0174 section 9).
        for label in self.contacts.keys().filter(|l| !contacts.contains_key(*l)) {
            let gone = records::instance(label);
            if self.config.has(PeerFault::NeverCancels) {
                self.wanted.push(Wanted {
                    question: Question::new(gone, Kind::TXT),
                    next: now,
                    gap: FIRST_GAP,
                    tries: 0,
                });
                continue;
            }
            self.wanted.retain(|w| !w.question.name.same(&gone));
        }
        self.contacts = contacts;
        self.events.extend(events);
    }

    /// Whether somebody says nothing about himself; only a fault asks.
    pub(super) fn knows_nameless(&self) -> bool {
        let records = self.cache.values().flatten();
        let mut texts = records.filter_map(|kept| match &kept.record.data {
            Data::Txt(strings) => Some(strings),
            _ => None,
        });
        texts.any(|strings| is_empty(strings))
    }

    /// Asks for the TXT record of a peer that came without; once, because who has none will not get one.
    fn look_up(&mut self, instance: &Name, now: Duration) {
        if !self.contacts.contains_key(instance.first()) {
            self.want(Question::new(instance.clone(), Kind::TXT), now);
            if self.has(PeerFault::AsksForSrv) {
                self.want(Question::new(instance.clone(), Kind::SRV), now);
            }
        }
    }

    /// A new icon is asked for, one that is known is not (XEP-0174 section 11.2).
    fn look_for_icon(&mut self, instance: &Name, strings: &[Vec<u8>], now: Duration) {
        if let Some(hash) = self.value(strings, "phsh")
            && self.icons.len() < MOST
            && (self.icons.insert(hash) || self.has(PeerFault::AsksForKnownIcon))
            && self.newest(instance, Kind::NULL).is_none()
            && !self.has(PeerFault::NeverAsksForIcon)
        {
            self.want(Question::new(instance.clone(), Kind::NULL), now);
        }
    }

    /// The value of a key: the first one counts, in any case (RFC 6763 section 6.4).
    fn value(&self, strings: &[Vec<u8>], wanted: &str) -> Option<String> {
        let mut values = strings.iter().filter_map(|string| {
            let at = string.iter().position(|b| *b == b'=')?;
            let key = &string[..at];
            let same = if self.has(PeerFault::KeyCaseMatters) {
                key == wanted.as_bytes()
            } else {
                key.eq_ignore_ascii_case(wanted.as_bytes())
            };
            same.then(|| String::from_utf8_lossy(&string[at + 1..]).into_owned())
        });
        if self.has(PeerFault::LastKeyCounts) {
            values.next_back()
        } else {
            values.next()
        }
    }

    fn read(&self, strings: &[Vec<u8>]) -> Contact {
        let missing = if self.has(PeerFault::MissingIsAway) {
            Status::Away
        } else {
            Status::Available
        };
        let status = self
            .value(strings, "status")
            .and_then(|s| Status::from_name(&s));
        Contact {
            status: status.unwrap_or(missing),
            text: self.value(strings, "msg").unwrap_or_default(),
        }
    }

    /// Where a peer can be reached, if that is known; else it is asked for.
    pub(super) fn find(&mut self, label: &str, now: Duration) -> Option<Vec<SocketAddr>> {
        let instance = records::instance(label.as_bytes());
        let Some(Data::Srv { port, target, .. }) = self
            .newest(&instance, Kind::SRV)
            .map(|k| k.record.data.clone())
        else {
            self.want(Question::new(instance, Kind::SRV), now);
            return None;
        };
        let port = if self.has(PeerFault::UsesPortInTxt) {
            let txt = self
                .newest(&instance, Kind::TXT)
                .map(|k| k.record.data.clone());
            let strings = if let Some(Data::Txt(strings)) = txt {
                strings
            } else {
                Vec::new()
            };
            self.value(&strings, "port.p2pj")
                .and_then(|p| p.parse().ok())
                .unwrap_or(port)
        } else {
            port
        };
        let mut kept: Vec<Kept> = [Kind::A, Kind::AAAA]
            .iter()
            .filter_map(|kind| self.cache.get(&key(&target, *kind)))
            .flatten()
            .cloned()
            .collect();
        // The newest first; an address that was replaced may still be there for its last second.
        kept.sort_by_key(|k| std::cmp::Reverse(k.came));
        if self.has(PeerFault::IgnoresFlush) {
            kept.reverse();
        }
        let addresses: Vec<SocketAddr> = kept
            .iter()
            .filter_map(|k| match k.record.data {
                Data::A(a) => Some(SocketAddr::new(IpAddr::V4(a), port)),
                Data::Aaaa(a) => Some(SocketAddrV6::new(a, port, 0, self.config.index).into()),
                _ => None,
            })
            .collect();
        if addresses.is_empty() {
            self.want(Question::new(target.clone(), Kind::A), now);
            self.want(Question::new(target, Kind::AAAA), now);
            return None;
        }
        Some(addresses)
    }

    /// Stops asking where a peer is: it was found, or given up.
    pub(super) fn found(&mut self, label: &str) {
        let instance = records::instance(label.as_bytes());
        self.wanted.retain(|w| {
            !(w.question.kind == Kind::SRV && w.question.name.same(&instance)
                || matches!(w.question.kind, Kind::A | Kind::AAAA))
        });
    }
}
