//! The responder: takes names by probing, announces them, defends them, answers for them, and says goodbye (RFC 6762).

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use xmppspec_protocol::dns::{Data, Flags, Kind, Message, Name, Question, Record};
use xmppspec_protocol::mdns::{PORT, same_record as same};

use super::packet::{self, Incoming, Outgoing, To};
use super::records::{self, Identity, Published};
use super::{PeerConfig, PeerFault};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Between probes, and after the last (RFC 6762 section 8.1).
const PROBE_GAP: Duration = ms(250);

/// How many probes.
const PROBES: u32 = 3;

/// Who loses against another that probes for the same name asks again after this (section 8.2).
const LOST_TO_PROBE: Duration = ms(1000);

/// So many conflicts within so much time, and each further attempt is put off (section 8.1).
const MANY_CONFLICTS: usize = 15;
const CONFLICT_WINDOW: Duration = ms(10_000);
const PUT_OFF: Duration = ms(5000);

/// Between the two announcements (section 8.3).
const ANNOUNCE_GAP: Duration = ms(1000);

/// How soon a record may be multicast again; and against a probe (section 6).
const AGAIN: Duration = ms(1000);
const AGAIN_TO_PROBE: Duration = ms(250);

/// No more than so many updates a minute (section 8.4).
const UPDATES: usize = 10;
const MINUTE: Duration = ms(60_000);

/// The longest life of what a simple resolver is told, in seconds (section 6.7).
const LEGACY_TTL: u32 = 10;

/// What the responder is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has no names.
    Off,
    /// It asks whether anybody has them; the next probe is due.
    Probing { next: Duration, sent: u32 },
    /// They are its own.
    On,
}

/// An answer that waits for its time.
#[derive(Clone, Debug)]
struct Answer {
    due: Duration,
    record: Record,
    asked_by: IpAddr,
    /// More known answers of the same asker may take it back (section 7.2).
    held: bool,
}

/// What the responder says for one peer.
#[derive(Debug)]
pub(super) struct Responder {
    config: Arc<PeerConfig>,
    rng: StdRng,
    pub(super) identity: Identity,
    pub(super) published: Published,
    phase: Phase,
    conflicts: VecDeque<Duration>,
    put_off: bool,
    /// What was multicast, and when last.
    sent: Vec<(Record, Duration)>,
    answers: Vec<Answer>,
    /// When what is to be announced; all of it, or the records of one type.
    announcements: Vec<(Duration, Option<Kind>)>,
    updates: VecDeque<Duration>,
    /// A name that somebody else had before we asked for it; only a fault looks at it.
    stale: Option<Name>,
    out: Vec<Outgoing>,
    /// It has had its names once.
    announced: bool,
}

impl Responder {
    pub(super) fn new(config: Arc<PeerConfig>, published: Published, rng: StdRng) -> Responder {
        Responder {
            identity: Identity::new(&config),
            config,
            rng,
            published,
            phase: Phase::Off,
            conflicts: VecDeque::new(),
            put_off: false,
            sent: Vec::new(),
            answers: Vec::new(),
            announcements: Vec::new(),
            updates: VecDeque::new(),
            stale: None,
            out: Vec::new(),
            announced: false,
        }
    }

    fn has(&self, fault: PeerFault) -> bool {
        self.config.has(fault)
    }

    fn records(&self) -> Vec<Record> {
        self.published.records(&self.identity, &self.config)
    }

    /// Whether the names are its own.
    pub(super) fn is_on(&self) -> bool {
        self.phase == Phase::On
    }

