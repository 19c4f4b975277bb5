//! One kind of message for script errors, profile errors and failed expectations: what is wrong,
//! where, the lines themselves, and what to do about it.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::text::Template;

/// Lines longer than this (in characters) are cut around their marks.
const LINE_WIDTH: usize = 120;

/// Notes longer than this (in characters) are cut: received data may be megabytes.
const NOTE_LENGTH: usize = 4000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// Cannot be run; or an expectation that failed.
    Error,
}

/// A marked range of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Bytes of the source.
    pub span: Range<usize>,
    /// What is said about them; may be empty.
    pub text: String,
    /// Marked with `^`, not with `-`.
    pub primary: bool,
}

/// A line below the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A fact.
    Note(String),
    /// What to do.
    Help(String),
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, without a full stop.
    pub title: String,
    /// The name of the source that the labels point into; empty: none.
    pub source: String,
    /// The marked ranges; the first primary one gives line and column.
    pub labels: Vec<Label>,
    /// Lines below the source.
    pub notes: Vec<Note>,
}

impl Diagnostic {
    fn new(severity: Severity, title: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            title: title.into(),
            source: String::new(),
            labels: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// An error.
    pub fn error(title: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, title)
    }

    /// A warning.
    pub fn warning(title: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, title)
    }

    /// A note.
    pub fn note_only(title: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Note, title)
    }

    /// Names the source that the labels point into.
    pub fn in_source(mut self, name: impl Into<String>) -> Diagnostic {
        self.source = name.into();
        self
    }

    /// Marks what it is about.
    pub fn label(mut self, span: Range<usize>, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label {
            span,
            text: text.into(),
            primary: true,
        });
        self
    }

    /// Marks something that it has to do with.
    pub fn secondary(mut self, span: Range<usize>, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label {
            span,
            text: text.into(),
            primary: false,
        });
        self
    }

    /// Adds a fact.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(Note::Note(text.into()));
        self
    }

    /// Adds what to do.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(Note::Help(text.into()));
        self
    }

    /// Adds "did you mean" if there is such a name.
    pub(crate) fn did_you_mean<'a>(
        self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Diagnostic {
        match crate::names::nearest(word, candidates) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// It is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Where it is about: the first primary label, else the first.
    pub fn span(&self) -> Option<Range<usize>> {
        let primary = self.labels.iter().find(|label| label.primary);
        primary
            .or(self.labels.first())
            .map(|label| label.span.clone())
    }

    /// Turns labels that point into a text made from the source to labels that point into the
    /// source.
    pub fn relocated(mut self, text: &Template) -> Diagnostic {
        for label in &mut self.labels {
            label.span = text.locate(label.span.clone());
        }
        self
    }

    /// The message as people see it; `text` is the source that the labels point into.
    pub fn render(&self, color: bool, text: &str) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let renderer = renderer
            .decor_style(DecorStyle::Ascii)
            .term_width(LINE_WIDTH * 2);
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let (shown, spans) = shorten(text, &self.labels);
        let mut group =
            level
                .primary_title(tame(&self.title))
                .elements(Vec::<Snippet<'_, _>>::from_iter((!spans.is_empty()).then(
                    || {
                        let mut snippet = Snippet::source(shown)
                            .path((!self.source.is_empty()).then(|| tame(&self.source)));
                        for (label, span) in self.labels.iter().zip(spans) {
                            let kind = if label.primary {
                                AnnotationKind::Primary
                            } else {
                                AnnotationKind::Context
                            };
                            let text = (!label.text.is_empty()).then(|| tame(&label.text));
                            snippet = snippet.annotation(kind.span(span).label(text));
                        }
                        snippet
                    },
                )));
        for note in &self.notes {
            group = match note {
                Note::Note(text) => group.element(Level::NOTE.message(tame(text))),
                Note::Help(text) => group.element(Level::HELP.message(tame(text))),
            };
        }
        renderer.render(&[group])
    }
}

/// Text safe for a terminal: control characters other than line ends and tabs made visible,
/// excessive length cut.
fn tame(text: &str) -> String {
    let mut tamed: String = text.chars().take(NOTE_LENGTH).map(visible).collect();
    if text.chars().nth(NOTE_LENGTH).is_some() {
        tamed.push('…');
    }
    tamed
}

/// A picture of a control character; others as they are.
fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        _ => c,
    }
}

