//! Reads the bodies of `receives` and `sends`.

use std::ops::Range;

use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::xml::{Event, Reader, Rule, Start, XmlError};

use super::value::{Fault, Place, Value, is_blank};
use super::{Attr, Header, Kind, Node, Pattern};
use crate::Span;
use crate::diagnostic::Diagnostic;
use crate::text::Template;

/// The name that the prefix `scansion:` stands for. It is declared around every body and travels nowhere.
const SCANSION_NS: &str = "urn:xmppspec:scansion";

/// What is declared around every body.
const DECLARED: [(&str, &str); 2] = [("stream", ns::STREAMS), ("scansion", SCANSION_NS)];

/// Elements of a pattern stand in each other at most so deep: comparing goes down as far as the pattern does.
const MAX_DEPTH: usize = 128;

/// What begins a stream header.
const HEADER: &str = "<stream:stream";

/// Reads one body.
pub(super) struct BodyReader<'a> {
    body: &'a Template,
    text: &'a str,
    source: &'a str,
    loose: bool,
    warnings: &'a mut Vec<Diagnostic>,
}

impl<'a> BodyReader<'a> {
    pub(super) fn new(
        body: &'a Template,
        loose: bool,
        source: &'a str,
        warnings: &'a mut Vec<Diagnostic>,
    ) -> BodyReader<'a> {
        BodyReader {
            body,
            text: body.as_str(),
            source,
            loose,
            warnings,
        }
    }

    /// The siblings of a body of `receives`.
    pub(super) fn patterns(&mut self) -> Result<Vec<Pattern>, Diagnostic> {
        let mut patterns = Vec::new();
        let mut at = self.skip_blank(0);
        while at < self.text.len() {
            let rest = &self.text[at..];
            let (kind, end) = if rest.starts_with("<?") {
                self.declaration(at)?
            } else if let Some(length) = end_of_stream(rest) {
                (Kind::Closed, at + length)
            } else if begins_header(rest) {
                self.header(at)?
            } else {
                at = self.elements(at, &mut patterns)?;
                continue;
            };
            patterns.push(self.pattern(kind, at..end));
            at = self.skip_blank(end);
        }
        if patterns.is_empty() {
            return Err(self.error(0..self.text.len(), "there is nothing here to be received"));
        }
        Ok(patterns)
    }

    /// The siblings of a body of `receives stream error:`.
    pub(super) fn conditions(&mut self) -> Result<Vec<Pattern>, Diagnostic> {
        if is_blank(self.text) {
            return Ok(vec![Pattern {
                kind: Kind::StreamError(None),
                span: self.body.locate(0..self.text.len()),
                text: "<stream:error/>".to_owned(),
            }]);
        }
        let mut patterns = Vec::new();
        self.loose = true;
        self.elements_in(0, ns::STREAM_ERRORS, &mut patterns)?;
        for pattern in &mut patterns {
            if let Kind::Element(node) = &pattern.kind {
                if node.ns == ns::STREAMS {
                    return Err(Diagnostic::error(
                        "the condition stands here without its `<stream:error>`",
                    )
                    .in_source(self.source)
                    .label(pattern.span.clone(), "")
                    .help("`receives stream error:` takes `<host-unknown/>`"));
                }
                let mut text = pattern.text.clone();
                if let Some(at) = text.find(['/', '>', ' ', '\n'])
                    && !text.contains("xmlns")
                {
                    text.insert_str(at, &format!(" xmlns='{}'", ns::STREAM_ERRORS));
                }
                pattern.text = format!("<stream:error>{text}</stream:error>");
            }
            let kind = std::mem::replace(&mut pattern.kind, Kind::Closed);
            pattern.kind = match kind {
                Kind::Element(node) => Kind::StreamError(Some(node)),
                other => other,
            };
        }
        Ok(patterns)
    }

    /// The stanzas of a body of `sends`.
    pub(super) fn stanzas(&mut self) -> Result<Vec<Element>, Diagnostic> {
        // A fault is explained by the reader of patterns, which knows what is open where.
        match Element::parse_fragment(self.text.as_bytes(), &DECLARED, ns::CLIENT) {
            Ok(stanzas) if stanzas.is_empty() => {
                Err(self.error(0..self.text.len(), "there is nothing here to be sent"))
            }
            Ok(stanzas) => Ok(stanzas),
            Err(error) => Err(self
                .walk(0, ns::CLIENT)
                .err()
                .unwrap_or_else(|| self.xml(error, &[]))),
        }
    }

    /// Reads elements only to find out what is wrong with them.
    fn walk(&self, from: usize, default_ns: &str) -> Result<(), Diagnostic> {
        let mut reader = self.reader(from, default_ns)?;
        let mut open: Vec<Range<usize>> = Vec::new();
        loop {
            let before = from + used(&reader);
            let starts = match reader.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Event::Start(_))) => true,
                Ok(Some(Event::End(_))) => {
                    open.pop();
                    false
                }
                Ok(Some(_)) => false,
                Err(error) => return Err(self.xml(shifted(error, from), &open)),
            };
            if starts {
                open.push(self.skip_blank(before)..from + used(&reader));
            }
        }
    }

    fn reader(&self, from: usize, default_ns: &str) -> Result<Reader<'a>, Diagnostic> {
        Reader::fragment(&self.text.as_bytes()[from..], &DECLARED, default_ns)
            .map_err(|error| self.xml(error, &[]))
    }

    fn elements(&mut self, from: usize, patterns: &mut Vec<Pattern>) -> Result<usize, Diagnostic> {
        self.elements_in(from, ns::CLIENT, patterns)
    }

    /// Reads elements until something else comes; gives the place of that.
    fn elements_in(
        &mut self,
        from: usize,
        default_ns: &str,
        patterns: &mut Vec<Pattern>,
    ) -> Result<usize, Diagnostic> {
        let mut reader = self.reader(from, default_ns)?;
        // The open elements: what is read of them, where the tag stands, where the content begins.
        let mut open: Vec<(Node, Range<usize>)> = Vec::new();
        loop {
            if open.is_empty() {
                let at = self.skip_blank(from + used(&reader));
                let rest = &self.text[at..];
                let other =
                    rest.starts_with("<?") || end_of_stream(rest).is_some() || begins_header(rest);
                if rest.is_empty() || (other && at > from) {
                    return Ok(at);
                }
            }
            let before = from + used(&reader);
            let event = match reader.next() {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(self.text.len()),
                Err(error) => {
                    let tags: Vec<Range<usize>> = open.into_iter().map(|(_, tag)| tag).collect();
                    return Err(self.xml(shifted(error, from), &tags));
                }
            };
            match event {
                Event::Declaration(_) => {}
                Event::Start(start) => {
                    let at = self.skip_blank(before);
                    let node = self.node(&start, from, at)?;
                    if open.len() == MAX_DEPTH {
                        let title =
                            format!("elements stand in each other more than {MAX_DEPTH} deep");
                        return Err(self.error(at..at + 1, title));
                    }
                    let end = from + used(&reader);
                    open.push((node, at..end));
                    if let Some((node, tag)) = open.last_mut() {
                        node.span = self.body.locate(tag.clone());
                    }
                }
                Event::Text(text) => {
                    let blank = is_blank(text);
                    let range = before..from + used(&reader);
                    if let Some((node, _)) = open.last_mut() {
                        if !node.children.is_empty() || !node.absent.is_empty() {
                            self.mixed(blank, range);
                        } else if !blank {
                            let value = self.value(range.clone(), Place::Text)?;
                            let trimmed = self.trimmed(range);
                            node.text = Some((value, self.body.locate(trimmed)));
                        }
                    }
                }
                Event::End(_) => {
                    let Some((node, tag)) = open.pop() else {
                        continue;
                    };
                    let whole = tag.start..from + used(&reader);
                    match open.last_mut() {
                        Some((parent, _)) => {
                            let lost = parent.text.take();
                            parent.add(node);
                            if let Some((_, span)) = lost {
                                self.lost_text(span);
                            }
                        }
                        None if node.is_absent() => {
                            return Err(self
                                .error(whole, "only a child can be absent, or an attribute")
                                .help("that nothing comes is said with `receives nothing`"));
                        }
                        None => {
                            let pattern = self.pattern(Kind::Element(node), whole);
                            patterns.push(pattern);
                        }
                    }
                }
            }
        }
    }

    fn mixed(&mut self, blank: bool, range: Range<usize>) {
        if !blank {
            let span = self.body.locate(self.trimmed(range));
            self.lost_text(span);
        }
    }

    fn lost_text(&mut self, span: Span) {
        let diagnostic = Diagnostic::warning("this text is not compared")
            .in_source(self.source)
            .label(span, "beside child elements");
        self.warnings.push(diagnostic);
    }

    /// The element of a start tag at `at`; `from` is where the reader began.
    fn node(&mut self, start: &Start<'_>, from: usize, at: usize) -> Result<Node, Diagnostic> {
        let mut node = Node {
            ns: start.ns().to_owned(),
            name: start.name().to_owned(),
            strict: !self.loose && start.ns() != ns::CLIENT,
            attrs: Vec::new(),
            children: Vec::new(),
            absent: Vec::new(),
            text: None,
            caps: None,
            span: self.body.locate(at..at + 1),
        };
        for attr in start.attrs() {
            let offset = from + usize::try_from(attr.offset()).unwrap_or_default();
            let (whole, value) = self.attribute(offset);
            if attr.ns() == SCANSION_NS {
                match (attr.name(), attr.value()) {
                    ("strict", "true") => node.strict = true,
                    ("strict", "false") => node.strict = false,
                    ("strict", _) => {
                        return Err(self.error(whole, "`scansion:strict` is `true` or `false`"));
                    }
                    ("caps", wanted) => {
                        node.caps = Some((wanted.to_owned(), self.body.locate(whole)));
                    }
                    (name, _) => {
                        let diagnostic =
                            Diagnostic::warning(format!("`scansion:{name}` has no meaning"))
                                .in_source(self.source)
                                .label(self.body.locate(whole), "")
                                .did_you_mean(name, ["strict", "caps"]);
                        self.warnings.push(diagnostic);
                    }
                }
                continue;
            }
            node.attrs.push(Attr {
                ns: attr.ns().to_owned(),
                name: attr.name().to_owned(),
                value: self.value(value, Place::Attribute)?,
                span: self.body.locate(whole),
            });
        }
        Ok(node)
    }

    /// Where the attribute that begins at `at` and its value stand. The reader has accepted it.
    fn attribute(&self, at: usize) -> (Range<usize>, Range<usize>) {
        let rest = &self.text[at..];
        let Some(open) = rest.find(['"', '\'']) else {
            return (at..at, at..at);
        };
        let quote = char::from(rest.as_bytes()[open]);
        let length = rest[open + 1..].find(quote).unwrap_or_default();
        let value = at + open + 1..at + open + 1 + length;
        (at..value.end + 1, value)
    }

    /// `<?xml …?>`: the pseudo-attributes that are written are compared.
    fn declaration(&mut self, at: usize) -> Result<(Kind, usize), Diagnostic> {
        let rest = &self.text[at..];
        let Some(length) = rest.find("?>").map(|end| end + 2) else {
            return Err(self.error(at..at + 2, "this has no `?>`"));
        };
        let whole = at..at + length;
        let inside = rest[..length - 2].strip_prefix("<?xml");
        let Some(inside) =
            inside.filter(|inside| inside.is_empty() || inside.starts_with([' ', '\t', '\n']))
        else {
            return Err(self.error(
                whole,
                "only an XML declaration (`<?xml …?>`) can be received",
            ));
        };
        let (mut version, mut encoding) = (None, None);
        let mut next = whole.end - 2 - inside.len();
        loop {
            next = self.skip_blank(next);
            if next >= whole.end - 2 {
                break;
            }
            let (range, value) = self.attribute(next);
            if range.end > whole.end - 2 || range.is_empty() {
                return Err(self.error(
                    next..whole.end - 2,
                    "a declaration has `version` and `encoding`",
                ));
            }
            let name = self.text[next..value.start - 1]
                .trim_end()
                .trim_end_matches('=')
                .trim_end();
            let slot = match name {
                "version" => &mut version,
                "encoding" => &mut encoding,
                _ => return Err(self.error(range, "a declaration has `version` and `encoding`")),
            };
            *slot = Some((
                self.value(value, Place::Attribute)?,
                self.body.locate(range.clone()),
            ));
            next = range.end;
        }
        Ok((Kind::Declaration { version, encoding }, whole.end))
    }

    /// `<stream:stream …>`: read as if it were an empty element.
    fn header(&mut self, at: usize) -> Result<(Kind, usize), Diagnostic> {
        let Some(length) = tag_length(&self.text[at..]) else {
            return Err(self.error(at..at + HEADER.len(), "this tag is not complete"));
        };
        let whole = at..at + length;
        let tag = &self.text[whole.clone()];
        if tag.ends_with("/>") {
            return Err(self.error(whole, "a stream header has no `/`").help(
                "`<stream:stream>` is the header, `</stream:stream>` the end of the stream",
            ));
        }
        let closed = format!("{}/>", &tag[..length - 1]);
        let mut reader = Reader::fragment(closed.as_bytes(), &DECLARED, "")
            .map_err(|error| self.xml(shifted(error, at), &[]))?;
        let event = reader
            .next()
            .map_err(|error| self.xml(shifted(error, at), &[]))?;
        let Some(Event::Start(start)) = event else {
            return Err(self.error(whole, "this is no stream header"));
        };
        let default_ns = start.default_ns().map(str::to_owned);
        let loose = std::mem::replace(&mut self.loose, true);
        let node = self.node(&start, at, at);
        self.loose = loose;
        let mut node = node?;
        node.span = self.body.locate(whole.clone());
        let default_ns = match default_ns {
            None => None,
            Some(_) => Some(self.content_namespace(whole.clone())?),
        };
        Ok((
            Kind::Header(Box::new(Header { node, default_ns })),
            whole.end,
        ))
    }

    /// The value of `xmlns` in a header.
    fn content_namespace(&mut self, tag: Range<usize>) -> Result<(Value, Span), Diagnostic> {
        let mut at = tag.start + HEADER.len();
        loop {
            at = self.skip_blank(at);
            let (range, value) = self.attribute(at);
            let name = self.text[at..value.start.max(at + 1) - 1]
                .trim_end()
                .trim_end_matches('=')
                .trim_end();
            if name == "xmlns" || range.is_empty() || range.end >= tag.end {
                let span = self.body.locate(range);
                return Ok((self.value(value, Place::Attribute)?, span));
            }
            at = range.end;
        }
    }

    fn pattern(&self, kind: Kind, range: Range<usize>) -> Pattern {
        Pattern {
            kind,
            text: self.text[range.clone()].to_owned(),
            span: self.body.locate(range),
        }
    }

    fn value(&mut self, range: Range<usize>, place: Place) -> Result<Value, Diagnostic> {
        let mut faults = Vec::new();
        let value = Value::read(&self.text[range.clone()], place, &mut faults);
        let said = |fault: Fault, make: fn(String) -> Diagnostic| {
            let at = range.start + fault.range.start..range.start + fault.range.end;
            let diagnostic = make(fault.title)
                .in_source(self.source)
                .label(self.body.locate(at), "");
            match fault.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }
        };
        let warnings: Vec<Diagnostic> = faults
            .into_iter()
            .map(|fault| said(fault, Diagnostic::warning))
            .collect();
        let value = value.map_err(|fault| said(fault, Diagnostic::error));
        self.warnings.extend(warnings);
        value
    }

    fn skip_blank(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len()
    }

    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let text = &self.text[range.clone()];
        let start = range.start + text.len() - text.trim_start().len();
        start..start.max(range.start + text.trim_end().len())
    }

    fn error(&self, range: Range<usize>, title: impl Into<String>) -> Diagnostic {
        Diagnostic::error(title)
            .in_source(self.source)
            .label(self.body.locate(range), "")
    }

    /// A fault of the XML, with the tags that are open there.
    fn xml(&self, error: XmlError, open: &[Range<usize>]) -> Diagnostic {
        let rule = error.rule;
        let at = usize::try_from(error.offset)
            .unwrap_or(usize::MAX)
            .min(self.text.len());
        let length = self.text[at..].chars().next().map_or(0, char::len_utf8);
        let diagnostic = match (rule, open.last()) {
            (Rule::Incomplete, Some(tag)) => self
                .error(tag.clone(), "this element has no end tag")
                .note(format!("the body ends before it does ({})", rule.section())),
            (Rule::MismatchedEndTag, Some(tag)) => self
                .error(at..at + length, rule.sentence())
                .secondary(self.body.locate(tag.clone()), "the start tag")
                .note(rule.section()),
            _ => self
                .error(at..at + length, rule.sentence())
                .note(rule.section()),
        };
        match rule {
            Rule::UndeclaredPrefix => {
                diagnostic.help("`stream:` and `scansion:` are declared; others need an `xmlns:`")
            }
            Rule::TextOutsideRoot => diagnostic.help("a body holds elements side by side"),
            _ => diagnostic,
        }
    }
}

fn used(reader: &Reader<'_>) -> usize {
    usize::try_from(reader.offset()).unwrap_or(usize::MAX)
}

fn shifted(error: XmlError, by: usize) -> XmlError {
    XmlError {
        offset: error.offset + by as u64,
        ..error
    }
}

/// `</stream:stream>`: how long it is.
fn end_of_stream(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("</stream:stream")?;
    let rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
    Some(text.len() - rest.strip_prefix('>')?.len())
}

fn begins_header(text: &str) -> bool {
    text.strip_prefix(HEADER)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n', '/', '>']))
}

/// The length of the tag that begins the text; a `>` in quotes does not end it.
fn tag_length(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}
