//! Packets of multicast DNS in scripts: what is sent, and what must be heard.
//!
//! A line is a question or a record in zone-file form behind the sign of its section: `?` question, `=` answer, `~` authority,
//! `+` additional, `*` any section; `not` before the sign: no such line. Before them stand `key: value` lines on the packet
//! as a whole.

use std::net::SocketAddr;
use std::time::Duration;

use xmppspec_protocol::dns::{Flags, Message, Question, Record};
use xmppspec_protocol::mdns::Seen;

use super::value::{Place, Value};

/// What a line of a packet is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Question,
    Answer,
    Authority,
    Additional,
    Any,
}

fn section(sign: &str) -> Option<Section> {
    Some(match sign {
        "?" => Section::Question,
        "=" => Section::Answer,
        "~" => Section::Authority,
        "+" => Section::Additional,
        "*" => Section::Any,
        _ => return None,
    })
}

/// A line of a pattern.
#[derive(Clone, Debug)]
struct Line {
    section: Section,
    not: bool,
    /// The words before the data, and the data; `None` in TXT data means nothing.
    words: Vec<(String, Value)>,
    text: String,
}

/// The time since the last thing that the actor heard, sent, or that the target was asked to do.
pub type Window = (Duration, Duration);

/// From which port a packet must have come, where that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Any,
    This(u16),
}

/// What a packet must be like. What listeners must ignore is like nothing, unless `port:` is written.
#[derive(Clone, Debug)]
pub struct PacketPattern {
    lines: Vec<Line>,
    /// `after: 200ms..300ms`
    pub after: Option<Window>,
    /// `for: 2s`: how long nothing like it may come.
    pub for_: Option<Duration>,
    kind: Option<String>,
    to: Option<String>,
    ttl: Option<u8>,
    port: Option<Port>,
    id: Option<u16>,
    text: String,
}

/// A packet that is to be sent.
#[derive(Clone, Debug, Default)]
pub struct PacketText {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The source port; 0: any that is free.
    pub port: Option<u16>,
    /// The IP TTL.
    pub ttl: Option<u8>,
    /// Where to, if not to the group.
    pub to: Option<SocketAddr>,
    /// `quiet: 1.2s`: not before the target has said nothing but questions for so long.
    pub quiet: Option<Duration>,
    /// `before: 0.4s`: sent later than so long after the last thing that was heard it tells nothing about the target.
    pub before: Option<Duration>,
}

/// Words of a line; what stands in quotes or braces is one.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut depth, mut escaped) =
        (Vec::new(), String::new(), false, 0, false);
    for c in text.chars() {
        if c.is_whitespace() && !quoted && depth == 0 && !escaped {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            '{' if !escaped => depth += 1,
            '}' if !escaped && depth > 0 => depth -= 1,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn value(word: &str) -> Result<Value, String> {
    // A string's quotes are no part of it: `"msg={any}"`.
    let inner = word
        .strip_prefix('"')
        .and_then(|w| w.strip_suffix('"'))
        .unwrap_or(word);
    Value::read(inner, Place::Attribute, &mut Vec::new()).map_err(|fault| fault.title)
}

/// A number of seconds or milliseconds.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s')?, 1.0),
    };
    let seconds: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds * unit).ok()
}

pub(super) fn window(text: &str) -> Option<Window> {
    let (least, most) = text.split_once("..")?;
    let most = if most.trim().is_empty() {
        Duration::MAX
    } else {
        duration(most)?
    };
    Some((duration(least)?, most))
}

