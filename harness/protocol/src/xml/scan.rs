//! The scanner: one token after the other from input that may still grow.
//!
//! It owns no bytes. Its caller gives it the text from some position on, the same text with more behind it next time,
//! and may cut off what is behind it ([`Scanner::shift`]). All positions are relative to that text.

mod plain;
mod start_tag;

use std::ops::Range;

use super::chars::{self, NAME, SPACE};
use super::declaration::{DeclarationScan, Fault};
use super::names::{Mark, NO_NS, Names, Uri};
use super::tag::{AttributeScan, EndScan, NameScan, QName};
use super::text::{self, Run};
use super::{Declaration, Limits, Mode, Rule, XmlError};

pub(super) use start_tag::RawAttr;

/// What a step has found. What it consists of stays in the scanner until the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Declaration,
    Start,
    Text,
    End,
    /// More input is needed.
    More,
    /// The root has ended, or a fragment has.
    Done,
}

/// What stands around the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// A document: one root, perhaps a declaration before it.
    Document(Mode),
    /// Any number of elements without a root.
    Fragment,
}

/// How the given text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// More may come.
    Open,
    /// Nothing will come; ending within something breaks this rule.
    Final(Rule),
    /// Nothing will come, and the last character lacks bytes: the input ends at this position behind the text.
    Cut(usize),
}

#[derive(Debug)]
pub(crate) struct Scanner {
    limits: Limits,
    base: Base,
    /// The number of open elements at which a new one is counted on its own.
    unit_depth: usize,
    /// The offset of the first byte of the text.
    offset: u64,
    /// How much of the text has been used up.
    pos: usize,
    phase: Phase,
    pub(super) names: Names,
    frames: Vec<Frame>,
    /// The qualified names of the open elements, one after the other. Bytes, because cutting them needs no look at the
    /// boundaries of characters.
    open: Vec<u8>,
    /// The offset of what the limit on bytes is counted for.
    unit: Option<u64>,
    part: Option<Part>,
    /// Of the last start tag: its name, its attributes, its declarations.
    pub(super) name: QName,
    pub(super) attrs: Vec<RawAttr>,
    declarations: Vec<RawAttr>,
    /// Of the last text.
    text: Range<usize>,
    text_is_scratch: bool,
    pub(super) scratch: String,
    pub(super) declaration: Option<Declaration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has been read.
    Start,
    Prolog,
    Content,
    Epilog,
    /// The last token was the start of an empty element.
    Empty,
    /// The last token was an end: its frame goes with the next step.
    Ended,
    Failed(XmlError),
}

/// What has been read of a token that is not complete.
#[derive(Debug)]
enum Part {
    Declaration(DeclarationScan),
    Text(Run),
    /// The name of a start tag.
    Name(NameScan),
    /// The space in a start tag behind `from`, or the slash at its end.
    Space {
        from: usize,
        at: usize,
    },
    Attribute(AttributeScan),
    End(EndScan),
}

#[derive(Debug)]
struct Frame {
    /// Where its qualified name and its local name begin.
    name: usize,
    local: usize,
    ns: Uri,
    before: Mark,
}

impl Scanner {
    pub(crate) fn new(base: Base, limits: Limits) -> Self {
        Scanner {
            limits,
            base,
            unit_depth: usize::from(base == Base::Document(Mode::Stream)),
            offset: 0,
            pos: 0,
            phase: if base == Base::Fragment {
                Phase::Prolog
            } else {
                Phase::Start
            },
            names: Names::default(),
            // Enough for most stanzas.
            frames: Vec::with_capacity(8),
            open: Vec::with_capacity(128),
            unit: None,
            part: None,
            name: QName::default(),
            attrs: Vec::with_capacity(4),
            declarations: Vec::new(),
            text: 0..0,
            text_is_scratch: false,
            scratch: String::new(),
            declaration: None,
        }
    }

