//! The predicates over packets on what nobody sends who means well: mutated packets, garbage, floods. Nothing panics, nothing takes
//! long, and what must be ignored changes nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use xmppspec_protocol::dns::{Data, Flags, Kind, Message, Name, Record};
use xmppspec_protocol::mdns::{self, Cache, GROUP_V4, PORT, Seen};

const ANNOUNCED: [&str; 5] = [
    "_presence._tcp.local. 4500 IN PTR juliet@pronto._presence._tcp.local.",
    "juliet@pronto._presence._tcp.local. 120 FLUSH IN SRV 0 0 5562 pronto.local.",
    "juliet@pronto._presence._tcp.local. 4500 FLUSH IN TXT \"txtvers=1\" \"status=avail\"",
    "pronto.local. 120 FLUSH IN A 10.0.0.7",
    "pronto.local. 120 FLUSH IN NSEC pronto.local. A AAAA",
];

fn announced() -> Vec<Record> {
    let records = ANNOUNCED.iter().map(|line| line.parse());
    records.collect::<Result<_, _>>().expect("records")
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// What Juliet may say: an announcement, a probe, a question with known answers, a goodbye.
fn said() -> Vec<Message> {
    let mut goodbye = announced();
    goodbye.iter_mut().for_each(|record| record.ttl = 0);
    let question = "juliet@pronto._presence._tcp.local. QU IN ANY";
    let mut probe = Message::query(vec![question.parse().expect("a question")]);
    probe.authorities = announced();
    let browse = "_presence._tcp.local. IN PTR".parse().expect("a question");
    let mut browse = Message::query(vec![browse]);
    browse.answers = announced();
    vec![
        Message::response(announced()),
        Message::response(goodbye),
        probe,
        browse,
    ]
}

fn seen(at: u64, port: u16, bytes: &[u8]) -> Option<Seen> {
    let source = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 7), port));
    let group = (GROUP_V4, PORT).into();
    Seen::read(Duration::from_millis(at), source, group, 255, bytes).ok()
}

/// A packet that was one of Juliet's before somebody changed bytes of it, took some out, and put some in.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<Index>(), any::<u8>()), 0..8);
    let splice = (
        any::<Index>(),
        0..8usize,
        prop::collection::vec(any::<u8>(), 0..8),
    );
    (any::<Index>(), any::<bool>(), edits, splice).prop_map(
        |(which, compress, edits, (from, length, new))| {
            let mut bytes = which.get(&said()).encode(compress);
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let from = from.index(bytes.len());
            let to = (from + length).min(bytes.len());
            bytes.splice(from..to, new);
            bytes
        },
    )
}

