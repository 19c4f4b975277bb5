//! Predicates over packets, on packets.

use std::cmp::Ordering;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use xmppspec_protocol::dns::{Flags, Kind, Message, Name, Question, Record};
use xmppspec_protocol::mdns::{self, Cache, GROUP_V4, PORT, Seen};

const PTR: &str = "_presence._tcp.local. 4500 IN PTR juliet@pronto._presence._tcp.local.";
const SRV: &str = "juliet@pronto._presence._tcp.local. 120 FLUSH IN SRV 0 0 5562 pronto.local.";
const TXT: &str =
    "juliet@pronto._presence._tcp.local. 4500 FLUSH IN TXT \"txtvers=1\" \"status=avail\"";
const A: &str = "pronto.local. 120 FLUSH IN A 10.0.0.7";

fn record(line: &str) -> Record {
    line.parse().expect("a record")
}

fn records(lines: &[&str]) -> Vec<Record> {
    lines.iter().map(|line| record(line)).collect()
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn host(last: u8) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, last), PORT).into()
}

/// A packet from 10.0.0.`from` to the group.
fn sent(at: u64, from: u8, message: &Message) -> Seen {
    let group = (GROUP_V4, PORT).into();
    Seen::read(ms(at), host(from), group, 255, &message.encode(true)).expect("well-formed")
}

fn response(at: u64, from: u8, lines: &[&str]) -> Seen {
    sent(at, from, &Message::response(records(lines)))
}

fn query(at: u64, from: u8, question: &str) -> Seen {
    let question: Question = question.parse().expect("a question");
    sent(at, from, &Message::query(vec![question]))
}

fn probe(at: u64, from: u8) -> Seen {
    let mut message = query(0, 0, "juliet@pronto._presence._tcp.local. QU IN ANY").message;
    message.authorities = records(&[&SRV.replace(" FLUSH", ""), &TXT.replace(" FLUSH", "")]);
    sent(at, from, &message)
}

/// Someone (7) comes online, changes, is asked by another (1), and leaves.
fn life() -> Vec<Seen> {
    let away = TXT.replace("avail", "away");
    vec![
        probe(20, 7),
        probe(270, 7),
        probe(521, 7),
        response(771, 7, &[PTR, SRV, TXT, A]),
        response(1772, 7, &[PTR, SRV, TXT, A]),
        query(3_000, 1, "_PRESENCE._tcp.local. IN PTR"),
        response(3_080, 7, &[PTR]),
        query(4_000, 1, "_presence._tcp.local. IN PTR"),
        query(6_100, 1, "_presence._tcp.local. IN PTR"),
        response(8_000, 7, &[&away]),
        response(9_000, 7, &[&away]),
        response(12_000, 7, &[&PTR.replace(" 4500 ", " 0 ")]),
    ]
}

#[test]
fn a_life_is_found_in_a_log() {
    let log = life();
    let instance = name("Juliet@pronto._presence._tcp.local.");
    let probes = mdns::probes(&log, &instance);
    assert_eq!(probes.len(), 3);
    assert_eq!(probes[0].proposed.len(), 2);
    assert!(probes[0].question.unicast && probes[0].question.kind == Kind::ANY);
    let gaps = mdns::gaps(probes.iter().map(|probe| probe.at));
    assert_eq!(gaps, [ms(250), ms(251)]);
    assert_eq!(mdns::uneven(&gaps, ms(250), ms(50)), None);
    assert_eq!(mdns::uneven(&gaps, ms(250), ms(0)), Some(1));
    assert!(mdns::probes(&log, &name("pronto.local")).is_empty());

    let unasked = mdns::unasked(&log, |seen| seen.source == host(7));
    let times: Vec<_> = unasked.iter().map(|seen| seen.at).collect();
    assert_eq!(times, [771, 1772, 8_000, 9_000, 12_000].map(ms));

    let byes = mdns::goodbyes(&log);
    assert_eq!(byes.len(), 1);
    assert!(mdns::same_record(byes[0].1, &record(PTR)));

    let asked = mdns::asked(&log, &name("_presence._tcp.local"), Kind::PTR);
    let gaps = mdns::gaps(asked.iter().map(|seen| seen.at));
    assert_eq!(gaps, [ms(1_000), ms(2_100)]);

    let texts = mdns::multicast(&log, |record| record.kind() == Kind::TXT);
    let gaps = mdns::gaps(texts.iter().map(|(at, _)| *at));
    assert_eq!(mdns::bunched(&gaps, ms(1_000), ms(10)), None);
    assert_eq!(mdns::bunched(&gaps, ms(1_001), ms(0)), Some(2));
}

