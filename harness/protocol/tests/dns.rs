//! DNS messages: what is read, what is refused and where, and that writing and reading agree.

use std::fmt::Write;

use proptest::prelude::*;
use xmppspec_protocol::dns::{
    Data, DnsError, Fault, Flags, Kind, Message, Name, Question, Record, Writer, words,
};

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn record(text: &str) -> Record {
    text.parse().expect("a record")
}

/// An announcement as avahi sends it, names compressed.
const ANNOUNCEMENT: &[u8] = b"\0\0\x84\0\0\0\0\x03\0\0\0\x01\
    \x09_presence\x04_tcp\x05local\0\0\x0c\0\x01\0\0\x11\x94\0\x10\x0djuliet@pronto\xc0\x0c\
    \xc0\x2c\0\x21\x80\x01\0\0\0\x78\0\x0f\0\0\0\0\x15\xba\x06pronto\xc0\x1b\
    \xc0\x2c\0\x10\x80\x01\0\0\x11\x94\0\x18\x09txtvers=1\x0dstatus=avail\xc3\
    \xc0\x4e\0\x01\x80\x01\0\0\0\x78\0\x04\x0a\x02\x01\xbb";

const ANNOUNCED: &[&str] = &[
    "_presence._tcp.local. 4500 IN PTR juliet@pronto._presence._tcp.local.",
    "juliet@pronto._presence._tcp.local. 120 FLUSH IN SRV 0 0 5562 pronto.local.",
    "juliet@pronto._presence._tcp.local. 4500 FLUSH IN TXT \"txtvers=1\" \"status=avail\\195\"",
    "pronto.local. 120 FLUSH IN A 10.2.1.187",
];

#[test]
fn an_announcement_is_read_and_written() {
    let message = Message::decode(ANNOUNCEMENT).expect("well-formed");
    assert!(message.is_response());
    assert_eq!(message.flags, Flags::ANSWER);
    let lines: Vec<_> = message.records().map(Record::to_string).collect();
    assert_eq!(lines, ANNOUNCED);
    assert_eq!(message.additionals.len(), 1);
    assert_eq!(message.rest, b"");
    assert_eq!(message.encode(true), ANNOUNCEMENT);
    let plain = message.encode(false);
    assert!(plain.len() > ANNOUNCEMENT.len());
    assert_eq!(Message::decode(&plain), Ok(message));
}

#[test]
fn every_bit_of_a_query_is_seen() {
    let bytes = b"\x12\x34\x7b\xff\0\x01\0\0\0\0\0\0\x01a\0\0\xff\x80\x01rest";
    let message = Message::decode(bytes).expect("well-formed");
    assert_eq!(message.id, 0x1234);
    assert!(!message.is_response());
    assert_eq!((message.flags.opcode(), message.flags.rcode()), (15, 15));
    for flag in [
        Flags::TRUNCATED,
        Flags::RECURSION_DESIRED,
        Flags::RECURSION_AVAILABLE,
        Flags::ZERO,
        Flags::AUTHENTIC_DATA,
        Flags::CHECKING_DISABLED,
    ] {
        assert!(message.flags.has(flag), "{flag:?}");
    }
    assert!(!message.flags.has(Flags::AUTHORITATIVE));
    assert_eq!(message.questions[0].to_string(), "a. QU IN ANY");
    assert_eq!(message.rest, b"rest");
    assert_eq!(message.encode(true), bytes);
}

/// A message with these counts, and a body.
fn raw(counts: [u16; 4], body: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(false);
    writer.header(0, Flags::ANSWER, counts);
    writer.raw(body);
    writer.into_bytes()
}

