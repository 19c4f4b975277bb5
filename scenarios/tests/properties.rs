//! What holds for any script and any element.

use proptest::prelude::*;
use xmppspec_protocol::element::{Element, Node};
use xmppspec_protocol::ns;
use xmppspec_scenarios::pattern::{self, Pattern, Received};
use xmppspec_scenarios::{Bindings, Diagnostic, Source, Template, check, parse};

/// Pieces that scripts are made of, in the wrong order.
fn soup(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

const SCRIPT: &[&str] = &[
    "# Title\n",
    "## covers: RFC6120-4.9.3.6-1\n",
    "## covers: none",
    "## role: peer\n",
    "## matching: loose\n",
    "## requires: starttls",
    "[Client] Romeo\n",
    "[Stream] Juliet's phone\n",
    "[Peer] P",
    "-----\n",
    "--",
    "\n",
    "\n\t",
    "\t",
    " ",
    ":",
    "Romeo",
    "Juliet's phone",
    " connects\n",
    " sends:\n",
    " receives:\n",
    " receives next one of:\n",
    " receives stream error:\n",
    " receives nothing for 2s",
    " within ",
    "3s",
    "\tjid: a@b/c\n",
    "\taccount: Romeo\n",
    " authenticates\n",
    "\tmechanism: ${m}\n",
    " sends bytes:\n",
    "\t\\x00 × 3\n",
    "\"",
    " × 99999999999",
    "Examples:\n",
    "\t| a | b |\n",
    "|",
    "\\|",
    "${a}",
    "${Romeo's full JID}",
    "${",
    "}",
    "${base64:",
    "\\q",
    "<presence/>",
    "\t<a b='",
    "'>",
    "</a>",
    "{capture:a}",
    "{match:[",
    "{absent}",
    "\r\n",
    "\u{feff}",
    "é",
];

const BODY: &[&str] = &[
    "<a>",
    "</a>",
    "<a/>",
    "<m b='",
    "'",
    "\"",
    "/>",
    ">",
    "<",
    " ",
    "\n\t",
    "{any}",
    "{capture:n}",
    "{match:.}",
    "{match:(",
    "{absent}",
    "{absent:x}",
    "{not:",
    "}",
    "{",
    "&lt;",
    "&#x7B;",
    "&",
    ";",
    "<![CDATA[",
    "]]>",
    "<?xml",
    " version='1.0'",
    " encoding",
    "=",
    "?>",
    "<stream:stream",
    " xmlns='jabber:client'",
    "</stream:stream",
    "<stream:features>",
    "<!--",
    " scansion:strict='true'",
    "text",
    "é",
    "\\",
];

fn all_inside(diagnostics: &[Diagnostic], text: &str) {
    for diagnostic in diagnostics {
        for label in &diagnostic.labels {
            assert!(label.span.start <= label.span.end, "{diagnostic:?}");
            assert!(label.span.end <= text.len() + 1, "{diagnostic:?}");
        }
        diagnostic.render(false, text);
    }
}

fn script_is_survived(text: &str) {
    let source = Source {
        name: "x.scs".to_owned(),
        text: text.to_owned(),
    };
    let checked = check(&source, "x");
    all_inside(&checked, text);
    match parse(&source, "x") {
        Ok(_) => {}
        Err(diagnostics) => {
            // Whatever stops a script is told by `check` too.
            assert!(checked.iter().any(Diagnostic::is_error));
            all_inside(&diagnostics, text);
        }
    }
}

fn body_is_survived(text: &str) {
    let body = Template::from(text);
    for loose in [true, false] {
        match pattern::parse(&body, loose, "x") {
            Ok(patterns) => {
                assert!(!patterns.is_empty());
                for pattern in patterns {
                    let span = pattern.span();
                    assert_eq!(&text[span], pattern.to_string());
                }
            }
            Err(diagnostic) => all_inside(&[diagnostic], text),
        }
    }
    for diagnostic in [
        pattern::parse_stream_errors(&body, "x").err(),
        pattern::parse_stanzas(&body, "x").err(),
    ] {
        all_inside(diagnostic.as_slice(), text);
    }
}

fn names() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&["a", "b", "query", "item"][..])
}

fn namespaces() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&[ns::CLIENT, ns::ROSTER, ns::STREAMS, "urn:x'&<", ""][..])
}

/// Any text that XML can hold.
fn texts() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ \\t\\n\\r{}a-cé&<>'\"\u{10000}\\]]{0,6}")
        .expect("a regular expression")
}

fn head() -> impl Strategy<Value = Element> {
    let attrs = proptest::collection::vec((names(), texts()), 0..3);
    (namespaces(), names(), attrs).prop_map(|(ns, name, attrs)| {
        let element = Element::new(ns, name);
        attrs.iter().fold(element, |element, (name, value)| {
            element.with_attr(name, value)
        })
    })
}

fn elements() -> impl Strategy<Value = Element> {
    let leaf = (head(), texts()).prop_map(|(element, text)| element.with_text(&text));
    leaf.prop_recursive(4, 24, 5, |inner| {
        let node = prop_oneof![
            4 => inner.prop_map(Node::Element),
            1 => texts().prop_map(Node::Text),
        ];
        (head(), proptest::collection::vec(node, 0..5)).prop_map(|(mut element, nodes)| {
            for node in nodes {
                element.push(node);
            }
            element
        })
    })
}

/// The pattern that says exactly this.
fn pattern_of(element: &Element, loose: bool) -> Pattern {
    let text = element.to_xml(ns::CLIENT).replace('{', "&#x7B;");
    match pattern::parse(&Template::from(text.as_str()), loose, "x") {
        Ok(mut patterns) if patterns.len() == 1 => patterns.remove(0),
        other => panic!("{text}: {other:?}"),
    }
}

