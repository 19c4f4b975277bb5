//! Every reason to refuse input.

macro_rules! rules {
    ($($variant:ident, $name:literal, $section:literal, $condition:literal, $sentence:literal;)*) => {
        /// A rule that input can break. See [`XmlError`](super::XmlError).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = concat!($sentence, " (", $section, ")")] $variant,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant,)*];

            /// A short stable name such as `undeclared-prefix`.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$variant => $name,)* }
            }

            /// Where the rule is written.
            pub fn section(self) -> &'static str {
                match self { $(Rule::$variant => $section,)* }
            }

            /// The stream error condition of RFC 6120 §4.9.3 to answer with.
            pub fn condition(self) -> &'static str {
                match self { $(Rule::$variant => $condition,)* }
            }

            /// What is wrong, in one sentence without a full stop.
            pub fn sentence(self) -> &'static str {
                match self { $(Rule::$variant => $sentence,)* }
            }
        }
    };
}

rules! {
    Incomplete, "incomplete", "XML 1.0 §2.1", "not-well-formed", "the input ends before what it began is complete";
    InvalidUtf8, "invalid-utf8", "RFC 6120 §11.6", "unsupported-encoding", "these bytes are not UTF-8";
    ByteOrderMark, "byte-order-mark", "RFC 6120 §11.6", "not-well-formed", "U+FEFF is not a byte order mark in XMPP, and no text may stand before the root element";
    IllegalCharacter, "illegal-character", "XML 1.0 §2.2", "not-well-formed", "this character is not allowed in XML";
    MalformedDeclaration, "malformed-declaration", "XML 1.0 §2.8", "not-well-formed", "the XML declaration has a syntax error here";
    MisplacedDeclaration, "misplaced-declaration", "XML 1.0 §2.8", "not-well-formed", "an XML declaration may stand at the very start only";
    UnsupportedVersion, "unsupported-xml-version", "RFC 6120 §11.8", "not-well-formed", "XMPP is defined in terms of XML 1.0 only";
    UnsupportedEncoding, "unsupported-encoding", "RFC 6120 §11.6", "unsupported-encoding", "no encoding but UTF-8 may be declared";
    StandaloneDeclaration, "standalone-declaration", "RFC 6120 §11.5", "restricted-xml", "a standalone document declaration must not be sent";
    Comment, "comment", "RFC 6120 §11.1", "restricted-xml", "comments are prohibited in XMPP";
    ProcessingInstruction, "processing-instruction", "RFC 6120 §11.1", "restricted-xml", "processing instructions are prohibited in XMPP";
    Doctype, "doctype", "RFC 6120 §11.1", "restricted-xml", "document type declarations are prohibited in XMPP";
    UndefinedEntity, "undefined-entity", "RFC 6120 §11.1", "restricted-xml", "only the entities amp, lt, gt, apos and quot may be referred to";
    MalformedReference, "malformed-reference", "XML 1.0 §4.1", "not-well-formed", "this '&' does not begin a reference";
    IllegalReference, "illegal-character-reference", "XML 1.0 §4.1", "not-well-formed", "this refers to a character that is not allowed in XML";
    TextOutsideRoot, "text-outside-root", "XML 1.0 §2.1", "not-well-formed", "no text but whitespace may stand outside the root element";
    ContentAfterRoot, "content-after-root", "XML 1.0 §2.1", "not-well-formed", "nothing may follow the root element";
    MalformedMarkup, "malformed-markup", "XML 1.0 §2.4", "not-well-formed", "this '<!' does not begin any markup";
    CdataEndInText, "cdata-end-in-text", "XML 1.0 §2.4", "not-well-formed", "the sequence ]]> must not stand in text";
    InvalidName, "invalid-name", "XML 1.0 §2.3", "not-well-formed", "a name cannot contain this character, or cannot begin with it";
    MalformedTag, "malformed-tag", "XML 1.0 §3.1", "not-well-formed", "'/' in a start tag must be followed by '>'";
    MissingSpace, "missing-space", "XML 1.0 §3.1", "not-well-formed", "whitespace must stand before an attribute";
    AttributeWithoutValue, "attribute-without-value", "XML 1.0 §3.1", "not-well-formed", "the name of an attribute must be followed by '='";
    UnquotedValue, "unquoted-value", "XML 1.0 §2.3", "not-well-formed", "the value of an attribute must be in quotes";
    LessThanInValue, "less-than-in-value", "XML 1.0 §3.1", "not-well-formed", "'<' must not stand in the value of an attribute";
    DuplicateAttribute, "duplicate-attribute", "XML 1.0 §3.1", "not-well-formed", "an attribute must not appear twice in one tag";
    MalformedEndTag, "malformed-end-tag", "XML 1.0 §3.1", "not-well-formed", "an end tag holds a name and whitespace only";
    MismatchedEndTag, "mismatched-end-tag", "XML 1.0 §3", "not-well-formed", "the end tag must have the name of the start tag";
    UnexpectedEndTag, "unexpected-end-tag", "XML 1.0 §3", "not-well-formed", "no element is open here";
    InvalidQName, "invalid-qualified-name", "Namespaces in XML §4", "not-well-formed", "a name has at most one colon, and a valid name on both sides of it";
    UndeclaredPrefix, "undeclared-prefix", "Namespaces in XML §5", "not-well-formed", "the prefix is not declared";
    EmptyNamespace, "empty-namespace", "Namespaces in XML §5", "not-well-formed", "a prefix must not be bound to the empty name";
    ReservedPrefix, "reserved-prefix", "Namespaces in XML §3", "not-well-formed", "the prefix xml has one meaning and the prefix xmlns must not be declared or used for elements";
    ReservedNamespace, "reserved-namespace", "Namespaces in XML §3", "not-well-formed", "the namespaces of xml and xmlns must not be bound to other prefixes or be the default";
    DuplicateDeclaration, "duplicate-declaration", "XML 1.0 §3.1", "not-well-formed", "a namespace declaration must not appear twice in one tag";
    DuplicateExpandedName, "duplicate-expanded-name", "Namespaces in XML §6.3", "not-well-formed", "two attributes of one tag must not have the same namespace and local name";
    ElementTooLarge, "element-too-large", "RFC 6120 §13.12", "policy-violation", "the element has more bytes than the limit allows";
    TooDeep, "too-deep", "RFC 6120 §13.12", "policy-violation", "more elements are nested than the limit allows";
    TooManyAttributes, "too-many-attributes", "RFC 6120 §13.12", "policy-violation", "the tag has more attributes than the limit allows";
    TooManyDeclarations, "too-many-declarations", "RFC 6120 §13.12", "policy-violation", "the tag has more namespace declarations than the limit allows";
}