#[test]
fn refused() {
    let answer = |body: &[u8]| raw([0, 1, 0, 0], body);
    let long_label = [&[63][..], &[b'x'; 63]].concat();
    let cases: &[(&str, Vec<u8>, Fault, usize)] = &[
        ("nothing", vec![], Fault::Truncated, 0),
        ("half a header", vec![0; 11], Fault::Truncated, 11),
        ("no question", raw([1, 0, 0, 0], b""), Fault::Truncated, 12),
        (
            "no end of a name",
            raw([1, 0, 0, 0], b"\x01a"),
            Fault::Truncated,
            14,
        ),
        (
            "no class",
            raw([1, 0, 0, 0], b"\x01a\0\0\x01\0"),
            Fault::Truncated,
            18,
        ),
        (
            "half a label",
            raw([1, 0, 0, 0], b"\x05a"),
            Fault::Truncated,
            14,
        ),
        (
            "half a pointer",
            raw([1, 0, 0, 0], b"\xc0"),
            Fault::Truncated,
            13,
        ),
        (
            "a second answer",
            raw([0, 2, 0, 0], b"\0\0\x10\0\x01\0\0\0\0\0\0"),
            Fault::Truncated,
            23,
        ),
        (
            "half the data",
            answer(b"\0\0\x01\0\x01\0\0\0\0\0\x04\x7f\0"),
            Fault::Truncated,
            25,
        ),
        (
            "an old kind of label",
            answer(b"\x41\0"),
            Fault::LabelKind,
            12,
        ),
        (
            "another kind of label",
            answer(b"\x01a\x80"),
            Fault::LabelKind,
            14,
        ),
        (
            "a pointer to itself",
            answer(b"\xc0\x0c"),
            Fault::Pointer,
            12,
        ),
        (
            "a pointer forwards",
            answer(b"\xc0\x0e\x01a\0"),
            Fault::Pointer,
            12,
        ),
        (
            "a pointer to its own labels",
            answer(b"\x01a\xc0\x0c"),
            Fault::Pointer,
            14,
        ),
        (
            "a pointer past the end",
            answer(b"\xff\xff"),
            Fault::Pointer,
            12,
        ),
        (
            "two names that point to each other",
            raw([2, 0, 0, 0], b"\x01a\0\0\x01\0\x01\x01b\xc0\x13"),
            Fault::Pointer,
            21,
        ),
        (
            "a name of 256 bytes",
            answer(&[&long_label.repeat(3)[..], &[62], &[b'x'; 62], b"\0"].concat()),
            Fault::LongName,
            12 + 192,
        ),
        (
            "a short A",
            answer(b"\0\0\x01\0\x01\0\0\0\0\0\x03abc"),
            Fault::DataTooShort,
            26,
        ),
        (
            "a long A",
            answer(b"\0\0\x01\0\x01\0\0\0\0\0\x05abcde"),
            Fault::DataTooLong,
            27,
        ),
        (
            "a short AAAA",
            answer(b"\0\0\x1c\0\x01\0\0\0\0\0\x04abcd"),
            Fault::DataTooShort,
            27,
        ),
        (
            "a PTR of nothing",
            answer(b"\0\0\x0c\0\x01\0\0\0\0\0\0"),
            Fault::DataTooShort,
            23,
        ),
        (
            "a long PTR",
            answer(b"\0\0\x0c\0\x01\0\0\0\0\0\x02\0\0"),
            Fault::DataTooLong,
            24,
        ),
        (
            "an SRV without a target",
            answer(b"\0\0\x21\0\x01\0\0\0\0\0\x06\0\0\0\0\0\0"),
            Fault::DataTooShort,
            29,
        ),
        (
            "a string over its end",
            answer(b"\0\0\x10\0\x01\0\0\0\0\0\x02\x05a"),
            Fault::DataTooShort,
            25,
        ),
        (
            "an empty block",
            answer(b"\0\0\x2f\0\x01\0\0\0\0\0\x03\0\0\0"),
            Fault::Bitmap,
            24,
        ),
        (
            "blocks out of order",
            answer(b"\0\0\x2f\0\x01\0\0\0\0\0\x07\0\x01\x01\x01\0\x01\x01"),
            Fault::Bitmap,
            27,
        ),
        (
            "a block too long",
            answer(b"\0\0\x2f\0\x01\0\0\0\0\0\x03\0\0\x21"),
            Fault::Bitmap,
            24,
        ),
    ];
    for (what, bytes, fault, offset) in cases {
        let expected = DnsError {
            offset: *offset,
            fault: *fault,
        };
        assert_eq!(Message::decode(bytes), Err(expected), "{what}");
    }
}

#[test]
fn strange_but_legal() {
    let answer = |body: &[u8]| Message::decode(&raw([0, 1, 0, 0], body)).expect("legal");
    let empty = answer(b"\0\0\x10\0\x01\0\0\0\0\0\0");
    assert_eq!(empty.answers[0].to_string(), ". 0 IN TXT");
    let zero = answer(b"\0\0\x10\0\x01\0\0\0\0\0\x01\0");
    assert_eq!(zero.answers[0].to_string(), ". 0 IN TXT \"\"");
    let opt = answer(b"\0\0\x29\x05\xa0\0\0\x11\x94\0\0");
    assert_eq!(opt.answers[0].to_string(), ". 4500 CLASS1440 OPT \\# 0");
    // a pointer from the data into the header, to a name before the first
    let pointer = answer(b"\0\0\x0c\0\x01\0\0\0\0\0\x02\xc0\x0a");
    assert_eq!(pointer.answers[0].data, Data::Ptr(Name::ROOT));
}

