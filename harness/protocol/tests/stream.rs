//! Streams as a connection reads them: the same events however they come, and nothing taken that belongs to what
//! follows.

use proptest::prelude::*;
use xmppspec_protocol::ns;
use xmppspec_protocol::stream::{StreamEvent, StreamParser, header, lenient};
use xmppspec_protocol::xml::{Limits, Rule, XmlError};

const STREAM: &str = "<?xml version='1.0'?>\n<stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' from='example.org' id='x&amp;y' version='1.0' xml:lang='en'>\
    <stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>\r\n\r\n \
    <message to='a@b'><body>\u{1f4a9} &lt;</body></message>oops&amp;<presence/></stream:stream>\n<next";

/// All events of chunks of these sizes in turn, one line each, and how far they went.
fn events(bytes: &[u8], sizes: &[usize]) -> (Vec<String>, u64) {
    let mut parser = StreamParser::new(Limits::default());
    let (mut lines, mut rest) = (Vec::new(), bytes);
    for size in sizes.iter().cycle() {
        let (chunk, after) = rest.split_at(rest.len().min(*size));
        rest = after;
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            lines.push(format!("{event:?}"));
            if event.is_err() {
                return (lines, parser.offset());
            }
        }
        if rest.is_empty() {
            break;
        }
    }
    (lines, parser.offset())
}

#[test]
fn a_stream_from_its_header_to_its_end() {
    let mut parser = StreamParser::new(Limits::default());
    parser.feed(STREAM.as_bytes());
    let mut next = || parser.next_event().expect("an event").expect("well-formed");
    let StreamEvent::Opened(header) = next() else {
        panic!("no header");
    };
    assert!(header.element.is(ns::STREAMS, "stream"));
    assert_eq!(header.element.attr("id"), Some("x&y"));
    assert_eq!(header.default_ns.as_deref(), Some("jabber:client"));
    assert_eq!(
        header.declaration.map(|d| d.version).as_deref(),
        Some("1.0")
    );
    let StreamEvent::Element(features) = next() else {
        panic!("no features");
    };
    assert!(features.is(ns::STREAMS, "features"));
    assert_eq!(next(), StreamEvent::Whitespace(5));
    let StreamEvent::Element(message) = next() else {
        panic!("no message");
    };
    let body = message.child(ns::CLIENT, "body").expect("a body");
    assert_eq!(body.text(), "\u{1f4a9} <");
    assert_eq!(next(), StreamEvent::Text("oops&".into()));
    assert!(matches!(next(), StreamEvent::Element(_)));
    assert_eq!(next(), StreamEvent::Closed);
    assert_eq!(parser.next_event(), None);
    assert_eq!(parser.take_unparsed(), b"\n<next");
}

#[test]
fn what_follows_a_restart_is_left() {
    let header = header(ns::CLIENT, &[("to", "a'b"), ("xml:lang", "de")]);
    let mut parser = StreamParser::new(Limits::default());
    parser.feed(header.as_bytes());
    parser.feed(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\x16\x03\x01\xff");
    let opened = parser.next_event().expect("an event").expect("well-formed");
    let StreamEvent::Opened(opened) = opened else {
        panic!("no header");
    };
    assert_eq!(opened.element.attr("to"), Some("a'b"));
    let proceed = parser.next_event().expect("an event");
    assert!(matches!(proceed, Ok(StreamEvent::Element(e)) if e.is(ns::TLS, "proceed")));
    assert_eq!(parser.take_unparsed(), b"\x16\x03\x01\xff");
    assert_eq!(parser.next_event(), None);
}

#[test]
fn an_error_stays() {
    let mut parser = StreamParser::new(Limits::default());
    parser.feed(b"<a><b></c>");
    assert!(matches!(
        parser.next_event(),
        Some(Ok(StreamEvent::Opened(_)))
    ));
    let error = XmlError {
        offset: 8,
        rule: Rule::MismatchedEndTag,
    };
    for _ in 0..3 {
        assert_eq!(parser.next_event(), Some(Err(error)));
        parser.feed(b"<d/>");
    }
}

#[test]
fn deep_and_wide_elements_are_refused_early() {
    let deep = format!("<a>{}", "<b>".repeat(100_000));
    let wide = format!("<a><b>{}", "x".repeat(2 << 20));
    for (text, rule) in [(deep, Rule::TooDeep), (wide, Rule::ElementTooLarge)] {
        let (lines, offset) = events(text.as_bytes(), &[4096]);
        let last = lines.last().expect("an error");
        assert!(last.contains(&format!("{rule:?}")), "{last}");
        assert!(offset <= (1 << 20) + 3);
    }
}

#[test]
fn ill_formed_bytes_are_shown() {
    assert_eq!(
        lenient(b"<a><b x='\xff'/>"),
        "13 bytes, 1 start tags, 0 end tags; offset 9: invalid-utf8: these bytes are not UTF-8 (RFC 6120 \u{a7}11.6): \
        <a><b x=\\'\u{27e6}\u{27e7}\\xff\\'/>"
    );
    assert_eq!(lenient(b"<a></a>"), "7 bytes, 1 start tags, 1 end tags");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_do_not_matter(
        sizes in prop::collection::vec(1usize..30, 1..5),
        edit in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut bytes = STREAM.as_bytes().to_vec();
        if let Some((at, byte)) = edit {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assert_eq!(events(&bytes, &[usize::MAX]), events(&bytes, &sizes));
    }
}
