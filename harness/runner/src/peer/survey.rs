//! A look at a link: which peers are there, with all their records, and what is wrong with what they say.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use xmppspec_protocol::dns::{Data, Kind, Message, Name, Question, Record};
use xmppspec_protocol::mdns::{Cache, PRESENCE, complaints, value as txt_value};

use super::{Direction, Instrument, MDNS_TTL, Packet, To};

/// How often a question is asked: packets get lost, and the first time somebody may just have answered another.
const TRIES: u32 = 3;

/// The gap after which it is asked again, doubled each time (RFC 6762 §5.2).
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How many different questions are asked. A link that gives rise to more is under attack, and asking all of them would be
/// part of it.
const MOST_QUESTIONS: usize = 2048;

/// Names in the questions of one packet, in bytes: with all else, what an Ethernet frame carries.
const NAMES_IN_PACKET: usize = 1000;

/// The most records that are told of one peer.
const MOST_OF_PEER: usize = 64;

/// The most complaints about packets that are told of all speakers together, and the characters of each.
const MOST_COMPLAINTS: usize = 10_000;
const LONGEST_COMPLAINT: usize = 400;

/// A peer on the link.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FoundPeer {
    /// Its instance name, as text: `user@machine`.
    pub instance: String,
    /// The host and port of its SRV record.
    pub host: Option<String>,
    /// The port of its SRV record.
    pub port: Option<u16>,
    /// The addresses of that host.
    pub addresses: Vec<IpAddr>,
    /// `avail`, `away`, `dnd` or whatever else its TXT record says.
    pub status: Option<String>,
    /// The text of the status.
    pub text: Option<String>,
    /// All its records, in zone-file form, those of its host among them.
    pub records: Vec<String>,
    /// What it lacks (XEP-0174 section 3): an id of the catalogue and a sentence each.
    pub complaints: Vec<String>,
}

/// Somebody on the link who says things.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Speaker {
    /// Where from.
    pub address: IpAddr,
    /// How many packets.
    pub packets: usize,
    /// What is wrong with them, each once: an id of the catalogue and a sentence.
    pub complaints: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Survey {
    /// The peers, by name.
    pub peers: Vec<FoundPeer>,
    /// Everybody who said something, by address.
    pub speakers: Vec<Speaker>,
    /// Packets that came and were not looked at, because there were too many.
    pub lost: u64,
}

impl Survey {
    /// Asks for peers and for what belongs to them, listens for `length`, and tells what there is. However much comes, it ends
    /// in time; what could not be looked at then is counted.
    ///
    /// # Errors
    /// Those of sending.
    pub async fn of_link(instrument: &Instrument, length: Duration) -> io::Result<Self> {
        let ends = Instant::now() + length;
        let mut asked: HashMap<Question, (u32, Instant)> = HashMap::new();
        let mut heard = Heard::default();
        let mut next = 0;
        loop {
            for packet in instrument.packets(next) {
                if Instant::now() >= ends {
                    break;
                }
                heard.hear(&packet);
                next += 1;
            }
            let now = Instant::now();
            if now >= ends {
                // Our own questions are none of them.
                let rest = instrument.packets(next).into_iter();
                let unseen = rest.filter(|p| p.direction == Direction::Received).count();
                let lost = instrument.lost() + u64::try_from(unseen).unwrap_or(u64::MAX);
                return Ok(heard.survey(instrument.now(), lost, |q| asked.contains_key(q)));
            }
            for question in heard.open_questions(instrument.now()) {
                if asked.len() < MOST_QUESTIONS {
                    asked.entry(question).or_insert((0, now));
                }
            }
            let mut due = Vec::new();
            for (question, (tries, at)) in &mut asked {
                if *tries < TRIES && *at <= now {
                    due.push(question.clone());
                    *at = now + ASK_AGAIN * 2u32.pow(*tries);
                    *tries += 1;
                }
            }
            ask(instrument, due).await?;
            let again = asked.values().filter(|(tries, _)| *tries < TRIES);
            let wake = again.map(|(_, at)| *at).chain([ends]).min();
            // Wakes for what comes, and for what is to be asked again.
            let come = |p: &Packet| (p.direction == Direction::Received).then_some(());
            let _ = timeout_at(wake.unwrap_or(ends), instrument.until(next, come)).await;
        }
    }
}

/// Asks over every family that there is, in packets of a usual size.
async fn ask(instrument: &Instrument, mut questions: Vec<Question>) -> io::Result<()> {
    let place = instrument.place();
    while !questions.is_empty() {
        let mut room = NAMES_IN_PACKET;
        let fit = questions.iter().take_while(|question| {
            let length = question.name.labels().map(|label| label.len() + 1).sum();
            let left = room.checked_sub(length);
            room = left.unwrap_or(0);
            left.is_some()
        });
        let rest = questions.split_off(fit.count());
        let bytes = Message::query(std::mem::replace(&mut questions, rest)).encode(true);
        for (there, to) in [(place.v4.is_some(), To::V4), (place.v6.is_some(), To::V6)] {
            if there {
                instrument
                    .send(&bytes, to, instrument.mdns(), MDNS_TTL)
                    .await?;
            }
        }
    }
    Ok(())
}

