//! XML documents made from bytes: trees of elements, written with every liberty that XML leaves to the writer, and
//! damaged here and there.
//!
//! The same bytes give the same document. When they run out, the shortest choice is made, so that every document ends.

use arbitrary::Unstructured;

use crate::pieces::{BROKEN_UTF8, LOCAL_NAMES, NAMESPACES, NASTIES, PREFIXES, TEXTS};

/// Elements inside each other, and nodes of one document.
const MOST_DEPTH: usize = 24;
const MOST_NODES: usize = 200;
/// Damages of one document.
const MOST_DAMAGES: usize = 4;

/// A choice; the first when there are no bytes left.
fn pick<'a>(u: &mut Unstructured<'_>, all: &[&'a str]) -> &'a str {
    u.choose(all).copied().unwrap_or(all[0])
}

/// Whether something happens that does so `n` times of 256; not when there are no bytes left.
fn rarely(u: &mut Unstructured<'_>, n: u8) -> bool {
    u.arbitrary::<u8>().is_ok_and(|byte| byte > u8::MAX - n)
}

fn count(u: &mut Unstructured<'_>, most: usize) -> usize {
    u.int_in_range(0..=most).unwrap_or(0)
}

/// A local name.
pub fn local_name(u: &mut Unstructured<'_>) -> &'static str {
    pick(u, LOCAL_NAMES)
}

/// A namespace name that an element may have: not those that only their own prefixes may be bound to.
pub fn namespace(u: &mut Unstructured<'_>) -> String {
    match pick(u, NAMESPACES) {
        reserved if reserved.starts_with("http://www.w3.org/") => "u".to_owned(),
        name => name.to_owned(),
    }
}

/// Text that somebody might choose in order to be misunderstood; only characters that XML allows.
pub fn attacker_text(u: &mut Unstructured<'_>) -> String {
    let mut text = String::new();
    for _ in 0..count(u, 6) {
        if rarely(u, 64) {
            let c = u.arbitrary::<char>().unwrap_or('x');
            let allowed = matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            text.push(if allowed { c } else { 'x' });
        } else {
            text.push_str(pick(u, TEXTS));
        }
    }
    text
}

/// One element, well-formed but for an undeclared prefix or a doubled attribute now and then.
#[must_use]
pub fn element(u: &mut Unstructured<'_>) -> Vec<u8> {
    let mut writer = Writer::new(u);
    writer.declaration();
    writer.tree();
    writer.space();
    writer.out.into_bytes()
}

/// An element with a few changes that most likely break it.
#[must_use]
pub fn damaged(u: &mut Unstructured<'_>) -> Vec<u8> {
    let damages: Vec<(u16, u8, u16)> = (0..=count(u, MOST_DAMAGES - 1))
        .map(|_| u.arbitrary().unwrap_or_default())
        .collect();
    let mut bytes = element(u);
    for (at, removed, added) in damages {
        let at = usize::from(at) % (bytes.len() + 1);
        let end = bytes.len().min(at + usize::from(removed % 6));
        // Half of what else it could be is nothing.
        let added = usize::from(added) % (NASTIES.len() + 2 * BROKEN_UTF8.len());
        let added = match added.checked_sub(NASTIES.len()) {
            None => NASTIES[added].as_bytes(),
            Some(n) => BROKEN_UTF8.get(n).copied().unwrap_or_default(),
        };
        bytes.splice(at..end, added.iter().copied());
    }
    bytes
}

/// A stream with stanzas, perhaps without its end.
#[must_use]
pub fn stream(u: &mut Unstructured<'_>) -> Vec<u8> {
    let mut writer = Writer::new(u);
    writer.declaration();
    writer.out.push_str(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>",
    );
    writer.prefixes.push("stream");
    for _ in 0..=count(writer.u, 4) {
        writer.space();
        writer.tree();
    }
    if !rarely(writer.u, 64) {
        writer.out.push_str("</stream:stream>");
    }
    writer.out.into_bytes()
}

/// A stanza as a client sends it, its addresses from `addresses`.
#[must_use]
pub fn stanza(u: &mut Unstructured<'_>, addresses: &[&str]) -> Vec<u8> {
    let mut writer = Writer::new(u);
    writer.prefixes.push("stream");
    writer.addresses = addresses;
    writer.stanza();
    writer.out.into_bytes()
}

struct Writer<'u, 'b, 'a> {
    u: &'u mut Unstructured<'b>,
    out: String,
    /// Prefixes that are declared here.
    prefixes: Vec<&'static str>,
    open: Vec<(String, usize)>,
    nodes: usize,
    addresses: &'a [&'a str],
}

