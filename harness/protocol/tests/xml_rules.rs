//! Every rule of the XML reader, with the input that breaks it and the byte at fault.

use xmppspec_protocol::xml::{Limits, Mode, Parser, Rule, XmlError, canonical};

/// Input, the rule that it breaks, and the offset.
const REFUSED: &[(&[u8], Rule, u64)] = &[
    // The document.
    (b"", Rule::Incomplete, 0),
    (b" \n", Rule::Incomplete, 2),
    (b"<", Rule::Incomplete, 1),
    (b"<a", Rule::Incomplete, 2),
    (b"<a>", Rule::Incomplete, 3),
    (b"<a><b></b>", Rule::Incomplete, 10),
    (b"<a>text", Rule::Incomplete, 7),
    (b"<a>&am", Rule::Incomplete, 6),
    (b"<a><![CDATA[ ]]", Rule::Incomplete, 15),
    (b"<a><![CDA", Rule::Incomplete, 9),
    (b"<a></a", Rule::Incomplete, 6),
    (b"<a b='", Rule::Incomplete, 6),
    (b"<a/", Rule::Incomplete, 3),
    (b"<!", Rule::Incomplete, 2),
    (b"<?xm", Rule::Incomplete, 4),
    (b"<?xml", Rule::Incomplete, 5),
    (b"<?xml version='1.0'", Rule::Incomplete, 19),
    (b"<?xml version='1.0'?>", Rule::Incomplete, 21),
    (b"<a>\xc3", Rule::Incomplete, 4),
    (b"<a>\xe2\x82", Rule::Incomplete, 5),
    (b"x<a/>", Rule::TextOutsideRoot, 0),
    (b" x<a/>", Rule::TextOutsideRoot, 1),
    (b"&amp;<a/>", Rule::TextOutsideRoot, 0),
    (b"<![CDATA[]]><a/>", Rule::TextOutsideRoot, 0),
    (b"<a/>x", Rule::TextOutsideRoot, 4),
    (b"<a/>&#32;", Rule::TextOutsideRoot, 4),
    (b"<a/><![CDATA[]]>", Rule::TextOutsideRoot, 4),
    (b"<a/><b/>", Rule::ContentAfterRoot, 4),
    (b"<a></a> <a>", Rule::ContentAfterRoot, 8),
    (b"</a>", Rule::UnexpectedEndTag, 0),
    (b"<a/></a>", Rule::UnexpectedEndTag, 4),
    // Characters.
    (b"<a>\xff</a>", Rule::InvalidUtf8, 3),
    (b"<a>\xc0\x80</a>", Rule::InvalidUtf8, 3),
    (b"<a>\xed\xa0\x80</a>", Rule::InvalidUtf8, 3),
    (b"<a>\xf4\x90\x80\x80</a>", Rule::InvalidUtf8, 3),
    (b"<a>\xf8\x88\x80\x80\x80</a>", Rule::InvalidUtf8, 3),
    (b"<a>\xc3</a>", Rule::InvalidUtf8, 3),
    (b"<a b='\xe4'/>", Rule::InvalidUtf8, 6),
    (b"<\xe4/>", Rule::InvalidUtf8, 1),
    (b"<a/>\x80", Rule::InvalidUtf8, 4),
    (b"\xff\xfe<\0a\0/\0>\0", Rule::InvalidUtf8, 0),
    (b"\xef\xbb\xbf<a/>", Rule::ByteOrderMark, 0),
    (
        b"\xef\xbb\xbf<?xml version='1.0'?><a/>",
        Rule::ByteOrderMark,
        0,
    ),
    (b"<a/>\xef\xbb\xbf", Rule::TextOutsideRoot, 4),
    (b"\0<a/>", Rule::IllegalCharacter, 0),
    (b"<a>\0</a>", Rule::IllegalCharacter, 3),
    (b"<a>x\x08</a>", Rule::IllegalCharacter, 4),
    (b"<a>x\x0c</a>", Rule::IllegalCharacter, 4),
    (b"<a>x\x1f</a>", Rule::IllegalCharacter, 4),
    (b"<a>\xef\xbf\xbe</a>", Rule::IllegalCharacter, 3),
    (b"<a>\xef\xbf\xbf</a>", Rule::IllegalCharacter, 3),
    (b"<a><![CDATA[\x01]]></a>", Rule::IllegalCharacter, 12),
    (
        b"<a><![CDATA[\xef\xbf\xbf]]></a>",
        Rule::IllegalCharacter,
        12,
    ),
    (b"<a b='\x01'/>", Rule::IllegalCharacter, 6),
    (b"<a b='\xef\xbf\xbe'/>", Rule::IllegalCharacter, 6),
    // More encodings than one can count.
    (b"<a>\xe0\x80\xaf</a>", Rule::InvalidUtf8, 3),
    (b"<a>\xf0\x80\x80\x80</a>", Rule::InvalidUtf8, 3),
    (b"<a>\xf5\x80\x80\x80</a>", Rule::InvalidUtf8, 3),
    (b"<a>\x80</a>", Rule::InvalidUtf8, 3),
    (b"<a>\xe2\x82</a>", Rule::InvalidUtf8, 3),
    (b"<a>x\xfe</a>", Rule::InvalidUtf8, 4),
    (b"<a>\xc3<", Rule::InvalidUtf8, 3),
    (b"\0<\0a\0/\0>", Rule::IllegalCharacter, 0),
    (b"<\0a\0/\0>\0", Rule::InvalidName, 1),
    (b"\x0b<a/>", Rule::IllegalCharacter, 0),
    (b"<a/>\x0c", Rule::IllegalCharacter, 4),
    (b"<a\xef\xbf\xbf/>", Rule::InvalidName, 2),
    // A fault comes before what is wrong behind it.
    (b"<a>&x; \xff</a>", Rule::UndefinedEntity, 3),
    (b"<a b='\x01' b=''/>", Rule::IllegalCharacter, 6),
    (b"<p:a b='' b=''/>", Rule::DuplicateAttribute, 10),
    // The declaration.
    (b"<?xml?><a/>", Rule::MalformedDeclaration, 5),
    (b"<?xml ?><a/>", Rule::MalformedDeclaration, 6),
    (b"<?xml version=1.0?><a/>", Rule::MalformedDeclaration, 14),
    (
        b"<?xml version='1.0\"?><a/>",
        Rule::MalformedDeclaration,
        18,
    ),
    (b"<?xml version='1'?><a/>", Rule::UnsupportedVersion, 15),
    (b"<?xml version=''?><a/>", Rule::MalformedDeclaration, 15),
    (b"<?xml version='1.0' ><a/>", Rule::MalformedDeclaration, 20),
    (
        b"<?xml version='1.0'? ><a/>",
        Rule::MalformedDeclaration,
        20,
    ),
    (
        b"<?xml version='1.0'encoding='UTF-8'?><a/>",
        Rule::MalformedDeclaration,
        19,
    ),
    (
        b"<?xml encoding='UTF-8'?><a/>",
        Rule::MalformedDeclaration,
        6,
    ),
    (
        b"<?xml encoding='UTF-8' version='1.0'?><a/>",
        Rule::MalformedDeclaration,
        6,
    ),
    (
        b"<?xml version='1.0' version='1.0'?><a/>",
        Rule::MalformedDeclaration,
        20,
    ),
    (
        b"<?xml version='1.0' encoding=''?><a/>",
        Rule::MalformedDeclaration,
        30,
    ),
    (
        b"<?xml version='1.0' encoding='8-UTF'?><a/>",
        Rule::MalformedDeclaration,
        30,
    ),
    (
        b"<?xml version='1.0' foo='x'?><a/>",
        Rule::MalformedDeclaration,
        20,
    ),
    (b"<?xml VERSION='1.0'?><a/>", Rule::MalformedDeclaration, 6),
    (b"<?xml version='2.0'?><a/>", Rule::UnsupportedVersion, 15),
    (
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
        Rule::UnsupportedEncoding,
        30,
    ),
    (
        b"<?xml version='1.0' encoding='UTF-16'?><a/>",
        Rule::UnsupportedEncoding,
        30,
    ),
    (
        b"<?xml version='1.0' encoding='UTF8'?><a/>",
        Rule::UnsupportedEncoding,
        30,
    ),
    (
        b"<?xml version='1.0' standalone='no'?><a/>",
        Rule::StandaloneDeclaration,
        20,
    ),
    (
        b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?><a/>",
        Rule::StandaloneDeclaration,
        37,
    ),
    (b" <?xml version='1.0'?><a/>", Rule::MisplacedDeclaration, 1),
    (
        b"<?xml version='1.0'?><?xml version='1.0'?><a/>",
        Rule::MisplacedDeclaration,
        21,
    ),
    (
        b"<a><?xml version='1.0'?></a>",
        Rule::MisplacedDeclaration,
        3,
    ),
    (b"<a/><?xml version='1.0'?>", Rule::MisplacedDeclaration, 4),
    // What RFC 6120 prohibits.
    (b"<!-- x --><a/>", Rule::Comment, 0),
    (b"<a><!-- x --></a>", Rule::Comment, 3),
    (b"<a/><!---->", Rule::Comment, 4),
    (b"<?p ?><a/>", Rule::ProcessingInstruction, 0),
    (
        b"<?xml-stylesheet href='x'?><a/>",
        Rule::ProcessingInstruction,
        0,
    ),
    (b"<a><?p?></a>", Rule::ProcessingInstruction, 3),
    (b"<a/><?p?>", Rule::ProcessingInstruction, 4),
    (b"<!DOCTYPE a><a/>", Rule::Doctype, 0),
    (
        b"<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        Rule::Doctype,
        22,
    ),
    (b"<a>&x;</a>", Rule::UndefinedEntity, 3),
    (b"<a>&AMP;</a>", Rule::UndefinedEntity, 3),
    (b"<a>&nbsp;</a>", Rule::UndefinedEntity, 3),
    (b"<a b='&x;'/>", Rule::UndefinedEntity, 6),
    (b"<?XML version='1.0'?><a/>", Rule::ProcessingInstruction, 0),
    (
        b"<?xml:x version='1.0'?><a/>",
        Rule::ProcessingInstruction,
        0,
    ),
    (b"<?xml1?><a/>", Rule::ProcessingInstruction, 0),
    (b"<??><a/>", Rule::ProcessingInstruction, 0),
    (b"<a><!DOCTYPE a></a>", Rule::Doctype, 3),
    (b"<a/><!DOCTYPE a>", Rule::Doctype, 4),
    (b"<!DOCTYPE", Rule::Doctype, 0),
    (b"<a <!-- x --> />", Rule::InvalidName, 3),
    (b"<!doctype a><a/>", Rule::MalformedMarkup, 0),
    (b"<!ELEMENT a ANY><a/>", Rule::MalformedMarkup, 0),
    (b"<a>&lt;&x</a>", Rule::MalformedReference, 7),
    (b"<a>%x;&x-y.z:1;</a>", Rule::UndefinedEntity, 6),
    (b"<a>&\xc3\xa9;</a>", Rule::UndefinedEntity, 3),
    (b"<a>&\xc3\x97;</a>", Rule::MalformedReference, 3),
    // References.
    (b"<a>& </a>", Rule::MalformedReference, 3),
    (b"<a>&</a>", Rule::MalformedReference, 3),
    (b"<a>&;</a>", Rule::MalformedReference, 3),
    (b"<a>&amp</a>", Rule::MalformedReference, 3),
    (b"<a>&#;</a>", Rule::MalformedReference, 3),
    (b"<a>&#x;</a>", Rule::MalformedReference, 3),
    (b"<a>&#X41;</a>", Rule::MalformedReference, 3),
    (b"<a>&#4a;</a>", Rule::MalformedReference, 3),
    (b"<a>&#xg;</a>", Rule::MalformedReference, 3),
    (b"<a>&#-1;</a>", Rule::MalformedReference, 3),
    (b"<a>&1;</a>", Rule::MalformedReference, 3),
    (b"<a>&# 65;</a>", Rule::MalformedReference, 3),
    (b"<a b='&'/>", Rule::MalformedReference, 6),
    (b"<a b='x&y z;'/>", Rule::MalformedReference, 7),
    (b"<a>&#0;</a>", Rule::IllegalReference, 3),
    (b"<a>&#8;</a>", Rule::IllegalReference, 3),
    (b"<a>&#x1f;</a>", Rule::IllegalReference, 3),
    (b"<a>&#xd800;</a>", Rule::IllegalReference, 3),
    (b"<a>&#xdfff;</a>", Rule::IllegalReference, 3),
    (b"<a>&#xfffe;</a>", Rule::IllegalReference, 3),
    (b"<a>&#65535;</a>", Rule::IllegalReference, 3),
    (b"<a>&#x110000;</a>", Rule::IllegalReference, 3),
    (b"<a>&#99999999999999999999;</a>", Rule::IllegalReference, 3),
    (b"<a b='&#1;'/>", Rule::IllegalReference, 6),
    (b"<a>&#11;</a>", Rule::IllegalReference, 3),
    (b"<a>&#x0B;</a>", Rule::IllegalReference, 3),
    (b"<a>&#xFFFF;</a>", Rule::IllegalReference, 3),
    (b"<a>&#1114112;</a>", Rule::IllegalReference, 3),
    (b"<a>&#x 41;</a>", Rule::MalformedReference, 3),
    (b"<a>&#x41</a>", Rule::MalformedReference, 3),
    (b"<a>&#65,</a>", Rule::MalformedReference, 3),
    (b"<a>& amp;</a>", Rule::MalformedReference, 3),
    (b"<a>&amp ;</a>", Rule::MalformedReference, 3),
    (b"<a xmlns='&x;'/>", Rule::UndefinedEntity, 10),
    (b"<a b='&lt'/>", Rule::MalformedReference, 6),
    // Markup and text.
    (b"<a><!ENTITY x 'y'></a>", Rule::MalformedMarkup, 3),
    (b"<a><![cdata[x]]></a>", Rule::MalformedMarkup, 3),
    (b"<a><!doctype></a>", Rule::MalformedMarkup, 3),
    (b"<a><!></a>", Rule::MalformedMarkup, 3),
    (b"<a><!- -></a>", Rule::MalformedMarkup, 3),
    (b"<a>x]]></a>", Rule::CdataEndInText, 4),
    (b"<a>]]]></a>", Rule::CdataEndInText, 4),
    (b"<a><![CDATA[x]]>]]></a>", Rule::CdataEndInText, 16),
    // Names and tags.
    (b"< a/>", Rule::InvalidName, 1),
    (b"<1/>", Rule::InvalidName, 1),
    (b"<-a/>", Rule::InvalidName, 1),
    (b"<.a/>", Rule::InvalidName, 1),
    (b"<></>", Rule::InvalidName, 1),
    (b"<<a/>", Rule::InvalidName, 1),
    (b"<a$/>", Rule::InvalidName, 2),
    (b"<a'b'/>", Rule::InvalidName, 2),
    (b"<a\x01/>", Rule::InvalidName, 2),
    (b"<\xc2\xb7/>", Rule::InvalidName, 1),
    (b"<\xc3\x97/>", Rule::InvalidName, 1),
    (b"<a\xc3\x97/>", Rule::InvalidName, 2),
    (b"<a><b</a>", Rule::InvalidName, 5),
    (b"<a 1='x'/>", Rule::InvalidName, 3),
    (b"<a b='x'$c=''/>", Rule::InvalidName, 8),
    (b"<a></ a>", Rule::InvalidName, 5),
    (b"<a></>", Rule::InvalidName, 5),
    (b"<a/ >", Rule::MalformedTag, 3),
    (b"<a / >", Rule::MalformedTag, 4),
    (b"<a b='x'/ >", Rule::MalformedTag, 9),
    (b"<a//>", Rule::MalformedTag, 3),
    (b"<a b='x'c='y'/>", Rule::MissingSpace, 8),
    (b"<a b/>", Rule::AttributeWithoutValue, 4),
    (b"<a b >", Rule::AttributeWithoutValue, 5),
    (b"<a b c='x'/>", Rule::AttributeWithoutValue, 5),
    (b"<a b'x'/>", Rule::AttributeWithoutValue, 4),
    (b"<a b=x/>", Rule::UnquotedValue, 5),
    (b"<a b=>", Rule::UnquotedValue, 5),
    (b"<a b==''>", Rule::UnquotedValue, 5),
    (b"<a b='<'/>", Rule::LessThanInValue, 6),
    (b"<a b='<![CDATA[x]]>'/>", Rule::LessThanInValue, 6),
    (b"<a b='<", Rule::LessThanInValue, 6),
    (b"<a b='x\"><c/></a>", Rule::LessThanInValue, 9),
    (b"<a b='x' b='y'/>", Rule::DuplicateAttribute, 9),
    (b"<a b='x' c='' b='x'/>", Rule::DuplicateAttribute, 14),
    (
        b"<a b='' c='' d='' e='' f='' g='' h='' i='' j='' d='' b=''/>",
        Rule::DuplicateAttribute,
        48,
    ),
    (b"<a></a b='x'>", Rule::MalformedEndTag, 7),
    (b"<a></a/>", Rule::MalformedEndTag, 6),
    (b"<a></a</a>", Rule::MalformedEndTag, 6),
    (b"<a></b>", Rule::MismatchedEndTag, 5),
    (b"<a></A>", Rule::MismatchedEndTag, 5),
    (b"<a><b></a></b>", Rule::MismatchedEndTag, 8),
    (b"<ab></a>", Rule::MismatchedEndTag, 6),
    (b"<a></ab>", Rule::MismatchedEndTag, 5),
    (
        b"<p:a xmlns:p='u' xmlns:q='u'></q:a>",
        Rule::MismatchedEndTag,
        31,
    ),
    (
        b"<a><![CDATA[<![CDATA[x]]>]]></a>",
        Rule::CdataEndInText,
        25,
    ),
    (b"<a><![CDATA [x]]></a>", Rule::MalformedMarkup, 3),
    (b"<a>]]></a>", Rule::CdataEndInText, 3),
    (b"<\xcd\xbe/>", Rule::InvalidName, 1),
    (b"<\xe2\x80\x80/>", Rule::InvalidName, 1),
    (b"<\xe2\x86\x90/>", Rule::InvalidName, 1),
    (b"<\xe3\x80\x80/>", Rule::InvalidName, 1),
    (b"<\xf3\xb0\x80\x80/>", Rule::InvalidName, 1),
    (b"<a\xc2\xa0b=''/>", Rule::InvalidName, 2),
    (b"<a/ b=''>", Rule::MalformedTag, 3),
    (b"<a b='x''/>", Rule::InvalidName, 8),
    (b"<a =''/>", Rule::InvalidName, 3),
    (b"<a b=\xe2\x80\x98x\xe2\x80\x99/>", Rule::UnquotedValue, 5),
    (b"<a B='' b='' B=''/>", Rule::DuplicateAttribute, 13),
    (
        b"<a xml:lang='en' xml:lang='en'/>",
        Rule::DuplicateAttribute,
        17,
    ),
    (b"<a><b></b></a></a>", Rule::UnexpectedEndTag, 14),
    (b"<a></a\x01>", Rule::MalformedEndTag, 6),
    (b"<p:a xmlns:p='u'></a>", Rule::MismatchedEndTag, 19),
    (
        b"<p:a xmlns='u' xmlns:p='u'></a>",
        Rule::MismatchedEndTag,
        29,
    ),
    (b"<a xmlns:p='u'></p:a>", Rule::MismatchedEndTag, 17),
    (b"</>", Rule::UnexpectedEndTag, 0),
    // Namespaces.
    (b"<:a/>", Rule::InvalidQName, 1),
    (b"<:/>", Rule::InvalidQName, 1),
    (b"<p:/>", Rule::InvalidQName, 3),
    (b"<p:1 xmlns:p='u'/>", Rule::InvalidQName, 3),
    (b"<p:-a xmlns:p='u'/>", Rule::InvalidQName, 3),
    (b"<p::a xmlns:p='u'/>", Rule::InvalidQName, 3),
    (b"<p:a:b xmlns:p='u'/>", Rule::InvalidQName, 4),
    (b"<a :b='x'/>", Rule::InvalidQName, 3),
    (b"<a b:='x'/>", Rule::InvalidQName, 5),
    (b"<a xmlns:='u'/>", Rule::InvalidQName, 9),
    (b"<a xmlns:p:q='u'/>", Rule::InvalidQName, 10),
    (b"<p:a/>", Rule::UndeclaredPrefix, 1),
    (b"<a p:b='x'/>", Rule::UndeclaredPrefix, 3),
    (
        b"<a><p:b xmlns:p='u'/><p:c/></a>",
        Rule::UndeclaredPrefix,
        22,
    ),
    (b"<XML:a/>", Rule::UndeclaredPrefix, 1),
    (b"<a xmlns:p=''/>", Rule::EmptyNamespace, 3),
    (
        b"<a xmlns:p='u'><b xmlns:p=''/></a>",
        Rule::EmptyNamespace,
        18,
    ),
    (b"<xmlns:a/>", Rule::ReservedPrefix, 1),
    (b"<a xmlns:xmlns='u'/>", Rule::ReservedPrefix, 3),
    (
        b"<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>",
        Rule::ReservedPrefix,
        3,
    ),
    (b"<a xmlns:xml='u'/>", Rule::ReservedPrefix, 3),
    (b"<a xmlns:xml=''/>", Rule::ReservedPrefix, 3),
    (
        b"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        Rule::ReservedNamespace,
        3,
    ),
    (
        b"<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
        Rule::ReservedNamespace,
        3,
    ),
    (
        b"<a xmlns:p='http://www.w3.org/2000/xmlns&#47;'/>",
        Rule::ReservedNamespace,
        3,
    ),
    (
        b"<a xmlns:p='http://www.w3.org/XML/1998/n&#x61;mespace'/>",
        Rule::ReservedNamespace,
        3,
    ),
    (
        b"<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        Rule::ReservedNamespace,
        3,
    ),
    (
        b"<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        Rule::ReservedNamespace,
        3,
    ),
    (b"<a xmlns='u' xmlns='u'/>", Rule::DuplicateDeclaration, 13),
    (
        b"<a xmlns:p='u' xmlns:p='v'/>",
        Rule::DuplicateDeclaration,
        15,
    ),
    (
        b"<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
        Rule::DuplicateExpandedName,
        34,
    ),
    (
        b"<a xmlns:p='u' xmlns:q='&#117;' p:b='' q:b=''/>",
        Rule::DuplicateExpandedName,
        39,
    ),
    (
        b"<r xmlns:p='u'><a xmlns:q='u' q:b='' c='' p:b=''/></r>",
        Rule::DuplicateExpandedName,
        42,
    ),
    (b"<p:\xc2\xb7 xmlns:p='u'/>", Rule::InvalidQName, 3),
    (b"<p: a xmlns:p='u'/>", Rule::InvalidQName, 3),
    (b"<a xmlns:1='u'/>", Rule::InvalidQName, 9),
    (b"<a xmlns::p='u'/>", Rule::InvalidQName, 9),
    (b"<a p:b=''><b xmlns:p='u'/></a>", Rule::UndeclaredPrefix, 3),
    (b"<a xmlns:p='u'/><p:b/>", Rule::ContentAfterRoot, 16),
    (
        b"<a><b xmlns:p='u'></b><c p:d=''/></a>",
        Rule::UndeclaredPrefix,
        25,
    ),
    (b"<a><b xmlns:p='u'></b></p:a>", Rule::MismatchedEndTag, 24),
    (
        b"<a xmlns:p='&#x20;' xmlns:q=''/>",
        Rule::EmptyNamespace,
        20,
    ),
    (
        b"<a xmlns:xml='http://www.w3.org/XML/1998/namespace ' />",
        Rule::ReservedPrefix,
        3,
    ),
    (b"<xml:a xmlns:xml='u'/>", Rule::ReservedPrefix, 7),
    (
        b"<a xmlns:p='u' xmlns:p='u'/>",
        Rule::DuplicateDeclaration,
        15,
    ),
    (b"<a xmlns='u'  xmlns=''/>", Rule::DuplicateDeclaration, 14),
    (
        b"<a xmlns:p='u v' xmlns:q='u\tv' p:b='' q:b=''/>",
        Rule::DuplicateExpandedName,
        38,
    ),
    (
        b"<a xmlns='u' xmlns:p='u' xmlns:q='u' p:b='' b='' q:b=''/>",
        Rule::DuplicateExpandedName,
        49,
    ),
];

