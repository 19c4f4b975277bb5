//! Our reader beside two others, rxml and roxmltree, on documents made at random: the same verdict and the same
//! events, known differences aside.

use std::fmt::Write;

use proptest::prelude::*;
use xmppspec_protocol::xml::{Limits, Mode, Parser, Rule, XmlError, canonical, canonical_line};

/// Another reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oracle {
    Rxml,
    Roxmltree,
}

/// How another reader differs from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference<'a> {
    /// It reads what we refuse for this.
    Reads(Rule),
    /// It refuses, with an error of this name, what we read.
    Refuses(&'a str),
    /// Both read it, and find something else in it.
    Events,
}

/// Every difference that is known, with the smallest document that shows it and why we are right.
const KNOWN: &[(Oracle, Difference<'static>, &str, &str)] = {
    use Difference::{Events, Reads, Refuses};
    use Oracle::{Roxmltree, Rxml};
    &[
        (
            Rxml,
            Refuses("UnexpectedToken"),
            " <a/>",
            "prolog ::= XMLDecl? Misc*: without a declaration whitespace may begin a document",
        ),
        (
            Rxml,
            Refuses("InvalidEof"),
            "<a/>\r",
            "CR alone is a line end (XML §2.11), which may follow the root",
        ),
        (
            Rxml,
            Refuses("InvalidChar"),
            "<a b='\rx'/>",
            "CR alone is a line end in values too",
        ),
        (
            Rxml,
            Refuses("EmptyNamespaceUri"),
            "<a xmlns:p='\r'/>",
            "the same: the name is one space",
        ),
        (Rxml, Events, "<a b='x\r'/>", "the same: it drops the CR"),
        (
            Rxml,
            Refuses("UnexpectedChar"),
            "<a\u{feff}/>",
            "U+FDF0 to U+FFFD are NameStartChars (XML §2.3)",
        ),
        (
            Rxml,
            Refuses("RestrictedXml"),
            "<?xml version='1.1'?><a/>",
            "a reader of XML 1.0 reads 1.x as 1.0 (XML §2.8)",
        ),
        (
            Rxml,
            Reads(Rule::DuplicateDeclaration),
            "<a xmlns='u' xmlns='v'/>",
            "a declaration is an attribute, which must be unique (XML §3.1)",
        ),
        (
            Rxml,
            Reads(Rule::ReservedNamespace),
            "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
            "no prefix may be bound to it (Namespaces §3)",
        ),
        (
            Rxml,
            Reads(Rule::TextOutsideRoot),
            "<a/>&#13;",
            "a reference is not whitespace (XML §2.3)",
        ),
        (
            Rxml,
            Reads(Rule::MalformedDeclaration),
            "<?xml version='1.0' encoding='utf-8\r'?><a/>",
            "it drops the CR in declarations too",
        ),
        (
            Roxmltree,
            Events,
            "<a xmlns:p='u' p:xmlns='v'/>",
            "only a name without prefix declares the default namespace (Namespaces §3)",
        ),
        (
            Roxmltree,
            Reads(Rule::UndeclaredPrefix),
            "<a p:xmlns='v'/>",
            "the same",
        ),
        (
            Roxmltree,
            Refuses("UnknownNamespace"),
            "<xml:a/>",
            "the prefix xml is bound without a declaration (Namespaces §3)",
        ),
        (
            Roxmltree,
            Events,
            "<a>\r&#13;</a>",
            "CR alone is a line end before a reference too",
        ),
        (
            Roxmltree,
            Reads(Rule::ByteOrderMark),
            "\u{feff}<a/>",
            "allowed by XML, not by RFC 6120 §11.6",
        ),
        (
            Roxmltree,
            Reads(Rule::Comment),
            "<!----><a/>",
            "allowed by XML, not by RFC 6120 §11.1",
        ),
        (
            Roxmltree,
            Reads(Rule::ProcessingInstruction),
            "<?p?><a/>",
            "allowed by XML, not by RFC 6120 §11.1",
        ),
        (
            Roxmltree,
            Reads(Rule::StandaloneDeclaration),
            "<?xml version='1.0' standalone='no'?><a/>",
            "allowed by XML, not by RFC 6120 §11.5",
        ),
        (
            Roxmltree,
            Reads(Rule::MalformedDeclaration),
            "<?xml' version='1.0'?><a/>",
            "it does not check what is in a declaration",
        ),
        (
            Roxmltree,
            Reads(Rule::MisplacedDeclaration),
            "<a><?xml' ?></a>",
            "it takes this for a processing instruction; no target may be xml (XML §2.6)",
        ),
        (
            Roxmltree,
            Reads(Rule::UnsupportedVersion),
            "<?xml version='2.0'?><a/>",
            "the same",
        ),
        (
            Roxmltree,
            Reads(Rule::UnsupportedEncoding),
            "<?xml version='1.0' encoding='UTF-16'?><a/>",
            "it reads text that has been decoded already",
        ),
        (
            Roxmltree,
            Reads(Rule::EmptyNamespace),
            "<a xmlns:p=''/>",
            "Namespaces 1.1 allows it, 1.0 does not (§5)",
        ),
        (
            Roxmltree,
            Reads(Rule::ReservedPrefix),
            "<a xmlns:xmlns='u'/>",
            "the prefix xmlns must not be declared (Namespaces §3)",
        ),
        (
            Roxmltree,
            Reads(Rule::DuplicateDeclaration),
            "<a xmlns='u' xmlns=''/>",
            "a declaration is an attribute, which must be unique (XML §3.1)",
        ),
        (
            Roxmltree,
            Reads(Rule::InvalidQName),
            "<:a/>",
            "a prefix is not empty (Namespaces §4)",
        ),
        (
            Roxmltree,
            Reads(Rule::IllegalReference),
            "<a>&#xd800;</a>",
            "a surrogate is no Char (XML §2.2)",
        ),
    ]
};

/// What one reader says: the events, or the name of its error.
type Verdict = Result<Vec<String>, String>;

fn ours(bytes: &[u8]) -> Result<Vec<String>, XmlError> {
    match canonical(bytes, Mode::Element, Limits::NONE) {
        (lines, None) => Ok(lines),
        (_, Some(error)) => Err(error),
    }
}

/// The name of a variant of an enum of errors.
fn variant(error: impl std::fmt::Debug) -> String {
    let shown = format!("{error:?}");
    shown
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Text on one line that this character ends.
fn escaped(text: &str, end: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == end || c == '\\' => out.extend(['\\', c]),
            c if c.is_control() => write!(out, "\\u{{{:x}}}", c as u32).unwrap(),
            c => out.push(c),
        }
    }
    out
}