impl PacketPattern {
    /// Reads a body whose placeholders have been replaced.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(body: &str) -> Result<PacketPattern, String> {
        let mut pattern = PacketPattern {
            lines: Vec::new(),
            after: None,
            for_: None,
            kind: None,
            to: None,
            ttl: None,
            port: None,
            id: None,
            text: body.to_owned(),
        };
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (not, rest) = match line.strip_prefix("not ") {
                Some(rest) => (true, rest.trim_start()),
                None => (false, line),
            };
            let (sign, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if let Some(section) = section(sign) {
                let words = split(rest).into_iter().map(|w| value(&w).map(|v| (w, v)));
                pattern.lines.push(Line {
                    section,
                    not,
                    words: words.collect::<Result<_, _>>()?,
                    text: line.to_owned(),
                });
                continue;
            }
            let (key, given) = line
                .split_once(':')
                .ok_or_else(|| format!("`{line}` is neither a record nor `key: value`"))?;
            let given = given.trim();
            let wrong = || format!("`{given}` is no value of `{key}`");
            match key {
                "after" => pattern.after = Some(window(given).ok_or_else(wrong)?),
                "for" => pattern.for_ = Some(duration(given).ok_or_else(wrong)?),
                "is" if matches!(given, "query" | "response" | "probe") => {
                    pattern.kind = Some(given.to_owned())
                }
                "to" if matches!(given, "all" | "me") => pattern.to = Some(given.to_owned()),
                "ttl" => pattern.ttl = Some(given.parse().map_err(|_| wrong())?),
                "port" if given == "any" => pattern.port = Some(Port::Any),
                "port" => pattern.port = Some(Port::This(given.parse().map_err(|_| wrong())?)),
                "id" => pattern.id = Some(given.parse().map_err(|_| wrong())?),
                _ => return Err(format!("a packet has no `{key}: {given}`")),
            }
        }
        Ok(pattern)
    }

    /// The names that it binds.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        let words = self.lines.iter().flat_map(|line| &line.words);
        words.flat_map(|(_, value)| value.captures())
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Compares; names and values to be bound, or what is missing and how many lines were found before it.
    ///
    /// # Errors
    /// What does not agree.
    pub fn matches(&self, seen: &Seen) -> Result<Vec<(String, String)>, (usize, String)> {
        let message = &seen.message;
        let unless = |right: bool, what: String| if right { Ok(()) } else { Err((0, what)) };
        match self.kind.as_deref() {
            Some("response") => unless(message.is_response(), "it is a query".to_owned())?,
            Some("query") => unless(!message.is_response(), "it is a response".to_owned())?,
            Some(_) => {
                let probe = !message.is_response() && !message.authorities.is_empty();
                unless(probe, "it is no probe".to_owned())?;
            }
            None => {}
        }
        if let Some(to) = &self.to {
            let all = seen.is_multicast();
            unless(
                all == (to == "all"),
                format!("it went to {}", seen.destination),
            )?;
        }
        unless(
            self.ttl.is_none_or(|t| t == seen.ttl),
            format!("its IP TTL is {}", seen.ttl),
        )?;
        let port = seen.source.port();
        match self.port {
            Some(Port::Any) => {}
            Some(Port::This(wanted)) => {
                unless(wanted == port, format!("it came from port {port}"))?
            }
            None => unless(
                !seen.is_ignored(),
                format!(
                    "listeners must ignore it: it came from port {port} with the flags {:#06x}",
                    message.flags.0
                ),
            )?,
        }
        unless(
            self.id.is_none_or(|i| i == message.id),
            format!("its ID is {}", message.id),
        )?;
        let mut captures = Vec::new();
        for (found, line) in self.lines.iter().enumerate() {
            let hit = line.find(message);
            match (hit, line.not) {
                (Some(mut bound), false) => captures.append(&mut bound),
                (None, true) => {}
                (None, false) => return Err((found + 1, format!("it lacks `{}`", line.text))),
                (Some(_), true) => {
                    return Err((
                        found + 1,
                        format!("it has what it must not have: `{}`", line.text),
                    ));
                }
            }
        }
        Ok(captures)
    }
}

impl Line {
    fn find(&self, message: &Message) -> Option<Vec<(String, String)>> {
        if self.section == Section::Question {
            return message
                .questions
                .iter()
                .find_map(|q| self.accepts(&split(&q.to_string())));
        }
        let records: Vec<&Record> = match self.section {
            Section::Answer => message.answers.iter().collect(),
            Section::Authority => message.authorities.iter().collect(),
            Section::Additional => message.additionals.iter().collect(),
            _ => message.records().collect(),
        };
        records
            .iter()
            .find_map(|r| self.accepts(&split(&r.to_string())))
    }