/// Input that must be read, and its events.
const READ: &[(&str, &[&str])] = &[
    ("<a/>", &["start {}a", "end {}a"]),
    (" \r\n<a></a >\t", &["start {}a", "end {}a"]),
    ("<?xml version='1.0'?><a/>", &["start {}a", "end {}a"]),
    (
        "<?xml\tversion = \"1.0\"\nencoding = 'utf-8' ?>\n<a/>",
        &["start {}a", "end {}a"],
    ),
    ("<?xml version='1.1'?><a/>", &["start {}a", "end {}a"]),
    (
        "<a  b = 'x'\n\tc\r=\n\"y\" />",
        &["start {}a b=\"x\" c=\"y\"", "end {}a"],
    ),
    (
        "<a b='\"' c=\"'\" d='>'/>",
        &["start {}a b=\"\\\"\" c=\"'\" d=\">\"", "end {}a"],
    ),
    ("<a b=''/>", &["start {}a b=\"\"", "end {}a"]),
    (
        "<a b=' x\t\r\n\n\r&#9;&#10;&#13; '/>",
        &["start {}a b=\" x    \\t\\n\\r \"", "end {}a"],
    ),
    (
        "<a>\r\n\r\n\r&#13;&#xA;\n</a>",
        &["start {}a", "text \"\\n\\n\\n\\r\\n\\n\"", "end {}a"],
    ),
    (
        "<a>&lt;&gt;&amp;&apos;&quot;&#65;&#x1F4a9;</a>",
        &["start {}a", "text \"<>&'\\\"A\u{1f4a9}\"", "end {}a"],
    ),
    (
        "<a>&#x00000000000000000041;</a>",
        &["start {}a", "text \"A\"", "end {}a"],
    ),
    (
        "<a>x<![CDATA[<&\r\n]]]>y<![CDATA[]]]]>&gt;</a>",
        &["start {}a", "text \"x<&\\n]y]]>\"", "end {}a"],
    ),
    ("<a><![CDATA[]]></a>", &["start {}a", "end {}a"]),
    (
        "<a><![CDATA[]]><b/><![CDATA[x]]></a>",
        &["start {}a", "start {}b", "end {}b", "text \"x\"", "end {}a"],
    ),
    ("<a>]] ]></a>", &["start {}a", "text \"]] ]>\"", "end {}a"]),
    ("<a>]]&gt;></a>", &["start {}a", "text \"]]>>\"", "end {}a"]),
    (
        "<a>\u{7f}\u{85}\u{fffd}\u{fdd0}\u{1fffe}\u{feff}</a>",
        &[
            "start {}a",
            "text \"\\u{7f}\\u{85}\u{fffd}\u{fdd0}\u{1fffe}\u{feff}\"",
            "end {}a",
        ],
    ),
    ("<é·-.1 ø='å'/>", &["start {}é·-.1 ø=\"å\"", "end {}é·-.1"]),
    ("<_ _='x'/>", &["start {}_ _=\"x\"", "end {}_"]),
    (
        "<a xmlns='u'><b xmlns=''><c/></b><d/></a>",
        &[
            "start {u}a",
            "start {}b",
            "start {}c",
            "end {}c",
            "end {}b",
            "start {u}d",
            "end {u}d",
            "end {u}a",
        ],
    ),
    (
        "<p:a xmlns:p='u' p:b='x' b='y'/>",
        &["start {u}a b=\"y\" {u}b=\"x\"", "end {u}a"],
    ),
    (
        "<a xmlns='u' xmlns:p='u' p:b='x' b='y'/>",
        &["start {u}a b=\"y\" {u}b=\"x\"", "end {u}a"],
    ),
    (
        "<a xmlns:p='u'><b xmlns:p='v'><p:c/></b><p:d/></a>",
        &[
            "start {}a",
            "start {}b",
            "start {v}c",
            "end {v}c",
            "end {}b",
            "start {u}d",
            "end {u}d",
            "end {}a",
        ],
    ),
    (
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='en'/>",
        &[
            "start {}a {http://www.w3.org/XML/1998/namespace}lang=\"en\"",
            "end {}a",
        ],
    ),
    (
        "<a xmlns:xmlfoo='u' xmlfoo:b=''/>",
        &["start {}a {u}b=\"\"", "end {}a"],
    ),
    (
        "<a xmlnsx='u' xml='v'/>",
        &["start {}a xml=\"v\" xmlnsx=\"u\"", "end {}a"],
    ),
    (
        "<a xmlns='\tu&amp;v '/>",
        &["start { u&v }a", "end { u&v }a"],
    ),
    (
        "<stream:stream xmlns:stream='s'> <a/>\n\n</stream:stream>\n",
        &[
            "start {s}stream",
            "text \" \"",
            "start {}a",
            "end {}a",
            "text \"\\n\\n\"",
            "end {s}stream",
        ],
    ),
    (
        "<a xmlns='\\&#10;}\"' xmlns:p='&#133;}' p:b=''/>",
        &[
            "start {\\\\\\n\\}\"}a {\\u{85}\\}}b=\"\"",
            "end {\\\\\\n\\}\"}a",
        ],
    ),
    // What looks wrong and is not.
    ("<xmlns/>", &["start {}xmlns", "end {}xmlns"]),
    (
        "<xml xmlns:XML='u' XML:a=''/>",
        &["start {}xml {u}a=\"\"", "end {}xml"],
    ),
    (
        "<a xmlns:p='u' p:xmlns=''/>",
        &["start {}a {u}xmlns=\"\"", "end {}a"],
    ),
    (
        "<a b='' B='' xml:b=''/>",
        &[
            "start {}a B=\"\" b=\"\" {http://www.w3.org/XML/1998/namespace}b=\"\"",
            "end {}a",
        ],
    ),
    (
        "<a xmlns:p='u' xmlns:q='U' p:b='1' q:b='2'/>",
        &["start {}a {U}b=\"2\" {u}b=\"1\"", "end {}a"],
    ),
    (
        "<a xmlns:p='u~' xmlns:q='u%7e' xmlns:r=' u~' p:b='1' q:b='2' r:b='3'/>",
        &[
            "start {}a { u~}b=\"3\" {u%7e}b=\"2\" {u~}b=\"1\"",
            "end {}a",
        ],
    ),
    (
        "<p:a xmlns:p='u'><q:a xmlns:q='u'></q:a\n></p:a>",
        &["start {u}a", "start {u}a", "end {u}a", "end {u}a"],
    ),
    (
        "<xml:a/>",
        &[
            "start {http://www.w3.org/XML/1998/namespace}a",
            "end {http://www.w3.org/XML/1998/namespace}a",
        ],
    ),
    (
        "<a b=']]>' c='&#60;&#x26;&lt;&amp;'/>",
        &["start {}a b=\"]]>\" c=\"<&<&\"", "end {}a"],
    ),
    ("<a>></a>", &["start {}a", "text \">\"", "end {}a"]),
    (
        "<a>&#x10ffff;&#x9;&#xD7FF;&#xe000;&#xFFFD;</a>",
        &[
            "start {}a",
            "text \"\u{10ffff}\\t\u{d7ff}\u{e000}\u{fffd}\"",
            "end {}a",
        ],
    ),
    (
        "<a>&amp;lt;&#38;amp;</a>",
        &["start {}a", "text \"&lt;&amp;\"", "end {}a"],
    ),
    (
        "<a>\u{2028}\u{80}\u{10ffff}</a>",
        &["start {}a", "text \"\u{2028}\\u{80}\u{10ffff}\"", "end {}a"],
    ),
    (
        "<\u{10000}\u{effff}\u{feff}\u{203f}/>",
        &[
            "start {}\u{10000}\u{effff}\u{feff}\u{203f}",
            "end {}\u{10000}\u{effff}\u{feff}\u{203f}",
        ],
    ),
    (
        "<a\n><![CDATA[<!-- <?p?> &x; ]] > ]]></a>",
        &["start {}a", "text \"<!-- <?p?> &x; ]] > \"", "end {}a"],
    ),
    ("<a\r\n/>", &["start {}a", "end {}a"]),
    (
        "<?xml version=\"1.0\" encoding=\"uTf-8\"\t?><a/>",
        &["start {}a", "end {}a"],
    ),
];