    /// Declares a prefix, or the default namespace, around everything.
    pub(crate) fn declare(&mut self, prefix: &str, ns: &str) -> Result<(), Rule> {
        self.names.declare(prefix.as_bytes(), ns.as_bytes())
    }

    /// How much of the text has been used up.
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// The offset of what comes next.
    pub(crate) fn offset(&self) -> u64 {
        self.offset + self.pos as u64
    }

    /// The offset of the first byte of the text that is still there.
    pub(super) fn base_offset(&self) -> u64 {
        self.offset
    }

    /// How many elements are open; one that has just ended still counts.
    pub(crate) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// The first `by` bytes of the text are gone; they have been used up. Ends the life of the last token.
    pub(crate) fn shift(&mut self, by: usize) {
        debug_assert!(by <= self.pos);
        self.offset += by as u64;
        self.pos -= by;
        // Until then the name may be that of the tag before, which is gone.
        if let Some(Part::Space { .. } | Part::Attribute(_)) = &self.part {
            self.name.shift(by);
            for attr in self.attrs.iter_mut().chain(&mut self.declarations) {
                attr.shift(by);
            }
        }
        match &mut self.part {
            None => {}
            Some(Part::Declaration(scan)) => scan.shift(by),
            Some(Part::Text(run)) => run.shift(by),
            Some(Part::Name(scan)) => scan.shift(by),
            Some(Part::Space { from, at }) => {
                *from -= by;
                *at -= by;
            }
            Some(Part::Attribute(scan)) => scan.shift(by),
            Some(Part::End(scan)) => scan.shift(by),
        }
    }

    /// The text behind the position is gone, to be read by someone else.
    pub(crate) fn forget(&mut self) {
        self.part = None;
    }

    /// Finds the next token.
    pub(crate) fn step(&mut self, input: &str, ending: Ending) -> Result<Token, XmlError> {
        match self.phase {
            Phase::Failed(error) => return Err(error),
            Phase::Empty => {
                self.phase = Phase::Ended;
                return Ok(Token::End);
            }
            Phase::Ended => self.leave(),
            _ => {}
        }
        let token = if self.phase == Phase::Content {
            self.content(input, ending)
        } else {
            self.outside(input, ending)
        };
        token.map_err(|(at, rule)| {
            let error = XmlError {
                offset: self.offset + at as u64,
                rule,
            };
            self.phase = Phase::Failed(error);
            error
        })
    }

    /// The end of what may be looked at now. The limit on bytes is a cut like the end of a chunk: whatever is wrong
    /// before it is found first.
    fn window(&mut self, len: usize) -> usize {
        if self.limits.element_bytes == usize::MAX {
            return len;
        }
        let unit = *self.unit.get_or_insert(self.offset + self.pos as u64);
        let used = self.offset + self.pos as u64 - unit;
        let left = (self.limits.element_bytes as u64).saturating_sub(used);
        len.min(
            self.pos
                .saturating_add(usize::try_from(left).unwrap_or(usize::MAX)),
        )
    }

    fn more(&self, len: usize, window: usize, ending: Ending) -> Result<Token, Fault> {
        match ending {
            _ if window < len => Err((window, Rule::ElementTooLarge)),
            Ending::Open => Ok(Token::More),
            Ending::Final(rule) => Err((len, rule)),
            Ending::Cut(end) => Err((end, Rule::Incomplete)),
        }
    }