/// Each pointer leads to another, which a reader may follow, but not for ever, and not for every record.
#[test]
fn hostile_pointers_cost_little() {
    let mut body = b"\0\0\x0a\0\x01\0\0\0\0".to_vec();
    let length = 2 * 5_000u16 + 1;
    body.extend(length.to_be_bytes());
    let start = 12 + body.len() as u16 + 1;
    body.push(0);
    for n in 0..5_000u16 {
        let target = if n == 0 { 12 } else { start + 2 * (n - 1) };
        body.extend((0xc000 | target).to_be_bytes());
    }
    let last = start + 2 * 4_999;
    let mut many = body;
    for _ in 0..4_000 {
        many.extend((0xc000 | last).to_be_bytes());
        many.extend(b"\0\x01\0\x01\0\0\0\0\0\x04\x7f\0\0\x01");
    }
    let error = Message::decode(&raw([0, 4_001, 0, 0], &many)).expect_err("too many pointers");
    assert_eq!(error.fault, Fault::TooManyPointers);
}

#[test]
fn ten_thousand_records() {
    let records = (0..10_000).map(|n| {
        record(&format!(
            "peer{n}._presence._tcp.local. 120 FLUSH IN SRV 0 0 {n} host{n}.local."
        ))
    });
    let message = Message::response(records.collect());
    for compress in [false, true] {
        assert_eq!(
            Message::decode(&message.encode(compress)).as_ref(),
            Ok(&message)
        );
    }
}

#[test]
fn names() {
    let odd = name(
        "a\\.b@c d\\\\\\009._presence._tcp.local"
            .replace(' ', "\\032")
            .as_str(),
    );
    assert_eq!(odd.first(), b"a.b@c d\\\t");
    assert_eq!(
        odd.to_string(),
        "a\\.b@c\\032d\\\\\\009._presence._tcp.local."
    );
    assert_eq!(odd.parent(), name("_presence._tcp.local."));
    assert!(odd.is_within(&name("LOCAL")));
    assert!(odd.is_within(&odd) && odd.is_within(&Name::ROOT));
    assert!(!odd.is_within(&name("cal.")));
    assert!(name("A.b").same(&name("a.B")) && name("A.b") != name("a.B"));
    assert!(!name("\u{c4}").same(&name("\u{e4}")));
    assert_eq!(name("j\u{fc}lia@c.").to_string(), "j\u{fc}lia@c.");
    assert_eq!(name("\\255").first(), [255]);
    assert_eq!(name("."), Name::ROOT);
    assert_eq!(Name::ROOT.to_string(), ".");
    assert_eq!(Name::from_labels([&b"a"[..], b"b"]), Some(name("a.b.")));
    assert_eq!(Name::from_labels([&b"a"[..], b""]), None);
    for (bad, at) in [
        ("", 0),
        ("..", 0),
        ("a..b", 2),
        (".a", 0),
        ("a b", 2),
        ("a\\", 2),
        ("a\\25", 2),
        ("a\\256", 2),
        ("a\"b\"", 1),
    ] {
        assert_eq!(Name::parse(bad).map_err(|e| e.at), Err(at), "{bad:?}");
    }
    assert!(Name::parse(&"x".repeat(63)).is_ok());
    assert!(Name::parse(&"x".repeat(64)).is_err());
    let long = format!("{}.", "x".repeat(63)).repeat(3);
    assert!(Name::parse(&format!("{long}{}", "x".repeat(61))).is_ok());
    assert!(Name::parse(&format!("{long}{}", "x".repeat(62))).is_err());
}

