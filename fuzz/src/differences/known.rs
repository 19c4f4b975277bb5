//! Differences that are known, each with the smallest document that shows it and why ours is right. The only place where
//! they stand: everything that is not here is a finding.

use xmppspec_protocol::xml::Rule;

use super::{Bucket, Kind, XML, rule};
use crate::readers::OURS;

/// A difference that is no finding.
#[derive(Debug)]
pub struct Known {
    /// The names of the readers that show it; `*`: everyone who reads XML and not only what XMPP allows.
    pub readers: &'static [&'static str],
    /// What they do.
    pub what: What,
    /// The smallest document that shows it.
    pub example: &'static [u8],
    /// Why ours is right, with the section.
    pub reason: &'static str,
}

/// How another reader differs from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It reads what we refuse for this.
    Reads(Rule),
    /// It reads what is no XML for this reason, with something in it that XML allows and XMPP does not.
    ReadsNoXml(&'static str),
    /// It refuses, with an error of this class, what we read.
    Refuses(&'static str),
    /// Both read it, and find something else in it.
    Events,
}

use What::{Events, Reads, ReadsNoXml, Refuses};

const fn known(
    readers: &'static [&'static str],
    what: What,
    example: &'static str,
    reason: &'static str,
) -> Known {
    not_utf8(readers, what, example.as_bytes(), reason)
}

const fn not_utf8(
    readers: &'static [&'static str],
    what: What,
    example: &'static [u8],
    reason: &'static str,
) -> Known {
    Known {
        readers,
        what,
        example,
        reason,
    }
}

impl Known {
    /// Whether this is what a difference in this document is about.
    #[must_use]
    pub fn explains(&self, bucket: &Bucket, bytes: &[u8]) -> bool {
        let same = match (&self.what, &bucket.kind) {
            // The odd piece may make either of two others see something else.
            (Events, Kind::Events(_)) => {
                self.readers.contains(&bucket.reader.as_str())
                    || self.readers.contains(&bucket.base.as_str())
            }
            (Reads(ours), Kind::Reads(error)) => {
                [OURS, XML].contains(&&*bucket.base)
                    && rule(error) == Some(*ours)
                    && self.is_about(&bucket.reader)
            }
            (ReadsNoXml(class), Kind::Reads(error)) => {
                bucket.base == XML && class == error && self.is_about(&bucket.reader)
            }
            (Refuses(class), Kind::Refuses(error)) => {
                bucket.base == OURS && class == error && self.is_about(&bucket.reader)
            }
            _ => false,
        };
        same && can_show(self.example, bytes)
    }

    fn is_about(&self, reader: &str) -> bool {
        self.readers.contains(&reader) || self.readers.contains(&"*")
    }
}

/// Odd pieces that differences are about.
const PIECES: &[&[u8]] = &[
    b"\r",
    b"&",
    "\u{feff}".as_bytes(),
    // What U+FDF0 to U+FFFD begin with.
    b"\xef",
    b":xmlns",
    b"<!--",
    b"<?",
    b"<!D",
    b"&#",
    b"<![C",
    b"&amp;",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\0",
];

/// Whether a document can show what the example shows: it must hold the odd piece that a difference is about.
fn can_show(example: &[u8], bytes: &[u8]) -> bool {
    let holds = |text: &[u8], piece: &[u8]| text.windows(piece.len()).any(|w| w == piece);
    (example.is_ascii() || !bytes.is_ascii())
        && PIECES
            .iter()
            .all(|piece| !holds(example, piece) || holds(bytes, piece))
}

/// Everything that stands on expat.
const EXPAT: &[&str] = &["libexpat", "python-expat", "lua-expat"];
/// Readers that know other encodings than UTF-8.
const ENCODINGS: &[&str] = &[
    "libexpat",
    "libxml2",
    "python-expat",
    "lua-expat",
    "fast_xml",
    "java-stax",
];

/// Readers that guess an encoding from the first bytes.
const UNMARKED: &[&str] = &["libexpat", "python-expat", "lua-expat", "fast_xml", "qt"];

