//! Findings as scenarios that reproduce them.

use std::fmt::Write as _;
use std::time::Duration;

use super::input::{Attempt, JULIET, JULIET_BARE, When};

/// Repetitions of fewer bytes than this are written out.
const WORTH: usize = 24;
/// The longest piece that is looked for as what repeats itself.
const LONGEST: usize = 48;
/// Bytes of a line.
const LINE: usize = 100;

/// How a scenario shows what a server made of a stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// The sender's stream ends without an error and without its closing tag.
    Wordless,
    /// What is delivered later, by somebody else, cannot be read any more, or is not delivered.
    Spoiled,
    /// The n-th thing that is delivered, from 1, is in the name of somebody else.
    Foreign(usize),
    /// Something is delivered that should not be as it is.
    Delivered,
}

/// A scenario that sends a stanza of Romeo's to Juliet and ends his stream. What Benvolio sends her then comes after all that was
/// made of it, whether his stream was still there or not.
pub(super) fn delivered(title: &str, bytes: &[u8], shows: Shows) -> String {
    let mut out = titled(title);
    if shows == Shows::Delivered {
        out.push_str(
            "# No scenario sees bytes: a server that delivers the same, but so that all parsers agree, fails here, too.\n",
        );
    }
    let body = body(&[bytes, b"</stream:stream>"].concat());
    let _ = write!(
        out,
        "[Stream] Romeo\n[Client] Juliet\n[Client] Benvolio\n-----\n\
         Benvolio connects\nJuliet connects\n\
         Juliet sends:\n\t<presence/>\n\t<iq type=\"get\" id=\"ready\" to=\"${{domain}}\"><ping xmlns=\"urn:xmpp:ping\"/></iq>\n\
         Juliet receives:\n\t<iq id=\"ready\"/>\n\
         Romeo connects\nRomeo opens stream\nRomeo starts TLS\nRomeo opens stream\nRomeo authenticates\nRomeo opens stream\nRomeo binds\n\
         Romeo sends:\n\t<presence/>\n\
         Romeo sends bytes:\n{body}Romeo is disconnected\n"
    );
    let afters = match shows {
        Shows::Wordless => {
            out.push_str("\tstream: closed\n");
            return out;
        }
        Shows::Spoiled | Shows::Delivered => 1,
        Shows::Foreign(place) => place,
    };
    out.push_str("Benvolio sends:\n");
    for _ in 0..afters {
        out.push_str("\t<message to=\"${Juliet's full JID}\" id=\"after\"/>\n");
    }
    let after = "\t<message id=\"after\" from=\"${Benvolio's full JID}\"/>\n";
    match shows {
        Shows::Wordless => {}
        Shows::Spoiled => {
            let _ = write!(out, "Juliet receives:\n{after}");
        }
        Shows::Delivered => {
            let _ = write!(out, "Juliet receives next:\n{after}");
        }
        Shows::Foreign(place) => {
            for _ in 0..place {
                let _ = write!(out, "Juliet receives next one of:\n{after}");
                for name in ["message", "presence", "iq"] {
                    for from in RIGHTFUL {
                        let _ = writeln!(out, "\t<{name} from=\"{from}\"/>");
                    }
                }
            }
        }
    }
    out
}

/// From whom Juliet may get something that Romeo sent, or the server says.
const RIGHTFUL: [&str; 6] = [
    "${Romeo's full JID}",
    "${Romeo's JID}",
    "${Juliet's full JID}",
    "${Juliet's JID}",
    "${domain}",
    "{absent}",
];

fn titled(title: &str) -> String {
    format!("# {}\n", title.replace(['\n', '\r'], " "))
}

/// A scenario that sends what an attempt sent, and wants an error for it.
pub(super) fn wordless(title: &str, attempt: &Attempt) -> String {
    let (service, body) = (service(attempt.when), body(&attempt.bytes));
    format!(
        "{}[Stream] Romeo\n{service}-----\nRomeo connects\nRomeo sends bytes:\n{body}Romeo receives stream error\n",
        titled(title)
    )
}