    /// Compares word by word. `FLUSH` and `QU` must be there if they are written, and must not be if `NOFLUSH` and `QM` are;
    /// names agree in either case; the strings of TXT come in any order, and others may be there.
    fn accepts(&self, words: &[String]) -> Option<Vec<(String, String)>> {
        let mut captures = Vec::new();
        let flag = |word: &str| matches!(word, "FLUSH" | "QU");
        let flagged = words.iter().any(|w| flag(w));
        let mut rest = words.iter().filter(|w| !flag(w));
        let mut txt = false;
        let mut open: Vec<&String> = Vec::new();
        for (written, value) in &self.words {
            match written.as_str() {
                "FLUSH" | "QU" if !flagged => return None,
                "NOFLUSH" | "QM" if flagged => return None,
                "FLUSH" | "QU" | "NOFLUSH" | "QM" => continue,
                _ => {}
            }
            if txt {
                let at = open
                    .iter()
                    .position(|word| accepts(value, word, &mut captures))?;
                open.remove(at);
                continue;
            }
            if !accepts(value, rest.next()?, &mut captures) {
                return None;
            }
            if written == "TXT" {
                txt = true;
                open = rest.by_ref().collect();
            }
        }
        // Data that is not written may be anything.
        Some(captures)
    }
}

fn accepts(value: &Value, word: &str, captures: &mut Vec<(String, String)>) -> bool {
    let inner = word
        .strip_prefix('"')
        .and_then(|w| w.strip_suffix('"'))
        .unwrap_or(word);
    match value {
        Value::Literal(text) => text.eq_ignore_ascii_case(inner),
        value => value.accepts(inner, captures),
    }
}

impl PacketText {
    /// Reads a packet that is to be sent: lines as in a pattern without matchers, `id`, `flags` (a number), `port`, `ttl`, `to`,
    /// `quiet`, `before`; or `bytes:` in hexadecimal. A packet with answers and no question is a response.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(body: &str) -> Result<PacketText, String> {
        let mut message = Message::default();
        let mut packet = PacketText::default();
        let mut flags = None;
        let mut raw: Option<Vec<u8>> = None;
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (sign, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            if let Some(section) = section(sign) {
                let wrong = |e: xmppspec_protocol::dns::TextError| format!("`{rest}`: {e}");
                match section {
                    Section::Question => message
                        .questions
                        .push(rest.parse::<Question>().map_err(wrong)?),
                    Section::Answer => message.answers.push(rest.parse::<Record>().map_err(wrong)?),
                    Section::Authority => message
                        .authorities
                        .push(rest.parse::<Record>().map_err(wrong)?),
                    _ => message
                        .additionals
                        .push(rest.parse::<Record>().map_err(wrong)?),
                }
                continue;
            }
            let (key, given) = line
                .split_once(':')
                .ok_or_else(|| format!("`{line}` is neither a record nor `key: value`"))?;
            let given = given.trim();
            let wrong = || format!("`{given}` is no value of `{key}`");
            let number = || match given.strip_prefix("0x") {
                Some(hex) => u16::from_str_radix(hex, 16).ok(),
                None => given.parse().ok(),
            };
            match key {
                "id" => message.id = number().ok_or_else(wrong)?,
                "flags" => flags = Some(Flags(number().ok_or_else(wrong)?)),
                "port" => packet.port = Some(number().ok_or_else(wrong)?),
                "ttl" => packet.ttl = Some(given.parse().map_err(|_| wrong())?),
                "to" => packet.to = Some(given.parse().map_err(|_| wrong())?),
                "quiet" => packet.quiet = Some(duration(given).ok_or_else(wrong)?),
                "before" => packet.before = Some(duration(given).ok_or_else(wrong)?),
                "bytes" => raw = Some(hex(given).ok_or_else(wrong)?),
                _ => return Err(format!("a packet has no `{key}`")),
            }
        }
        let response = !message.answers.is_empty() && message.questions.is_empty();
        message.flags = flags.unwrap_or(if response {
            Flags::ANSWER
        } else {
            Flags::default()
        });
        packet.bytes = raw.unwrap_or_else(|| message.encode(true));
        Ok(packet)
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let digit = |b: u8| char::from(b).to_digit(16);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [a, b] => u8::try_from(digit(*a)? * 16 + digit(*b)?).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(body: &str) -> Seen {
        let packet = PacketText::parse(body).unwrap();
        let (from, to) = ("10.174.0.1:5353", "224.0.0.251:5353");
        Seen::read(
            Duration::ZERO,
            from.parse().unwrap(),
            to.parse().unwrap(),
            255,
            &packet.bytes,
        )
        .unwrap()
    }