/// What was heard so far.
#[derive(Debug, Default)]
struct Heard {
    cache: Cache,
    speakers: BTreeMap<IpAddr, (usize, BTreeSet<String>)>,
    complaints: usize,
}

impl Heard {
    fn hear(&mut self, packet: &Packet) {
        if packet.direction != Direction::Received {
            return;
        }
        let (count, wrong) = self.speakers.entry(packet.source.ip()).or_default();
        *count += 1;
        let mut complain = |text: String| {
            if self.complaints < MOST_COMPLAINTS && wrong.insert(shortened(text)) {
                self.complaints += 1;
            }
        };
        match packet.read() {
            Ok(seen) => {
                let found = complaints(&seen);
                found.iter().for_each(|c| complain(c.to_string()));
                // Routers take one from the TTL, so that nothing from beyond the link has all of it (RFC 6762 §11).
                if seen.ttl == MDNS_TTL {
                    self.cache.hear(&seen);
                }
            }
            Err(error) => complain(format!("a packet cannot be read: {error}")),
        }
    }

    /// The instances with what points to them, by name.
    fn instances(&self, now: Duration) -> BTreeMap<Name, &Record> {
        let pointers = self.cache.get(&presence(), Kind::PTR, now).into_iter();
        let targets = pointers.filter_map(|record| match &record.data {
            Data::Ptr(instance) => Some((instance.clone(), record)),
            _ => None,
        });
        targets.collect()
    }

    fn target(&self, instance: &Name, now: Duration) -> Option<(Name, u16)> {
        let records = self.cache.get(instance, Kind::SRV, now);
        records.first().and_then(|record| match &record.data {
            Data::Srv { target, port, .. } => Some((target.clone(), *port)),
            _ => None,
        })
    }

    /// What is not known yet and can be asked for.
    fn open_questions(&self, now: Duration) -> Vec<Question> {
        let mut questions = vec![Question::new(presence(), Kind::PTR)];
        let mut want = |name: &Name, kind: Kind| {
            if self.cache.get(name, kind, now).is_empty() {
                questions.push(Question::new(name.clone(), kind));
            }
        };
        for instance in self.instances(now).keys() {
            want(instance, Kind::SRV);
            want(instance, Kind::TXT);
            if let Some((host, _)) = self.target(instance, now) {
                want(&host, Kind::A);
                want(&host, Kind::AAAA);
            }
        }
        questions
    }

