//! What placeholders stand for.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::script::Piece;
use crate::text::Template;

/// No body is longer than this when its repetitions are written out, in bytes.
pub const MAX_EXPANDED: usize = 64 << 20;

/// The number of the repetition, in a line of `sends bytes:`.
const NUMBER: &str = "${#}";
const NUMBER_NAME: &str = "#";

/// Placeholders inside placeholders, at most.
const MAX_DEPTH: usize = 16;

/// The values of names: actors' JIDs, captured values, the domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings {
    values: BTreeMap<String, String>,
}

/// Why a placeholder cannot be replaced. The range is in the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpandError {
    /// No value has this name.
    Unknown {
        /// The name.
        name: String,
        /// The placeholder.
        span: Range<usize>,
        /// The known name nearest to it.
        nearest: Option<String>,
    },
    /// `${` without its `}`.
    Unclosed {
        /// The `${`.
        span: Range<usize>,
    },
    /// The text would be longer than [`MAX_EXPANDED`], or placeholders are nested too deeply.
    TooLong {
        /// The placeholder.
        span: Range<usize>,
    },
    /// A backslash with an unknown letter behind it.
    Escape {
        /// The escape.
        span: Range<usize>,
    },
    /// The bytes are no UTF-8, where text is needed.
    NotText {
        /// The whole.
        span: Range<usize>,
    },
}

impl ExpandError {
    /// Where it is, in the template.
    pub fn span(&self) -> Range<usize> {
        match self {
            ExpandError::Unknown { span, .. }
            | ExpandError::Unclosed { span }
            | ExpandError::TooLong { span }
            | ExpandError::Escape { span }
            | ExpandError::NotText { span } => span.clone(),
        }
    }

    /// The same for people; `template` is what was expanded, `source` the script's name.
    pub fn diagnostic(&self, template: &Template, source: &str) -> Diagnostic {
        let span = template.locate(self.span());
        let diagnostic = Diagnostic::error(self.to_string())
            .in_source(source)
            .label(span, "");
        match self {
            ExpandError::Unknown {
                nearest: Some(name),
                ..
            } => diagnostic.help(format!("did you mean `${{{name}}}`?")),
            ExpandError::Escape { .. } => {
                diagnostic.help("escapes are \\xNN \\r \\n \\t \\\\ \\\"")
            }
            _ => diagnostic,
        }
    }
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExpandError::Unknown { name, .. } => write!(f, "nothing has the name `{name}` here"),
            ExpandError::Unclosed { .. } => f.write_str("this placeholder has no closing brace"),
            ExpandError::TooLong { .. } => {
                write!(
                    f,
                    "this would make the text longer than {} MiB",
                    MAX_EXPANDED >> 20
                )
            }
            ExpandError::Escape { .. } => f.write_str("unknown escape"),
            ExpandError::NotText { .. } => f.write_str("these bytes are not UTF-8"),
        }
    }
}

impl std::error::Error for ExpandError {}

/// Where the result is to stand.
#[derive(Clone, Copy, PartialEq)]
enum Into {
    /// As it is: properties, names.
    Plain,
    /// In XML: values are escaped, and braces in them are no matchers.
    Xml,
    /// In bytes: backslash escapes of the template count, those in values do not.
    Bytes,
}

impl Bindings {
    /// No name has a value.
    pub fn new() -> Bindings {
        Bindings::default()
    }

    /// Gives a name a value, instead of the one it may have.
    pub fn set(
        &mut self,
        name: impl std::convert::Into<String>,
        value: impl std::convert::Into<String>,
    ) {
        self.values.insert(name.into(), value.into());
    }

    /// Gives an actor's names their values: `X's JID`, `X's user`, `X's password`, and, if the JID
    /// has a resource, `X's full JID` and `X's resource`.
    pub fn set_actor(&mut self, actor: &str, jid: &str, password: Option<&str>) {
        let (bare, resource) = match jid.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (jid, None),
        };
        self.set(format!("{actor}'s JID"), bare);
        if let Some((user, _)) = bare.split_once('@') {
            self.set(format!("{actor}'s user"), user);
        }
        if let Some(password) = password {
            self.set(format!("{actor}'s password"), password);
        }
        if let Some(resource) = resource {
            self.set(format!("{actor}'s full JID"), jid);
            self.set(format!("{actor}'s resource"), resource);
        }
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// All names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Replaces the placeholders of a property or another plain text.
    pub fn expand(&self, template: &str) -> Result<String, ExpandError> {
        let expanded = self.run(&Template::verbatim(template, 0), Into::Plain)?;
        Ok(expanded.0)
    }

