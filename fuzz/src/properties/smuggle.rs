//! Smuggling: what a stanza carries must not become another stanza, nor another sender, for any reader.

use arbitrary::Unstructured;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::stream::{StreamEvent, StreamParser};
use xmppspec_protocol::xml::Limits;

use crate::document;
use crate::readers::{self, Reading};

const FROM: &str = "romeo@montague.example/orchard";
const TO: &str = "juliet@capulet.example/balcony";

/// First: text, attributes, names and namespaces that an attacker chooses, in a stanza that we write, make one stanza with
/// our `from` and `to` for every reader. Second: bytes of the attacker as the payload; if they are one stanza for us,
/// they are that for everyone who reads them.
pub fn smuggle(data: &[u8]) {
    written(&mut Unstructured::new(data));
    let head = format!("<message xmlns='{}' from='{FROM}' to='{TO}'>", ns::CLIENT);
    let stanza = [head.as_bytes(), data, b"</message>"].concat();
    if Element::parse(&stanza).is_ok() {
        one_stanza(&stanza);
    }
}

fn written(bytes: &mut Unstructured<'_>) {
    let namespace = document::namespace(bytes);
    let name = document::local_name(bytes);
    let attribute = document::local_name(bytes);
    let value = document::attacker_text(bytes);
    let mut payload = Element::new(&namespace, name);
    // An attribute xmlns in no namespace is a declaration, which the element has of its own.
    if attribute != "xmlns" {
        payload.set_attr(attribute, &value);
        payload.set_attr_ns(&namespace, attribute, &value);
    }
    let text = document::attacker_text(bytes);
    let stanza = Element::new(ns::CLIENT, "message")
        .with_attr("from", FROM)
        .with_attr("to", TO)
        .with_attr("id", &document::attacker_text(bytes))
        .with_child(payload.with_text(&text))
        .with_text(&text);
    one_stanza(stanza.to_string().as_bytes());
    let header = format!(
        "<stream:stream xmlns='{}' xmlns:stream='{}'>",
        ns::CLIENT,
        ns::STREAMS
    );
    let stream = [&header, &stanza.to_xml(ns::CLIENT), "</stream:stream>"].concat();
    let mut parser = StreamParser::new(Limits::NONE);
    parser.feed(stream.as_bytes());
    let stanzas: Vec<_> = std::iter::from_fn(|| parser.next_event())
        .filter_map(|event| match event.expect("we write what we read") {
            StreamEvent::Element(element) => Some(element),
            StreamEvent::Text(text) => panic!("text between stanzas: {text:?}"),
            _ => None,
        })
        .collect();
    assert_eq!(stanzas, [stanza], "{stream}");
}

/// Every reader in process that reads it sees one message between the two.
fn one_stanza(bytes: &[u8]) {
    let expected = format!("start {{{}}}message from=\"{FROM}\"", ns::CLIENT);
    let to = format!(" to=\"{TO}\"");
    for reader in readers::in_process() {
        let Reading::Read(lines) = reader.read(bytes) else {
            continue;
        };
        let mut depth = 0usize;
        let mut roots = Vec::new();
        for line in &lines {
            if line.starts_with("start ") {
                if depth == 0 {
                    roots.push(line);
                }
                depth += 1;
            } else if line.starts_with("end ") {
                depth = depth.saturating_sub(1);
            }
        }
        assert!(
            matches!(roots[..], [root] if root.starts_with(&expected) && root.ends_with(&to)),
            "{} sees {roots:?} in {}",
            reader.name(),
            bytes.escape_ascii()
        );
    }
}