/// Every difference that is known.
pub const KNOWN: &[Known] = &[
    known(
        &["*"],
        Reads(Rule::ByteOrderMark),
        "\u{feff}<a/>",
        "allowed by XML, not by RFC 6120 §11.6",
    ),
    known(
        &[
            "libexpat",
            "libxml2",
            "python-expat",
            "lua-expat",
            "go-encoding-xml",
            "java-stax",
            "node-saxes",
        ],
        Reads(Rule::Doctype),
        "<!DOCTYPE a><a/>",
        "allowed by XML, not by RFC 6120 §11.1",
    ),
    known(
        &["*"],
        Reads(Rule::UnsupportedEncoding),
        "<?xml version='1.0' encoding='UTF-16'?><a/>",
        "allowed by XML, not by RFC 6120 §11.6",
    ),
    known(
        &["*"],
        Reads(Rule::Comment),
        "<!----><a/>",
        "allowed by XML, not by RFC 6120 §11.1",
    ),
    known(
        &["*"],
        Reads(Rule::ProcessingInstruction),
        "<?p?><a/>",
        "allowed by XML, not by RFC 6120 §11.1",
    ),
    known(
        &["*"],
        Reads(Rule::StandaloneDeclaration),
        "<?xml version='1.0' standalone='no'?><a/>",
        "allowed by XML, not by RFC 6120 §11.5",
    ),
    known(
        &["rxml"],
        Refuses("UnexpectedToken"),
        " <a/>",
        "prolog ::= XMLDecl? Misc*: without a declaration whitespace may begin a document",
    ),
    known(
        &["rxml"],
        Refuses("InvalidEof"),
        "<a/>\r",
        "CR alone is a line end (XML §2.11), which may follow the root",
    ),
    known(
        &["rxml"],
        Refuses("InvalidChar"),
        "<a b='\rx'/>",
        "CR alone is a line end in values too",
    ),
    known(
        &["rxml"],
        Refuses("EmptyNamespaceUri"),
        "<a xmlns:p='\r'/>",
        "the same: the name is one space",
    ),
    known(
        &["rxml"],
        Events,
        "<a b='x\r'/>",
        "the same: it drops the CR",
    ),
    known(
        &["rxml"],
        Refuses("UnexpectedChar"),
        "<\u{fdf0}/>",
        "U+FDF0 to U+FFFD are NameStartChars, and so U+FEFF, too (XML §2.3)",
    ),
    known(
        &["rxml"],
        Refuses("RestrictedXml"),
        "<?xml version='1.1'?><a/>",
        "a reader of XML 1.0 reads 1.x as 1.0 (XML §2.8)",
    ),
    known(
        &["rxml"],
        Reads(Rule::DuplicateDeclaration),
        "<a xmlns='u' xmlns='v'/>",
        "a declaration is an attribute, which must be unique (XML §3.1)",
    ),
    known(
        &["rxml"],
        Reads(Rule::ReservedNamespace),
        "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
        "no prefix may be bound to it (Namespaces §3)",
    ),
    known(
        &["rxml"],
        Reads(Rule::TextOutsideRoot),
        "<a/>&#13;",
        "a reference is not whitespace (XML §2.3)",
    ),
    known(
        &["rxml"],
        Reads(Rule::MalformedDeclaration),
        "<?xml version='1.0' encoding='utf-8\r'?><a/>",
        "it drops the CR in declarations too",
    ),
    known(
        &["roxmltree"],
        Events,
        "<a xmlns:p='u' p:xmlns='v'/>",
        "only a name without prefix declares the default namespace (Namespaces §3)",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::UndeclaredPrefix),
        "<a p:xmlns='v'/>",
        "as the one before",
    ),
    known(
        &["roxmltree"],
        Refuses("UnknownNamespace"),
        "<xml:a/>",
        "the prefix xml is bound without a declaration (Namespaces §3)",
    ),
    known(
        &["roxmltree"],
        Events,
        "<a>\r&lt;</a>",
        "CR alone is a line end beside a reference too",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::MalformedDeclaration),
        "<?xml' version='1.0'?><a/>",
        "it does not check what is in a declaration",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::MisplacedDeclaration),
        "<a><?xml' ?></a>",
        "it takes this for a processing instruction; no target may be xml (XML §2.6)",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::UnsupportedVersion),
        "<?xml version='2.0'?><a/>",
        "as the one before",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::EmptyNamespace),
        "<a xmlns:p=''/>",
        "Namespaces 1.1 allows it, 1.0 does not (§5)",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::ReservedPrefix),
        "<a xmlns:xmlns='u'/>",
        "the prefix xmlns must not be declared (Namespaces §3)",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::DuplicateDeclaration),
        "<a xmlns='u' xmlns=''/>",
        "a declaration is an attribute, which must be unique (XML §3.1)",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::InvalidQName),
        "<:a/>",
        "a prefix is not empty (Namespaces §4)",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::IllegalReference),
        "<a>&#xd800;</a>",
        "a surrogate is no Char (XML §2.2)",
    ),
    known(
        &["rxml"],
        Refuses("UndeclaredEntity"),
        "<a>&#x000000000041;</a>",
        "the number of a character may have any number of leading zeros (XML §4.1)",
    ),
    known(
        &["rxml"],
        Reads(Rule::TextOutsideRoot),
        "<a/><![CDATA[ ]]>",
        "Misc holds no CDATA section (XML §2.1)",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::DuplicateAttribute),
        "<a p:xmlns='u' p:xmlns='v'/>",
        "as the one before with prefixed xmlns",
    ),
    known(
        &["roxmltree"],
        Reads(Rule::DuplicateExpandedName),
        "<a xmlns:p='u' xmlns:q='u' p:xmlns='' q:xmlns=''/>",
        "the same",
    ),
    known(
        &["roxmltree"],
        Refuses("UnexpectedXmlnsUri"),
        "<a xmlns:p='u' p:xmlns='http://www.w3.org/2000/xmlns/'/>",
        "the same: what is only a value is no declaration",
    ),
    known(
        &["roxmltree"],
        Refuses("UnexpectedXmlUri"),
        "<a xmlns:p='u' p:xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "the same",
    ),
    known(
        &["roxmltree"],
        ReadsNoXml("target is reserved"),
        "<?Xml?><a/>",
        "no target may be xml, in whatever case (XML §2.6)",
    ),
    known(
        &["roxmltree"],
        ReadsNoXml("target is no name"),
        "<?a/?><a/>",
        "the target of a processing instruction ends at a space or at ?> (XML §2.6)",
    ),
    known(
        EXPAT,
        Refuses("not well-formed (invalid token)"),
        "<\u{10000}/>",
        "it reads names as the fourth edition of XML 1.0 has them; the fifth allows this one (XML §2.3)",
    ),
    known(
        EXPAT,
        Reads(Rule::MalformedDeclaration),
        "<?xml version='1.0X'?><a/>",
        "a version is 1. and digits (XML §2.8)",
    ),
    known(
        EXPAT,
        Reads(Rule::UnsupportedVersion),
        "<?xml version='2.0'?><a/>",
        "as the one before",
    ),
    known(
        &["libxml2"],
        Events,
        "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
        "it replaces entities and adds attributes only if it is asked to",
    ),
    not_utf8(
        ENCODINGS,
        Reads(Rule::InvalidUtf8),
        b"\xff\xfe<\0a\0/\0>\0",
        "UTF-16, allowed by XML, not by RFC 6120 §11.6",
    ),
    not_utf8(
        ENCODINGS,
        Reads(Rule::InvalidUtf8),
        b"\xfe\xff\0<\0a\0/\0>",
        "the same with the other end first",
    ),
    known(
        UNMARKED,
        Reads(Rule::IllegalCharacter),
        "\0<\0a\0/\0>",
        "UTF-16 without a byte order mark is a fatal error (XML §4.3.3)",
    ),
    known(
        UNMARKED,
        Reads(Rule::InvalidName),
        "<\0a\0/\0>\0",
        "the same with the other end first",
    ),
    known(
        &["libxml2"],
        Events,
        "<a xmlns='&amp;'/>",
        "it keeps a reference in a namespace name as another reference, and takes that for the name (Namespaces §2.3)",
    ),
    known(&["libxml2"], Events, "<a xmlns='&#38;'/>", "the same"),
    not_utf8(
        &["libxml2"],
        Reads(Rule::InvalidUtf8),
        b"<a><![CDATA[\xc0\xaf]]></a>",
        "overlong forms are not UTF-8 (RFC 3629 §3), in CDATA sections as elsewhere",
    ),
    known(
        &["libxml2"],
        Reads(Rule::UnsupportedVersion),
        "<?xml version='1.'?><a/>",
        "a version is 1. and digits (XML §2.8)",
    ),
    known(
        &["libxml2"],
        ReadsNoXml("malformed doctype"),
        "<!DOCTYPEa><a/>",
        "a space stands between DOCTYPE and the name (XML §2.8)",
    ),
    known(
        &["libxml2"],
        Events,
        "<a><![CDATA[b\r]]></a>",
        "CR alone is a line end in CDATA sections too (XML §2.11)",
    ),
];