/// The property of an actor whose connection begins with TLS.
fn service(when: When) -> &'static str {
    match when {
        When::BeforeSasl => "\tservice: c2s-tls\n",
        When::BeforeTls | When::Bound => "",
    }
}

/// A scenario that gives the server so long to be done with what an attempt sent.
pub(super) fn slow(title: &str, attempt: &Attempt, within: Duration) -> String {
    let body = body(&attempt.bytes);
    format!(
        "{}[Stream] Romeo\n-----\nRomeo connects\nRomeo sends bytes:\n{body}Romeo is disconnected within {}ms\n",
        titled(title),
        within.as_millis()
    )
}

/// So often, and so far apart, somebody wants a stream of a server that hangs: the first may be served before it begins to.
const JULIETS: usize = 4;
const APART: Duration = Duration::from_secs(2);
/// So long a server may take to answer a stream header, if nothing else is said.
const ANSWER: Duration = Duration::from_secs(10);

/// A scenario in which so many actors send what an attempt sent before login, and others want streams all the same. With
/// `patience` it is one who stays so long, for a server that ends later.
pub(super) fn crowd(
    title: &str,
    attempt: &Attempt,
    count: usize,
    patience: Option<Duration>,
) -> String {
    let (service, body) = (service(attempt.when), body(&attempt.bytes));
    let name = |number: usize| match count {
        1 => "Romeo".to_owned(),
        _ => format!("Romeo {number}"),
    };
    let mut out = titled(title);
    for number in 1..=count {
        let _ = write!(out, "[Stream] {}\n{service}", name(number));
    }
    let (juliets, stay) = match patience {
        Some(patience) => (1, patience),
        None => (JULIETS, APART),
    };
    for number in 1..=juliets {
        let _ = writeln!(out, "[Stream] Juliet {number}");
    }
    out.push_str("-----\n");
    for number in 1..=count {
        let _ = writeln!(out, "{} connects", name(number));
    }
    for number in 1..=count {
        let _ = write!(out, "{} sends bytes:\n{body}", name(number));
    }
    for number in 1..=juliets {
        let _ = write!(
            out,
            "Juliet {number} connects\nJuliet {number} sends:\n\t<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${{domain}}' version='1.0'>\n\
             Juliet {number} receives within {within}s:\n\t<stream:stream>\n\
             Juliet {number} receives:\n\t<stream:features scansion:strict='false'/>\n\
             Juliet {number} receives nothing for {}s\n",
            stay.as_secs(),
            within = ANSWER.as_secs() + patience.unwrap_or_default().as_secs(),
        );
    }
    out
}

/// The lines of `sends bytes:`, with what repeats itself written once.
fn body(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut plain = 0;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        match repeated(rest).or_else(|| counted(rest)) {
            Some((line, times, length)) => {
                lines(&bytes[plain..at], &mut out);
                let _ = writeln!(out, "\t\"{line}\" × {times}");
                at += length;
                plain = at;
            }
            None => at += 1,
        }
    }
    lines(&bytes[plain..], &mut out);
    out
}

/// What these bytes begin with and repeat, as a line, how often it stands there, and how many bytes that is.
fn repeated(bytes: &[u8]) -> Option<(String, usize, usize)> {
    (1..=LONGEST.min(bytes.len() / 2)).find_map(|length| {
        let piece = &bytes[..length];
        let times = bytes
            .chunks_exact(length)
            .take_while(|chunk| *chunk == piece)
            .count();
        let all = length * times;
        (times > 2 && all >= WORTH).then(|| (escaped(piece), times, all))
    })
}