fn quote(text: &str) -> String {
    format!("\"{}\"", escaped(text, '"'))
}

fn qualified(ns: &str, name: &str) -> String {
    format!("{{{}}}{name}", escaped(ns, '}'))
}

/// A start tag as [`canonical`] prints it.
fn start(ns: &str, name: &str, mut attrs: Vec<(&str, &str, &str)>) -> String {
    let mut line = format!("start {}", qualified(ns, name));
    attrs.sort_unstable();
    for (ns, name, value) in attrs {
        let name = if ns.is_empty() {
            name.to_owned()
        } else {
            qualified(ns, name)
        };
        write!(line, " {name}={}", quote(value)).unwrap();
    }
    line
}

fn rxml(mut bytes: &[u8]) -> Verdict {
    use rxml::{Event, Options, Parse, Parser, WithOptions};
    let mut parser = Parser::with_options(Options {
        max_token_length: 1 << 20,
        ..Options::default()
    });
    let (mut lines, mut open, mut text) = (Vec::new(), Vec::new(), String::new());
    loop {
        let event = match parser.parse(&mut bytes, true) {
            Ok(None) => return Ok(lines),
            Ok(Some(event)) => event,
            Err(rxml::error::EndOrError::Error(error)) => return Err(variant(error)),
            Err(rxml::error::EndOrError::NeedMoreData) => return Err("NeedMoreData".into()),
        };
        if let Event::Text(_, more) = &event {
            text.push_str(more);
            continue;
        }
        if !text.is_empty() {
            lines.push(format!("text {}", quote(&text)));
            text.clear();
        }
        match &event {
            Event::StartElement(_, (ns, name), attrs) => {
                let attrs = attrs
                    .iter()
                    .map(|((ns, name), value)| (ns.as_str(), name.as_str(), value.as_str()));
                lines.push(start(ns, name, attrs.collect()));
                open.push(format!("end {}", qualified(ns, name)));
            }
            Event::EndElement(_) => lines.extend(open.pop()),
            _ => {}
        }
    }
}

fn roxmltree(bytes: &[u8]) -> Verdict {
    let text = std::str::from_utf8(bytes).map_err(|_| "NotUtf8".to_owned())?;
    let document = roxmltree::Document::parse(text).map_err(variant)?;
    let mut lines = Vec::new();
    let mut stack = vec![(document.root_element(), false)];
    let ns = |ns: Option<&str>| ns.unwrap_or_default().to_owned();
    while let Some((node, done)) = stack.pop() {
        if let Some(text) = node.text().filter(|_| node.is_text()) {
            if !text.is_empty() {
                lines.push(format!("text {}", quote(text)));
            }
            continue;
        }
        if !node.is_element() {
            continue;
        }
        let (uri, name) = (ns(node.tag_name().namespace()), node.tag_name().name());
        if done {
            lines.push(format!("end {}", qualified(&uri, name)));
            continue;
        }
        let attrs = node
            .attributes()
            .map(|a| (a.namespace().unwrap_or_default(), a.name(), a.value()));
        lines.push(start(&uri, name, attrs.collect()));
        stack.push((node, true));
        let children: Vec<_> = node.children().map(|child| (child, false)).collect();
        stack.extend(children.into_iter().rev());
    }
    Ok(lines)
}