    /// Replaces the placeholders of a body. Values are escaped for XML, and braces in them are
    /// never matchers; in `{match:…}` they stand for themselves, not for a regular expression.
    /// The result leads back to the script like the template does.
    pub fn expand_body(&self, template: &Template) -> Result<Template, ExpandError> {
        let (text, marks) = self.run(template, Into::Xml)?;
        let mut out = Template::default();
        for (made, from) in marks {
            if template[from.clone()] == text[made.clone()] {
                out.push_part(template, from);
            } else {
                out.push_replacement(&text[made], template.locate(from));
            }
        }
        Ok(out)
    }

    /// The bytes of a line of `sends bytes:`: placeholders replaced, escapes resolved, as often as it says. `${#}` is the number
    /// of the repetition, from 0.
    ///
    /// # Errors
    /// Also [`ExpandError::TooLong`] for more than `most` bytes.
    pub fn expand_piece(&self, piece: &Piece, most: usize) -> Result<Vec<u8>, ExpandError> {
        let counts = piece.line.contains(NUMBER);
        let mut out = self.expand_bytes(&piece.line, 0)?;
        let one = out.len();
        if one.saturating_mul(piece.times) > most {
            return Err(ExpandError::TooLong {
                span: 0..piece.line.len(),
            });
        }
        if !counts {
            return Ok(out.repeat(piece.times));
        }
        out.truncate(one * piece.times.min(1));
        for number in 1..piece.times {
            out.extend(self.expand_bytes(&piece.line, number)?);
        }
        Ok(out)
    }

    /// One repetition of the bytes of a line.
    pub(crate) fn expand_bytes(
        &self,
        template: &str,
        number: usize,
    ) -> Result<Vec<u8>, ExpandError> {
        let mut expansion = Expansion {
            bindings: self,
            into: Into::Bytes,
            left: MAX_EXPANDED,
            number: Some(number),
        };
        expansion.bytes(template, 0, 0)
    }

    /// The text, and which range of it was made from which range of the template.
    #[allow(clippy::type_complexity)]
    fn run(
        &self,
        template: &str,
        into: Into,
    ) -> Result<(String, Vec<(Range<usize>, Range<usize>)>), ExpandError> {
        let mut expansion = Expansion {
            bindings: self,
            into,
            left: MAX_EXPANDED,
            number: None,
        };
        let mut out = String::new();
        let mut marks = Vec::new();
        let mut at = 0;
        // No `{match:` that begins before this is still open.
        let mut settled = 0;
        while at < template.len() {
            let start = out.len();
            let Some(found) = template[at..].find("${") else {
                out.push_str(&template[at..]);
                marks.push((start..out.len(), at..template.len()));
                break;
            };
            let open = at + found;
            out.push_str(&template[at..open]);
            if open > at {
                marks.push((start..out.len(), at..open));
            }
            let close = closing(template, open).ok_or(ExpandError::Unclosed {
                span: open..open + 2,
            })?;
            let start = out.len();
            let in_match = into == Into::Xml && in_match(&out[settled..]);
            if !in_match {
                settled = out.len();
            }
            let value = expansion.placeholder(&template[open + 2..close], open + 2, 0, in_match)?;
            out.push_str(&value);
            marks.push((start..out.len(), open..close + 1));
            at = close + 1;
        }
        Ok((out, marks))
    }
}

struct Expansion<'a> {
    bindings: &'a Bindings,
    into: Into,
    left: usize,
    /// What `${#}` stands for.
    number: Option<usize>,
}