/// The same bytes cut into chunks of `size`.
fn chunked(bytes: &[u8], size: usize, mode: Mode, limits: Limits) -> Option<XmlError> {
    let mut parser = Parser::new(mode, limits);
    for chunk in bytes.chunks(size) {
        parser.feed(chunk);
        loop {
            match parser.next_event() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return Some(error),
            }
        }
    }
    loop {
        match parser.last_event() {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

fn check(bytes: &[u8], rule: Rule, offset: u64, limits: Limits, modes: &[Mode]) {
    for &mode in modes {
        let shown = bytes.escape_ascii();
        let expected = Some(XmlError { offset, rule });
        assert_eq!(
            canonical(bytes, mode, limits).1,
            expected,
            "{shown} as {mode:?}"
        );
        for size in [1, 2, 3, 7] {
            assert_eq!(
                chunked(bytes, size, mode, limits),
                expected,
                "{shown} as {mode:?} in chunks of {size}"
            );
        }
    }
}

const BOTH: &[Mode] = &[Mode::Element, Mode::Stream];

#[test]
fn refused() {
    for &(bytes, rule, offset) in REFUSED {
        check(bytes, rule, offset, Limits::default(), BOTH);
    }
}

#[test]
fn read() {
    for (text, lines) in READ {
        for &mode in BOTH {
            let (events, error) = canonical(text.as_bytes(), mode, Limits::default());
            assert_eq!(error, None, "{text:?}");
            assert_eq!(events, *lines, "{text:?}");
            assert_eq!(
                chunked(text.as_bytes(), 1, mode, Limits::default()),
                None,
                "{text:?}"
            );
        }
    }
}

/// A limit on bytes may fall anywhere, into `<?xml` too.
#[test]
fn any_limit_of_bytes() {
    for (text, _) in READ {
        for element_bytes in 0..80 {
            let limits = Limits {
                element_bytes,
                ..Limits::default()
            };
            for &mode in BOTH {
                let error = canonical(text.as_bytes(), mode, limits).1;
                let shown = format!("{text} as {mode:?} with {element_bytes}");
                assert!(
                    error.is_none_or(|error| error.rule == Rule::ElementTooLarge),
                    "{shown}"
                );
                for size in [1, 3, text.len()] {
                    let chunks = chunked(text.as_bytes(), size, mode, limits);
                    assert_eq!(chunks, error, "{shown} in chunks of {size}");
                }
            }
        }
    }
}

/// The limits: input that just meets them, and input that is over by one.
#[test]
fn limits() {
    let limits = Limits {
        element_bytes: 40,
        depth: 3,
        attributes: 2,
        namespaces: 2,
    };
    let fits = |text: &str, modes: &[Mode]| {
        for &mode in modes {
            assert_eq!(
                canonical(text.as_bytes(), mode, limits).1,
                None,
                "{text} as {mode:?}"
            );
            assert_eq!(
                chunked(text.as_bytes(), 1, mode, limits),
                None,
                "{text} as {mode:?}"
            );
        }
    };
    fits("<a><b><c/></b></a>", BOTH);
    check(b"<a><b><c><d/></c></b></a>", Rule::TooDeep, 9, limits, BOTH);
    fits("<a b='' c='' xmlns='u' xmlns:p='u'/>", BOTH);
    check(
        b"<a b='' c='' d=''/>",
        Rule::TooManyAttributes,
        13,
        limits,
        BOTH,
    );
    check(
        b"<a xmlns='u' xmlns:p='u' xmlns:q='u'/>",
        Rule::TooManyDeclarations,
        25,
        limits,
        BOTH,
    );
    let element = format!("<a>{}</a>", "x".repeat(33));
    assert_eq!(element.len(), 40);
    fits(&element, BOTH);
    fits(&format!(" {element} "), BOTH);
    let larger = element.replacen('x', "xx", 1);
    check(
        larger.as_bytes(),
        Rule::ElementTooLarge,
        40,
        limits,
        &[Mode::Element],
    );
    // In a stream the limit is for each child of the root.
    fits(
        &format!("<stream>{}</stream>", element.repeat(3)),
        &[Mode::Stream],
    );
    check(
        format!("<s>{element}{larger}</s>").as_bytes(),
        Rule::ElementTooLarge,
        83,
        limits,
        &[Mode::Stream],
    );
    fits(
        &format!("<s>{0}<a/>{0}</s>", " ".repeat(40)),
        &[Mode::Stream],
    );
    check(
        format!("<s>{}</s>", " ".repeat(41)).as_bytes(),
        Rule::ElementTooLarge,
        43,
        limits,
        &[Mode::Stream],
    );
    // A fault before the limit is found first.
    check(
        format!("<a b='<{}", "x".repeat(60)).as_bytes(),
        Rule::LessThanInValue,
        6,
        limits,
        BOTH,
    );
    check(
        format!("<a b='{}", "x".repeat(60)).as_bytes(),
        Rule::ElementTooLarge,
        40,
        limits,
        BOTH,
    );
}

/// Each rule is in a table above, or in the test of limits.
#[test]
fn every_rule_is_tested() {
    let limits = [
        Rule::ElementTooLarge,
        Rule::TooDeep,
        Rule::TooManyAttributes,
        Rule::TooManyDeclarations,
    ];
    for rule in Rule::ALL {
        assert!(
            limits.contains(rule) || REFUSED.iter().any(|(_, tested, _)| tested == rule),
            "{rule:?}"
        );
    }
}