/// Everything in which others differ from us.
fn differences(bytes: &[u8]) -> Vec<(Oracle, String)> {
    let ours = ours(bytes);
    let mut found = Vec::new();
    for (oracle, theirs) in [
        (Oracle::Rxml, rxml(bytes)),
        (Oracle::Roxmltree, roxmltree(bytes)),
    ] {
        let difference = match (&ours, &theirs) {
            (Err(_), Err(_)) => continue,
            (Ok(ours), Ok(theirs)) if ours == theirs => continue,
            (Ok(_), Ok(_)) => Difference::Events,
            (Err(error), Ok(_)) => Difference::Reads(error.rule),
            (Ok(_), Err(error)) => Difference::Refuses(error),
        };
        let known = KNOWN.iter().any(|&(other, what, example, _)| {
            other == oracle && what == difference && can_show(example, bytes)
        });
        if !known {
            found.push((
                oracle,
                format!("{difference:?}: we {ours:?}, it {theirs:?}"),
            ));
        }
    }
    found
}

/// Whether a document can show what the example shows: it must hold the odd piece that a difference is about.
fn can_show(example: &str, bytes: &[u8]) -> bool {
    let pieces: [fn(&str) -> bool; 3] = [
        |text| text.contains('\r'),
        |text| text.contains(|c| matches!(c, '\u{fdf0}'..='\u{fffd}')),
        |text| text.contains(":xmlns"),
    ];
    let text = String::from_utf8_lossy(bytes);
    pieces.iter().all(|has| !has(example) || has(&text))
}

/// Pieces that documents are made of and broken with.
const PIECES: &[&str] = &[
    "<",
    ">",
    "/",
    "=",
    "'",
    "\"",
    "&",
    ";",
    ":",
    "]]>",
    "]",
    "<![CDATA[",
    "<!",
    "<?",
    "?>",
    "<!--",
    "-->",
    "<a>",
    "</a>",
    "<b/>",
    "<p:b/>",
    "</p:a>",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "a",
    "b",
    "p:",
    "q:",
    "xml:",
    "xmlns",
    "xmlns:p",
    " xmlns='u'",
    " xmlns:p='u'",
    " xmlns:q='u'",
    " xmlns:p='v'",
    " xmlns:p=''",
    " xmlns=''",
    " p:b=''",
    " q:b=''",
    " b=''",
    " xml:lang='en'",
    " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    " xmlns:q='http://www.w3.org/2000/xmlns/'",
    "&amp;",
    "&lt;",
    "&#65;",
    "&#x1f4a9;",
    "&#0;",
    "&#xd800;",
    "&#xfffe;",
    "&x;",
    "&quot;",
    "&#13;",
    "&#10;",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{fffe}",
    "\u{feff}",
    "\u{e9}",
    "\u{b7}",
    "\u{1f4a9}",
    "-",
    ".",
    "1",
    "_",
    "<?xml version='1.0'?>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    "<?xml version='1.1'?>",
    " encoding='utf-8'",
    " standalone='no'",
    "<!DOCTYPE a>",
    "<?p q?>",
    "<a",
    "<p:a",
    "/>",
    "x",
];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "a", "b", "c", "a", "p:a", "p:b", "q:a", "xml:a", "\u{e9}", "_-.1",
        ][..],
    )
}

fn value() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "u", "v", "x", " ", "\t", "\n", "\r\n", "&amp;", "&#9;", "&#117;", "&lt;", ">",
            "\u{2026}", "]]>",
        ][..],
    );
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Mostly different attributes; that two are the same is left to the changes.
fn attributes() -> impl Strategy<Value = String> {
    let names = &[
        "a", "b", "p:a", "p:b", "q:a", "xml:lang", "xmlns", "xmlns:p", "xmlns:q", "xmlns:r",
    ][..];
    let values = prop::collection::vec(value(), 10);
    (prop::sample::subsequence(names, 0..5), values).prop_map(|(names, values)| {
        let both = names.iter().zip(values);
        both.map(|(name, value)| format!(" {name}='{value}'"))
            .collect()
    })
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "x",
            " ",
            "\n",
            "\r",
            "\r\n",
            "&amp;",
            "&#13;",
            "&gt;",
            "<![CDATA[<&]]]>",
            "<![CDATA[]]>",
            "]]",
            "'",
            "\u{1f4a9}",
            "\u{7f}",
        ][..],
    );
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Elements of which most are well-formed; prefixes may lack their declaration, attributes may be there twice.
fn element() -> impl Strategy<Value = String> {
    let leaf = (name(), attributes()).prop_map(|(name, attrs)| format!("<{name}{attrs}/>"));
    leaf.prop_recursive(4, 16, 4, |inner| {
        let content = prop::collection::vec(prop_oneof![inner, text()], 0..4);
        (name(), attributes(), content).prop_map(|(name, attrs, content)| {
            format!("<{name}{attrs}>{}</{name}>", content.concat())
        })
    })
}

