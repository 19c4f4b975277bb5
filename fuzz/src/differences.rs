//! What readers say of a document beside what ours says, in buckets that do not depend on the values of bytes.

use xmppspec_protocol::xml::Rule;

use crate::readers::{InProcess, OURS, Reading};

mod known;
mod shape;
mod xml10;

pub use known::{KNOWN, Known, What};
pub use shape::shape;

/// The name of what XML 1.0 says, where RFC 6120 §11 forbids more.
pub const XML: &str = "XML 1.0";

/// A reader and what it made of a document.
pub type Named<'a> = (&'a str, Reading);

/// A difference between two readers; two of them are the same finding if all of this is equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// What is measured against: our reader, XML 1.0 where RFC 6120 forbids more, or the first that reads what ours refuses.
    pub base: String,
    /// The other one.
    pub reader: String,
    /// In what they differ.
    pub kind: Kind,
}

/// In what readers differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The other one reads what the base refuses with this error.
    Reads(String),
    /// The other one refuses with this error what the base reads.
    Refuses(String),
    /// Both read it. The first event that differs, here and there.
    Events(String),
    /// The other one gave no answer.
    Fails(&'static str),
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Bucket { base, reader, kind } = self;
        match kind {
            Kind::Reads(error) => write!(f, "{reader} reads what {base} refuses: {error}"),
            Kind::Refuses(error) => write!(f, "{reader} refuses what {base} reads: {error}"),
            Kind::Events(event) => write!(f, "{reader} and {base} see different things: {event}"),
            Kind::Fails(how) => write!(f, "{reader} fails: {how}"),
        }
    }
}

/// All differences between readings of a document, of which the first is ours; known ones too.
#[must_use]
pub fn differences(bytes: &[u8], readings: &[Named<'_>]) -> Vec<Bucket> {
    let mut found = Vec::new();
    let Some(((base, ours), others)) = readings.split_first() else {
        return found;
    };
    let mut add = |base: &str, reader: &str, kind| {
        found.push(Bucket {
            base: base.to_owned(),
            reader: reader.to_owned(),
            kind,
        });
    };
    // Of those who read XML that only RFC 6120 §11 refuses, all must see the same: what XML 1.0 says, else what the first of
    // them says. What is no XML nobody should read, and what they see in it does not matter.
    let mut second: Option<(&str, &[String])> = None;
    let mut xml = None;
    for (reader, theirs) in others {
        match (ours, theirs) {
            (_, Reading::Failed(failure)) => add(base, reader, Kind::Fails(failure.name())),
            (Reading::Read(ours), Reading::Read(theirs)) => {
                if let Some(event) = first_difference(ours, theirs) {
                    add(base, reader, Kind::Events(event));
                }
            }
            (Reading::Read(_), Reading::Refused(error)) => {
                add(base, reader, Kind::Refuses(error.clone()));
            }
            (Reading::Refused(error), Reading::Read(theirs)) => {
                add(base, reader, Kind::Reads(error.clone()));
                if !is_restriction(error) {
                    continue;
                }
                if error.contains("external") && theirs.iter().any(|line| is_foreign(line, bytes)) {
                    add(XML, reader, Kind::Events("text: from another file".into()));
                }
                let xml = xml.get_or_insert_with(|| xml10::read(bytes));
                let (first, lines) = match (xml, second) {
                    (Some(Reading::Read(lines)), _) => (XML, lines.as_slice()),
                    (Some(Reading::Refused(error)), _) => {
                        add(XML, reader, Kind::Reads(error.clone()));
                        continue;
                    }
                    (_, Some(second)) => second,
                    (_, None) => {
                        second = Some((reader, theirs));
                        continue;
                    }
                };
                if let Some(event) = first_difference(lines, theirs) {
                    add(first, reader, Kind::Events(event));
                }
            }
            (Reading::Refused(_), Reading::Refused(_)) | (Reading::Failed(_), _) => {}
        }
    }
    found
}

/// Reads a document with readers in this process, ours first.
#[must_use]
pub fn read_all<'a>(readers: &'a [InProcess], bytes: &[u8]) -> Vec<Named<'a>> {
    readers
        .iter()
        .map(|reader| (reader.name(), reader.read(bytes)))
        .collect()
}