    /// Packets to be sent.
    pub(super) fn take_output(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.out)
    }

    /// When `advance` has something to do.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let probe = match self.phase {
            Phase::Probing { next, .. } => Some(next),
            _ => None,
        };
        let announcements = self.announcements.iter().map(|(at, _)| *at);
        let answers = self.answers.iter().map(|a| a.due);
        probe.into_iter().chain(announcements).chain(answers).min()
    }

    /// Comes online: probes, then announces.
    pub(super) fn begin(&mut self, now: Duration) {
        if self.phase == Phase::Off {
            let delay = ms(self.rng.random_range(0..250));
            self.probe_from(now + delay);
            if let Some(name) = self.stale.take() {
                self.rename(&name, now);
            }
        }
    }

    /// Goes offline with a goodbye (section 10.1).
    pub(super) fn end(&mut self) {
        let was_on = self.phase == Phase::On;
        self.phase = Phase::Off;
        self.answers.clear();
        self.announcements.clear();
        self.sent.clear();
        if !was_on || self.has(PeerFault::NoGoodbye) {
            return;
        }
        // Others may have this service type too; who enumerates types finds out by its time to live.
        let mut goodbyes = self.records();
        goodbyes.retain(|r| !r.name.same(&records::types()));
        if self.has(PeerFault::GoodbyePtrOnly) {
            goodbyes.retain(|r| r.kind() == Kind::PTR);
        }
        if self.has(PeerFault::GoodbyeOther) {
            for record in &mut goodbyes {
                if let Data::Srv { port, .. } = &mut record.data {
                    *port = 0;
                }
            }
        }
        for record in &mut goodbyes {
            record.ttl = u32::from(self.has(PeerFault::GoodbyeTtl));
        }
        self.multicast(packet::responses(goodbyes, Vec::new()));
        if self.has(PeerFault::AnswersOffline) {
            self.phase = Phase::On;
        }
    }

    /// What it publishes has changed: the records of this type are announced again (section 8.4).
    pub(super) fn update(&mut self, kind: Kind, now: Duration) {
        if self.phase != Phase::On || self.has(PeerFault::NoUpdate) {
            return;
        }
        if self
            .announcements
            .iter()
            .any(|(at, k)| *k == Some(kind) && *at > now + ANNOUNCE_GAP)
        {
            // Put off already: the newest data goes out then.
            return;
        }
        while self.updates.front().is_some_and(|at| *at + MINUTE <= now) {
            self.updates.pop_front();
        }
        let mut at = now;
        if self.updates.len() >= UPDATES && !self.has(PeerFault::ManyUpdates) {
            at = self.updates[self.updates.len() - UPDATES] + MINUTE;
        }
        self.updates.push_back(at);
        self.announcements.retain(|(_, k)| *k != Some(kind));
        self.announcements.push((at, Some(kind)));
        if !self.has(PeerFault::UpdateOnce) {
            self.announcements.push((at + ANNOUNCE_GAP, Some(kind)));
        }
    }

    /// Does what is due.
    pub(super) fn advance(&mut self, now: Duration) {
        if let Phase::Probing { next, sent } = self.phase
            && now >= next
        {
            let wanted = match () {
                () if self.has(PeerFault::NoProbe) => 0,
                () if self.has(PeerFault::OneProbe) => 1,
                () => PROBES,
            };
            if sent < wanted {
                self.probe();
                let fast = sent + 1 == wanted && self.has(PeerFault::EarlyAnnouncement);
                let gap = if fast || self.has(PeerFault::FastProbes) {
                    ms(60)
                } else {
                    PROBE_GAP
                };
                self.phase = Phase::Probing {
                    next: now + gap,
                    sent: sent + 1,
                };
            } else {
                self.phase = Phase::On;
                self.announced = true;
                self.put_off = false;
                self.announcements = vec![(now, None)];
                if !self.has(PeerFault::AnnouncedOnce) {
                    let gap = if self.has(PeerFault::FastAnnouncements) {
                        ms(100)
                    } else {
                        ANNOUNCE_GAP
                    };
                    self.announcements.push((now + gap, None));
                }
            }
        }
        self.announce(now);
        self.answer(now);
    }

    fn announce(&mut self, now: Duration) {
        let due: Vec<_> = self
            .announcements
            .iter()
            .filter(|(at, _)| *at <= now)
            .cloned()
            .collect();
        if due.is_empty() {
            return;
        }
        self.announcements.retain(|(at, _)| *at > now);
        let all = due.iter().any(|(_, kind)| kind.is_none());
        let mut records = self.records();
        records.retain(|r| all || due.iter().any(|(_, kind)| *kind == Some(r.kind())));
        if all && self.has(PeerFault::PartialAnnouncement) {
            records.retain(|r| r.kind() == Kind::PTR);
        }
        if !all && self.has(PeerFault::UpdateGoodbye) {
            let mut old = records.clone();
            old.iter_mut().for_each(|r| r.ttl = 0);
            self.multicast(packet::responses(old, Vec::new()));
        }
        self.remember(&records, now);
        self.multicast(packet::responses(records, Vec::new()));
        if all && self.has(PeerFault::PeriodicAnnouncements) {
            self.announcements.push((now + ms(1500), None));
        }
    }

    fn answer(&mut self, now: Duration) {
        let (due, waiting): (Vec<_>, Vec<_>) = self.answers.drain(..).partition(|a| a.due <= now);
        self.answers = waiting;
        if due.is_empty() {
            return;
        }
        let asked_by = due[0].asked_by;
        let answers: Vec<Record> = due.into_iter().map(|a| a.record).collect();
        let additionals = self.additionals(&answers);
        self.remember(&answers, now);
        self.remember(&additionals, now);
        let messages = packet::responses(answers, additionals);
        if self.has(PeerFault::UnicastResponses) {
            for message in messages {
                self.send(To::Address(SocketAddr::new(asked_by, PORT)), &message);
            }
            return;
        }
        self.multicast(messages);
    }

    fn multicast(&mut self, messages: Vec<Message>) {
        for mut message in messages {
            if self.has(PeerFault::NotAuthoritative) {
                message.flags = Flags::RESPONSE;
            }
            self.send(To::Group, &message);
        }
    }

    fn send(&mut self, to: To, message: &Message) {
        let bytes = message.encode(!self.has(PeerFault::NotCompressed));
        self.out.push(Outgoing { to, bytes });
    }

    /// Notes what is multicast now. Who waits for the same hears it too.
    fn remember(&mut self, records: &[Record], now: Duration) {
        self.answers
            .retain(|a| !records.iter().any(|r| same(r, &a.record)));
        for record in records {
            self.sent.retain(|(r, _)| !same(r, record));
            self.sent.push((record.clone(), now));
        }
    }

    fn last_sent(&self, record: &Record) -> Option<Duration> {
        let found = self.sent.iter().find(|(r, _)| same(r, record));
        found.map(|(_, at)| *at)
    }

    // Probing (section 8).

    fn probe_from(&mut self, at: Duration) {
        self.phase = Phase::Probing { next: at, sent: 0 };
        self.answers.clear();
        self.announcements.clear();
    }

    /// The records that it wants to have for a name.
    fn proposed(&self, name: &Name) -> Vec<Record> {
        let mut records = self.records();
        records.retain(|r| r.name.same(name) && r.kind() != Kind::PTR);
        for record in &mut records {
            // Queries have no such bit (section 10.2).
            record.flush = self.has(PeerFault::FlushInProbe);
        }
        records
    }

    fn probe(&mut self) {
        let names = [self.identity.instance(), self.identity.host()];
        let mut message = Message::default();
        for name in names {
            let kind = if self.has(PeerFault::ProbeForSrv) {
                Kind::SRV
            } else {
                Kind::ANY
            };
            let mut question = Question::new(name.clone(), kind);
            question.unicast = !self.has(PeerFault::ProbeQm);
            message.questions.push(question);
            let mut proposed = self.proposed(&name);
            // An icon would fill the packet; it is not what makes the name unique.
            proposed.retain(|r| r.kind() != Kind::NULL);
            if self.has(PeerFault::ProbeWithoutTxt) {
                proposed.retain(|r| r.kind() != Kind::TXT);
            }
            message.authorities.extend(proposed);
        }
        self.send(To::Group, &message);
    }

    /// Somebody else probes for one of the names at the same time: the later data wins (section 8.2).
    fn simultaneous(&mut self, message: &Message, now: Duration) {
        if self.has(PeerFault::NoTieBreak) {
            return;
        }
        let order = |records: &[Record]| {
            let mut keys: Vec<_> = records
                .iter()
                .map(|r| (r.class, r.kind(), r.data.to_bytes()))
                .collect();
            keys.sort();
            keys
        };
        for name in [self.identity.instance(), self.identity.host()] {
            let theirs: Vec<Record> = message
                .authorities
                .iter()
                .filter(|r| r.name.same(&name))
                .cloned()
                .collect();
            let mut ours = self.proposed(&name);
            ours.retain(|r| r.kind() != Kind::NULL);
            if !theirs.is_empty() && order(&ours) < order(&theirs) {
                self.probe_from(now + LOST_TO_PROBE);
                return;
            }
        }
    }

    /// One of the names belongs to somebody else: the next one is tried.
    fn rename(&mut self, name: &Name, now: Duration) {
        if name.same(&self.identity.host()) {
            self.identity.machine_number += if self.has(PeerFault::RenamedToTwo) {
                2
            } else {
                1
            };
        } else {
            self.identity.user_number += if self.has(PeerFault::RenamedToTwo) {
                2
            } else {
                1
            };
        }
        self.conflicts.push_back(now);
        while self
            .conflicts
            .front()
            .is_some_and(|at| *at + CONFLICT_WINDOW < now)
        {
            self.conflicts.pop_front();
        }
        self.put_off |= self.conflicts.len() >= MANY_CONFLICTS;
        let delay = if self.put_off && !self.has(PeerFault::NeverPutOff) {
            PUT_OFF
        } else {
            ms(self.rng.random_range(0..250))
        };
        self.probe_from(now + delay);
    }

    // What comes in.

    /// A message has come, from somebody else.
    pub(super) fn received(&mut self, packet: &Incoming, now: Duration) {
        let message = &packet.message;
        let strange = message.flags.opcode() != 0 || message.flags.rcode() != 0;
        if strange && !self.has(PeerFault::ReadsOpcodes) {
            return;
        }
        if message.is_response() {
            if packet.source.port() == PORT {
                self.response(message, now);
            }
            return;
        }
        if matches!(self.phase, Phase::Probing { sent, .. } if sent > 0) {
            self.simultaneous(message, now);
        }
        if self.phase == Phase::On {
            self.query(packet, now);
        }
    }

    fn response(&mut self, message: &Message, now: Duration) {
        let ours = self.records();
        for record in message.records().filter(|r| r.ttl > 0) {
            let mine: Vec<_> = ours
                .iter()
                .filter(|r| r.name.same(&record.name) && r.class == record.class)
                .collect();
            if let Some(mine) = mine.iter().find(|m| same(m, record)) {
                if record.ttl < mine.ttl / 2
                    && self.phase == Phase::On
                    && !self.has(PeerFault::LetsTtlBe)
                {
                    let mine = (*mine).clone();
                    self.queue(mine, now, now, AGAIN, None);
                }
                if self.has(PeerFault::IdenticalIsConflict) && record.flush {
                    return self.probe_from(now);
                }
                continue;
            }
            let unique = mine.iter().any(|m| m.kind() != Kind::PTR);
            let of_type = mine.iter().any(|m| m.kind() == record.kind());
            match self.phase {
                // What came before the first probe was no answer to it (section 8.1).
                Phase::Probing { sent, .. }
                    if unique
                        && record.kind() != Kind::NSEC
                        && (sent > 0 || self.has(PeerFault::StaleConflict))
                        && !(self.announced && self.has(PeerFault::NeverGivesUp))
                        && !self.has(PeerFault::IgnoresConflict) =>
                {
                    return self.rename(&record.name, now);
                }
                Phase::Off if unique && self.has(PeerFault::StaleConflict) => {
                    self.stale = Some(record.name.clone());
                }
                Phase::On if unique && of_type && !self.has(PeerFault::NeverDefends) => {
                    if self.has(PeerFault::RenamedAtOnce) {
                        return self.rename(&record.name, now);
                    }
                    return self.probe_from(now);
                }
                _ => {}
            }
        }
        // Somebody else has given the same answer (section 7.4).
        self.answers.retain(|a| {
            !message
                .answers
                .iter()
                .any(|r| same(r, &a.record) && r.ttl >= a.record.ttl)
        });
    }

    fn query(&mut self, packet: &Incoming, now: Duration) {
        let message = &packet.message;
        let asker = packet.source.ip();
        let known = |r: &Record, enough: u32| {
            message
                .answers
                .iter()
                .any(|k| same(k, r) && k.ttl >= enough)
        };
        let config = Arc::clone(&self.config);
        let half = |r: &Record| match () {
            () if config.has(PeerFault::IgnoresKnown) => u32::MAX,
            () if config.has(PeerFault::TrustsOldKnown) => 0,
            () => r.ttl.div_ceil(2),
        };
        self.answers
            .retain(|a| !(a.held && a.asked_by == asker && known(&a.record, half(&a.record))));

        let is_probe = !message.authorities.is_empty();
        let legacy = packet.source.port() != PORT;
        let (mut unicast, mut multicast) = (Vec::new(), Vec::new());
        let questions = if self.has(PeerFault::FirstQuestionOnly) {
            &message.questions[..message.questions.len().min(1)]
        } else {
            &message.questions
        };
        for question in questions {
            for record in self.answers_to(question) {
                if known(&record, half(&record)) {
                    continue;
                }
                // Unicast keeps caches of others from being filled, so only if they are full (section 5.4).
                let quarter = Duration::from_secs(u64::from(record.ttl / 4));
                let recent = self.last_sent(&record).is_some_and(|at| now < at + quarter);
                let wanted = question.unicast && recent && !self.has(PeerFault::IgnoresQu);
                let list = if legacy || !packet.multicast || wanted {
                    &mut unicast
                } else {
                    &mut multicast
                };
                if !list.iter().any(|r| same(r, &record)) {
                    list.push(record);
                }
            }
        }
        if !unicast.is_empty() {
            self.answer_one(unicast, packet, legacy);
        }
        let held = message.flags.has(Flags::TRUNCATED) && !self.has(PeerFault::IgnoresTc);
        let shared = multicast.iter().any(|r| r.kind() == Kind::PTR);
        let delay = match () {
            () if held => ms(self.rng.random_range(400..=500)),
            () if self.has(PeerFault::NoDelay) => Duration::ZERO,
            () if shared && !is_probe => ms(self.rng.random_range(20..=120)),
            () if is_probe && self.has(PeerFault::SlowDefence) => ms(600),
            () => Duration::ZERO,
        };
        let again = if is_probe { AGAIN_TO_PROBE } else { AGAIN };
        for record in multicast {
            self.queue(record, now + delay, now, again, Some((asker, held)));
        }
        self.answer(now);
    }

    /// Puts an answer on the list, not before it may be multicast again (section 6).
    fn queue(
        &mut self,
        record: Record,
        due: Duration,
        now: Duration,
        again: Duration,
        asker: Option<(IpAddr, bool)>,
    ) {
        let (asked_by, held) = asker.unwrap_or((IpAddr::from([0; 4]), false));
        let earliest = self
            .last_sent(&record)
            .filter(|_| !self.has(PeerFault::RepeatsItself))
            .map_or(now, |at| at + again);
        let answer = Answer {
            due: due.max(earliest),
            record,
            asked_by,
            held,
        };
        match self
            .answers
            .iter_mut()
            .find(|a| same(&a.record, &answer.record))
        {
            // Two have asked: none of them can take it back for the other.
            Some(waiting) => {
                waiting.held &= answer.held && waiting.asked_by == answer.asked_by;
                waiting.due = waiting.due.min(answer.due);
            }
            None => self.answers.push(answer),
        }
    }

    /// Answers to the asker alone: to one who wanted it so, or to a simple resolver (section 6.7).
    fn answer_one(&mut self, mut answers: Vec<Record>, packet: &Incoming, legacy: bool) {
        if legacy && self.has(PeerFault::NoLegacy) {
            return;
        }
        let mut additionals = self.additionals(&answers);
        if legacy {
            for record in answers.iter_mut().chain(&mut additionals) {
                record.flush = self.has(PeerFault::FlushToLegacy);
                if !self.has(PeerFault::LongLegacyTtl) {
                    record.ttl = record.ttl.min(LEGACY_TTL);
                }
            }
        }
        for mut message in packet::responses(answers, additionals) {
            if legacy {
                message.questions.clone_from(&packet.message.questions);
                if !self.has(PeerFault::LegacyWithoutId) {
                    message.id = packet.message.id;
                }
            }
            self.send(To::Address(packet.source), &message);
        }
    }

    /// All records that a question asks for; for names of its own the word that there are none (section 6.1).
    fn answers_to(&self, question: &Question) -> Vec<Record> {
        let all = self.records();
        let any = question.kind == Kind::ANY;
        let mut answers: Vec<Record> = all
            .iter()
            .filter(|r| question.asks_for(r))
            .cloned()
            .collect();
        if any && self.has(PeerFault::AnyIsFirst) {
            answers.truncate(1);
        }
        if self.has(PeerFault::CaseMatters) {
            answers.retain(|r| r.name == question.name);
        }
        let unique: Vec<&Record> = all
            .iter()
            .filter(|r| r.name.same(&question.name) && r.kind() != Kind::PTR)
            .collect();
        if answers.is_empty() && !any && !unique.is_empty() && !self.has(PeerFault::NoNsec) {
            answers.push(nsec(&unique));
        }
        answers
    }

    /// What goes well with answers (RFC 6763 section 12).
    fn additionals(&self, answers: &[Record]) -> Vec<Record> {
        let (instance, host) = (self.identity.instance(), self.identity.host());
        let mut kinds: Vec<(Kind, &Name)> = Vec::new();
        for answer in answers {
            let addresses = [(Kind::A, &host), (Kind::AAAA, &host)];
            match &answer.data {
                Data::Ptr(target) if target.same(&instance) && !self.has(PeerFault::PtrAlone) => {
                    kinds.extend([(Kind::SRV, &instance), (Kind::TXT, &instance)]);
                    kinds.extend(addresses);
                }
                Data::Srv { .. } if !self.has(PeerFault::SrvAlone) => kinds.extend(addresses),
                Data::A(_) | Data::Aaaa(_) => kinds.extend(addresses),
                _ => {}
            }
        }
        let all = self.records();
        let mut additionals: Vec<Record> = Vec::new();
        for (kind, name) in kinds {
            let found = all.iter().filter(|r| r.kind() == kind && r.name.same(name));
            for record in found {
                if !answers.iter().chain(&additionals).any(|r| same(r, record)) {
                    additionals.push(record.clone());
                }
            }
        }
        additionals
    }
}

/// Says which types a name has, and so that it has no others.
fn nsec(records: &[&Record]) -> Record {
    let name = records[0].name.clone();
    let mut types: Vec<Kind> = records.iter().map(|r| r.kind()).collect();
    types.sort();
    types.dedup();
    let data = Data::Nsec {
        next: name.clone(),
        types,
    };
    Record::new(name, records::HOST_TTL, data).with_flush()
}