impl<'u, 'b, 'a> Writer<'u, 'b, 'a> {
    fn new(u: &'u mut Unstructured<'b>) -> Self {
        Writer {
            u,
            out: String::new(),
            prefixes: Vec::new(),
            open: Vec::new(),
            nodes: 0,
            addresses: &["romeo@example.org", "localhost"],
        }
    }

    fn declaration(&mut self) {
        let kinds = [
            "",
            "",
            "",
            "<?xml version='1.0'?>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
            "<?xml  version = '1.0'\tencoding='utf-8' ?>\r\n",
            " ",
            "\n\r",
        ];
        self.out.push_str(pick(self.u, &kinds));
    }

    /// Whitespace that is optional.
    fn space(&mut self) {
        if rarely(self.u, 40) {
            self.out
                .push_str(pick(self.u, &[" ", "\n", "\t", "\r\n", "  ", "\r"]));
        }
    }

    /// Whitespace that is not.
    fn gap(&mut self) {
        self.out.push_str(pick(
            self.u,
            &[" ", " ", " ", " ", "\n", "\t", "\r\n", " \r "],
        ));
    }

    /// An element with everything inside, without recursion.
    fn tree(&mut self) {
        let base = self.open.len();
        self.start_tag(None);
        while self.open.len() > base {
            self.node();
        }
    }

    fn stanza(&mut self) {
        let base = self.open.len();
        let kind = pick(self.u, &["message", "iq", "presence", "message", "a"]);
        self.start_tag(Some(kind));
        while self.open.len() > base {
            self.node();
        }
    }

    /// What stands inside the innermost element: a child, text, or its end.
    fn node(&mut self) {
        let may_grow = self.nodes < MOST_NODES && !self.u.is_empty();
        match count(self.u, 7) {
            1..=3 if may_grow && self.open.len() < MOST_DEPTH => self.start_tag(None),
            4..=6 if may_grow => {
                self.nodes += 1;
                self.text();
            }
            _ => self.end_tag(),
        }
    }

