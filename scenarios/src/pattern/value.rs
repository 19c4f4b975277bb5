//! Matchers in attribute values and text: `{any}`, `{capture:n}`, `{match:REGEX}`, `{absent}`, `{not:TEXT}`.

use std::ops::Range;

use regex::Regex;

use crate::names;

/// The words that begin a matcher.
const WORDS: [&str; 5] = ["any", "capture", "match", "absent", "not"];

/// scansion's own way to write `{any}` and `{capture:n}`.
const PREFIX: &str = "scansion:";

/// What an attribute's value or a text must be.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Exactly this.
    Literal(String),
    /// There, whatever it is; perhaps bound to a name.
    Any(Option<String>),
    /// Not there.
    Absent,
    /// Not there with this text.
    AbsentText(String),
    /// There, and different.
    Not(String),
    /// Put together from several.
    Composed(Box<Composed>),
}

/// A value with matchers inside, as one regular expression with a named group for each capture.
#[derive(Clone, Debug)]
pub(super) struct Composed {
    regex: Regex,
    /// Group, and the name it is bound to.
    captures: Vec<(String, String)>,
    /// Group, and what it must not be.
    nots: Vec<(String, String)>,
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Attribute,
    Text,
}

/// What is wrong with a value, or (as a warning) what probably is. The range is in what was read.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) range: Range<usize>,
    pub(super) title: String,
    pub(super) help: Option<String>,
}

impl Fault {
    fn new(range: Range<usize>, title: impl Into<String>) -> Fault {
        Fault {
            range,
            title: title.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }
}

/// A piece of a value.
enum Piece {
    Literal(String),
    Any(Option<String>),
    Absent,
    AbsentText(String),
    Not(String),
    Match(Regex),
}

impl Value {
    /// Reads what stands between the quotes of an attribute or the tags of an element. It is part of XML that
    /// has been read already, so that its references and sections are complete.
    pub(super) fn read(raw: &str, place: Place, warnings: &mut Vec<Fault>) -> Result<Value, Fault> {
        let mut pieces = pieces(raw, place, warnings)?;
        let blank = |piece: &Piece| matches!(piece, Piece::Literal(text) if is_blank(text));
        // A matcher alone on the line of a text that spans several.
        if place == Place::Text && pieces.iter().filter(|(piece, _)| !blank(piece)).count() == 1 {
            let matcher = |(piece, _): &(Piece, _)| !matches!(piece, Piece::Literal(_));
            if pieces.iter().any(matcher) {
                pieces.retain(matcher);
            }
        }
        if pieces.is_empty() {
            return Ok(Value::Literal(String::new()));
        }
        if pieces.len() == 1
            && let Some((piece, _)) = pieces.pop_if(|(piece, _)| !matches!(piece, Piece::Match(_)))
        {
            return Ok(match piece {
                Piece::Literal(text) => Value::Literal(text),
                Piece::Any(name) => Value::Any(name),
                Piece::Absent => Value::Absent,
                Piece::AbsentText(text) => Value::AbsentText(text),
                Piece::Not(text) => Value::Not(text),
                Piece::Match(_) => return Err(Fault::new(0..raw.len(), "not a single matcher")),
            });
        }
        compose(pieces, raw.len())
    }

    /// The names it binds.
    pub(super) fn captures(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match self {
            Value::Any(name) => (name.as_deref(), &[][..]),
            Value::Composed(composed) => (None, &composed.captures[..]),
            _ => (None, &[][..]),
        };
        one.into_iter()
            .chain(several.iter().map(|(_, name)| name.as_str()))
    }

