//! Documents as XML 1.0 reads them: our reader behind a layer that takes comments, processing instructions and the like for
//! what they are. So what other readers make of what RFC 6120 §11 forbids can be compared, too.

use xmppspec_protocol::xml::{Limits, Mode, Rule, canonical};

use crate::readers::{Reading, class};

/// Forbidden pieces of one document; each costs a reading.
const MOST_PIECES: usize = 40;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What is wrong with a piece, or that this is for others to tell.
enum Wrong {
    Malformed(&'static str),
    Unknown,
}

use Wrong::{Malformed, Unknown};

/// Reads a document as XML 1.0. `None`: it has an internal subset or another encoding, which is not looked into here.
pub(super) fn read(bytes: &[u8]) -> Option<Reading> {
    let mut rest = bytes.to_vec();
    let mut has_doctype = false;
    for turn in 0..MOST_PIECES {
        let (lines, error) = canonical(&rest, Mode::Element, Limits::NONE);
        let Some(error) = error else {
            return Some(Reading::Read(lines));
        };
        let at = usize::try_from(error.offset).ok()?;
        let piece = rest.get(at..)?;
        let length = match error.rule {
            Rule::Comment => comment(piece),
            Rule::ProcessingInstruction => instruction(piece),
            Rule::StandaloneDeclaration => standalone(piece),
            Rule::Doctype if has_doctype || !lines.is_empty() => {
                Err(Malformed("misplaced doctype"))
            }
            Rule::Doctype => {
                has_doctype = true;
                doctype(piece)
            }
            Rule::ByteOrderMark if turn == 0 && rest.starts_with(BYTE_ORDER_MARK) => {
                Ok(BYTE_ORDER_MARK.len())
            }
            Rule::UndefinedEntity if has_doctype => Err(Unknown),
            Rule::UnsupportedEncoding | Rule::UnsupportedVersion => Err(Unknown),
            // Perhaps it is another encoding.
            Rule::InvalidUtf8 if turn == 0 => Err(Unknown),
            _ => return Some(Reading::Refused(class(&error, &rest))),
        };
        let length = match length {
            Ok(length) => length,
            Err(Malformed(what)) => return Some(Reading::Refused(what.to_owned())),
            Err(Unknown) => return None,
        };
        let of = |kind: &str| lines.iter().filter(|line| line.starts_with(kind)).count();
        // Something stays, so that what stood before and behind it does not come together.
        let instead: &[u8] = match error.rule {
            Rule::ByteOrderMark => b"",
            _ if of("start ") > of("end ") => b"<![CDATA[]]>",
            _ => b" ",
        };
        rest.splice(at..at + length, instead.iter().copied());
    }
    None
}

/// The part of a piece up to a mark, as text of characters that XML allows.
fn text_before<'a>(piece: &'a [u8], mark: &str) -> Result<&'a str, Wrong> {
    let end = piece
        .windows(mark.len())
        .position(|window| window == mark.as_bytes())
        .ok_or(Malformed("incomplete"))?;
    let text =
        std::str::from_utf8(&piece[..end]).map_err(|_| Malformed("invalid-utf8 in markup"))?;
    let allowed = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(allowed) {
        Ok(text)
    } else {
        Err(Malformed("illegal-character in markup"))
    }
}

/// `'<!--' ((Char - '-') | ('-' (Char - '-')))* '-->'` (XML §2.5).
fn comment(piece: &[u8]) -> Result<usize, Wrong> {
    let inner = piece.get(4..).unwrap_or_default();
    let text = text_before(inner, "--")?;
    if inner.get(text.len() + 2) == Some(&b'>') {
        Ok(4 + text.len() + 3)
    } else {
        Err(Malformed("double hyphen in comment"))
    }
}

/// `'<?' PITarget (S (Char* - (Char* '?>' Char*)))? '?>'` (XML §2.6).
fn instruction(piece: &[u8]) -> Result<usize, Wrong> {
    let text = text_before(piece.get(2..).unwrap_or_default(), "?>")?;
    let target = text.split([' ', '\t', '\r', '\n']).next().unwrap_or(text);
    if !is_name(target) {
        return Err(Malformed("target is no name"));
    }
    if target.eq_ignore_ascii_case("xml") {
        return Err(Malformed("target is reserved"));
    }
    Ok(2 + text.len() + 2)
}

/// Whether this is a Name (XML §2.3), with colons anywhere.
fn is_name(text: &str) -> bool {
    let element = format!("<{}/>", text.replace(':', "_"));
    let (lines, error) = canonical(element.as_bytes(), Mode::Element, Limits::NONE);
    error.is_none() && lines.len() == 2 && !text.contains(['/', ' '])
}