fn packets() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let garbage = prop::collection::vec(any::<u8>(), 0..80);
    let bytes = prop_oneof![4 => mutated(), 1 => garbage];
    prop::collection::vec((0..5_000u64, bytes), 1..12).prop_map(|mut packets| {
        packets.sort_by_key(|(at, _)| *at);
        packets
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Every predicate can be asked of any log, and what it finds was in the log.
    #[test]
    fn any_log_can_be_judged(packets in packets()) {
        let log: Vec<Seen> = packets.iter().filter_map(|(at, bytes)| seen(*at, PORT, bytes)).collect();
        let (presence, juliet) = (name("_presence._tcp.local"), name("juliet@pronto._presence._tcp.local"));
        let mut cache = Cache::default();
        let mut records = 0;
        for packet in &log {
            for complaint in mdns::complaints(packet) {
                prop_assert!(!complaint.id.is_empty() && !complaint.text.is_empty());
            }
            mdns::legacy_complaints(&log[0], packet);
            cache.hear(packet);
            records += packet.message.records().count();
            prop_assert!(mdns::answers(&log, packet, Duration::from_secs(1), |_| true).len() <= log.len());
        }
        let end = Duration::from_secs(6);
        prop_assert!(cache.all(end).count() <= records);
        for record in cache.all(end) {
            prop_assert!(record.ttl > 0);
            prop_assert!(cache.named(&record.name, end).any(|other| other == record));
        }
        prop_assert!(mdns::probes(&log, &juliet).len() <= log.len());
        prop_assert!(mdns::unasked(&log, |_| true).len() <= log.len());
        prop_assert!(mdns::goodbyes(&log).iter().all(|(_, record)| record.ttl == 0));
        let asked = mdns::asked(&log, &presence, Kind::PTR);
        let gaps = mdns::gaps(asked.iter().map(|seen| seen.at));
        prop_assert_eq!(gaps.len(), asked.len().saturating_sub(1));
    }

    /// A response from another port, or with an opcode or a response code, changes nothing that is known: it announces nobody and
    /// takes nobody back.
    #[test]
    fn what_must_be_ignored_is(bytes in mutated(), port in 1u16..PORT, code in 1u16..16, opcode: bool) {
        let mut cache = Cache::default();
        let whole = Message::response(announced()).encode(true);
        cache.hear(&seen(0, PORT, &whole).expect("an announcement"));
        let known = |cache: &Cache| {
            let all = cache.all(Duration::from_secs(10));
            let mut all: Vec<_> = all.map(ToString::to_string).collect();
            all.sort();
            all
        };
        let before = known(&cache);
        prop_assert_eq!(before.len(), ANNOUNCED.len());
        if let Some(packet) = seen(5_000, port, &bytes) {
            prop_assert!(packet.is_ignored() || !packet.message.is_response());
            cache.hear(&packet);
        }
        if let Some(mut packet) = seen(5_000, PORT, &bytes) {
            let code = Flags(code << if opcode { 11 } else { 0 });
            packet.message.flags.0 |= code.0;
            cache.hear(&packet);
        }
        prop_assert_eq!(known(&cache), before);
    }
}

fn numbered(n: u32, data: Data) -> Record {
    let label = n.to_string();
    let name =
        Name::from_labels([label.as_bytes(), b"_presence", b"_tcp", b"local"]).expect("a name");
    match data {
        Data::Ptr(_) => Record::new(name_of_service(), 4500, Data::Ptr(name)),
        data => Record::new(name, 4500, data).with_flush(),
    }
}

fn name_of_service() -> Name {
    name("_presence._tcp.local")
}

/// Ten thousand instances, each taken back and announced again with the cache-flush bit that shared records must not have.
#[test]
fn a_storm_of_goodbyes_is_taken_in_quickly() {
    let began = Instant::now();
    let mut cache = Cache::default();
    let mut at = 0;
    for ttl in [4500, 0, 4500] {
        for first in (0..10_000).step_by(100) {
            let mut records: Vec<_> = (first..first + 100)
                .map(|n| numbered(n, Data::Ptr(Name::ROOT)))
                .collect();
            for record in &mut records {
                (record.ttl, record.flush) = (ttl, true);
            }
            let bytes = Message::response(records).encode(true);
            at += 1;
            cache.hear(&seen(at, PORT, &bytes).expect("well-formed"));
        }
    }
    let now = Duration::from_millis(at);
    assert_eq!(cache.get(&name_of_service(), Kind::PTR, now).len(), 10_000);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

/// What is kept has an end, and what has run out makes room for what comes.
#[test]
fn a_flood_of_records_has_an_end() {
    let mut cache = Cache::default();
    let text = || Data::Txt(vec![vec![b'x'; 255]; 200]);
    let hear = |cache: &mut Cache, at: u64, n: u32, ttl: u32| {
        let mut record = numbered(n, text());
        record.ttl = ttl;
        let bytes = Message::response(vec![record]).encode(true);
        cache.hear(&seen(at, PORT, &bytes).expect("well-formed"));
    };
    for n in 0..2_000 {
        hear(&mut cache, 0, n, 10);
    }
    let kept = cache.all(Duration::from_secs(1)).count();
    assert!((100..1_000).contains(&kept), "{kept}");
    // Ten seconds later all of it has run out.
    hear(&mut cache, 11_000, 9_999, 10);
    let left: Vec<_> = cache
        .all(Duration::from_secs(11))
        .map(|r| r.name.first().to_vec())
        .collect();
    assert_eq!(left, [b"9999"]);
}