#[test]
fn answers_are_found() {
    let log = life();
    let of = |seen: &Seen| seen.source == host(7);
    let delays = |query: &Seen| -> Vec<Duration> {
        let answers = mdns::answers(&log, query, ms(500), of);
        answers.iter().map(|seen| seen.at - query.at).collect()
    };
    assert_eq!(delays(&log[5]), [ms(80)]);
    assert_eq!(delays(&log[7]), []);
    assert_eq!(
        delays(&query(
            7_900,
            1,
            "juliet@pronto._presence._tcp.local. IN ANY"
        )),
        [ms(100)]
    );
    assert_eq!(delays(&query(7_900, 1, "pronto.local. IN ANY")), []);
    // to one who asked by unicast, and to someone else
    let mut unicast = log[6].clone();
    unicast.destination = host(1);
    let one = [unicast];
    assert_eq!(mdns::answers(&one, &log[5], ms(500), of).len(), 1);
    let other = query(3_000, 2, "_presence._tcp.local. IN PTR");
    assert_eq!(mdns::answers(&one, &other, ms(500), of).len(), 0);
}

#[test]
fn simple_resolvers_get_their_question_back() {
    let mut query = query(0, 1, "_presence._tcp.local. IN PTR");
    query.message.id = 77;
    let mut answer = response(9, 7, &[PTR]);
    assert_eq!(mdns::legacy_complaints(&query, &answer).len(), 2);
    answer.message.id = 77;
    answer.message.questions = query.message.questions.clone();
    assert_eq!(mdns::legacy_complaints(&query, &answer), []);
    answer.message.questions[0].kind = Kind::ANY;
    assert_eq!(
        mdns::legacy_complaints(&query, &answer)[0].id,
        "MDNS-RSP-11"
    );
}

#[test]
fn gaps_double() {
    let check = |gaps: &[u64]| {
        let gaps: Vec<_> = gaps.iter().map(|gap| ms(*gap)).collect();
        mdns::not_doubled(&gaps, ms(1_000), ms(8_000), ms(20))
    };
    assert_eq!(check(&[1_000, 2_000, 4_000, 8_000, 8_000]), None);
    assert_eq!(check(&[990, 1_990]), None);
    assert_eq!(check(&[970]), Some(0));
    assert_eq!(check(&[1_000, 1_500]), Some(1));
    assert_eq!(check(&[5_000, 8_000, 7_000]), Some(2));
    assert_eq!(check(&[]), None);
}

#[test]
fn known_answers_and_conflicts() {
    let srv = record(SRV);
    for (known, expected) in [
        (SRV.to_owned(), true),
        (SRV.replace(" 120 FLUSH", " 60"), true),
        (SRV.replace(" 120 ", " 59 "), false),
        (SRV.replace("5562", "5563"), false),
        (SRV.replace("pronto.local", "PRONTO.local"), true),
        (TXT.to_owned(), false),
    ] {
        assert_eq!(mdns::suppresses(&record(&known), &srv), expected, "{known}");
    }
    assert!(mdns::conflict(&srv, &record(&SRV.replace("5562", "5563"))));
    assert!(!mdns::conflict(&srv, &record(&SRV.replace("120", "0"))));
    assert!(!mdns::conflict(&srv, &record(TXT)));
    assert!(!mdns::conflict(
        &srv,
        &record(&SRV.replace("juliet", "romeo"))
    ));
}

#[test]
fn the_greater_proposal_wins() {
    // RFC 6762 §8.2
    let a = |address: &str| record(&format!("MyPrinter.local. 120 IN A {address}"));
    let ours = [a("169.254.99.200")];
    assert_eq!(
        mdns::tie_break(&ours, &[a("169.254.200.50")]),
        Ordering::Less
    );
    assert_eq!(mdns::tie_break(&ours, &ours), Ordering::Equal);
    let both = records(&[SRV, TXT]);
    assert_eq!(mdns::tie_break(&both, &both[..1]), Ordering::Less);
    assert_eq!(mdns::tie_break(&both[..1], &both[1..]), Ordering::Greater);
    let reversed = records(&[TXT, SRV]);
    assert_eq!(mdns::tie_break(&both, &reversed), Ordering::Equal);
}

