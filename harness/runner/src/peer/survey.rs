//! A look at a link: which peers are there, with all their records, and what is wrong with what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use xmppspec_protocol::dns::{Data, Kind, Message, Name, Question, Record};
use xmppspec_protocol::mdns::{Cache, Complaint, PRESENCE, complaints, value as txt_value};

use super::{Direction, Instrument, MDNS_TTL, Packet, To};

/// How often a question is asked: packets get lost, and the first time somebody may just have answered another.
const TRIES: u32 = 3;

/// The gap after which it is asked again, doubled each time (RFC 6762 §5.2).
const ASK_AGAIN: Duration = Duration::from_secs(1);

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
    /// Asks for peers and for what belongs to them, listens for `length`, and tells what there is.
    ///
    /// # Errors
    /// Those of sending.
    pub async fn of_link(instrument: &Instrument, length: Duration) -> io::Result<Self> {
        let ends = Instant::now() + length;
        let mut asked: Vec<(Question, u32, Instant)> = Vec::new();
        let mut seen = 0;
        loop {
            let packets = instrument.packets(0);
            for question in open_questions(&packets, instrument.now()) {
                if !asked.iter().any(|(q, ..)| *q == question) {
                    asked.push((question, 0, Instant::now()));
                }
            }
            let now = Instant::now();
            let due = asked
                .iter_mut()
                .filter(|(_, tries, at)| *tries < TRIES && *at <= now);
            let mut message = Message::default();
            for (question, tries, at) in due {
                message.questions.push(question.clone());
                *at = now + ASK_AGAIN * 2u32.pow(*tries);
                *tries += 1;
            }
            if !message.questions.is_empty() {
                ask(instrument, &message).await?;
            }
            let next = asked
                .iter()
                .filter(|(_, tries, _)| *tries < TRIES)
                .map(|(.., at)| *at);
            let wake = next.chain([ends]).min().unwrap_or(ends);
            // Wakes for what comes, and for what is to be asked again.
            let come = |p: &Packet| (p.direction == Direction::Received).then_some(());
            seen = seen.max(packets.len());
            let _ = timeout_at(wake, instrument.until(seen, come)).await;
            if Instant::now() >= ends {
                return Ok(Self::of_packets(
                    &instrument.packets(0),
                    instrument.now(),
                    instrument.lost(),
                ));
            }
        }
    }

    /// The same from packets, at the time `now` of their clock.
    #[must_use]
    pub fn of_packets(packets: &[Packet], now: Duration, lost: u64) -> Self {
        let cache = cache(packets);
        let mut peers: Vec<FoundPeer> = instances(&cache, now)
            .into_iter()
            .map(|instance| found(&cache, &instance, now))
            .collect();
        peers.sort_by(|a, b| a.instance.cmp(&b.instance));
        let mut speakers: BTreeMap<IpAddr, (usize, BTreeSet<String>)> = BTreeMap::new();
        for packet in packets
            .iter()
            .filter(|p| p.direction == Direction::Received)
        {
            let (count, wrong) = speakers.entry(packet.source.ip()).or_default();
            *count += 1;
            match packet.read() {
                Ok(seen) => wrong.extend(complaints(&seen).iter().map(Complaint::to_string)),
                Err(error) => drop(wrong.insert(format!("a packet cannot be read: {error}"))),
            }
        }
        let speakers = speakers
            .into_iter()
            .map(|(address, (packets, wrong))| Speaker {
                address,
                packets,
                complaints: wrong.into_iter().collect(),
            });
        Self {
            peers,
            speakers: speakers.collect(),
            lost,
        }
    }
}

/// Asks over every family that there is.
async fn ask(instrument: &Instrument, message: &Message) -> io::Result<()> {
    let bytes = message.encode(true);
    let place = instrument.place();
    for (there, to) in [(place.v4.is_some(), To::V4), (place.v6.is_some(), To::V6)] {
        if there {
            instrument
                .send(&bytes, to, instrument.mdns(), MDNS_TTL)
                .await?;
        }
    }
    Ok(())
}

fn presence() -> Name {
    Name::parse(PRESENCE).unwrap_or_default()
}

fn cache(packets: &[Packet]) -> Cache {
    let mut cache = Cache::default();
    let received = packets
        .iter()
        .filter(|p| p.direction == Direction::Received);
    for seen in received.filter_map(|p| p.read().ok()) {
        cache.hear(&seen);
    }
    cache
}

fn instances(cache: &Cache, now: Duration) -> BTreeSet<Name> {
    let pointers = cache.get(&presence(), Kind::PTR, now).into_iter();
    let targets = pointers.filter_map(|record| match &record.data {
        Data::Ptr(instance) => Some(instance.clone()),
        _ => None,
    });
    targets.collect()
}

fn target(cache: &Cache, instance: &Name, now: Duration) -> Option<(Name, u16)> {
    let records = cache.get(instance, Kind::SRV, now);
    records.first().and_then(|record| match &record.data {
        Data::Srv { target, port, .. } => Some((target.clone(), *port)),
        _ => None,
    })
}

/// What is not known yet and can be asked for.
fn open_questions(packets: &[Packet], now: Duration) -> Vec<Question> {
    let cache = cache(packets);
    let mut questions = vec![Question::new(presence(), Kind::PTR)];
    let mut want = |name: &Name, kind: Kind| {
        if cache.get(name, kind, now).is_empty() {
            questions.push(Question::new(name.clone(), kind));
        }
    };
    for instance in instances(&cache, now) {
        want(&instance, Kind::SRV);
        want(&instance, Kind::TXT);
        if let Some((host, _)) = target(&cache, &instance, now) {
            want(&host, Kind::A);
            want(&host, Kind::AAAA);
        }
    }
    questions
}

/// A label as text: what is no printable character is escaped.
fn label(name: &Name) -> String {
    let alone = Name::from_labels([name.first()]).unwrap_or_default();
    let text = alone.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

fn found(cache: &Cache, instance: &Name, now: Duration) -> FoundPeer {
    let srv = target(cache, instance, now);
    let host = srv.as_ref().map(|(host, _)| host);
    let mut records: Vec<&Record> = cache
        .all(now)
        .filter(|r| {
            let points = matches!(&r.data, Data::Ptr(to) if to.same(instance));
            points || r.name.same(instance) || host.is_some_and(|h| r.name.same(h))
        })
        .collect();
    records.sort_by_key(|r| {
        (
            !matches!(r.data, Data::Ptr(_)),
            !r.name.same(instance),
            r.kind(),
        )
    });
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
    unless(
        !addresses.is_empty(),
        "XEP0174-PUB-02: no address of its host was found",
    );
    unless(srv.is_some(), "XEP0174-PUB-03: no SRV record was found");
    unless(strings.is_some(), "XEP0174-PUB-04: no TXT record was found");
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
        let survey = Survey::of_packets(&packets, Duration::from_secs(1), 0);
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
        let open = open_questions(&packets, Duration::from_secs(1));
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
