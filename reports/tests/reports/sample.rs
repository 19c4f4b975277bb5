//! A run in which everything happened, against a target that wants to break the report.

use xmppspec_reports::{
    At, Case, Content, Direction, Entry, Judged, Known, Layer, NotRun, Options, RequirementInfo,
    Results, Run, Target, Tool, Verdict,
};

/// What a hostile target sends: markup, control characters, colours, ends of CDATA and scripts, hidden and turned text.
pub(crate) const NASTY: &str =
    "</script><script>alert(1)</script>]]>\x1b[31m\0\r\n--><!--\u{202e}\"'&amp;|`${x}\u{200b}";

const CATALOGUE: &[(&str, &str, &str, &str)] = &[
    (
        "RFC6120-4.7.1-3",
        "4.7.1",
        "MUST",
        "The response stream header has a 'from' attribute.",
    ),
    (
        "RFC6120-4.7.3-6",
        "4.7.3",
        "MUST",
        "The receiving entity generates an 'id' for the response stream header.",
    ),
    (
        "RFC6120-4.9.1.1-3",
        "4.9.1.1",
        "MUST",
        "After a stream error the stream is closed.",
    ),
    (
        "RFC6120-4.9.3.6-1",
        "4.9.3.6",
        "SHOULD",
        "An initial 'to' that is not a name serviced by the receiving entity is answered with <host-unknown/>.",
    ),
    ("RFC6120-5.4.1-1", "5.4.1", "MUST", "STARTTLS is offered."),
    (
        "RFC6120-6.5.7-1",
        "6.5.7",
        "MUST",
        "An unknown mechanism is answered with <invalid-mechanism/>.",
    ),
    (
        "RFC6120-8.2.3-4",
        "8.2.3",
        "MUST",
        "An IQ of type get or set is answered.",
    ),
    (
        "RFC6121-2.3.3-1",
        "2.3.3",
        "MUST",
        "A roster set is refused with <bad-request/> if it holds more than one item.",
    ),
    (
        "RFC6121-8.5.1-2",
        "8.5.1",
        "MUST NOT",
        "A message for an account that does not exist is not silently dropped.",
    ),
    (
        "RFC6121-A.2.1-1",
        "A.2.1",
        "MUST",
        "An outbound subscribe in state None leads to None + Pending Out.",
    ),
    (
        "RFC7622-3.2-1",
        "3.2",
        "MUST",
        "The domainpart is a valid NR-LDH label, IPv4 or IPv6 literal.",
    ),
];

/// The texts of the requirements in the sample.
pub(crate) fn texts(id: &str) -> Option<RequirementInfo<'_>> {
    let &(id, section, level, text) = CATALOGUE.iter().find(|row| row.0 == id)?;
    Some(RequirementInfo {
        spec: id.split_once('-')?.0,
        section,
        level,
        text,
        quote: (id == "RFC6120-4.7.3-6").then_some(
            "the receiving entity MUST generate a unique\nidentifier and include it in the 'id' attribute",
        ),
    })
}

pub(crate) fn options() -> Options<'static> {
    Options {
        requirements: &texts,
        ..Options::default()
    }
}

pub(crate) fn catalogue() -> impl Iterator<Item = (&'static str, &'static str)> {
    CATALOGUE.iter().map(|row| (row.0, row.2))
}

fn entry(at_ms: f64, layer: Layer, direction: Direction, bytes: &[u8]) -> Entry {
    Entry {
        at_ms,
        actor: "Romeo".to_owned(),
        layer,
        direction,
        content: Content::new(bytes),
        packet: None,
    }
}

fn judged(list: &[(&str, Verdict)]) -> Vec<Judged> {
    list.iter()
        .map(|&(id, verdict)| Judged::new(id, texts(id).map_or("MUST", |info| info.level), verdict))
        .collect()
}

const HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// The cases of the sample, as a runner would hand them over.
pub(crate) fn cases() -> Vec<Case> {
    use Direction::{Note, Received, Sent};
    let at = |line| {
        Some(At {
            file: "rfc6120/4.7.3-id.scs".to_owned(),
            line,
        })
    };
    vec![
        Case {
            judged: judged(&[("RFC6120-4.7.1-3", Verdict::Pass)]),
            duration_ms: 4,
            transcript: vec![
                entry(0.1, Layer::Plain, Sent, HEADER),
                entry(1.25, Layer::Plain, Received, b"<stream:stream from='localhost' id='1'>"),
                entry(1.5, Layer::Note, Note, b"TLS 1.3, TLS_AES_256_GCM_SHA384"),
                entry(2.5, Layer::Tls, Received, b"<stream:features/>"),
            ],
            ..Case::new("rfc6120/4.7.1-from", "The response header has a from", Verdict::Pass)
        },
        Case {
            judged: judged(&[
                ("RFC6120-4.7.1-3", Verdict::Pass),
                ("RFC6120-4.7.3-6", Verdict::Fail),
                ("RFC6120-4.9.1.1-3", Verdict::Blocked),
            ]),
            reason: Some("the response header has no id".to_owned()),
            at: at(7),
            expected: Some("<stream:stream id='{any}' from='localhost'>".to_owned()),
            received: Some("<stream:stream from='localhost'>".to_owned()),
            diagnostic: Some(
                "error: the response header has no id\n --> rfc6120/4.7.3-id.scs:7:17\n  |\n7 | \t<stream:stream id='{any}'>\n  |                ^^ absent\n  |\n"
                    .to_owned(),
            ),
            duration_ms: 1204,
            transcript: vec![
                entry(0.0, Layer::Note, Note, b"connected to 127.0.0.1:5222"),
                entry(0.2, Layer::Plain, Sent, HEADER),
                entry(0.9, Layer::Plain, Received, b"<?xml version='1.0'?>"),
                entry(1.0, Layer::Plain, Received, b"<stream:stream from='localhost'>"),
                entry(1.1, Layer::Plain, Received, NASTY.as_bytes()),
                entry(1.2, Layer::Plain, Received, b"\xff\xfe</script>\x00"),
                entry(1.3, Layer::Plain, Sent, b"</stream:stream>"),
                entry(1204.0, Layer::Note, Note, b"closed by the target: RST"),
            ],
            ..Case::new("rfc6120/4.7.3-id", "The response header has an id", Verdict::Fail)
        },
        Case {
            judged: judged(&[("RFC6120-4.9.3.6-1", Verdict::Warn)]),
            reason: Some("<host-gone/> came".to_owned()),
            at: at(11),
            expected: Some("<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>".to_owned()),
            received: Some("<stream:error><host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>".to_owned()),
            duration_ms: 3,
            ..Case::new("rfc6120/4.9.3.6-host-unknown", "An unknown host is answered with host-unknown", Verdict::Warn)
        },
        Case {
            judged: judged(&[("RFC6120-8.2.3-4", Verdict::Blocked)]),
            reason: Some("Romeo could not log in: <not-authorized/>".to_owned()),
            duration_ms: 12,
            ..Case::new("rfc6120/8.2.3-answers[get]", "An IQ is answered", Verdict::Blocked)
        },
        Case {
            judged: judged(&[("RFC6120-8.2.3-4", Verdict::Blocked)]),
            reason: Some("Romeo could not log in: <not-authorized/>".to_owned()),
            duration_ms: 11,
            ..Case::new("rfc6120/8.2.3-answers[set]", "An IQ is answered", Verdict::Blocked)
        },
        Case {
            judged: judged(&[("RFC6120-5.4.1-1", Verdict::Skip)]),
            reason: Some("the target does not offer direct-tls".to_owned()),
            ..Case::new("rfc6120/5.4.1-direct", "TLS from the first byte", Verdict::Skip)
        },
        Case {
            judged: judged(&[("RFC6120-6.5.7-1", Verdict::Error)]),
            reason: Some("xmppspec could not make a socket: too many open files".to_owned()),
            ..Case::new("rfc6120/6.5.7-invalid-mechanism", "An unknown mechanism is refused", Verdict::Error)
        },
        Case {
            judged: judged(&[("RFC6121-2.3.3-1", Verdict::Fail)]),
            reason: Some("the roster set with two items was accepted".to_owned()),
            expected: Some("<iq type='error'/>".to_owned()),
            received: Some("<iq type='result'/>".to_owned()),
            duration_ms: 20,
            ..Case::new("rfc6121/2.3.3-two-items", "A roster set with two items is refused", Verdict::Fail)
        },
        Case {
            judged: judged(&[("RFC6121-8.5.1-2", Verdict::Pass)]),
            duration_ms: 31,
            ..Case::new("rfc6121/8.5.1-nobody", "A message for nobody comes back", Verdict::Pass)
        },
        Case {
            judged: vec![Judged::new(format!("X-1{NASTY}"), "MUST", Verdict::Fail)],
            reason: Some(format!("reason {NASTY}")),
            at: Some(At { file: format!("mine/{NASTY}.scs"), line: 3 }),
            expected: Some(format!("expected {NASTY}")),
            received: Some(format!("received {NASTY} {}", "x".repeat(500))),
            diagnostic: Some(format!("error: {NASTY}\n  ^\n")),
            duration_ms: 1,
            transcript: vec![Entry {
                actor: format!("Mallory {NASTY}"),
                ..entry(0.5, Layer::Tls, Received, NASTY.as_bytes())
            }],
            ..Case::new(format!("mine/{NASTY}"), format!("title {NASTY}"), Verdict::Fail)
        },
    ]
}

/// What the target's profile expects.
pub(crate) fn known() -> Vec<Known> {
    vec![
        Known {
            requirement: "RFC6121-2.3.3-1".to_owned(),
            case: Some("rfc6121/2.3.3-*".to_owned()),
            reason: "Only the first item is looked at (issue 1234).".to_owned(),
            link: Some("https://issues.example/1234".to_owned()),
            ..Known::default()
        },
        Known {
            requirement: "RFC6121-8.5.1-2".to_owned(),
            reason: "Messages for nobody vanish.".to_owned(),
            ..Known::default()
        },
    ]
}

pub(crate) fn run() -> Run {
    Run {
        tool: Tool {
            name: "xmppspec".to_owned(),
            version: "0.1.0".to_owned(),
        },
        target: Target {
            name: "prosody".to_owned(),
            version: Some("0.12.3-1".to_owned()),
            role: "server".to_owned(),
        },
        world: "namespaces".to_owned(),
        seed: 42,
        started: "2026-11-27T06:00:00Z".to_owned(),
        duration_ms: 3456,
        interrupted: false,
        notes: vec!["run without a world".to_owned()],
        not_run: vec![NotRun {
            name: "rfc7622/3.2-domainpart".to_owned(),
            covers: vec!["RFC7622-3.2-1".to_owned()],
        }],
    }
}

pub(crate) fn results() -> Results {
    Results::assemble(run(), cases(), catalogue(), &known())
}