    fn leave(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.names.back_to(frame.before);
            self.open.truncate(frame.name);
        }
        let depth = self.frames.len();
        self.phase = Phase::Content;
        if depth <= self.unit_depth {
            self.unit = None;
            if depth == 0 {
                self.phase = match self.base {
                    Base::Fragment => Phase::Prolog,
                    Base::Document(_) => Phase::Epilog,
                };
            }
        }
    }

    /// Before the root and behind it.
    fn outside(&mut self, input: &str, ending: Ending) -> Result<Token, Fault> {
        let bytes = input.as_bytes();
        let from = self.pos;
        while bytes.get(self.pos).is_some_and(|b| chars::is(*b, SPACE)) {
            self.pos += 1;
        }
        if self.pos > from && self.phase == Phase::Start {
            self.phase = Phase::Prolog;
        }
        let may_end = self.phase == Phase::Epilog || self.base == Base::Fragment;
        match input[self.pos..].chars().next() {
            None if may_end && ending == Ending::Final(Rule::Incomplete) => Ok(Token::Done),
            None => self.more(bytes.len(), bytes.len(), ending),
            Some('<') => self.markup(input, ending),
            Some('\u{feff}') if self.offset() == 0 => Err((self.pos, Rule::ByteOrderMark)),
            Some(c) if !chars::is_char(c) => Err((self.pos, Rule::IllegalCharacter)),
            Some(_) => Err((self.pos, Rule::TextOutsideRoot)),
        }
    }

    fn content(&mut self, input: &str, ending: Ending) -> Result<Token, Fault> {
        let bytes = input.as_bytes();
        let window = self.window(bytes.len());
        // Nearly always it is a tag.
        if !matches!(self.part, Some(Part::Text(_))) {
            match bytes[self.pos..window] {
                [b'<', b'/', ..] => return self.end_tag(input, window, ending),
                [b'<', b'!' | b'?', ..] => {}
                [b'<', _, ..] => return self.start_tag(input, window, ending),
                _ => {}
            }
        }
        // Text on its own ends with the byte behind it, which is not counted.
        let lookahead = usize::from(self.frames.len() <= self.unit_depth);
        let mut run = match self.part.take() {
            Some(Part::Text(run)) => run,
            _ => Run::at(self.pos),
        };
        let Some(end) = run.scan(bytes, bytes.len().min(window.saturating_add(lookahead)))? else {
            // What begins behind the window decides whether the text has ended before it.
            let waits = bytes.len() <= window + lookahead || run.is_undecided(bytes);
            self.part = Some(Part::Text(run));
            return match ending {
                Ending::Open if waits => Ok(Token::More),
                _ => self.more(bytes.len(), window, ending),
            };
        };
        let escaped = run.escaped;
        self.text = self.pos..end;
        self.pos = end;
        self.text_is_scratch = escaped;
        if escaped {
            self.scratch.clear();
            text::unescape_text(&input[self.text.clone()], &mut self.scratch);
        }
        if self.text.is_empty() || escaped && self.scratch.is_empty() {
            return self.markup(input, ending);
        }
        if self.frames.len() <= self.unit_depth {
            self.unit = None;
        }
        Ok(Token::Text)
    }

    /// At a `<` that does not begin a CDATA section in content.
    fn markup(&mut self, input: &str, ending: Ending) -> Result<Token, Fault> {
        let bytes = input.as_bytes();
        let window = self.window(bytes.len());
        let seen = &bytes[..window];
        match seen.get(self.pos + 1) {
            Some(b'/') if self.frames.is_empty() => Err((self.pos, Rule::UnexpectedEndTag)),
            Some(b'/') => self.end_tag(input, window, ending),
            Some(b'!') => self.bang(bytes, ending),
            Some(b'?') => self.question_mark(bytes, window, ending),
            Some(_) if self.phase == Phase::Epilog => Err((self.pos, Rule::ContentAfterRoot)),
            Some(_) => self.start_tag(input, window, ending),
            None => self.more(bytes.len(), window, ending),
        }
    }

    fn bang(&mut self, bytes: &[u8], ending: Ending) -> Result<Token, Fault> {
        const KINDS: [(&[u8], Rule); 3] = [
            (b"<!--", Rule::Comment),
            (b"<!DOCTYPE", Rule::Doctype),
            (b"<![CDATA[", Rule::TextOutsideRoot),
        ];
        let rest = &bytes[self.pos..];
        for (start, rule) in KINDS {
            if rest.starts_with(start) {
                return Err((self.pos, rule));
            }
            if start.starts_with(rest) {
                return self.more(bytes.len(), bytes.len(), ending);
            }
        }
        Err((self.pos, Rule::MalformedMarkup))
    }

    fn question_mark(
        &mut self,
        bytes: &[u8],
        window: usize,
        ending: Ending,
    ) -> Result<Token, Fault> {
        const START: &[u8] = b"<?xml";
        let rest = &bytes[self.pos..];
        if !rest.starts_with(START) {
            return match START.starts_with(rest) {
                true => self.more(bytes.len(), bytes.len(), ending),
                false => Err((self.pos, Rule::ProcessingInstruction)),
            };
        }
        match rest.get(START.len()) {
            None => return self.more(bytes.len(), bytes.len(), ending),
            Some(&b) if chars::is(b, NAME) || b == b':' || !b.is_ascii() => {
                return Err((self.pos, Rule::ProcessingInstruction));
            }
            Some(_) if self.phase != Phase::Start => {
                return Err((self.pos, Rule::MisplacedDeclaration));
            }
            Some(_) => {}
        }
        let begin = self.pos + START.len();
        let mut scan = match self.part.take() {
            Some(Part::Declaration(scan)) => scan,
            _ => DeclarationScan::at(begin),
        };
        match scan.scan(&bytes[..window])? {
            None => {
                self.part = Some(Part::Declaration(scan));
                self.more(bytes.len(), window, ending)
            }
            Some((declaration, end)) => {
                self.declaration = Some(declaration);
                self.pos = end;
                self.phase = Phase::Prolog;
                self.unit = None;
                Ok(Token::Declaration)
            }
        }
    }

    fn end_tag(&mut self, input: &str, window: usize, ending: Ending) -> Result<Token, Fault> {
        let bytes = input.as_bytes();
        let seen = &bytes[..window];
        let frame = self
            .frames
            .last()
            .expect("an end tag is read only inside an element");
        let expected = &self.open[frame.name..];
        let start = self.pos + 2;
        let plain_end = start + expected.len();
        // Nearly every end tag is exactly what it should be, and here as a whole.
        let end = if self.part.is_none()
            && seen.get(plain_end) == Some(&b'>')
            && seen[start..plain_end] == *expected
        {
            plain_end
        } else {
            let mut scan = match self.part.take() {
                Some(Part::End(scan)) => scan,
                _ => EndScan::at(start),
            };
            match scan.scan(input, window, expected)? {
                Some(end) => end,
                None => {
                    self.part = Some(Part::End(scan));
                    return self.more(bytes.len(), window, ending);
                }
            }
        };
        self.pos = end + 1;
        self.phase = Phase::Ended;
        Ok(Token::End)
    }

    /// The text that the last token stands for.
    pub(super) fn text<'a>(&'a self, input: &'a str) -> &'a str {
        if self.text_is_scratch {
            &self.scratch
        } else {
            &input[self.text.clone()]
        }
    }

    /// The local name of the innermost open element; it may have just ended.
    pub(super) fn local(&self) -> &str {
        self.frames.last().map_or("", |frame| {
            std::str::from_utf8(&self.open[frame.local..]).expect("names were text")
        })
    }

    /// The namespace of the innermost open element.
    pub(super) fn ns(&self) -> Uri {
        self.frames.last().map_or(NO_NS, |frame| frame.ns)
    }

    /// The declarations of prefixes made by the innermost open element.
    pub(super) fn declared(&self) -> impl Iterator<Item = (&str, &str)> {
        self.frames
            .last()
            .into_iter()
            .flat_map(|frame| self.names.since(frame.before))
    }

    /// Whether the innermost open element declared a default namespace.
    pub(super) fn declares_default(&self) -> bool {
        self.declarations.iter().any(|d| !d.name.has_prefix())
    }
}
