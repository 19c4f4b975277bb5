//! A project's description of itself (DOAP, XEP-0453): which documents it claims to implement, and the same file with other
//! claims. Everything that is not changed stays as it is, byte for byte.

use std::ops::Range;

use roxmltree::{Attribute, Document, Node, ParsingOptions};
use serde::Serialize;

use crate::documents;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const DOAP: &str = "http://usefulinc.com/ns/doap#";
const XMPP: &str = "https://linkmauve.fr/ns/xmpp-doap#";

/// Nodes of a file: the largest descriptions have some thousands.
const NODES: u32 = 1_000_000;

/// How far a project says that it implements a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimStatus {
    /// All of it.
    Complete,
    /// A part of it.
    Partial,
    /// Not yet.
    Planned,
    /// It does, and should not be used any more.
    Deprecated,
    /// No longer.
    Removed,
    /// It never will.
    Wontfix,
}

impl ClaimStatus {
    const ALL: [ClaimStatus; 6] = [
        ClaimStatus::Complete,
        ClaimStatus::Partial,
        ClaimStatus::Planned,
        ClaimStatus::Deprecated,
        ClaimStatus::Removed,
        ClaimStatus::Wontfix,
    ];

    /// As the file has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ClaimStatus::Complete => "complete",
            ClaimStatus::Partial => "partial",
            ClaimStatus::Planned => "planned",
            ClaimStatus::Deprecated => "deprecated",
            ClaimStatus::Removed => "removed",
            ClaimStatus::Wontfix => "wontfix",
        }
    }

    /// Whether it says that the document is implemented.
    pub(crate) fn is_support(self) -> bool {
        matches!(
            self,
            ClaimStatus::Complete | ClaimStatus::Partial | ClaimStatus::Deprecated
        )
    }
}

/// A document that a project says something of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `RFC 6120`, `XEP-0030`.
    pub document: String,
    /// How far; nothing is said of RFCs, and many files say nothing of XEPs.
    pub status: Option<ClaimStatus>,
    /// The version of the document.
    pub version: Option<String>,
    /// How to write another status: the bytes to replace, and what stands before and behind it.
    edit: Option<(Range<usize>, String, String)>,
}

/// A description that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doap {
    /// The name of the project; may be empty.
    pub name: String,
    /// What it says of documents, in the order of the file.
    pub claims: Vec<Claim>,
    text: String,
    addition: Addition,
}

/// How a claim is added.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Addition {
    /// Where.
    at: usize,
    /// What each line begins with, and what lines inside begin with besides.
    lead: String,
    unit: String,
    quote: char,
    implements: Tag,
    supported: Tag,
    resource: Tag,
    /// `xep` and `status` have the prefix of what they are in.
    prefix: String,
}

/// A name as written at its place, with the declaration that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    name: String,
    declaration: String,
}

/// Why a file is not such a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoapError {
    /// What is wrong.
    pub message: String,
    /// Where: bytes of the file.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
}

impl std::fmt::Display for DoapError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DoapError {}

impl DoapError {
    fn new(message: impl Into<String>, span: Range<usize>) -> DoapError {
        DoapError {
            message: message.into(),
            span,
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> DoapError {
        self.help = Some(help.into());
        self
    }
}

impl Doap {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(text: &str) -> Result<Doap, DoapError> {
        let options = ParsingOptions {
            nodes_limit: NODES,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text, options)
            .map_err(|error| not_well_formed(&error, text))?;
        let project = project(&document)?;
        let mut claims = Vec::new();
        for implements in children(project, DOAP, "implements") {
            if let Some(claim) = claim(implements, text)? {
                claims.push(claim);
            }
        }
        let name = children(project, DOAP, "name").next();
        Ok(Doap {
            name: name.and_then(|name| words(name)).unwrap_or_default(),
            claims,
            addition: addition(project, text)?,
            text: text.to_owned(),
        })
    }

    /// The file with another status for what is claimed already, and with claims for what is not. RFCs have no status: a
    /// claim of one can be added only.
    pub(crate) fn with(&self, supported: &[(String, ClaimStatus)]) -> String {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        let mut added = String::new();
        for (document, status) in supported {
            let mut claims = self.claims.iter().filter(|one| &one.document == document);
            let Some(first) = claims.next() else {
                added.push_str(&self.addition.claim(document, *status));
                continue;
            };
            for claim in std::iter::once(first).chain(claims) {
                if let Some((range, before, behind)) = &claim.edit
                    && claim.status != Some(*status)
                {
                    let written = format!("{before}{}{behind}", status.as_str());
                    edits.push((range.clone(), written));
                }
            }
        }
        edits.push((self.addition.at..self.addition.at, added));
        edits.sort_by_key(|(range, _)| range.start);
        let mut out = self.text.clone();
        for (range, written) in edits.into_iter().rev() {
            out.replace_range(range, &written);
        }
        out
    }
}

/// The parser tells line and column; what it says of them goes, because the place is shown.
fn not_well_formed(error: &roxmltree::Error, text: &str) -> DoapError {
    if matches!(error, roxmltree::Error::DtdDetected) {
        let at = text.find("<!DOCTYPE").unwrap_or(0);
        return DoapError::new("a DOAP file has no document type declaration", at..at + 9)
            .help("remove it; entities are written as characters");
    }
    let position = error.pos();
    let line = (position.row as usize).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let column = (position.col as usize).saturating_sub(1);
    let rest = &text[start..];
    let offset = rest
        .char_indices()
        .nth(column)
        .map_or(rest.len(), |(at, _)| at);
    let mut at = start + offset;
    // What is not closed is found at the end.
    if matches!(
        error,
        roxmltree::Error::UnclosedRootNode | roxmltree::Error::UnexpectedEndOfStream
    ) {
        at = text.trim_end().len();
    }
    let message = error.to_string();
    let place = format!(" at {position}");
    let message = message.strip_suffix(&place).unwrap_or(&message);
    DoapError::new(format!("not well-formed XML: {message}"), at..at)
}

fn project<'a, 'input>(document: &'a Document<'input>) -> Result<Node<'a, 'input>, DoapError> {
    let root = document.root_element();
    let mut projects = std::iter::once(root)
        .filter(|root| root.has_tag_name((DOAP, "Project")))
        .chain(children(root, DOAP, "Project"));
    let Some(project) = projects.next() else {
        return Err(DoapError::new("there is no project in it", opening(root)).help(format!(
            "a DOAP file is <rdf:RDF xmlns:rdf='{RDF}' xmlns='{DOAP}'> with a <Project> (XEP-0453)"
        )));
    };
    match projects.next() {
        Some(second) => Err(DoapError::new(
            "there is more than one project in it",
            opening(second),
        )
        .help("give each project a file of its own")),
        None => Ok(project),
    }
}

fn children<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    ns: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.has_tag_name((ns, name)))
}