impl Expansion<'_> {
    /// What the inside of a placeholder stands for.
    fn placeholder(
        &mut self,
        inside: &str,
        offset: usize,
        depth: usize,
        in_match: bool,
    ) -> Result<String, ExpandError> {
        let span = offset..offset + inside.len();
        if depth > MAX_DEPTH {
            return Err(ExpandError::TooLong { span });
        }
        if let Some(encoded) = inside.strip_prefix("base64:") {
            let bytes = self.bytes(encoded, offset + "base64:".len(), depth + 1)?;
            return Ok(base64(&bytes));
        }
        if let Some((text, times)) = repetition(inside) {
            let text = self.text(text, offset, depth + 1, in_match)?;
            let length = text
                .len()
                .checked_mul(times)
                .filter(|length| *length <= self.left);
            self.left -= length.ok_or(ExpandError::TooLong { span })?;
            return Ok(text.repeat(times));
        }
        if let (NUMBER_NAME, Some(number)) = (inside, self.number) {
            return Ok(number.to_string());
        }
        let name = self.text(inside, offset, depth + 1, false)?;
        let Some(value) = self.bindings.get(name.trim()) else {
            let nearest =
                crate::names::nearest(name.trim(), self.bindings.values.keys().map(String::as_str));
            return Err(ExpandError::Unknown {
                name,
                span,
                nearest: nearest.map(str::to_owned),
            });
        };
        let value = match (self.into, in_match) {
            (Into::Xml, true) => escape(&regex::escape(value), false),
            (Into::Xml, false) => escape(value, true),
            (Into::Plain | Into::Bytes, _) => value.to_owned(),
        };
        self.left = self
            .left
            .checked_sub(value.len())
            .ok_or(ExpandError::TooLong { span })?;
        Ok(value)
    }

    /// Text inside a placeholder, with the placeholders in it replaced: innermost first.
    fn text(
        &mut self,
        template: &str,
        offset: usize,
        depth: usize,
        in_match: bool,
    ) -> Result<String, ExpandError> {
        let mut out = String::new();
        let mut at = 0;
        while let Some(found) = template[at..].find("${") {
            let open = at + found;
            out.push_str(&template[at..open]);
            let span = offset + open..offset + open + 2;
            let close = closing(template, open).ok_or(ExpandError::Unclosed { span })?;
            out.push_str(&self.placeholder(
                &template[open + 2..close],
                offset + open + 2,
                depth,
                in_match,
            )?);
            at = close + 1;
        }
        out.push_str(&template[at..]);
        Ok(out)
    }

    /// Bytes: escapes of the template resolved, values as they are.
    fn bytes(
        &mut self,
        template: &str,
        offset: usize,
        depth: usize,
    ) -> Result<Vec<u8>, ExpandError> {
        if depth > MAX_DEPTH {
            return Err(ExpandError::TooLong {
                span: offset..offset + template.len(),
            });
        }
        let outer = std::mem::replace(&mut self.into, Into::Bytes);
        let mut out = Vec::new();
        let mut at = 0;
        while at < template.len() {
            let rest = &template[at..];
            if rest.starts_with("${") {
                let span = offset + at..offset + at + 2;
                let close = closing(template, at).ok_or(ExpandError::Unclosed { span })?;
                let inside = &template[at + 2..close];
                if let Some((text, times)) = repetition(inside) {
                    let bytes = self.bytes(text, offset + at + 2, depth + 1)?;
                    let span = offset + at..offset + close + 1;
                    let length = bytes
                        .len()
                        .checked_mul(times)
                        .filter(|length| *length <= self.left);
                    self.left -= length.ok_or(ExpandError::TooLong { span })?;
                    out.extend(bytes.repeat(times));
                } else {
                    let value = self.placeholder(inside, offset + at + 2, depth, false)?;
                    out.extend_from_slice(value.as_bytes());
                }
                at = close + 1;
            } else if rest.starts_with('\\') {
                let (byte, length) = escaped(rest).ok_or_else(|| {
                    let length = rest.chars().nth(1).map_or(1, |c| 1 + c.len_utf8());
                    ExpandError::Escape {
                        span: offset + at..offset + at + length,
                    }
                })?;
                out.push(byte);
                at += length;
            } else {
                let length = rest.find(['\\', '$']).unwrap_or(rest.len()).max(1);
                out.extend_from_slice(&rest.as_bytes()[..length]);
                at += length;
            }
        }
        self.into = outer;
        Ok(out)
    }
}

/// `TEXT × N`.
pub(crate) fn repetition(text: &str) -> Option<(&str, usize)> {
    let (text, times) = text.rsplit_once('×')?;
    Some((
        text.strip_suffix(' ').unwrap_or(text),
        times.trim().parse().ok()?,
    ))
}

/// Where the `}` of the `${` at `open` is.
pub(crate) fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate().skip(open + 1) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The byte of an escape, and how long the escape is.
fn escaped(text: &str) -> Option<(u8, usize)> {
    let bytes = text.as_bytes();
    Some(match bytes.get(1)? {
        b'r' => (b'\r', 2),
        b'n' => (b'\n', 2),
        b't' => (b'\t', 2),
        b'\\' => (b'\\', 2),
        b'"' => (b'"', 2),
        b'x' => {
            let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
            (u8::try_from(digit(2)? * 16 + digit(3)?).ok()?, 4)
        }
        _ => return None,
    })
}