#[test]
fn lines() {
    for line in ANNOUNCED.iter().copied().chain([
        "a. 0 CLASS254 TYPE99 \\# 3 00ff7e",
        "a. 0 IN NULL \\# 0",
        "a. 120 FLUSH IN AAAA fe80::1",
        "a. 120 FLUSH IN NSEC a. A TXT AAAA SRV TYPE65535",
        "a. 120 FLUSH IN NSEC a.",
        "a. 4500 IN TXT \"a \\\"b\\\" \\\\ \\000\"",
        "a. 4500 IN A \\# 5 0102030405",
    ]) {
        assert_eq!(record(line).to_string(), line);
    }
    for (line, same) in [
        (
            "  a   7  flush in srv 1 2 3 b  ",
            "a. 7 FLUSH IN SRV 1 2 3 b.",
        ),
        ("a 7 IN A \\# 4 7f 00 0001", "a. 7 IN A 127.0.0.1"),
        ("a 7 CLASS1 TYPE16 \"\"", "a. 7 IN TXT \"\""),
        ("a 7 IN NSEC a TXT A A", "a. 7 IN NSEC a. A TXT"),
    ] {
        assert_eq!(record(line).to_string(), same);
    }
    for (line, at) in [
        ("", 0),
        ("a", 1),
        ("a IN A 127.0.0.1", 2),
        ("a -1 IN A 127.0.0.1", 2),
        ("a 4294967296 IN A 127.0.0.1", 2),
        ("a 1 A 127.0.0.1", 4),
        ("a 1 CLASS32768 A 127.0.0.1", 4),
        ("a 1 IN NOSUCH 127.0.0.1", 7),
        ("a 1 IN A 127.0.0", 9),
        ("a 1 IN A 127.0.0.1 x", 19),
        ("a 1 IN SRV 0 0 65536 b", 15),
        ("a 1 IN TXT x", 11),
        ("a 1 IN TXT \"x", 13),
        ("a 1 IN NULL x", 12),
        ("a 1 IN NULL \\# 2 00", 19),
        ("a 1 IN NULL \\# 1 0g", 18),
    ] {
        assert_eq!(
            line.parse::<Record>().map_err(|e| e.at),
            Err(at),
            "{line:?}"
        );
    }
    let question: Question = "a. QU IN PTR".parse().expect("a question");
    assert_eq!(question, Question::new(name("a"), Kind::PTR).with_unicast());
    assert!("a. 120 IN PTR".parse::<Question>().is_err());
}

#[test]
fn words_of_a_line() {
    let split = |line: &'static str| -> Vec<&str> {
        words(line).into_iter().map(|word| &line[word]).collect()
    };
    assert_eq!(
        split("  a. {any}\tIN  PTR {capture:x} "),
        ["a.", "{any}", "IN", "PTR", "{capture:x}"]
    );
    assert_eq!(
        split("\"a \\\" {b\" c\\ d {match:\"a b} {{x y} z} \u{fc}"),
        [
            "\"a \\\" {b\"",
            "c\\ d",
            "{match:\"a b}",
            "{{x y} z}",
            "\u{fc}"
        ]
    );
    assert_eq!(split(" "), [""; 0]);
    for line in ANNOUNCED {
        assert_eq!(split(line)[0], record(line).name.to_string());
        assert_eq!(split(line).join(" "), *line);
    }
}

#[test]
fn a_question_asks_for_its_records() {
    let srv = record("A.local. 120 IN SRV 0 0 1 h.local.");
    for (question, expected) in [
        ("a.local. IN SRV", true),
        ("a.local. QU IN ANY", true),
        ("a.local. CLASS255 SRV", true),
        ("a.local. IN TXT", false),
        ("local. IN SRV", false),
        ("a.local. CLASS3 SRV", false),
    ] {
        let asked: Question = question.parse().expect("a question");
        assert_eq!(asked.asks_for(&srv), expected, "{question}");
    }
}

fn any_name() -> impl Strategy<Value = Name> {
    let label = prop_oneof![
        4 => prop::sample::select(&["a", "A", "local", "_tcp", "_presence", "juliet@pronto", "x.y"][..])
            .prop_map(|label| label.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..64),
    ];
    prop::collection::vec(label, 0..4).prop_filter_map("a name has 255 bytes", |labels| {
        Name::from_labels(labels.iter().map(Vec::as_slice))
    })
}

fn any_data() -> impl Strategy<Value = Data> {
    let strings = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..4);
    let types = prop::collection::btree_set(any::<u16>().prop_map(Kind), 0..6);
    prop_oneof![
        any::<[u8; 4]>().prop_map(|bytes| Data::A(bytes.into())),
        any::<[u8; 16]>().prop_map(|bytes| Data::Aaaa(bytes.into())),
        any_name().prop_map(Data::Ptr),
        (any::<[u16; 3]>(), any_name()).prop_map(|([priority, weight, port], target)| Data::Srv {
            priority,
            weight,
            port,
            target
        }),
        strings.prop_map(Data::Txt),
        (any_name(), types).prop_map(|(next, types)| Data::Nsec {
            next,
            types: types.into_iter().collect()
        }),
        (48u16.., prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(kind, bytes)| Data::Other(Kind(kind), bytes)),
    ]
}