/// An element, a head that declares the usual prefixes around it, and perhaps a few changes.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let heads = &[
        "",
        "",
        "<?xml version='1.0'?>",
        "<?xml version='1.0' encoding='utf-8'?>\n",
        " ",
    ][..];
    let edit = (
        any::<prop::sample::Index>(),
        0usize..6,
        prop_oneof![
            4 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
            2 => Just(Vec::new()),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ],
    );
    (
        prop::sample::select(heads),
        element(),
        prop::bool::weighted(0.9),
        prop::collection::vec(edit, 0..4),
    )
        .prop_map(|(head, element, declared, edits)| {
            let element = if declared {
                format!("<a xmlns:p='u' xmlns:q='v'>{element}</a>")
            } else {
                element
            };
            let mut bytes = format!("{head}{element}").into_bytes();
            for (at, removed, added) in edits {
                let at = at.index(bytes.len() + 1);
                let end = bytes.len().min(at + removed);
                bytes.splice(at..end, added);
            }
            bytes
        })
}

/// As [`canonical`], from chunks of these sizes in turn. Unless the input `ends`, more may come.
fn chunked(
    bytes: &[u8],
    mode: Mode,
    limits: Limits,
    sizes: &[usize],
    ends: bool,
) -> (Vec<String>, Option<XmlError>) {
    let mut parser = Parser::new(mode, limits);
    let (mut lines, mut sizes, mut rest) = (Vec::new(), sizes.iter().cycle(), bytes);
    loop {
        loop {
            let event = if ends && rest.is_empty() {
                parser.last_event()
            } else {
                parser.next_event()
            };
            match event {
                Ok(Some(event)) => lines.extend(canonical_line(&event)),
                Ok(None) => break,
                Err(error) => return (lines, Some(error)),
            }
        }
        if rest.is_empty() {
            return (lines, None);
        }
        let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap_or(&1)));
        rest = after;
        parser.feed(chunk);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn other_readers_agree(bytes in document()) {
        let found = differences(&bytes);
        prop_assert!(found.is_empty(), "{}\n{found:#?}", bytes.escape_ascii());
    }

    /// Not even for when something is found: what has come is read as far as it goes.
    #[test]
    fn chunks_do_not_matter(
        bytes in document(),
        cut in any::<prop::sample::Index>(),
        sizes in prop::collection::vec(1usize..20, 1..5),
        limited: bool,
    ) {
        let small = Limits { element_bytes: 60, depth: 4, attributes: 3, namespaces: 2 };
        let limits = if limited { small } else { Limits::NONE };
        let bytes = &bytes[..cut.index(bytes.len() * 2 + 1).min(bytes.len())];
        for mode in [Mode::Element, Mode::Stream] {
            let whole = canonical(bytes, mode, limits);
            prop_assert_eq!(&whole, &chunked(bytes, mode, limits, &sizes, true), "{}", bytes.escape_ascii());
            let whole = chunked(bytes, mode, limits, &[usize::MAX], false);
            prop_assert_eq!(&whole, &chunked(bytes, mode, limits, &sizes, false), "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn every_known_difference_is_there() {
    for (oracle, difference, example, reason) in KNOWN {
        let theirs = match oracle {
            Oracle::Rxml => rxml(example.as_bytes()),
            Oracle::Roxmltree => roxmltree(example.as_bytes()),
        };
        match (ours(example.as_bytes()), theirs, difference) {
            (Err(error), Ok(_), Difference::Reads(rule)) => {
                assert_eq!(error.rule, *rule, "{reason}")
            }
            (Ok(_), Err(error), Difference::Refuses(name)) => assert_eq!(error, *name, "{reason}"),
            (Ok(ours), Ok(theirs), Difference::Events) => assert_ne!(ours, theirs, "{reason}"),
            (ours, theirs, _) => {
                panic!("{oracle:?} {difference:?}: {example:?}: {ours:?} {theirs:?}")
            }
        }
    }
}