/// The differences that are not known, with what both saw.
#[must_use]
pub fn new_differences(readers: &[InProcess], bytes: &[u8]) -> Vec<String> {
    debug_assert_eq!(readers.first().map(InProcess::name), Some(OURS));
    let readings = read_all(readers, bytes);
    differences(bytes, &readings)
        .into_iter()
        .filter(|bucket| known(bucket, bytes).is_none())
        .map(|bucket| {
            let of = |name: &str| readings.iter().find(|(reader, _)| *reader == name);
            format!("{bucket}: {:?} {:?}", of(&bucket.base), of(&bucket.reader))
        })
        .collect()
}

/// The entry of the table that explains a difference in this document.
#[must_use]
pub fn known(bucket: &Bucket, bytes: &[u8]) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.explains(bucket, bytes))
}

/// Whether a rule forbids what XML allows.
fn is_restriction(error: &str) -> bool {
    rule(error).is_some_and(|rule| rule.section().starts_with("RFC 6120 §11"))
}

/// The rule that a class of errors is about.
fn rule(class: &str) -> Option<Rule> {
    let name = class.split(": ").next().unwrap_or(class);
    Rule::ALL.iter().copied().find(|rule| rule.name() == name)
}

/// What the first different lines are about: kinds of events, and the part of a start tag that differs.
fn first_difference(ours: &[String], theirs: &[String]) -> Option<String> {
    let at = ours.iter().zip(theirs).position(|(a, b)| a != b);
    let (a, b) = match at {
        Some(at) => (ours[at].as_str(), theirs[at].as_str()),
        None if ours.len() == theirs.len() => return None,
        None => {
            let at = ours.len().min(theirs.len());
            let line = |lines: &[String]| lines.get(at).map_or("nothing ".to_owned(), Clone::clone);
            return Some(format!("{}/{}", word(&line(ours)), word(&line(theirs))));
        }
    };
    Some(match (word(a), word(b)) {
        ("start", "start") => format!("start tag: {}", part(a, b)),
        ("text", "text") => format!("text: {}", manner(a, b)),
        (a, b) => format!("{a}/{b}"),
    })
}

/// Whether a line is text that does not stand in the document.
fn is_foreign(line: &str, bytes: &[u8]) -> bool {
    let text = line.strip_prefix("text \"").unwrap_or_default();
    let text = text.trim_end_matches('"').split('\\').next();
    let text = text.unwrap_or_default().as_bytes();
    let document = String::from_utf8_lossy(bytes);
    if document.contains("&#") {
        // It may be any text.
        return false;
    }
    let references = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&apos;", "'"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    let document = references
        .iter()
        .fold(document.into_owned(), |text, (name, c)| {
            text.replace(name, c)
        });
    // Pieces of the document may have come together.
    const PIECE: usize = 4;
    let is_there = |piece: &[u8]| {
        document
            .as_bytes()
            .windows(PIECE)
            .any(|window| window == piece)
    };
    text.len() >= PIECE && !text.windows(PIECE).any(is_there)
}

fn word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// The part of two start lines that differs, and how.
fn part(a: &str, b: &str) -> String {
    let head = |line: &str| {
        line.split_once("}").map(|(ns, rest)| {
            let name = rest.split(' ').next().unwrap_or_default();
            (ns.to_owned(), name.to_owned())
        })
    };
    let names = |line: &str| -> Vec<String> {
        let words = line.split("=\"").map(|before| before.rsplit(' ').next());
        words.flatten().map(str::to_owned).collect()
    };
    match (head(a), head(b)) {
        (Some((ns_a, _)), Some((ns_b, _))) if ns_a != ns_b => {
            format!("namespace: {}", manner(&ns_a, &ns_b))
        }
        (Some((_, name_a)), Some((_, name_b))) if name_a != name_b => "name".to_owned(),
        _ if a.matches("=\"").count() != b.matches("=\"").count() => {
            "number of attributes".to_owned()
        }
        _ if names(a).len() == names(b).len() => format!("attribute: {}", manner(a, b)),
        _ => "attribute".to_owned(),
    }
}