fn elements_mut(element: &mut Element) -> Vec<&mut Element> {
    element
        .nodes_mut()
        .iter_mut()
        .filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
        .collect()
}

/// Loses an attribute somewhere.
fn without_an_attribute(element: &mut Element, at: &mut usize) -> bool {
    let names: Vec<String> = element.attrs().map(|attr| attr.name().to_owned()).collect();
    if let Some(name) = names.get(*at) {
        element.remove_attr(name);
        return true;
    }
    *at -= names.len();
    elements_mut(element)
        .into_iter()
        .any(|child| without_an_attribute(child, at))
}

/// Everything outside `jabber:client` matches strictly.
fn in_one_namespace(element: &Element) -> Element {
    let mut copy = Element::new("urn:x", element.name());
    for attr in element.attrs() {
        copy.set_attr(attr.name(), attr.value());
    }
    for node in element.nodes() {
        copy.push(match node {
            Node::Element(child) => Node::Element(in_one_namespace(child)),
            Node::Text(text) => Node::Text(text.clone()),
        });
    }
    copy
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_script_is_too_strange(text in soup(SCRIPT, 40)) {
        script_is_survived(&text);
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        script_is_survived(&text);
        body_is_survived(&text);
    }

    #[test]
    fn no_body_is_too_strange(text in soup(BODY, 20)) {
        body_is_survived(&text);
    }

    #[test]
    fn an_element_matches_itself(element in elements()) {
        for loose in [true, false] {
            let received = Received::Element(element.clone());
            prop_assert_eq!(pattern_of(&element, loose).matches(&received), Ok(Vec::new()));
        }
    }

    #[test]
    fn more_than_expected_matches_loosely_and_not_strictly(element in elements(), child in elements()) {
        let element = in_one_namespace(&element);
        let more = element.clone().with_child(child);
        let with_attr = element.clone().with_attr("more", "");
        for received in [more, with_attr] {
            let received = Received::Element(received);
            // Text beside children is not compared: a leaf with text is another element then.
            if element.elements().next().is_some() {
                prop_assert!(pattern_of(&element, true).matches(&received).is_ok());
            }
            let miss = pattern_of(&element, false).matches(&received).unwrap_err();
            prop_assert!(miss.depth > 0);
        }
    }

    #[test]
    fn less_than_expected_never_matches(element in elements(), at in 0usize..8) {
        // In a list of equal children the loss of an attribute can go unseen: all are strict here.
        let element = in_one_namespace(&element);
        let mut less = element.clone();
        let mut at = at;
        if count(&element) > 0 {
            at %= count(&element);
            prop_assert!(without_an_attribute(&mut less, &mut at));
            prop_assert!(pattern_of(&element, false).matches(&Received::Element(less.clone())).is_err());
            prop_assert!(pattern_of(&element, true).matches(&Received::Element(less)).is_err());
        }
    }

    #[test]
    fn what_is_captured_can_be_sent_and_expected_again(value in texts()) {
        let received = Received::Element(Element::new(ns::CLIENT, "iq").with_attr("id", &value));
        let capture = pattern::parse(&Template::from("<iq id='{capture:n}'/>"), true, "x").unwrap();
        let captured = capture[0].matches(&received).unwrap();
        prop_assert_eq!(&captured, &[("n".to_owned(), value.clone())]);
        let mut bindings = Bindings::new();
        bindings.set("n", value);
        for body in ["<iq id='${n}'/>", "<iq id='{match:${n}}'/>", "<iq to='{absent}' id='{any}${n}'/>"] {
            let body = bindings.expand_body(&Template::from(body)).unwrap();
            let again = pattern::parse(&body, true, "x").unwrap();
            prop_assert_eq!(again[0].matches(&received), Ok(Vec::new()));
        }
        let body = bindings.expand_body(&Template::from("<iq id='{not:${n}}'/>")).unwrap();
        prop_assert!(pattern::parse(&body, true, "x").unwrap()[0].matches(&received).is_err());
    }
}

fn count(element: &Element) -> usize {
    element.attrs().len() + element.elements().map(count).sum::<usize>()
}

#[test]
fn large_and_deep_elements_are_compared() {
    let mut roster = Element::new(ns::ROSTER, "query");
    for index in 0..20_000 {
        let jid = format!("contact-{index}@example.org");
        roster.push(Node::Element(
            Element::new(ns::ROSTER, "item").with_attr("jid", &jid),
        ));
    }
    let received = Received::Element(Element::new(ns::CLIENT, "iq").with_child(roster));
    let body = "<iq><query xmlns='jabber:iq:roster'>\
        <item jid='contact-19999@example.org'/><item jid='contact-19998@example.org'/>\
        <item jid='{match:contact-1999[78]@.*}'/><item subscription='{any}'>{absent}</item></query></iq>";
    let find = |body: &str| {
        pattern::parse(&Template::from(body), true, "x").unwrap()[0].matches(&received)
    };
    assert_eq!(find(body), Ok(Vec::new()));
    let miss = find(&body.replace("19998@", "20000@")).unwrap_err();
    assert_eq!(miss.what, "attribute `jid` is `contact-0@example.org`");

    let mut deep = Element::new(ns::CLIENT, "a");
    for _ in 0..100_000 {
        deep = Element::new(ns::CLIENT, "a").with_child(deep);
    }
    let body = Template::from("<a><a><a/></a></a>");
    let pattern = &pattern::parse(&body, true, "x").unwrap()[0];
    assert!(pattern.matches(&Received::Element(deep)).is_ok());

    let body = Template::from("<a>".repeat(100_000).as_str());
    assert!(pattern::parse(&body, true, "x").is_err());
    assert!(pattern::parse_stanzas(&body, "x").is_err());
}