/// `'standalone' Eq ("'" ('yes' | 'no') "'" | …) S?` before `?>` (XML §2.9).
fn standalone(piece: &[u8]) -> Result<usize, Wrong> {
    let text = text_before(piece, "?>")?;
    let plain: String = text.split_ascii_whitespace().collect();
    let value = plain
        .strip_prefix("standalone=")
        .ok_or(Malformed("malformed-declaration"))?;
    // Whitespace within the value must not pass for none.
    let holds = |value| text.contains(value);
    if (matches!(value, "'yes'" | "\"yes\"" | "'no'" | "\"no\"")) && holds(value) {
        Ok(text.len())
    } else {
        Err(Malformed("malformed-declaration"))
    }
}

/// `'<!DOCTYPE' S Name (S ExternalID)? S? '>'` (XML §2.8), without internal subset.
fn doctype(piece: &[u8]) -> Result<usize, Wrong> {
    let malformed = || Malformed("malformed doctype");
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let mut at = "<!DOCTYPE".len();
    let skip = |at: &mut usize| {
        let begin = *at;
        while piece.get(*at).copied().is_some_and(is_space) {
            *at += 1;
        }
        *at > begin
    };
    let word = |at: &mut usize| {
        let begin = *at;
        while let Some(byte) = piece.get(*at)
            && !is_space(*byte)
            && !matches!(byte, b'>' | b'[')
        {
            *at += 1;
        }
        std::str::from_utf8(&piece[begin..*at]).unwrap_or("?")
    };
    if !skip(&mut at) || !is_name(word(&mut at)) {
        return Err(malformed());
    }
    let spaced = skip(&mut at);
    let keyword = if spaced { word(&mut at) } else { "" };
    let literals = match keyword {
        "" => 0,
        "SYSTEM" => 1,
        "PUBLIC" => 2,
        _ => return Err(malformed()),
    };
    for _ in 0..literals {
        let spaced = skip(&mut at);
        let quote = piece.get(at).copied();
        if !spaced || !matches!(quote, Some(b'\'' | b'"')) {
            return Err(malformed());
        }
        let length = piece[at + 1..].iter().position(|byte| Some(*byte) == quote);
        at += length.ok_or_else(malformed)? + 2;
    }
    skip(&mut at);
    match piece.get(at) {
        Some(b'>') => Ok(at + 1),
        Some(b'[') => Err(Unknown),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_allows_is_read() {
        let plain = |text: &str| {
            let (lines, error) = canonical(text.as_bytes(), Mode::Element, Limits::NONE);
            assert_eq!(error, None);
            Some(Reading::Read(lines))
        };
        for (with, without) in [
            ("<!-- x --><a/><!----><?p q?>", "<a/>"),
            ("<a>x<!-- - -->y<?p?>z</a>", "<a>xyz</a>"),
            ("<a>\r<!---->\n</a>", "<a>\n\n</a>"),
            ("<a>]]<!---->></a>", "<a>]]&gt;</a>"),
            ("\u{feff}<?xml version='1.0'?><a/>", "<a/>"),
            ("<?xml version='1.0' standalone = \"yes\" ?><a/>", "<a/>"),
            ("<!DOCTYPE a><a/>", "<a/>"),
            ("<!DOCTYPE a PUBLIC 'x' \"y\" ><a/>", "<a/>"),
        ] {
            assert_eq!(read(with.as_bytes()), plain(without), "{with}");
        }
    }

    #[test]
    fn what_is_no_xml_is_refused_for_its_own_reason() {
        for (text, why) in [
            ("<a><!-- -- --></a>", "double hyphen in comment"),
            ("<a><!--- ---></a>", "double hyphen in comment"),
            ("<!-- \u{1} --><a/>", "illegal-character in markup"),
            ("<!--><a/>", "incomplete"),
            ("<?XML q?><a/>", "target is reserved"),
            ("<a><?1?></a>", "target is no name"),
            ("<!----><?xml version='1.0'?><a/>", "misplaced-declaration"),
            (
                "<?xml version='1.0' standalone='y es'?><a/>",
                "malformed-declaration",
            ),
            ("<!DOCTYPE><a/>", "malformed doctype"),
            ("<!DOCTYPE a SYSTEM><a/>", "malformed doctype"),
            ("<!DOCTYPE a><!DOCTYPE a><a/>", "misplaced doctype"),
            ("<!----><a b='' b=''/>", "duplicate-attribute"),
        ] {
            assert_eq!(
                read(text.as_bytes()),
                Some(Reading::Refused(why.to_owned())),
                "{text}"
            );
        }
        for text in [
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<?xml version='1.0' encoding='x'?><a/>",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
