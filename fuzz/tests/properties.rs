//! The properties on random bytes and on documents made from them; fuzzers do the same for longer.

use arbitrary::Unstructured;
use proptest::prelude::*;
use xmppspec_fuzz::document;
use xmppspec_fuzz::pieces::{BROKEN_UTF8, NASTIES};
use xmppspec_fuzz::properties::{self, Property};

/// Bytes that describe a document.
fn description() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

/// A document of one kind.
fn made(make: fn(&mut Unstructured<'_>) -> Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    description().prop_map(move |bytes| make(&mut Unstructured::new(&bytes)))
}

/// Pieces of markup and single bytes in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(NASTIES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::sample::select(BROKEN_UTF8).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_xml() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        made(document::element),
        made(document::damaged),
        made(document::stream),
        pieces()
    ]
}

/// Text of a few odd pieces, for what is no XML.
fn words(all: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(all).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

fn all_hold(properties: &[Property], bytes: &[u8]) {
    for property in properties {
        property(bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn xml(bytes in any_xml()) {
        all_hold(&[properties::stream, properties::element, properties::differential], &bytes);
    }

    #[test]
    fn smuggle(bytes in prop_oneof![description(), pieces()]) {
        properties::smuggle(&bytes);
    }

    #[test]
    fn jid(bytes in words(&[
        "a", "A", "@", "/", ".", "romeo", "example", "\u{df}", "\u{131}", "\u{3c2}", "\u{200d}", "\u{b7}", "l\u{b7}l",
        "\u{ff21}", "xn--", "xn--bcher-kva", "[::1]", "127.0.0.1", " ", "\u{a0}", "\u{5d0}", "1", "-", "\u{301}",
        "\u{2163}", "\u{1f4a9}", "\u{0}", "\u{3002}", "'", "&", "\\20",
    ])) {
        properties::jid(&bytes);
    }

    #[test]
    fn sasl(bytes in words(&[
        "\n", "\n", "PLAIN\n", "SCRAM-SHA-1\n", "SCRAM-SHA-256-PLUS\n", "EXTERNAL\n", "ANONYMOUS\n", "n,,", "y,,", "p=tls-exporter,,",
        "n=user", ",", "r=", "fyko+d2lbbFgONRv9qkxdawL", "c=biws", "p=", "i=4096", "i=1", "s=QSXCR+Q6sek8bf92", "v=", "e=other-error",
        "m=x", "a=user", "=2C", "=3D", "=", "\u{0}", "user", "pencil", "\u{ad}", "AGE=",
    ])) {
        properties::sasl(&bytes);
    }

    #[test]
    fn dns(bytes in prop::collection::vec(prop_oneof![2 => 0u8..4, 1 => Just(0xc0u8), 1 => any::<u8>()], 0..120)) {
        properties::dns(&bytes);
    }

    #[test]
    fn script(bytes in words(&[
        "# A title\n", "## covers: ", "RFC6120-4.9.1.2-1", "\n", "\t", "[Client] Romeo\n", "[Stream] Juliet\n", "\tjid: a@b\n", "-----\n",
        "Romeo ", "connects", "sends:\n", "\t<message/>\n", "receives", " within 3s", ":\n", "opens stream\n", "Examples:\n", "\t| a | b |\n",
        "${", "}", "${a \u{d7} 1000}", "{match:", "(", "{absent}", "{capture:n}", "\u{1f4a9}", "sends bytes:\n", "\t\\x", "\t\"<a>\" \u{d7} 9",
        "is disconnected\n", "<", "&", "## role: peer\n", "## matching: loose\n", "\u{2028}",
    ])) {
        properties::script(&bytes);
    }
}