    fn end_tag(&mut self) {
        if let Some((name, prefixes)) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(&name);
            self.space();
            self.out.push('>');
            self.prefixes.truncate(prefixes);
        }
    }

    fn start_tag(&mut self, kind: Option<&'static str>) {
        self.nodes += 1;
        let before = self.prefixes.len();
        let mut attributes = Vec::new();
        let mut declared = Vec::new();
        if rarely(self.u, 70) {
            attributes.push(("xmlns".to_owned(), pick(self.u, NAMESPACES).to_owned()));
        }
        for _ in 0..(count(self.u, 5).saturating_sub(3)) {
            let prefix = pick(self.u, PREFIXES);
            if declared.contains(&prefix) && !rarely(self.u, 8) {
                continue;
            }
            declared.push(prefix);
            let namespace = pick(self.u, NAMESPACES).to_owned();
            attributes.push((format!("xmlns:{prefix}"), namespace));
        }
        self.prefixes.extend(declared);
        let name = match kind {
            Some(kind) => kind.to_owned(),
            None => self.name(),
        };
        if kind.is_some() {
            let addresses = self.addresses;
            attributes.push(("to".to_owned(), pick(self.u, addresses).to_owned()));
            let types = [
                "chat",
                "get",
                "set",
                "result",
                "error",
                "normal",
                "groupchat",
                "subscribe",
                "probe",
                "",
            ];
            attributes.push(("type".to_owned(), pick(self.u, &types).to_owned()));
            attributes.push(("id".to_owned(), "x".to_owned()));
        }
        let mut names: Vec<String> = attributes.iter().map(|(name, _)| name.clone()).collect();
        for _ in 0..(count(self.u, 6).saturating_sub(3)) {
            let mut name = self.name();
            // Without prefix it would be a declaration.
            if name == "xmlns" {
                name.push('x');
            }
            if names.contains(&name) && !rarely(self.u, 8) {
                continue;
            }
            names.push(name.clone());
            attributes.push((name, attacker_text(self.u)));
        }
        // Declarations may stand anywhere among the attributes, behind those that need them too.
        if attributes.len() > 1 && rarely(self.u, 100) {
            let by = count(self.u, attributes.len() - 1);
            attributes.rotate_left(by);
        }
        self.out.push('<');
        self.out.push_str(&name);
        for (name, value) in attributes {
            self.gap();
            self.out.push_str(&name);
            self.space();
            self.out.push('=');
            self.space();
            self.value(&value);
        }
        self.space();
        if rarely(self.u, 60) || self.u.is_empty() {
            self.out.push_str("/>");
            self.prefixes.truncate(before);
        } else {
            self.out.push('>');
            self.open.push((name, before));
        }
    }

    /// A qualified name, nearly always with a prefix that is declared.
    fn name(&mut self) -> String {
        let local = local_name(self.u);
        if !rarely(self.u, 60) {
            return local.to_owned();
        }
        let prefix = if rarely(self.u, 20) {
            pick(self.u, PREFIXES)
        } else if rarely(self.u, 40) {
            "xml"
        } else {
            match self.u.choose(&self.prefixes) {
                Ok(prefix) => prefix,
                Err(_) => return local.to_owned(),
            }
        };
        format!("{prefix}:{local}")
    }

    fn value(&mut self, value: &str) {
        let quote = if rarely(self.u, 128) { '"' } else { '\'' };
        self.out.push(quote);
        for c in value.chars() {
            let must = matches!(c, '<' | '&') || c == quote;
            self.character(c, must);
        }
        self.out.push(quote);
    }

    fn text(&mut self) {
        let text = attacker_text(self.u);
        if rarely(self.u, 4) {
            // XML has them, XMPP does not.
            let (begin, end) = if rarely(self.u, 128) {
                ("<!--", "-->")
            } else {
                ("<?p ", "?>")
            };
            let inner = text.replace("--", "").replace("?>", "");
            self.out.extend([begin, inner.trim_end_matches('-'), end]);
            return;
        }
        if rarely(self.u, 50) {
            self.out.push_str("<![CDATA[");
            self.out.push_str(&text.replace("]]>", "]]"));
            self.out.push_str("]]>");
            return;
        }
        for c in text.chars() {
            // `>` may stand as it is, but not behind `]]`.
            let must = matches!(c, '<' | '&') || (c == '>' && self.out.ends_with("]]"));
            self.character(c, must);
        }
    }

    /// One character: as it is, by the name of an entity, or by number in one of its spellings.
    fn character(&mut self, c: char, must: bool) {
        if !must && !rarely(self.u, 16) {
            self.out.push(c);
            return;
        }
        let code = u32::from(c);
        let named = match c {
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            '&' => Some("&amp;"),
            '\'' => Some("&apos;"),
            '"' => Some("&quot;"),
            _ => None,
        };
        let text = match (count(self.u, 5), named) {
            (0..=2, Some(named)) => named.to_owned(),
            (3, _) => format!("&#{code};"),
            (4, _) => format!("&#x{code:X};"),
            (5, _) => format!("&#00{code};"),
            _ => format!("&#x{code:x};"),
        };
        self.out.push_str(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmppspec_protocol::element::Element;

    #[test]
    fn no_bytes_make_a_document() {
        let made = element(&mut Unstructured::new(&[]));
        assert_eq!(made, b"<a/>");
        assert!(stream(&mut Unstructured::new(&[])).ends_with(b"</stream:stream>"));
    }

    #[test]
    fn most_documents_are_well_formed_and_most_damaged_ones_are_not() {
        let (mut good, mut damaged_good, mut long) = (0, 0, 0);
        for seed in 0..400u32 {
            let bytes: Vec<u8> = (0..600u32)
                .map(|n| {
                    (n.wrapping_mul(2_654_435_761) ^ seed.wrapping_mul(0x9e37_79b9))
                        .rotate_left(n % 31) as u8
                })
                .collect();
            let made = element(&mut Unstructured::new(&bytes));
            long += usize::from(made.len() > 100);
            good += usize::from(Element::parse(&made).is_ok());
            damaged_good +=
                usize::from(Element::parse(&damaged(&mut Unstructured::new(&bytes))).is_ok());
        }
        assert!(
            good > 200 && damaged_good < good && long > 200,
            "{good} {damaged_good} {long}"
        );
    }
}