#[test]
fn a_cache_forgets() {
    let mut cache = Cache::default();
    let instance = name("juliet@pronto._presence._tcp.local.");
    let service = name("_PRESENCE._tcp.local.");
    let has = |cache: &Cache, kind, at| cache.get(&instance, kind, ms(at)).len();
    for seen in life() {
        cache.hear(&seen);
    }
    // the old status is gone one second after the new one, the instance one second after its goodbye
    let texts = cache.get(&instance, Kind::TXT, ms(12_000));
    assert_eq!(texts.len(), 1);
    assert!(texts[0].to_string().contains("away"));
    assert_eq!(cache.get(&service, Kind::PTR, ms(12_999)).len(), 1);
    assert_eq!(cache.get(&service, Kind::PTR, ms(13_000)).len(), 0);
    assert_eq!(has(&cache, Kind::SRV, 121_771), 1);
    assert_eq!(has(&cache, Kind::SRV, 121_772), 0);
    assert_eq!(cache.all(ms(13_000)).count(), 3);
    // rescued
    cache.hear(&response(12_500, 7, &[PTR]));
    assert_eq!(cache.get(&service, Kind::PTR, ms(20_000)).len(), 1);
    // two records of one announcement do not replace each other
    let two = [A, &A.replace("10.0.0.7", "10.0.0.8")];
    let mut cache = Cache::default();
    cache.hear(&response(0, 7, &two[..1]));
    cache.hear(&response(900, 7, &two[1..]));
    assert_eq!(
        cache.get(&name("pronto.local"), Kind::A, ms(10_000)).len(),
        2
    );
    cache.hear(&response(1_950, 7, &two[1..]));
    assert_eq!(
        cache.get(&name("pronto.local"), Kind::A, ms(2_949)).len(),
        2
    );
    assert_eq!(
        cache.get(&name("pronto.local"), Kind::A, ms(2_950)).len(),
        1
    );
}

#[test]
fn some_packets_are_to_be_ignored() {
    let mut cache = Cache::default();
    let mut foreign = response(0, 7, &[PTR]);
    foreign.source.set_port(5354);
    let mut code = response(0, 7, &[PTR]);
    code.message.flags.0 |= 3;
    let mut opcode = response(0, 7, &[PTR]);
    opcode.message.flags.0 |= 2 << 11;
    let mut known = query(0, 7, "_presence._tcp.local. IN PTR");
    known.message.answers = records(&[PTR]);
    for seen in [&foreign, &code, &opcode, &known] {
        cache.hear(seen);
    }
    assert_eq!(cache.all(ms(1)).count(), 0);
    assert!(foreign.is_ignored() && code.is_ignored() && opcode.is_ignored());
    assert!(!known.is_ignored());
}

fn ids(seen: &Seen) -> Vec<&'static str> {
    mdns::complaints(seen)
        .iter()
        .map(|complaint| complaint.id)
        .collect()
}

#[test]
fn right_packets_give_no_complaints() {
    for seen in life() {
        assert_eq!(mdns::complaints(&seen), []);
    }
    let mut truncated = query(0, 7, "_presence._tcp.local. IN PTR");
    truncated.message.flags = Flags::TRUNCATED;
    assert_eq!(mdns::complaints(&truncated), []);
    let mut legacy = response(0, 7, &[&SRV.replace(" 120 FLUSH", " 10")]);
    legacy.destination = (Ipv4Addr::new(10, 0, 0, 1), 40_000).into();
    legacy.message.id = 7;
    assert_eq!(mdns::complaints(&legacy), []);
    assert_eq!(
        ids(&response(
            0,
            7,
            &["_services._dns-sd._udp.local. 4500 IN PTR _presence._tcp.local."]
        )),
        [""; 0]
    );
}