    /// What there is at this time. What lacks is told only of what was `asked` for.
    fn survey(&self, now: Duration, lost: u64, asked: impl Fn(&Question) -> bool) -> Survey {
        let instances = self.instances(now).into_iter();
        let mut peers: Vec<_> = instances
            .map(|(instance, pointer)| self.peer(&instance, pointer, now, &asked))
            .collect();
        peers.sort_by(|a, b| a.instance.cmp(&b.instance));
        let speakers = self.speakers.iter();
        let speakers = speakers.map(|(address, (packets, wrong))| Speaker {
            address: *address,
            packets: *packets,
            complaints: wrong.iter().cloned().collect(),
        });
        Survey {
            peers,
            speakers: speakers.collect(),
            lost,
        }
    }
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_COMPLAINT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn presence() -> Name {
    Name::parse(PRESENCE).unwrap_or_default()
}

/// A label as text: what is no printable character is escaped.
fn label(name: &Name) -> String {
    let alone = Name::from_labels([name.first()]).unwrap_or_default();
    let text = alone.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

impl Heard {
    fn peer(
        &self,
        instance: &Name,
        pointer: &Record,
        now: Duration,
        asked: &impl Fn(&Question) -> bool,
    ) -> FoundPeer {
        let srv = self.target(instance, now);
        let host = srv.as_ref().map(|(host, _)| host);
        let of_host = host.filter(|host| !host.same(instance));
        let of_host = of_host.into_iter().flat_map(|h| self.cache.named(h, now));
        let records = self.cache.named(instance, now).chain(of_host);
        let mut records: Vec<&Record> = records.take(MOST_OF_PEER).collect();
        records.sort_by_key(|r| (!r.name.same(instance), r.kind(), r.to_string()));
        records.insert(0, pointer);
        let addresses = records.iter().filter_map(|r| match r.data {
            Data::A(a) => Some(IpAddr::V4(a)),
            Data::Aaaa(a) => Some(IpAddr::V6(a)),
            _ => None,
        });
        let addresses: Vec<IpAddr> = addresses.collect();
        let strings = records.iter().find_map(|r| match &r.data {
            Data::Txt(strings) => Some(strings.as_slice()),
            _ => None,
        });
        let text = |key: &str| {
            let value = txt_value(strings?, key)??;
            Some(String::from_utf8_lossy(value).into_owned()).filter(|v| !v.is_empty())
        };
        let mut complaints = Vec::new();
        let mut unless = |right: bool, complaint: &str| {
            if !right {
                complaints.push(complaint.to_owned());
            }
        };
        let was_asked = |name: &Name, kind| asked(&Question::new(name.clone(), kind));
        unless(
            !addresses.is_empty() || host.is_some_and(|host| !was_asked(host, Kind::A)),
            "XEP0174-PUB-02: no address of its host was found",
        );
        unless(
            srv.is_some() || !was_asked(instance, Kind::SRV),
            "XEP0174-PUB-03: no SRV record was found",
        );
        unless(
            strings.is_some() || !was_asked(instance, Kind::TXT),
            "XEP0174-PUB-04: no TXT record was found",
        );
        if let Some((host, port)) = &srv {
            let machine = instance
                .first()
                .rsplit(|b| *b == b'@')
                .next()
                .unwrap_or_default();
            let same = host.first().eq_ignore_ascii_case(machine);
            unless(
                same,
                "XEP0174-PUB-06: the host of the SRV record is another than the instance name says",
            );
            let told = text("port.p2pj").is_none_or(|told| told == port.to_string());
            unless(
                told,
                "XEP0174-PORT-04: port.p2pj is another than the port of the SRV record",
            );
        }
        FoundPeer {
            instance: label(instance),
            host: host.map(ToString::to_string),
            port: srv.as_ref().map(|(_, port)| *port),
            addresses,
            status: text("status"),
            text: text("msg"),
            records: records.iter().map(ToString::to_string).collect(),
            complaints,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn packet(address: &str, message: &[u8]) -> Packet {
        Packet {
            at: Duration::from_millis(5),
            direction: Direction::Received,
            source: SocketAddr::new(address.parse().unwrap(), 5353),
            destination: "224.0.0.251:5353".parse().unwrap(),
            ttl: 255,
            interface: 2,
            bytes: message.into(),
        }
    }

    fn response(lines: &[&str]) -> Vec<u8> {
        let records = lines.iter().map(|line| line.parse().unwrap()).collect();
        Message::response(records).encode(true)
    }

    #[test]
    fn a_peer_with_all_it_has_and_one_that_lacks_everything() {
        let whole = response(&[
            "_presence._tcp.local. 4500 IN PTR juliet@pronto._presence._tcp.local.",
            "juliet@pronto._presence._tcp.local. 120 FLUSH IN SRV 0 0 5562 pronto.local.",
            "juliet@pronto._presence._tcp.local. 4500 FLUSH IN TXT \"txtvers=1\" \"status=away\" \"msg=\u{fc}\" \"port.p2pj=1\"",
            "pronto.local. 120 FLUSH IN A 10.174.0.1",
        ]);
        let bare =
            response(&["_presence._tcp.local. 4500 IN PTR romeo@forza._presence._tcp.local."]);
        let packets = [
            packet("10.174.0.1", &whole),
            packet("10.174.0.2", &bare),
            packet("10.174.0.3", b"\x00"),
        ];
        let mut heard = Heard::default();
        packets.iter().for_each(|packet| heard.hear(packet));
        let survey = heard.survey(Duration::from_secs(1), 0, |_| true);
        let [juliet, romeo] = &survey.peers[..] else {
            panic!("{survey:?}")
        };
        assert_eq!(
            (
                juliet.instance.as_str(),
                juliet.port,
                juliet.status.as_deref()
            ),
            ("juliet@pronto", Some(5562), Some("away"))
        );
        assert_eq!(
            (juliet.text.as_deref(), juliet.records.len()),
            (Some("\u{fc}"), 4)
        );
        assert_eq!(
            juliet.complaints,
            ["XEP0174-PORT-04: port.p2pj is another than the port of the SRV record"]
        );
        assert_eq!(
            (romeo.instance.as_str(), romeo.complaints.len()),
            ("romeo@forza", 3)
        );
        let counts: Vec<_> = survey
            .speakers
            .iter()
            .map(|s| (s.packets, s.complaints.len()))
            .collect();
        assert_eq!(counts, [(1, 0), (1, 0), (1, 1)]);
        let open = heard.open_questions(Duration::from_secs(1));
        let mut open: Vec<_> = open.iter().map(|q| (label(&q.name), q.kind)).collect();
        open.sort();
        let romeo = "romeo@forza".to_owned();
        assert_eq!(
            open,
            [
                ("_presence".to_owned(), Kind::PTR),
                ("pronto".to_owned(), Kind::AAAA),
                (romeo.clone(), Kind::TXT),
                (romeo, Kind::SRV),
            ]
        );
    }
}
