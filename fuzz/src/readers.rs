//! XML readers that say what they see in the words of [`xmppspec_protocol::xml::canonical`], so that they can be compared.

use xmppspec_protocol::xml::{Limits, Mode, Rule, XmlError, canonical};

pub mod adapters;
pub mod child;
pub mod library;
mod lines;
#[cfg(feature = "native-parsers")]
mod native;
mod roxmltree;
mod rxml;

/// What a reader makes of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Well-formed: its canonical lines.
    Read(Vec<String>),
    /// Refused, with an error of this class. A class never holds bytes of the document.
    Refused(String),
    /// It gave no answer that counts.
    Failed(Failure),
}

/// How a reader in another process can fail to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// Its process ended.
    Crash,
    /// No answer came in time.
    Hang,
    /// The answer is not what the pipe protocol asks for.
    Garbage,
    /// Its process needs more memory than it may.
    Memory,
}

impl Failure {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Failure::Crash => "crash",
            Failure::Hang => "hang",
            Failure::Garbage => "garbage",
            Failure::Memory => "memory",
        }
    }
}

/// A reader in this process.
#[derive(Clone, Copy)]
pub struct InProcess {
    name: &'static str,
    read: fn(&[u8]) -> Reading,
}

impl InProcess {
    /// Its name in the table of known differences and in findings.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Reads a whole document.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> Reading {
        (self.read)(bytes)
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The name of our own reader.
pub const OURS: &str = "xmppspec";

/// The readers in this process, ours first.
#[must_use]
pub fn in_process() -> &'static [InProcess] {
    &[
        InProcess {
            name: OURS,
            read: ours,
        },
        InProcess {
            name: "rxml",
            read: rxml::read,
        },
        InProcess {
            name: "roxmltree",
            read: roxmltree::read,
        },
        #[cfg(feature = "native-parsers")]
        InProcess {
            name: "libexpat",
            read: native::expat::read,
        },
        #[cfg(feature = "native-parsers")]
        InProcess {
            name: "libxml2",
            read: native::libxml2::read,
        },
    ]
}

fn ours(bytes: &[u8]) -> Reading {
    match canonical(bytes, Mode::Element, Limits::NONE) {
        (lines, None) => Reading::Read(lines),
        (_, Some(error)) => Reading::Refused(class(&error, bytes)),
    }
}

/// The rule that a document breaks, and where one rule is about several things that readers get wrong one by one, the kind.
pub(crate) fn class(error: &XmlError, bytes: &[u8]) -> String {
    let at = usize::try_from(error.offset).unwrap_or(usize::MAX);
    let wrong = bytes.get(at..).unwrap_or_default();
    let kind = match error.rule {
        Rule::InvalidUtf8 => utf8_fault(at, wrong),
        Rule::IllegalCharacter => match wrong.first() {
            Some(0) => "NUL",
            Some(1..=0x1f) => "control",
            _ => "noncharacter",
        },
        Rule::IllegalReference => reference_fault(wrong),
        Rule::Doctype => {
            let holds = |word: &[u8]| wrong.windows(word.len()).any(|window| window == word);
            match (holds(b"<!ENTITY"), holds(b"SYSTEM"), holds(b"<!ATTLIST")) {
                (true, true, _) => "with external entities",
                (true, ..) => "with entities",
                (_, _, true) => "with attributes",
                _ => "",
            }
        }
        _ => "",
    };
    let name = error.rule.name();
    let place = match error.rule {
        Rule::InvalidUtf8 if kind == UTF16 => "",
        Rule::InvalidUtf8
        | Rule::IllegalCharacter
        | Rule::IllegalReference
        | Rule::MalformedReference
        | Rule::UndefinedEntity => place(&bytes[..at.min(bytes.len())]),
        _ => "",
    };
    match (kind, place) {
        ("", "") => name.to_owned(),
        (words, "") | ("", words) => format!("{name}: {words}"),
        _ => format!("{name}: {kind} {place}"),
    }
}

/// Where a well-formed piece of a document ends: readers check one place and forget another.
fn place(before: &[u8]) -> &'static str {
    const CDATA: &[u8] = b"<![CDATA[";
    let last = |mark: &[u8]| {
        before
            .windows(mark.len())
            .rposition(|window| window == mark)
    };
    if let Some(begin) = last(CDATA)
        && last(b"]]>").is_none_or(|end| end < begin)
    {
        return "in a CDATA section";
    }
    let begin = last(b"<").unwrap_or(before.len());
    let mut quote = None;
    for byte in &before[begin..] {
        match (quote, byte) {
            (None, b'>') => return "in text",
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    match quote {
        Some(_) => "in a value",
        None if begin < before.len() => "in a tag",
        None => "in text",
    }
}

const UTF16: &str = "UTF-16";

/// What is wrong with bytes that are not UTF-8.
fn utf8_fault(at: usize, wrong: &[u8]) -> &'static str {
    match wrong {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if at == 0 => UTF16,
        [0xc0 | 0xc1, ..] | [0xe0, 0x80..=0x9f, ..] | [0xf0, 0x80..=0x8f, ..] => "overlong",
        [0xed, 0xa0..=0xbf, ..] => "surrogate",
        [0xf4, 0x90..=0xbf, ..] | [0xf5..=0xf7, ..] => "beyond U+10FFFF",
        [0x80..=0xbf, ..] => "without a first byte",
        [0xf8..=0xff, ..] => "no first byte",
        _ => "cut off",
    }
}

/// What kind of character a reference means that XML does not allow.
fn reference_fault(wrong: &[u8]) -> &'static str {
    let end = wrong.iter().position(|byte| *byte == b';').unwrap_or(0);
    let digits = std::str::from_utf8(wrong.get(2..end).unwrap_or_default()).unwrap_or_default();
    let number = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    match number {
        Ok(0) => "NUL",
        Ok(1..=0x1f) => "control",
        Ok(0xd800..=0xdfff) => "surrogate",
        Ok(..=0x10_ffff) => "noncharacter",
        _ => "beyond U+10FFFF",
    }
}

/// The name of a variant of an enum of errors.
fn variant(error: impl std::fmt::Debug) -> String {
    let shown = format!("{error:?}");
    let end = shown
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(shown.len());
    shown[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_tell_kinds_and_places_apart() {
        for (document, expected) in [
            (&b"<a>\x01</a>"[..], "illegal-character: control in text"),
            (b"<a b='\x01'/>", "illegal-character: control in a value"),
            (
                b"<a><![CDATA[<b c='\0]]></a>",
                "illegal-character: NUL in a CDATA section",
            ),
            (b"<a b='>'>\xc0\x80</a>", "invalid-utf8: overlong in text"),
            (b"<a\xc3 />", "invalid-utf8: cut off in a tag"),
            (b"\xff\xfe<\0", "invalid-utf8: UTF-16"),
            (
                b"<a>&#xd800;</a>",
                "illegal-character-reference: surrogate in text",
            ),
            (b"<a b='&x;'/>", "undefined-entity: in a value"),
            (b"<a></b>", "mismatched-end-tag"),
            (
                b"<!DOCTYPE a [<!ENTITY x SYSTEM 'y'>]><a/>",
                "doctype: with external entities",
            ),
        ] {
            assert_eq!(ours(document), Reading::Refused(expected.to_owned()));
        }
    }
}