#[test]
fn wrong_records() {
    for (line, id) in [
        (PTR.replace(" IN", " FLUSH IN"), "MDNS-ANN-06"),
        (PTR.replace("4500", "120"), "MDNS-ANN-08"),
        (PTR.replace("juliet@pronto", "juliet"), "XEP0174-PUB-05"),
        (PTR.replace("juliet@pronto", "juliet@"), "XEP0174-PUB-05"),
        (PTR.replace("juliet@pronto", "@pronto"), "XEP0174-PUB-05"),
        (PTR.replace("juliet", "jul\\010iet"), "SD-INST-01"),
        (PTR.replace("juliet", "jul\\255iet"), "SD-INST-01"),
        (PTR.replace("pronto", "pr\u{f6}nto"), "XEP0174-TXT-11"),
        (SRV.replace(" FLUSH", ""), "MDNS-ANN-05"),
        (
            SRV.replace("pronto.local", "pr\u{f6}nto.local"),
            "XEP0174-TXT-11",
        ),
        (SRV.replace("120", "4500"), "MDNS-ANN-08"),
        (A.replace(" FLUSH", ""), "MDNS-ANN-05"),
        (
            TXT.replace(" \"txtvers=1\" \"status=avail\"", ""),
            "SD-TXT-01",
        ),
        (TXT.replace("=1\"", "=2\""), "XEP0174-TXT-05"),
        (
            TXT.replace("\"txtvers=1\"", "\"nick=j\" \"txtvers=1\""),
            "XEP0174-TXT-02",
        ),
        (TXT.replace("avail", "online"), "XEP0174-TXT-06"),
        (TXT.replace("status=avail", "vc=AVX"), "XEP0174-TXT-09"),
        (TXT.replace("status=avail", "msg=\\255"), "XEP0174-TXT-10"),
        (TXT.replace("status=avail", "TXTVERS=1"), "XEP0174-TXT-01"),
        (TXT.replace("status=avail", "=x"), "SD-TXT-03"),
        (TXT.replace("status=avail", "\u{e4}=x"), "SD-TXT-03"),
        (TXT.replace("status=avail", "abcdefghij=x"), "SD-TXT-04"),
        (
            TXT.replace("status=avail", &format!("a={0}\" \"b={0}", "x".repeat(200))),
            "XEP0174-TXT-03",
        ),
    ] {
        assert_eq!(ids(&response(0, 7, &[&line])), [id], "{line}");
    }
    let zero = TXT.replace("\"txtvers=1\" \"status=avail\"", "\"\"");
    assert_eq!(ids(&response(0, 7, &[&zero])), [""; 0]);
}

#[test]
fn wrong_packets() {
    let wrong = |change: fn(&mut Seen)| {
        let mut seen = response(0, 7, &[PTR, SRV, TXT]);
        change(&mut seen);
        ids(&seen)
    };
    assert_eq!(wrong(|seen| seen.source.set_port(5354)), ["MDNS-RSP-01"]);
    assert_eq!(
        wrong(|seen| seen.destination.set_port(5354)),
        ["MDNS-RSP-02"]
    );
    assert_eq!(wrong(|seen| seen.ttl = 1), ["MDNS-RSP-03"]);
    assert_eq!(
        wrong(|seen| seen.length = 8_973),
        ["MDNS-RSP-17", "MDNS-RSP-16"]
    );
    assert_eq!(wrong(|seen| seen.message.id = 1), ["MDNS-RSP-14"]);
    assert_eq!(
        wrong(|seen| seen.message.flags = Flags::RESPONSE),
        ["MDNS-RSP-14"]
    );
    assert_eq!(
        wrong(|seen| seen.message.flags.0 |= 0x0100),
        ["MDNS-RSP-14"]
    );
    let asked = |seen: &mut Seen| {
        let question = Question::new(name("a"), Kind::A);
        seen.message.questions.push(question);
    };
    assert_eq!(wrong(asked), ["MDNS-RSP-14"]);
    let plain = Message::response(records(&[PTR, SRV])).encode(false);
    let group = (GROUP_V4, PORT).into();
    let plain = Seen::read(ms(0), host(7), group, 255, &plain).expect("well-formed");
    assert_eq!(ids(&plain), ["MDNS-RSP-16"]);

    let mut flags = query(0, 7, "_presence._tcp.local. IN PTR");
    flags.message.flags = Flags::RECURSION_DESIRED;
    flags.message.id = 9;
    assert_eq!(ids(&flags), ["MDNS-QRY-06", "MDNS-QRY-06"]);
    flags.source.set_port(40_000);
    assert_eq!(ids(&flags), [""; 0]);
    let mut flush = query(0, 7, "_presence._tcp.local. IN PTR");
    flush.message.answers = records(&[SRV]);
    assert_eq!(ids(&flush), ["MDNS-ANN-07"]);
    let mut legacy = response(0, 7, &[SRV]);
    legacy.destination = (Ipv4Addr::new(10, 0, 0, 1), 40_000).into();
    assert_eq!(ids(&legacy), ["MDNS-RSP-11", "MDNS-RSP-12"]);
}