/// The same for attributes and tags that are repeated with a number in them that counts from 0.
fn counted(bytes: &[u8]) -> Option<(String, usize, usize)> {
    if !matches!(bytes.first(), Some(b' ' | b'<')) {
        return None;
    }
    let zeros = (0..LONGEST.min(bytes.len())).filter(|at| bytes[*at] == b'0');
    zeros.into_iter().find_map(|zero| {
        let (before, after) = (&bytes[..zero], &bytes[zero + 1..]);
        let next = [before, b"1"].concat();
        let window = &after[..after.len().min(LONGEST + next.len())];
        let end = window.windows(next.len()).position(|at| at == next)?;
        let between = &after[..end];
        let (mut times, mut all) = (0, 0);
        loop {
            let one = [before, times.to_string().as_bytes(), between].concat();
            if !bytes[all..].starts_with(&one) {
                break;
            }
            times += 1;
            all += one.len();
        }
        let line = || format!("{}${{#}}{}", escaped(before), escaped(between));
        (times > 2 && all >= WORTH).then(|| (line(), times, all))
    })
}

fn lines(mut bytes: &[u8], out: &mut String) {
    while !bytes.is_empty() {
        let mut end = LINE.min(bytes.len());
        // Characters stay whole.
        while end < bytes.len() && end > LINE - 4 && bytes[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        let (line, rest) = bytes.split_at(end);
        let _ = writeln!(out, "\t\"{}\"", escaped(line));
        bytes = rest;
    }
}

/// Puts the placeholders of scenarios where what is escaped stands for Juliet.
pub(super) fn named(escaped: &str) -> String {
    let token = |token: &str| token.as_bytes().escape_ascii().to_string();
    escaped
        .replace(&token(JULIET), "${Juliet's full JID}")
        .replace(&token(JULIET_BARE), "${Juliet's JID}")
}

/// With the escapes of `sends bytes:`; a placeholder must not begin by chance.
fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            b'"' | b'$' => {
                let _ = write!(out, "\\x{byte:02x}");
            }
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    named(&out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmppspec_scenarios::{Severity, Source, check};

    #[test]
    fn what_repeats_itself_is_written_once() {
        let bytes = [b"<a>".repeat(1000), b"\"$\xff\n".to_vec()].concat();
        assert_eq!(body(&bytes), "\t\"<a>\" × 1000\n\t\"\\x22\\x24\\xff\\n\"\n");
        let counted: String = (0..1200).map(|at| format!(" p{at}='u'")).collect();
        let bytes = format!("<a b='1.0'{counted}/>");
        assert_eq!(
            body(bytes.as_bytes()),
            "\t\"<a b='1.0'\"\n\t\" p${#}='u'\" × 1200\n\t\"/>\"\n"
        );
    }

    #[test]
    fn scenarios_are_valid() {
        let bytes = [b"<a>".repeat(99), b"${x} \"\x00\\ \xff".to_vec()].concat();
        let mut all = Vec::new();
        for when in [When::BeforeTls, When::BeforeSasl] {
            let attempt = Attempt {
                when,
                bytes: bytes.clone(),
            };
            all.extend([
                wordless("A title", &attempt),
                crowd("A title", &attempt, 1, None),
                crowd("A title", &attempt, 3, Some(Duration::from_secs(20))),
                slow("A title", &attempt, Duration::from_millis(250)),
            ]);
        }
        let shows = [
            Shows::Wordless,
            Shows::Spoiled,
            Shows::Foreign(2),
            Shows::Delivered,
        ];
        all.extend(shows.map(|shows| delivered("A title", &bytes, shows)));
        for text in all {
            let source = Source {
                name: "a.scs".to_owned(),
                text: text.clone(),
            };
            let wrong: Vec<_> = check(&source, "a")
                .into_iter()
                .filter(|d| d.severity == Severity::Error)
                .collect();
            assert!(wrong.is_empty(), "{text}\n{wrong:#?}");
        }
    }

    #[test]
    fn juliet_is_named_wherever_she_stands() {
        for before in 95..=100 {
            let bytes = format!("{}{JULIET}", "ab ".repeat(40).split_at(before).0);
            assert!(
                body(bytes.as_bytes()).contains("${Juliet's full JID}"),
                "{before}"
            );
        }
    }
}