/// The text ends inside a `{match:` that is still open.
fn in_match(text: &str) -> bool {
    let Some(start) = text.rfind("{match:") else {
        return false;
    };
    let mut depth = 0i64;
    let mut escaped = false;
    for byte in text[start..].bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

/// Escaped for XML, in text as in attribute values of either quote.
fn escape(value: &str, braces: bool) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '{' if braces => out.push_str("&#x7B;"),
            '}' if braces => out.push_str("&#x7D;"),
            _ => out.push(c),
        }
    }
    out
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0u32, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bindings() -> Bindings {
        let mut bindings = Bindings::new();
        bindings.set("domain", "example.org");
        bindings.set_actor("Romeo", "romeo@example.org/o'clock", Some("s\\x00cret"));
        bindings.set_actor("Juliet's phone", "juliet@example.org", None);
        bindings.set("n", "a&{any}<b>");
        bindings.set("which", "domain");
        bindings
    }

    #[test]
    fn replaces_names() {
        let b = bindings();
        assert_eq!(
            b.expand("${domain}/${Romeo's JID}").unwrap(),
            "example.org/romeo@example.org"
        );
        assert_eq!(
            b.expand("${Romeo's full JID}").unwrap(),
            "romeo@example.org/o'clock"
        );
        assert_eq!(b.expand("${Juliet's phone's user}").unwrap(), "juliet");
        assert_eq!(b.expand("${${which}}").unwrap(), "example.org");
        assert_eq!(b.expand("no $ {here} $").unwrap(), "no $ {here} $");
        assert_eq!(
            b.expand("${a × 5}-${${domain} × 2}-${ab × 0}").unwrap(),
            "aaaaa-example.orgexample.org-"
        );
    }

    #[test]
    fn encodes_base64_of_bytes() {
        let b = bindings();
        assert_eq!(
            b.expand("${base64:\\x00romeo\\x00secret}").unwrap(),
            "AHJvbWVvAHNlY3JldA=="
        );
        // An escape in a value is no escape.
        assert_eq!(
            b.expand("${base64:${Romeo's password}}").unwrap(),
            "c1x4MDBjcmV0"
        );
        assert_eq!(b.expand("${base64:}").unwrap(), "");
        assert_eq!(b.expand("${base64:${\\xff × 3}}").unwrap(), "////");
        assert_eq!(b.expand("${base64:a}").unwrap(), "YQ==");
    }

    #[test]
    fn makes_bytes() {
        let b = bindings();
        assert_eq!(
            b.expand_bytes("a\\r\\n\\x00\\\\é${n}", 0).unwrap(),
            "a\r\n\0\\éa&{any}<b>".as_bytes()
        );
        assert_eq!(b.expand_bytes("a$b", 0).unwrap(), b"a$b");
        assert_eq!(
            b.expand_bytes("ab\\q", 0),
            Err(ExpandError::Escape { span: 2..4 })
        );
        assert_eq!(
            b.expand_bytes("\\x4", 0),
            Err(ExpandError::Escape { span: 0..2 })
        );
    }

    #[test]
    fn repeats_and_counts() {
        let b = bindings();
        let made = |line: &str, times, most| {
            let line = Template::verbatim(line, 0);
            b.expand_piece(&Piece { line, times }, most)
        };
        assert_eq!(made("a\\n", 3, 6).unwrap(), b"a\na\na\n");
        assert_eq!(made("<p${#}/>", 3, 99).unwrap(), b"<p0/><p1/><p2/>");
        assert_eq!(made("<p${#}/>", 0, 99).unwrap(), b"");
        assert_eq!(made("x", 5, 4), Err(ExpandError::TooLong { span: 0..1 }));
        assert!(matches!(b.expand("${#}"), Err(ExpandError::Unknown { .. })));
    }

    #[test]
    fn escapes_values_in_xml_and_leads_back() {
        let b = bindings();
        let body = Template::verbatim("<a b='${n}'>${Romeo's full JID}</a>", 10);
        let out = b.expand_body(&body).unwrap();
        assert_eq!(
            &*out,
            "<a b='a&amp;&#x7B;any&#x7D;&lt;b&gt;'>romeo@example.org/o&apos;clock</a>"
        );
        assert_eq!(out.locate(8..12), 16..20);
        let end = out.len();
        assert_eq!(
            out.locate(end - 4..end),
            10 + body.len() - 4..10 + body.len()
        );
        // A dedented body: its lines lead back one by one.
        let mut body = Template::verbatim("<a>", 1);
        body.push_replacement("\n", 4..5);
        body.push_verbatim("</a>", 7);
        let out = b.expand_body(&body).unwrap();
        assert_eq!(out.locate(4..8), 7..11);
        let body = Template::from("<a b='{match:[a-z]{1,3}@${domain}}' c='${domain}'/>");
        assert_eq!(
            &*b.expand_body(&body).unwrap(),
            "<a b='{match:[a-z]{1,3}@example\\.org}' c='example.org'/>"
        );
    }

    #[test]
    fn says_what_it_does_not_know() {
        let b = bindings();
        let error = b.expand("to ${Romoe's JID}").unwrap_err();
        assert_eq!(
            error,
            ExpandError::Unknown {
                name: "Romoe's JID".into(),
                span: 5..16,
                nearest: Some("Romeo's JID".into())
            }
        );
        assert_eq!(
            b.expand("x ${domain"),
            Err(ExpandError::Unclosed { span: 2..4 })
        );
        assert!(matches!(
            b.expand("${${aaaa × 99999} × 99999}"),
            Err(ExpandError::TooLong { .. })
        ));
        assert!(matches!(
            b.expand(&format!("{}x{}", "${".repeat(99), "}".repeat(99))),
            Err(ExpandError::TooLong { .. })
        ));
    }
}