    /// A value that is there agrees; captures are added.
    pub(super) fn accepts(&self, received: &str, captures: &mut Vec<(String, String)>) -> bool {
        match self {
            Value::Literal(text) => text == received,
            Value::Any(None) => true,
            Value::Any(Some(name)) => {
                captures.push((name.clone(), received.to_owned()));
                true
            }
            Value::Absent => false,
            Value::AbsentText(text) | Value::Not(text) => text != received,
            Value::Composed(composed) => composed.accepts(received, captures),
        }
    }
}

impl Composed {
    fn accepts(&self, received: &str, captures: &mut Vec<(String, String)>) -> bool {
        if self.captures.is_empty() && self.nots.is_empty() {
            return self.regex.is_match(received);
        }
        let Some(found) = self.regex.captures(received) else {
            return false;
        };
        let group = |name: &str| found.name(name).map_or("", |group| group.as_str());
        if self.nots.iter().any(|(name, text)| group(name) == text) {
            return false;
        }
        let bound = self.captures.iter();
        captures.extend(bound.map(|(name, to)| (to.clone(), group(name).to_owned())));
        true
    }
}

/// XML whitespace or nothing.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

fn compose(pieces: Vec<(Piece, Range<usize>)>, length: usize) -> Result<Value, Fault> {
    let mut expression = String::from(r"\A");
    let (mut captures, mut nots) = (Vec::new(), Vec::new());
    for (index, (piece, range)) in pieces.into_iter().enumerate() {
        let group = format!("xmppspec_{index}");
        match piece {
            Piece::Literal(text) => expression.push_str(&regex::escape(&text)),
            Piece::Any(None) => expression.push_str("(?s:.*)"),
            Piece::Any(Some(name)) => {
                expression.push_str(&format!("(?P<{group}>(?s:.*))"));
                captures.push((group, name));
            }
            Piece::Not(text) => {
                expression.push_str(&format!("(?P<{group}>(?s:.*))"));
                nots.push((group, text));
            }
            Piece::Match(regex) => expression.push_str(&format!("(?:{})", regex.as_str())),
            Piece::Absent | Piece::AbsentText(_) => {
                return Err(Fault::new(range, "what is absent has nothing beside it")
                    .help("`{absent}` is the whole value; `{not:TEXT}` is there, and different"));
            }
        }
    }
    expression.push_str(r"\z");
    match Regex::new(&expression) {
        Ok(regex) => Ok(Value::Composed(Box::new(Composed {
            regex,
            captures,
            nots,
        }))),
        Err(error) => Err(Fault::new(
            0..length,
            format!("this cannot be matched: {}", reason(&error)),
        )),
    }
}

/// The last line of a regular expression's error says what is wrong; those before it draw it.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

fn pieces(
    raw: &str,
    place: Place,
    warnings: &mut Vec<Fault>,
) -> Result<Vec<(Piece, Range<usize>)>, Fault> {
    let mut pieces: Vec<(Piece, Range<usize>)> = Vec::new();
    let mut at = 0;
    let mut literal = String::new();
    let mut start = 0;
    while at < raw.len() {
        if raw[at..].starts_with('{')
            && let Some((piece, length)) = matcher(raw, at, place, warnings)?
        {
            if !literal.is_empty() {
                pieces.push((Piece::Literal(std::mem::take(&mut literal)), start..at));
            }
            pieces.push((piece, at..at + length));
            at += length;
            start = at;
        } else {
            at += character(&raw[at..], place, &mut literal);
        }
    }
    if !literal.is_empty() {
        pieces.push((Piece::Literal(literal), start..at));
    }
    Ok(pieces)
}

/// The matcher that begins at `at`, and how long it is; `None`: a brace like any other character.
fn matcher(
    raw: &str,
    at: usize,
    place: Place,
    warnings: &mut Vec<Fault>,
) -> Result<Option<(Piece, usize)>, Fault> {
    let inside = &raw[at + 1..];
    let prefixed = inside.strip_prefix(PREFIX);
    let named = prefixed.unwrap_or(inside);
    let word_length = named
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        .unwrap_or(named.len());
    let (word, rest) = named.split_at(word_length);
    let open = at..at + 1 + inside.len() - rest.len();
    if !rest.starts_with([':', '}']) {
        return Ok(None);
    }
    if !WORDS.contains(&word) {
        if let Some(meant) = names::nearest(word, WORDS) {
            let title = format!("there is no matcher `{{{word}}}`");
            let fault = Fault::new(open, title).help(format!("did you mean `{{{meant}}}`?"));
            warnings.push(fault);
        }
        return Ok(None);
    }
    let Some(length) = closing(&raw[at..], word == "match") else {
        return Err(Fault::new(open, "this matcher has no closing brace"));
    };
    let whole = at..at + length;
    let argument = rest.strip_prefix(':').map(|argument| {
        let end = length - (raw.len() - at - argument.len()) - 1;
        decoded(&argument[..end], place)
    });
    let piece = match (word, argument) {
        ("any", None) => Piece::Any(None),
        ("capture", Some(name)) if !name.trim().is_empty() => {
            Piece::Any(Some(name.trim().to_owned()))
        }
        ("capture", _) => {
            return Err(Fault::new(whole, "this capture has no name").help("write `{capture:n}`"));
        }
        ("match", Some(expression)) => Piece::Match(regex(&expression, whole)?),
        ("absent", None) => Piece::Absent,
        ("absent", Some(text)) if place == Place::Text => Piece::AbsentText(text),
        ("absent", Some(_)) => {
            return Err(
                Fault::new(whole, "`{absent:TEXT}` stands in the text of an element")
                    .help("`{absent}`: no such attribute; `{not:TEXT}`: there, and different"),
            );
        }
        ("not", Some(text)) => Piece::Not(text),
        ("any", Some(_)) => return Err(Fault::new(whole, "`{any}` takes nothing")),
        (word, _) => {
            return Err(Fault::new(
                whole,
                format!("`{{{word}}}` needs something to compare with"),
            )
            .help(format!("write `{{{word}:…}}`")));
        }
    };
    Ok(Some((piece, length)))
}

fn regex(expression: &str, range: Range<usize>) -> Result<Regex, Fault> {
    Regex::new(expression).map_err(|error| {
        Fault::new(
            range,
            format!("this is no regular expression: {}", reason(&error)),
        )
        .help("the syntax is that of the Rust crate `regex`; `\\` escapes `{`, `}`, `(` …")
    })
}

/// The length of the matcher up to its closing brace. In a regular expression backslashes escape braces.
fn closing(text: &str, escapes: bool) -> Option<usize> {
    let mut depth = 0usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if escapes => escaped = true,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn decoded(raw: &str, place: Place) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        at += character(&raw[at..], place, &mut out);
    }
    out
}

/// Appends what the first character, reference or CDATA section means, and says how long it is (XML §3.3.3, §2.11).
fn character(raw: &str, place: Place, out: &mut String) -> usize {
    if place == Place::Text
        && let Some(inside) = raw.strip_prefix("<![CDATA[")
    {
        let length = inside.find("]]>").unwrap_or(inside.len());
        out.push_str(&inside[..length].replace("\r\n", "\n").replace('\r', "\n"));
        return raw.len().min(length + "<![CDATA[]]>".len());
    }
    if raw.starts_with('&')
        && let Some(end) = raw.find(';')
        && let Some(c) = reference(&raw[1..end])
    {
        out.push(c);
        return end + 1;
    }
    let c = raw.chars().next().unwrap_or_default();
    match c {
        '\r' if raw[1..].starts_with('\n') => {}
        '\r' | '\n' if place == Place::Text => out.push('\n'),
        '\r' | '\n' | '\t' if place == Place::Attribute => out.push(' '),
        c => out.push(c),
    }
    c.len_utf8()
}

fn reference(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "apos" => '\'',
        "quot" => '"',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}