#[test]
fn keys_of_txt_records() {
    let strings: Vec<Vec<u8>> = ["A=1", "", "=x", "b", "a=2", "c=", "d=e=f"]
        .map(|string| string.as_bytes().to_vec())
        .to_vec();
    let keys: Vec<_> = mdns::keys(&strings).map(|(key, _)| key).collect();
    assert_eq!(keys, [&b"A"[..], b"b", b"a", b"c", b"d"]);
    assert_eq!(mdns::value(&strings, "a"), Some(Some(&b"1"[..])));
    assert_eq!(mdns::value(&strings, "b"), Some(None));
    assert_eq!(mdns::value(&strings, "c"), Some(Some(&b""[..])));
    assert_eq!(mdns::value(&strings, "d"), Some(Some(&b"e=f"[..])));
    assert_eq!(mdns::value(&strings, ""), None);
}

#[test]
fn services_of_instances() {
    let service = |text: &str| mdns::service(&name(text)).map(|name| name.to_string());
    assert_eq!(
        service("juliet@pronto._presence._tcp.local"),
        Some("_presence._tcp.local.".into())
    );
    assert_eq!(service("_presence._tcp.local"), None);
    assert_eq!(service("_services._dns-sd._udp.local"), None);
    assert_eq!(service("pronto.local"), None);
    assert_eq!(service("."), None);
}

#[test]
fn a_record_that_comes_again_too_soon() {
    let of = |seen: &Seen| seen.source == host(7);
    let gap = |log: &[Seen]| mdns::too_soon(log, ms(50), of).map(|(_, gap)| gap);
    assert_eq!(gap(&life()), None);
    let twice = |second: Seen| [response(1_000, 7, &[PTR, SRV]), second];
    assert_eq!(gap(&twice(response(1_700, 7, &[TXT, PTR]))), Some(ms(700)));
    assert_eq!(gap(&twice(response(1_960, 7, &[PTR]))), None);
    // Another's, another record, one that was taken back, one that another's probe has asked for.
    assert_eq!(gap(&twice(response(1_700, 1, &[PTR]))), None);
    let other = SRV.replace("5562", "5563");
    assert_eq!(gap(&twice(response(1_700, 7, &[&other]))), None);
    let goodbye = response(1_300, 7, &[&PTR.replace(" 4500 ", " 0 ")]);
    let [first, second] = twice(response(1_700, 7, &[PTR]));
    assert_eq!(gap(&[first, goodbye, second]), None);
    let [first, second] = twice(response(1_700, 7, &[SRV]));
    assert_eq!(gap(&[first.clone(), probe(1_400, 1), second.clone()]), None);
    assert_eq!(
        gap(&[first, query(1_400, 1, "pronto.local. IN A"), second]),
        Some(ms(700))
    );
}

/// Ten thousand instances are kept, and asked for, without looking at all of them for each.
#[test]
fn a_crowded_link() {
    let mut cache = Cache::default();
    for n in 0..10_000u32 {
        let instance = format!("peer{n}@h._presence._tcp.local.");
        let lines = [
            format!("_presence._tcp.local. 4500 IN PTR {instance}"),
            format!("{instance} 120 FLUSH IN SRV 0 0 1 h.local."),
        ];
        cache.hear(&response(u64::from(n), 7, &[&lines[0], &lines[1]]));
    }
    assert_eq!(cache.all(ms(10_000)).count(), 20_000);
    let one = name("peer77@h._presence._tcp.local.");
    assert_eq!(cache.get(&one, Kind::SRV, ms(10_000)).len(), 1);
}