    #[test]
    fn what_listeners_ignore_is_like_nothing() {
        let line = "= a.local. 120 FLUSH IN A 10.0.0.1";
        let matches = |pattern: &str, seen: &Seen| {
            let pattern = PacketPattern::parse(&format!("{pattern}\n{line}"));
            pattern.unwrap().matches(seen).is_ok()
        };
        let right = seen(line);
        let mut elsewhere = right.clone();
        elsewhere.source.set_port(5354);
        let coded = seen(&format!("flags: 0x8403\n{line}"));
        for (pattern, expected) in [
            ("is: response", [true, false, false]),
            ("port: any", [true, true, true]),
            ("port: 5354", [false, true, false]),
        ] {
            let found = [&right, &elsewhere, &coded].map(|seen| matches(pattern, seen));
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_find_lines_in_packets() {
        let packet = seen(
            "= _presence._tcp.local. 4500 IN PTR juliet@pronto._presence._tcp.local.\n\
             = juliet@pronto._presence._tcp.local. 4500 FLUSH IN TXT \"txtvers=1\" \"msg=a b\" \"status=away\"",
        );
        let matches = |body: &str| PacketPattern::parse(body).unwrap().matches(&packet);
        assert_eq!(
            matches(
                "is: response\nto: all\n= _PRESENCE._tcp.local. {any} NOFLUSH IN PTR {capture:who}\n= {any} {any} FLUSH IN TXT \"status=away\" \"msg={capture:m}\""
            ),
            Ok(vec![
                (
                    "who".to_owned(),
                    "juliet@pronto._presence._tcp.local.".to_owned()
                ),
                ("m".to_owned(), "a b".to_owned()),
            ])
        );
        assert!(matches("not = {any} {any} IN SRV\nttl: 255").is_ok());
        assert_eq!(
            matches("= {any} {any} IN PTR\nnot * {any} {any} IN TXT")
                .unwrap_err()
                .0,
            2
        );
        for wrong in [
            "is: query",
            "ttl: 1",
            "to: me",
            "+ {any} {any} IN PTR",
            "= {any} 120 IN PTR",
            "= {any} {any} FLUSH IN PTR",
            "= {any} {any} IN TXT \"status=dnd\"",
        ] {
            assert!(matches(wrong).is_err(), "{wrong}");
        }
        let probe = seen("? a.local. QU IN ANY\n~ a.local. 120 IN A 10.0.0.1");
        let pattern =
            PacketPattern::parse("is: probe\n? {capture:n} QU IN ANY\nafter: 200ms..1.5s").unwrap();
        assert_eq!(
            pattern.matches(&probe).unwrap(),
            [("n".to_owned(), "a.local.".to_owned())]
        );
        assert_eq!(
            pattern.after,
            Some((Duration::from_millis(200), Duration::from_millis(1500)))
        );
        assert!(
            PacketPattern::parse("? a.local. QM IN ANY")
                .unwrap()
                .matches(&probe)
                .is_err()
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for body in ["nonsense", "after: soon", "is: nice", "= {match:(} 1 IN A"] {
            assert!(PacketPattern::parse(body).is_err(), "{body}");
        }
        for body in ["= nonsense", "id: x", "bytes: 123", "hello"] {
            assert!(PacketText::parse(body).is_err(), "{body}");
        }
        assert_eq!(PacketText::parse("bytes: 00 ff").unwrap().bytes, [0, 255]);
        let before = PacketText::parse("before: 400ms\n? a.local. IN A").map(|p| p.before);
        assert_eq!(before, Ok(Some(Duration::from_millis(400))));
        let quiet = |body: &str| PacketText::parse(body).map(|packet| packet.quiet);
        assert_eq!(
            quiet("quiet: 1.2s\n? a.local. IN A"),
            Ok(Some(Duration::from_millis(1200)))
        );
        assert!(quiet("quiet: soon").is_err());
    }
}