/// The source with long lines cut around their marks, line ends made plain and control characters
/// visible, and where the marks are now.
fn shorten(text: &str, labels: &[Label]) -> (String, Vec<Range<usize>>) {
    let mut spans: Vec<Range<usize>> = labels
        .iter()
        .map(|label| inside(text, &label.span))
        .collect();
    let wanted = spans.clone();
    let mut shown = String::with_capacity(text.len().min(1 << 16));
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let range = offset..offset + line.len();
        offset = range.end;
        let body = line.strip_suffix('\n').unwrap_or(line);
        let body = body.strip_suffix('\r').unwrap_or(body);
        // The window: around the first mark of the line.
        let marked = wanted
            .iter()
            .filter(|span| span.start >= range.start && span.start <= range.start + body.len());
        let first = marked.map(|span| span.start - range.start).min();
        let window = window(body, first);
        let start = shown.len();
        if window.start > 0 {
            shown.push('…');
        }
        let mut moved = vec![0; 0];
        moved.reserve(window.len() + 1);
        for c in body[window.clone()].chars() {
            for _ in 0..c.len_utf8() {
                moved.push(shown.len());
            }
            shown.push(visible(c));
        }
        let end = shown.len();
        moved.push(end);
        if window.end < body.len() {
            shown.push('…');
        }
        let place = |at: usize| -> Option<usize> {
            if at < range.start || (at >= range.end && !(at == text.len() && range.end == at)) {
                return None;
            }
            let at = at - range.start;
            Some(if at < window.start {
                start
            } else {
                moved.get(at - window.start).copied().unwrap_or(end)
            })
        };
        for (span, wanted) in spans.iter_mut().zip(&wanted) {
            if let Some(at) = place(wanted.start) {
                span.start = at;
            }
            // A mark ends behind its last byte, which is on the line that the mark ends on.
            if wanted.is_empty() {
                span.end = span.start;
            } else if wanted.end > range.start && wanted.end <= range.end {
                span.end = place(wanted.end).unwrap_or(shown.len());
            }
        }
        if line.ends_with('\n') {
            shown.push('\n');
        }
    }
    let length = shown.len();
    for span in &mut spans {
        span.start = span.start.min(length);
        span.end = span.end.clamp(span.start, length);
    }
    (shown, spans)
}

/// The part of a line that is shown, in bytes.
fn window(line: &str, mark: Option<usize>) -> Range<usize> {
    let boundaries: Vec<usize> = line
        .char_indices()
        .map(|(at, _)| at)
        .chain([line.len()])
        .collect();
    let count = boundaries.len() - 1;
    if count <= LINE_WIDTH {
        return 0..line.len();
    }
    let at = mark.map_or(0, |mark| {
        boundaries.partition_point(|boundary| *boundary < mark)
    });
    let from = at.saturating_sub(LINE_WIDTH / 3).min(count - LINE_WIDTH);
    boundaries[from]..boundaries[from + LINE_WIDTH]
}

/// The range, moved into the text and to boundaries of characters.
fn inside(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    let mut end = span.end.min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end.max(start)
}

/// Some diagnostics, one below the other.
pub fn render_all(diagnostics: &[Diagnostic], color: bool, text: &str) -> String {
    let rendered: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render(color, text))
        .collect();
    rendered.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_line_and_what_to_do() {
        let text = "# Title\n[Client] Romeo\n-----\nRomeo recieves:\n\t<presence/>\n";
        let diagnostic = Diagnostic::error("there is no verb `recieves`")
            .in_source("rfc6120/x.scs")
            .label(35..43, "not a verb")
            .secondary(8..22, "declared here")
            .note("the verbs are listed in the README")
            .help("did you mean `receives`?");
        insta::assert_snapshot!(diagnostic.render(false, text), @r"
        error: there is no verb `recieves`
         --> rfc6120/x.scs:4:7
          |
        2 | [Client] Romeo
          | -------------- declared here
        3 | -----
        4 | Romeo recieves:
          |       ^^^^^^^^ not a verb
          |
          = note: the verbs are listed in the README
          = help: did you mean `receives`?
        ");
        assert!(diagnostic.render(true, text).contains("\u{1b}["));
    }

    #[test]
    fn survives_what_scripts_and_servers_send() {
        let long = format!("<a {}/>", "x".repeat(500_000));
        for (text, span) in [
            ("", 0..0),
            ("", 5..9),
            ("a\r\nb\r\n", 3..4),
            ("漢字漢字\t漢", 3..4),
            ("a\u{1b}[31m\u{7}\0b", 1..6),
            ("one\n", 4..4),
            ("one\ntwo\nthree", 2..9),
            (long.as_str(), 3..400_000),
            (long.as_str(), 400_000..400_001),
        ] {
            let rendered = Diagnostic::error("\u{1b}[2J bad")
                .label(span, "here\u{7}")
                .note(long.clone())
                .render(false, text);
            assert!(
                !rendered.contains(['\u{1b}', '\u{7}', '\0']),
                "{rendered:?}"
            );
            assert!(rendered.len() < 20_000, "{}", rendered.len());
        }
    }

    #[test]
    fn cuts_long_lines_around_the_mark() {
        let text = format!(
            "{}\n\tab {} <here/> {}\r\nlast\n",
            "first",
            "x ".repeat(300),
            "y ".repeat(300)
        );
        let at = text.find("<here/>").unwrap();
        let diagnostic = Diagnostic::error("long")
            .in_source("x")
            .label(at..at + 7, "this");
        insta::assert_snapshot!(diagnostic.render(false, &text), @r"
        error: long
         --> x:2:42
          |
        2 | … x x x x x x x x x x x x x x x x x x x  <here/> y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y …
          |                                          ^^^^^^^ this
        ");
    }
}