/// The `<` and the name of an element: what is marked when it is wrong.
fn opening(node: Node<'_, '_>) -> Range<usize> {
    let start = node.range().start;
    start..start + 1 + written_name(node).len()
}

/// The name of an element as the file has it.
fn written_name<'a>(node: Node<'a, '_>) -> &'a str {
    let text: &'a str = node.document().input_text();
    let rest = &text[node.range().start + 1..];
    let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
    &rest[..end.unwrap_or(rest.len())]
}

/// The text of an element, if there is any.
fn words(node: Node<'_, '_>) -> Option<String> {
    let pieces = node.children().filter(|child| child.is_text());
    let text = pieces.filter_map(|child| child.text()).collect::<String>();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// What an element says of a document; nothing for documents that are neither RFCs nor XEPs.
fn claim(implements: Node<'_, '_>, text: &str) -> Result<Option<Claim>, DoapError> {
    if let Some(resource) = implements.attribute_node((RDF, "resource")) {
        let document = document(resource.value());
        return Ok(document.map(|document| Claim {
            document,
            status: None,
            version: None,
            edit: None,
        }));
    }
    let Some(supported) = children(implements, XMPP, "SupportedXep").next() else {
        return Ok(None);
    };
    let Some(xep) = children(supported, XMPP, "xep").next() else {
        return Err(
            DoapError::new("it does not say which XEP", opening(supported))
                .help("add <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-0030.html'/>"),
        );
    };
    let resource = xep.attribute_node((RDF, "resource"));
    let Some(document) =
        resource.and_then(|resource: Attribute<'_, '_>| document(resource.value()))
    else {
        let span = resource.map_or(opening(xep), |resource| resource.range_value());
        return Err(DoapError::new("this is not the address of a XEP", span)
            .help("write rdf:resource='https://xmpp.org/extensions/xep-0030.html'"));
    };
    let status = children(supported, XMPP, "status").next();
    let word = status.and_then(|status| words(status));
    let known = |word: &String| {
        ClaimStatus::ALL
            .into_iter()
            .find(|one| one.as_str() == word)
    };
    let found = word.as_ref().map(known);
    if let (Some(None), Some(status)) = (found, status) {
        let all = ClaimStatus::ALL.map(ClaimStatus::as_str).join(", ");
        let span = content(status, text).unwrap_or(opening(status));
        return Err(DoapError::new("this is not a status", span).help(format!("one of {all}")));
    }
    let version = children(supported, XMPP, "version").next();
    Ok(Some(Claim {
        document,
        status: found.flatten(),
        version: version.and_then(|version| words(version)),
        edit: Some(edit(xep, status, text)),
    }))
}

/// How another status is written.
fn edit(
    xep: Node<'_, '_>,
    status: Option<Node<'_, '_>>,
    text: &str,
) -> (Range<usize>, String, String) {
    let Some(status) = status else {
        let end = xep.range().end;
        let written = written_name(xep);
        let name = format!("{}status", &written[..written.len() - "xep".len()]);
        let before = format!("{}<{name}>", lead(xep, text));
        return (end..end, before, format!("</{name}>"));
    };
    if let Some(content) = content(status, text) {
        return (content, String::new(), String::new());
    }
    // `<xmpp:status/>`
    let end = status.range().end;
    let behind = format!("</{}>", written_name(status));
    (end - "/>".len()..end, ">".to_owned(), behind)
}

/// Where an element has its text, or would have it; `None` if it is one tag.
fn content(node: Node<'_, '_>, text: &str) -> Option<Range<usize>> {
    let range = node.range();
    let mut pieces = node.children().filter(|child| child.is_text());
    match (pieces.next(), pieces.next_back()) {
        (Some(first), last) => Some(first.range().start..last.unwrap_or(first).range().end),
        _ if text[range.clone()].ends_with("/>") => None,
        _ => {
            let at = range.start + text[range].rfind("</")?;
            Some(at..at)
        }
    }
}

/// The document at an address: `RFC 6120`, `XEP-0030`.
fn document(address: &str) -> Option<String> {
    let address = address.to_ascii_lowercase();
    for (series, digits) in [("xep-", 4), ("rfc", 0)] {
        let Some((_, rest)) = address.rsplit_once(series) else {
            continue;
        };
        // `urn:ietf:rfc:6120`
        let rest = rest.trim_start_matches(':');
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let number = &rest[..end.unwrap_or(rest.len())];
        if !number.is_empty() && number.len() <= 5 {
            let series = series.trim_end_matches('-').to_ascii_uppercase();
            return Some(documents::name(&format!("{series}{number:0>digits$}")));
        }
    }
    None
}

/// The line end and the spaces before an element; empty if something else stands before it.
fn lead<'t>(node: Node<'_, '_>, text: &'t str) -> &'t str {
    let before = &text[..node.range().start];
    let at = before.trim_end_matches([' ', '\t']).len();
    let at = match before[..at].strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line).len(),
        None => return "",
    };
    &before[at..]
}

