//! Findings as scenarios that reproduce them.

use std::fmt::Write as _;

use super::input::{Attempt, When};

/// Repetitions of fewer bytes than this are written out.
const WORTH: usize = 24;
/// The longest piece that is looked for as what repeats itself.
const LONGEST: usize = 48;
/// Bytes of a line.
const LINE: usize = 100;

/// A scenario that sends what an attempt sent, and then expects the server to be there and to deliver.
pub(super) fn scenario(title: &str, attempt: &Attempt) -> String {
    let title = title.replace(['\n', '\r'], " ");
    let body = body(&attempt.bytes);
    match attempt.when {
        When::Bound => format!(
            "# {title}\n[Stream] Romeo\n[Client] Juliet\n-----\n\
             Juliet connects\nJuliet sends:\n\t<presence/>\n\
             Romeo connects\nRomeo opens stream\nRomeo starts TLS\nRomeo opens stream\nRomeo authenticates\nRomeo opens stream\nRomeo binds\n\
             Romeo sends bytes:\n{body}\
             Romeo sends:\n\t<message to=\"${{Juliet's full JID}}\" id=\"after\"><body>after</body></message>\n\
             Juliet receives:\n\t<message id=\"after\" from=\"${{Romeo's full JID}}\"/>\n"
        ),
        when => {
            let service = if when == When::BeforeSasl {
                "\tservice: c2s-tls\n"
            } else {
                ""
            };
            format!(
                "# {title}\n[Stream] Romeo\n{service}[Stream] Juliet\n-----\n\
                 Romeo connects\nRomeo sends bytes:\n{body}Romeo drops connection\n\
                 Juliet connects\nJuliet opens stream\nJuliet receives:\n\t<stream:stream/>\n"
            )
            .replace("<stream:stream/>", "<stream:stream>")
        }
    }
}

/// A scenario that gives the server so long to be done with what an attempt sent.
pub(super) fn slow(title: &str, attempt: &Attempt, within: std::time::Duration) -> String {
    let body = body(&attempt.bytes);
    format!(
        "# {title}\n[Stream] Romeo\n-----\nRomeo connects\nRomeo sends bytes:\n{body}Romeo is disconnected within {}ms\n",
        within.as_millis()
    )
}

/// A scenario in which so many actors send what an attempt sent, and one more wants a stream all the same.
pub(super) fn crowd(title: &str, attempt: &Attempt, count: usize) -> String {
    let body = body(&attempt.bytes);
    let mut out = format!("# {title}\n");
    for number in 1..=count {
        let _ = writeln!(out, "[Stream] Romeo {number}");
    }
    out.push_str("[Stream] Juliet\n-----\n");
    for number in 1..=count {
        let _ = write!(
            out,
            "Romeo {number} connects\nRomeo {number} sends bytes:\n{body}"
        );
    }
    out.push_str("Juliet connects\nJuliet sends:\n\t<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${domain}' version='1.0'>\n");
    out.push_str("Juliet receives within 10s:\n\t<stream:stream>\n");
    out
}

/// The lines of `sends bytes:`, with what repeats itself written once.
fn body(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut plain = 0;
    let mut at = 0;
    while at < bytes.len() {
        match repeated(&bytes[at..]) {
            Some((length, times)) => {
                lines(&bytes[plain..at], &mut out);
                let _ = writeln!(out, "\t\"{}\" × {times}", escaped(&bytes[at..at + length]));
                at += length * times;
                plain = at;
            }
            None => at += 1,
        }
    }
    lines(&bytes[plain..], &mut out);
    out
}

/// The length of the piece that these bytes begin with and repeat, and how often it stands there.
fn repeated(bytes: &[u8]) -> Option<(usize, usize)> {
    (1..=LONGEST.min(bytes.len() / 2)).find_map(|length| {
        let piece = &bytes[..length];
        let times = bytes
            .chunks_exact(length)
            .take_while(|chunk| *chunk == piece)
            .count();
        (times > 2 && length * times >= WORTH).then_some((length, times))
    })
}

fn lines(bytes: &[u8], out: &mut String) {
    for line in bytes.chunks(LINE) {
        let _ = writeln!(out, "\t\"{}\"", escaped(line));
    }
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
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmppspec_scenarios::{Severity, Source, check};

    #[test]
    fn what_repeats_itself_is_written_once() {
        let bytes = [b"<a>".repeat(1000), b"\"$\xff\n".to_vec()].concat();
        assert_eq!(body(&bytes), "\t\"<a>\" × 1000\n\t\"\\x22\\x24\\xff\\n\"\n");
    }

    #[test]
    fn scenarios_are_valid() {
        for when in [When::BeforeTls, When::BeforeSasl, When::Bound] {
            let attempt = Attempt {
                when,
                bytes: [b"<a>".repeat(99), b"${x} \"\x00\\ \xff".to_vec()].concat(),
            };
            for text in [
                scenario("A title", &attempt),
                crowd("A title", &attempt, 3),
                slow("A title", &attempt, std::time::Duration::from_millis(250)),
            ] {
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
    }
}
