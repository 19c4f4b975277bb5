//! Elements that are written are read back as they were, whatever prefixes they wish for.

use proptest::prelude::*;
use xmppspec_protocol::element::{Element, Node};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const STREAMS: &str = "http://etherx.jabber.org/streams";

fn ns() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "",
            "",
            "u",
            "v",
            "jabber:client",
            "a'b&<\t\n>",
            STREAMS,
            XML,
        ][..],
    )
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["a", "b", "xmlns", "stream", "\u{e9}", "_-.1"][..])
}

/// Prefixes to wish for; some must not be declared.
fn prefix() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(
        &[
            None,
            None,
            Some("p"),
            Some("q"),
            Some("stream"),
            Some("xml"),
            Some("xmlns"),
            Some("ns0"),
        ][..],
    )
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "x",
            " ",
            "\t",
            "\n",
            "\r",
            "\r\n",
            "&",
            "<",
            ">",
            "]]>",
            "'",
            "\"",
            "&amp;",
            "\u{85}",
            "\u{2028}",
            "\u{fffd}",
            "\u{1f4a9}",
        ][..],
    );
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn head() -> impl Strategy<Value = Element> {
    let attrs = prop::collection::vec((ns(), name(), text()), 0..5);
    (ns(), name(), prefix(), attrs).prop_map(|(ns, name, prefix, attrs)| {
        let mut element = Element::new(ns, name);
        for (ns, name, value) in attrs {
            // an attribute xmlns in no namespace would be a declaration
            if !(ns.is_empty() && name == "xmlns") {
                element.set_attr_ns(ns, name, &value);
            }
        }
        match prefix {
            Some(prefix) => element.with_prefix(prefix),
            None => element,
        }
    })
}

fn element() -> impl Strategy<Value = Element> {
    head().prop_recursive(4, 24, 5, |inner| {
        let node = prop_oneof![inner.prop_map(Node::Element), text().prop_map(Node::Text)];
        (head(), prop::collection::vec(node, 0..5)).prop_map(|(mut element, nodes)| {
            nodes.into_iter().for_each(|node| element.push(node));
            element
        })
    })
}

/// Attributes whose prefixes come from a document, where they may hide and repeat each other.
const PREFIXED: &[&str] = &[
    "<p:a xmlns:p='u' p:b='1'><p:a xmlns:p='v' p:b='2' xmlns:q='u' q:b='3'><q:c p:b=''/></p:a><p:d/></p:a>",
    "<a xmlns:p='u' p:b=''><b xmlns:p='v' xmlns:q='u' q:b='' p:b=''/></a>",
    "<a xmlns='u' xmlns:p='u' p:b='' b=''><p:b xmlns=''/><c xmlns='' p:b=''/></a>",
    "<stream:a xmlns:stream='not' stream:b=''><b xmlns='http://etherx.jabber.org/streams'/></stream:a>",
    "<ns0:a xmlns:ns0='u' xmlns:ns1='v' ns1:b='' ns0:b=''/>",
    "<a xml:lang='en'><xml:a xml:b=''/></a>",
];

#[test]
fn prefixes_of_documents() {
    for text in PREFIXED {
        let element = Element::parse(text.as_bytes()).expect(text);
        let written = element.to_string();
        assert_eq!(
            Element::parse(written.as_bytes()).as_ref(),
            Ok(&element),
            "{text} {written}"
        );
    }
}

#[test]
fn many_prefixes_in_scope() {
    let levels = 3_000;
    let mut text = String::new();
    for n in 0..levels {
        text += &format!(
            "<p{n}:a xmlns:p{n}='u{n}' xmlns:q='v{n}' q:b='' xmlns:r{n}='u{}' r{n}:c=''>",
            n / 2
        );
    }
    for n in (0..levels).rev() {
        text += &format!("</p{n}:a>");
    }
    let element = Element::parse(text.as_bytes()).expect("well-formed");
    let written = element.to_string();
    assert_eq!(Element::parse(written.as_bytes()), Ok(element));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_can_be_read(element in element()) {
        let written = element.to_string();
        prop_assert_eq!(Element::parse(written.as_bytes()), Ok(element), "{}", written);
    }

    #[test]
    fn so_can_what_is_written_inside_a_stream(element in element(), default in ns()) {
        let default = if default == XML { "" } else { default };
        let written = element.to_xml(default);
        let read = Element::parse_fragment(written.as_bytes(), &[("stream", STREAMS)], default);
        prop_assert_eq!(read, Ok(vec![element]), "{}", written);
    }

    #[test]
    fn what_is_read_and_written_again_is_the_same(element in element()) {
        let once = element.to_string();
        let twice = Element::parse(once.as_bytes()).map(|element| element.to_string());
        prop_assert_eq!(twice, Ok(once));
    }
}