fn any_record() -> impl Strategy<Value = Record> {
    (
        any_name(),
        0u16..0x8000,
        any::<bool>(),
        any::<u32>(),
        any_data(),
    )
        .prop_map(|(name, class, flush, ttl, data)| Record {
            name,
            class,
            flush,
            ttl,
            data,
        })
}

fn any_question() -> impl Strategy<Value = Question> {
    (any_name(), any::<u16>(), 0u16..0x8000, any::<bool>()).prop_map(
        |(name, kind, class, unicast)| Question {
            name,
            kind: Kind(kind),
            class,
            unicast,
        },
    )
}

fn any_message() -> impl Strategy<Value = Message> {
    let records = || prop::collection::vec(any_record(), 0..4);
    (
        (any::<u16>(), any::<u16>()),
        prop::collection::vec(any_question(), 0..3),
        (records(), records(), records()),
        prop::collection::vec(any::<u8>(), 0..3),
    )
        .prop_map(
            |((id, flags), questions, (answers, authorities, additionals), rest)| Message {
                id,
                flags: Flags(flags),
                questions,
                answers,
                authorities,
                additionals,
                rest,
            },
        )
}

/// What another reader says of a message: names and numbers of its records.
fn simple(bytes: &[u8]) -> Option<String> {
    let packet = simple_dns::Packet::parse(bytes).ok()?;
    let mut out = String::new();
    for question in &packet.questions {
        let labels: Vec<_> = question.qname.as_bytes().collect();
        writeln!(out, "{labels:?} {}", question.unicast_response).ok()?;
    }
    let sections = [
        &packet.answers,
        &packet.name_servers,
        &packet.additional_records,
    ];
    for record in sections.into_iter().flatten() {
        let labels: Vec<_> = record.name.as_bytes().collect();
        let kind = u16::from(record.rdata.type_code());
        writeln!(
            out,
            "{labels:?} {kind} {} {}",
            record.ttl, record.cache_flush
        )
        .ok()?;
    }
    Some(out)
}

fn ours(message: &Message) -> String {
    let mut out = String::new();
    for question in &message.questions {
        let labels: Vec<_> = question.name.labels().collect();
        writeln!(out, "{labels:?} {}", question.unicast).unwrap();
    }
    for record in message.records() {
        let labels: Vec<_> = record.name.labels().collect();
        let kind = record.kind().0;
        writeln!(out, "{labels:?} {kind} {} {}", record.ttl, record.flush).unwrap();
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_can_be_read(message in any_message(), compress: bool) {
        prop_assert_eq!(Message::decode(&message.encode(compress)), Ok(message));
    }

    #[test]
    fn lines_can_be_read(record in any_record(), question in any_question()) {
        prop_assert_eq!(record.to_string().parse(), Ok(record));
        prop_assert_eq!(question.to_string().parse(), Ok(question));
    }

    #[test]
    fn another_reader_sees_the_same(mut message in any_message(), compress: bool) {
        // it knows fewer classes, types and codes, and puts OPT elsewhere
        message.flags.0 &= 0x8780;
        message.rest.clear();
        let known = |kind: Kind| matches!(kind.0, 1 | 12 | 16 | 28 | 33 | 47);
        message.questions.retain(|question| known(question.kind));
        message.questions.iter_mut().for_each(|question| question.class = 1);
        for section in [&mut message.answers, &mut message.authorities, &mut message.additionals] {
            section.retain(|record| known(record.kind()) && record.data != Data::Txt(Vec::new()));
            section.iter_mut().for_each(|record| record.class = 1);
        }
        prop_assert_eq!(simple(&message.encode(compress)), Some(ours(&message)));
    }

    #[test]
    fn nothing_panics(
        message in any_message(),
        compress: bool,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message.encode(compress);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() * 3).max(1));
        // what can be read of it can be written and read again
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(Message::decode(&message.encode(compress)), Ok(message));
        }
    }

    #[test]
    fn no_text_panics(text in "[ -~\\n\u{fc}]{0,40}", line in "a 1 IN (A|TXT|SRV|NSEC|NULL) [ -~]{0,20}") {
        let _ = Name::parse(&text);
        let _ = text.parse::<Question>();
        let _ = line.parse::<Record>();
    }
}