/// How two texts differ, of which the first is right; escaped as in canonical lines.
fn manner(right: &str, other: &str) -> &'static str {
    let line_ends = |text: &str| text.replace("\\r\\n", "\\n").replace("\\r", "\\n");
    let without_space = |text: &str| {
        let plain = ["\\n", "\\r", "\\t"]
            .iter()
            .fold(text.to_owned(), |text, escape| text.replace(escape, ""));
        plain.replace(' ', "")
    };
    let count = |text: &str, c: char| text.matches(c).count();
    let bare = |text: &str| text.trim_end_matches('"').to_owned();
    if line_ends(right) == line_ends(other) {
        "line ends"
    } else if without_space(right) == without_space(other) {
        "whitespace"
    } else if count(right, '\u{fffd}') != count(other, '\u{fffd}') {
        "replaced characters"
    } else if ['&', '<', ';']
        .iter()
        .any(|c| count(right, *c) != count(other, *c))
    {
        "references or markup"
    } else if right.starts_with(&bare(other)) {
        "cut off"
    } else if other.starts_with(&bare(right)) {
        "too much"
    } else {
        "characters"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::{Failure, in_process};

    #[test]
    fn text_of_references_is_not_from_another_file() {
        let document = b"<!DOCTYPE a [<!ENTITY x SYSTEM 'y'>]><a>%x;&lt;?&x;</a>";
        assert!(!is_foreign("text \"%x;<?\"", document));
        assert!(is_foreign("text \"root:x:0:0\"", document));
    }

    #[test]
    fn buckets_do_not_depend_on_values() {
        let read = |lines: &[&str]| Reading::Read(lines.iter().map(|l| (*l).to_owned()).collect());
        let bucket = |a: &[&str], b: &[&str]| differences(b"", &[("a", read(a)), ("b", read(b))]);
        let one = bucket(&["start {}a x=\"1\""], &["start {}a x=\"2\""]);
        let two = bucket(&["start {}b y=\"3\""], &["start {}b y=\"4\""]);
        assert_eq!(one, two);
        assert_eq!(
            one[0].to_string(),
            "b and a see different things: start tag: attribute: characters"
        );
        let shown = |a: &[&str], b: &[&str]| bucket(a, b)[0].kind.clone();
        assert_eq!(
            shown(&["text \"a\""], &["end {}a"]),
            Kind::Events("text/end".into())
        );
        assert_eq!(
            shown(&["start {}a"], &["start {u}a"]),
            Kind::Events("start tag: namespace: too much".into())
        );
        assert_eq!(shown(&["end {}a"], &[]), Kind::Events("end/nothing".into()));
        assert!(bucket(&["end {}a"], &["end {}a"]).is_empty());
    }

    #[test]
    fn readers_that_read_what_we_refuse_are_compared() {
        let read = |line: &str| Reading::Read(vec![line.to_owned()]);
        let all = [
            ("a", Reading::Refused("doctype".into())),
            ("b", read("text \"x\"")),
            ("c", read("text \"y\"")),
            ("d", Reading::Failed(Failure::Hang)),
        ];
        let shown = |document: &[u8]| -> Vec<String> {
            let found = differences(document, &all);
            found.iter().map(ToString::to_string).collect()
        };
        let found = shown(b"<!DOCTYPE a []><a>x</a>");
        assert_eq!(
            found,
            [
                "b reads what a refuses: doctype",
                "c reads what a refuses: doctype",
                "c and b see different things: text: characters",
                "d fails: hang",
            ]
        );
        assert_eq!(
            shown(b"<!DOCTYPE a><a b=''b=''/>")[1],
            "b reads what XML 1.0 refuses: missing-space"
        );
    }

    #[test]
    fn text_of_other_files_is_noticed() {
        let document = b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///x'>]><a>&x;</a>";
        let read = |text: &str| Reading::Read(vec![format!("text \"{text}\"")]);
        let ours = in_process()[0].read(document);
        let count = |text| differences(document, &[(OURS, ours.clone()), ("b", read(text))]).len();
        assert_eq!((count("secret\\n"), count("&x;")), (2, 1));
    }

    #[test]
    fn every_known_difference_is_there() {
        let readers = in_process();
        for known in KNOWN {
            let named = readers.iter().any(|r| known.readers.contains(&r.name()));
            if !named && !known.readers.contains(&"*") {
                continue;
            }
            let bytes = known.example;
            let shown = differences(bytes, &read_all(readers, bytes));
            assert!(
                shown.iter().any(|bucket| known.explains(bucket, bytes)),
                "{known:?}: {shown:?}"
            );
        }
    }
}