/// How a name of a namespace is written inside an element.
fn tag(inside: Node<'_, '_>, ns: &str, usual: &str, name: &str, is_attribute: bool) -> Tag {
    let prefixes = inside.namespaces().filter(|one| one.uri() == ns);
    let mut prefixes = prefixes
        .map(|one| one.name())
        .filter(|prefix| !is_attribute || prefix.is_some());
    let (prefix, declaration) = match prefixes.next() {
        Some(prefix) => (prefix.unwrap_or_default(), String::new()),
        None => (usual, format!(" xmlns:{usual}='{ns}'")),
    };
    let colon = if prefix.is_empty() { "" } else { ":" };
    Tag {
        name: format!("{prefix}{colon}{name}"),
        declaration,
    }
}

/// Claims are added behind the last one, else behind all that is said of the project.
fn addition(project: Node<'_, '_>, text: &str) -> Result<Addition, DoapError> {
    let last = children(project, DOAP, "implements")
        .last()
        .or(project.last_element_child());
    let Some(last) = last else {
        return Err(
            DoapError::new("nothing is said of the project", opening(project))
                .help("give it a <name> at least"),
        );
    };
    let lead = lead(last, text);
    let inside = children(project, DOAP, "implements").filter_map(|one| one.first_element_child());
    let unit = inside
        .last()
        .and_then(|child| {
            let outer = self::lead(child.parent_element()?, text);
            self::lead(child, text).strip_prefix(outer)
        })
        .unwrap_or(if lead.contains('\t') { "\t" } else { "  " });
    let supported = tag(project, XMPP, "xmpp", "SupportedXep", false);
    let prefix = supported.name.trim_end_matches("SupportedXep").to_owned();
    Ok(Addition {
        at: last.range().end,
        lead: lead.to_owned(),
        unit: if lead.is_empty() { "" } else { unit }.to_owned(),
        quote: if text.matches("='").count() > text.matches("=\"").count() {
            '\''
        } else {
            '"'
        },
        implements: tag(project, DOAP, "doap", "implements", false),
        supported,
        resource: tag(project, RDF, "rdf", "resource", true),
        prefix,
    })
}

impl Addition {
    fn claim(&self, document: &str, status: ClaimStatus) -> String {
        let Addition {
            lead,
            unit,
            implements,
            supported,
            resource,
            prefix,
            ..
        } = self;
        let (outer, inner) = (
            format!("{}{}", implements.name, implements.declaration),
            format!("{}{}", supported.name, supported.declaration),
        );
        let resource =
            |address: String| format!("{}='{address}'{}", resource.name, resource.declaration);
        let written = match document.strip_prefix("RFC ") {
            Some(number) => {
                let resource = resource(format!("https://www.rfc-editor.org/info/rfc{number}"));
                format!("{lead}<{outer} {resource}/>")
            }
            None => {
                let resource = resource(documents::link(document, "").unwrap_or_default());
                format!(
                    "{lead}<{outer}>\
                     {lead}{unit}<{inner}>\
                     {lead}{unit}{unit}<{prefix}xep {resource}/>\
                     {lead}{unit}{unit}<{prefix}status>{}</{prefix}status>\
                     {lead}{unit}</{}>\
                     {lead}</{}>",
                    status.as_str(),
                    supported.name,
                    implements.name
                )
            }
        };
        written.replace('\'', &self.quote.to_string())
    }
}
