//! Reads a script. It goes on after an error, so that one look shows all of them.

mod examples;
mod sentence;

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::script::{
    Action, Actor, ActorKind, Piece, Property, Props, Role, Row, Script, Source, Step,
};
use crate::text::Template;
use crate::{Span, names};

use sentence::{Below, Sentence};

/// The tags there are.
const TAGS: [&str; 4] = ["covers", "role", "requires", "matching"];

/// What may be said about an actor.
const ACTOR_PROPERTIES: [&str; 8] = [
    "jid",
    "password",
    "resource",
    "connect_host",
    "connect_port",
    "account",
    "service",
    "addresses",
];

/// Reads a script: one [`Script`] for each row of its `Examples:`, or one if it has none. `name`
/// is the case name without a row.
///
/// # Errors
///
/// All that is wrong with it, warnings included. See [`crate::check`] for what can be said beyond
/// the grammar.
pub fn parse(source: &Source, name: &str) -> Result<Vec<Script>, Vec<Diagnostic>> {
    let (parsed, diagnostics) = parse_all(source, name);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    Ok(parsed.into_iter().map(|parsed| parsed.script).collect())
}

/// A script and what only `check` wants to know.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) script: Script,
    /// Requirement ids, where they stand.
    pub(crate) ids: Vec<(String, Span)>,
}

/// What could be read, and all that is wrong.
pub(crate) fn parse_all(source: &Source, name: &str) -> (Vec<Parsed>, Vec<Diagnostic>) {
    let lines = split(&source.text);
    let mut diagnostics = Vec::new();
    let (lines, table) = examples::take(lines, &mut diagnostics);
    let mut all = Vec::new();
    match table {
        None => all.push(Parser::new(source, name, None, &mut diagnostics).run(&lines)),
        Some(table) => {
            for row in &table.rows {
                let lines: Vec<Line> = lines.iter().map(|line| line.filled(row)).collect();
                all.push(
                    Parser::new(source, name, Some(row.clone()), &mut diagnostics).run(&lines),
                );
            }
        }
    }
    // Each row finds the same errors again.
    let mut seen = HashSet::new();
    diagnostics.retain(|d| seen.insert((d.title.clone(), d.span().map(|s| (s.start, s.end)))));
    for diagnostic in &mut diagnostics {
        diagnostic.source.clone_from(&source.name);
    }
    diagnostics.sort_by_key(|d| d.span().map_or(0, |span| span.start));
    (all, diagnostics)
}

/// A line of the script, its end removed.
#[derive(Clone, Debug)]
struct Line {
    text: Template,
    number: usize,
    /// Bytes in the source, without the line end.
    span: Span,
    /// There was nothing on it before columns were filled in.
    blank: bool,
}

impl Line {
    fn is_indented(&self) -> bool {
        self.text.starts_with([' ', '\t'])
    }

    /// With the cells of a row in the place of `${column}`.
    fn filled(&self, row: &Row) -> Line {
        let mut text = Template::default();
        let mut at = 0;
        while let Some(found) = self.text[at..].find("${") {
            let open = at + found;
            let column = row.cells.iter().find(|(column, _)| {
                self.text[open + 2..]
                    .strip_prefix(column.as_str())
                    .is_some_and(|rest| rest.starts_with('}'))
            });
            let end = match column {
                Some((column, cell)) => {
                    let end = open + 2 + column.len() + 1;
                    text.push_part(&self.text, at..open);
                    text.push_replacement(cell, self.text.locate(open..end));
                    end
                }
                None => {
                    text.push_part(&self.text, at..open + 2);
                    open + 2
                }
            };
            at = end;
        }
        text.push_part(&self.text, at..self.text.len());
        Line {
            text,
            ..self.clone()
        }
    }
}

fn split(text: &str) -> Vec<Line> {
    let mut offset = 0;
    let mut lines = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        // A byte order mark belongs to no word.
        let (start, line) = match line.strip_prefix('\u{feff}') {
            Some(rest) if index == 0 => (start + '\u{feff}'.len_utf8(), rest),
            _ => (start, line),
        };
        lines.push(Line {
            text: Template::verbatim(line, start),
            number: index + 1,
            span: start..start + line.len(),
            blank: line.trim().is_empty(),
        });
    }
    lines
}

/// What a line at column 0 is.
enum Kind<'a> {
    /// `## key: value`: the key, and where the value starts.
    Tag(&'a str, usize),
    Comment,
    /// Two or more dashes alone.
    Dashes,
    Actor,
    Sentence,
}

fn kind(text: &str) -> Kind<'_> {
    let trimmed = text.trim_end();
    if let Some(rest) = trimmed.strip_prefix("##") {
        let word = rest.trim_start();
        if let Some((key, _)) = word.split_once(':')
            && !key.is_empty()
            && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        {
            return Kind::Tag(key, trimmed.len() - word.len() + key.len() + 1);
        }
        return Kind::Comment;
    }
    if trimmed.len() >= 2 && trimmed.bytes().all(|b| b == b'-') {
        return Kind::Dashes;
    }
    if trimmed.starts_with(['#']) || trimmed.starts_with("//") || trimmed.starts_with("-- ") {
        return Kind::Comment;
    }
    if trimmed.starts_with('[') {
        Kind::Actor
    } else {
        Kind::Sentence
    }
}

/// Reads one case.
struct Parser<'a> {
    diagnostics: &'a mut Vec<Diagnostic>,
    parsed: Parsed,
    /// Still above the dashes.
    head: bool,
    /// Requirements of the tags in the head.
    head_covers: Vec<String>,
    /// Requirements of the tags since the head, instead of the head's.
    covers: Option<Vec<String>>,
    /// The last thing read was a `covers` tag between steps: another one adds to it.
    after_covers: bool,
    /// Nothing but tags and comments stands between the last `covers` tag and this line.
    adjacent: bool,
}

impl<'a> Parser<'a> {
    fn new(
        source: &Source,
        name: &str,
        row: Option<Row>,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Parser<'a> {
        let script = Script {
            name: name.to_owned(),
            source: source.name.clone(),
            title: String::new(),
            role: Role::default(),
            requires: Vec::new(),
            covers: Vec::new(),
            loose: false,
            actors: Vec::new(),
            steps: Vec::new(),
            fixed_jids: false,
            row,
        };
        Parser {
            diagnostics,
            parsed: Parsed {
                script,
                ids: Vec::new(),
            },
            head: true,
            head_covers: Vec::new(),
            covers: None,
            after_covers: false,
            adjacent: false,
        }
    }

    fn run(mut self, lines: &[Line]) -> Parsed {
        if let Some(first) = lines.first()
            && matches!(kind(&first.text), Kind::Comment)
        {
            self.parsed.script.title = first
                .text
                .trim_start_matches(['#', '/', '-'])
                .trim()
                .to_owned();
        }
        if self.parsed.script.title.is_empty() {
            self.parsed
                .script
                .title
                .clone_from(&self.parsed.script.name);
        }
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            if line.blank || line.text.trim().is_empty() {
                self.adjacent = false;
                continue;
            }
            if line.is_indented() {
                let diagnostic = Diagnostic::error("this belongs to no sentence")
                    .label(line.span.clone(), "indented")
                    .help("bodies and properties stand directly below their sentence; comments inside them are not possible");
                self.diagnostics.push(diagnostic);
                while lines
                    .get(at)
                    .is_some_and(|line| line.blank || line.is_indented())
                {
                    at += 1;
                }
                continue;
            }
            let below = &lines[at..];
            let length = below
                .iter()
                .take_while(|line| line.blank || line.is_indented())
                .count();
            let below = &below[..length];
            match kind(&line.text) {
                Kind::Tag(key, value) => self.tag(line, key, value),
                Kind::Comment => {}
                Kind::Dashes => {
                    self.head = false;
                    self.after_covers = false;
                }
                Kind::Actor => {
                    at += length;
                    self.actor(line, below);
                }
                Kind::Sentence => {
                    at += length;
                    self.sentence(line, below);
                    self.after_covers = false;
                    self.adjacent = false;
                }
            }
        }
        self.finish(lines)
    }

    fn finish(mut self, lines: &[Line]) -> Parsed {
        let end = lines
            .iter()
            .rev()
            .find(|line| !line.blank)
            .map_or(0..0, |line| line.span.clone());
        if self.head {
            let diagnostic = Diagnostic::error("the head of the script does not end")
                .label(end, "the last line")
                .help(
                    "a line of dashes (`-----`) stands between the actors and the first sentence",
                );
            self.diagnostics.push(diagnostic);
        }
        let script = &mut self.parsed.script;
        script.fixed_jids = script.actors.iter().any(|actor| actor.jid().is_some());
        let named = script
            .steps
            .iter()
            .flat_map(|step| &step.covers)
            .chain(&self.head_covers);
        let mut covers: Vec<String> = Vec::new();
        for id in named {
            if !covers.contains(id) {
                covers.push(id.clone());
            }
        }
        script.covers = covers;
        self.parsed
    }

    fn tag(&mut self, line: &Line, key: &str, value: usize) {
        let words: Vec<(String, Span)> = words(&line.text, value)
            .map(|(range, word)| (word.to_owned(), line.text.locate(range)))
            .collect();
        if !self.head && matches!(key, "role" | "requires" | "matching") {
            let diagnostic = Diagnostic::error(format!("the tag `{key}` belongs into the head"))
                .label(line.span.clone(), "")
                .help("it holds for the whole script: write it above the dashes");
            self.diagnostics.push(diagnostic);
        }
        match key {
            "covers" => {
                let none = words.len() == 1 && words[0].0 == "none";
                let mut ids = Vec::new();
                if !none {
                    ids.extend(words.iter().map(|(id, _)| id.clone()));
                    self.parsed.ids.extend(words);
                }
                if self.head {
                    self.head_covers.extend(ids);
                } else {
                    match &mut self.covers {
                        Some(covers) if self.after_covers => covers.extend(ids),
                        covers => *covers = Some(ids),
                    }
                    self.after_covers = true;
                    self.adjacent = true;
                }
            }
            "requires" => self
                .parsed
                .script
                .requires
                .extend(words.into_iter().map(|(word, _)| word)),
            "role" => match words.as_slice() {
                [(word, _)] if Role::from_name(word).is_some() => {
                    self.parsed.script.role = Role::from_name(word).unwrap_or_default();
                }
                _ => self.bad_tag(line, "role is `server`, `peer` or `client`"),
            },
            "matching" => match words.as_slice() {
                [(word, _)] if word == "loose" => self.parsed.script.loose = true,
                _ => self.bad_tag(line, "the only value of `matching` is `loose`"),
            },
            _ => {
                let diagnostic = Diagnostic::warning(format!("there is no tag `{key}`"))
                    .label(line.span.clone(), "taken for a comment")
                    .did_you_mean(key, TAGS);
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn bad_tag(&mut self, line: &Line, message: &str) {
        self.diagnostics
            .push(Diagnostic::error(message).label(line.span.clone(), ""));
    }

    fn actor(&mut self, line: &Line, below: &[Line]) {
        let text = line.text.trim_end();
        let Some((word, name)) = text[1..].split_once(']') else {
            let diagnostic =
                Diagnostic::error("an actor is written `[Kind] Name`").label(line.span.clone(), "");
            return self.diagnostics.push(diagnostic);
        };
        let start = 1 + word.len() - word.trim_start().len();
        let (word, name) = (word.trim(), name.trim());
        let Some(kind) = ActorKind::from_name(word) else {
            let names = ActorKind::ALL.map(ActorKind::name);
            let known = names::nearest(word, names);
            let diagnostic = Diagnostic::error(format!("there is no kind of actor `{word}`"))
                .label(line.text.locate(start..start + word.len()), "");
            let diagnostic = match known {
                Some(known) => diagnostic.help(format!("did you mean `[{known}]`?")),
                None => diagnostic.help("actors are `[Client]` and `[Stream]`"),
            };
            return self.diagnostics.push(diagnostic);
        };
        if !kind.is_supported() {
            let diagnostic =
                Diagnostic::error(format!("`[{word}]` is not supported in this version"))
                    .label(line.span.clone(), "")
                    .help("the word is reserved; this version has `[Client]`, `[Stream]`, `[Peer]` and `[Target]`");
            self.diagnostics.push(diagnostic);
        }
        if name.is_empty() {
            let diagnostic =
                Diagnostic::error("this actor has no name").label(line.span.clone(), "");
            return self.diagnostics.push(diagnostic);
        }
        if !self.head {
            let diagnostic = Diagnostic::error("actors are declared in the head")
                .label(line.span.clone(), "")
                .help("write it above the line of dashes");
            self.diagnostics.push(diagnostic);
        }
        if let Some(other) = self.parsed.script.actor(name) {
            let diagnostic =
                Diagnostic::error(format!("there are two actors with the name `{name}`"))
                    .label(line.span.clone(), "")
                    .secondary(other.span.clone(), "the first one");
            return self.diagnostics.push(diagnostic);
        }
        let known = if kind.is_supported() {
            &ACTOR_PROPERTIES[..]
        } else {
            &[]
        };
        let properties = self.properties(below, known, &format!("`[{word}]`"));
        let actor = Actor {
            name: name.to_owned(),
            kind,
            properties,
            span: line.span.clone(),
        };
        self.parsed.script.actors.push(actor);
    }

    /// `known` empty: any property.
    fn properties(&mut self, below: &[Line], known: &[&str], whose: &str) -> Props {
        let mut props = Props::default();
        for line in below.iter().filter(|line| !line.text.trim().is_empty()) {
            let indent = line.text.len() - line.text.trim_start().len();
            let span = line.text.locate(indent..line.text.trim_end().len());
            let Some((key, value)) = line.text.split_once(':') else {
                let diagnostic =
                    Diagnostic::error("a property is written `key: value`").label(span, "");
                self.diagnostics.push(diagnostic);
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            let key_span = line.text.locate(indent..indent + key.len());
            if !known.is_empty() && !known.contains(&key) {
                let diagnostic = Diagnostic::error(format!("{whose} has no property `{key}`"))
                    .label(key_span, "")
                    .did_you_mean(key, known.iter().copied())
                    .note(format!("it has {}", list(known)));
                self.diagnostics.push(diagnostic);
                continue;
            }
            if props.get(key).is_some() {
                let diagnostic =
                    Diagnostic::error(format!("`{key}` is said twice")).label(key_span, "");
                self.diagnostics.push(diagnostic);
                continue;
            }
            props.0.push(Property {
                key: key.to_owned(),
                value: value.to_owned(),
                span,
            });
        }
        props
    }

    fn sentence(&mut self, line: &Line, below: &[Line]) {
        let sentence = match Sentence::read(&line.text, &self.parsed.script.actors) {
            Ok(Some(sentence)) => sentence,
            // An actor that this version does not support: said where it is declared.
            Ok(None) => return,
            Err(diagnostic) => {
                let stray = self.head && self.parsed.script.actors.is_empty();
                let diagnostic = if stray {
                    diagnostic.help("actors come first: `[Client] Romeo`")
                } else {
                    diagnostic
                };
                return self.diagnostics.push(diagnostic);
            }
        };
        if self.head {
            let diagnostic =
                Diagnostic::error("a line of dashes is missing above the first sentence")
                    .label(line.span.clone(), "the first sentence")
                    .help("write `-----` between the actors and this line");
            self.diagnostics.push(diagnostic);
            self.head = false;
        }
        let Some(action) = self.action(&sentence, line, below) else {
            return;
        };
        let covers = if action.is_expectation() {
            self.covers
                .clone()
                .unwrap_or_else(|| self.head_covers.clone())
        } else if action.is_negotiation() && self.adjacent {
            self.covers.clone().unwrap_or_default()
        } else {
            Vec::new()
        };
        self.parsed.script.steps.push(Step {
            actor: sentence.actor,
            action,
            covers,
            within: sentence.within,
            span: line.text.locate(0..line.text.trim_end().len()),
            line: line.number,
        });
    }

    fn action(&mut self, sentence: &Sentence, line: &Line, below: &[Line]) -> Option<Action> {
        let verb = sentence.verb;
        match verb.below() {
            Below::Nothing => {
                if let Some(first) = below.iter().find(|line| !line.blank) {
                    let diagnostic =
                        Diagnostic::error(format!("`{}` takes nothing below it", verb.phrase()))
                            .label(first.span.clone(), "")
                            .secondary(line.span.clone(), "");
                    self.diagnostics.push(diagnostic);
                }
                Some(verb.plain(sentence.for_))
            }
            Below::Properties(known) => {
                let props = self.properties(below, known, &format!("`{}`", verb.phrase()));
                Some(verb.with_properties(props))
            }
            Below::Body { optional } => {
                if !optional && below.iter().all(|line| line.blank) {
                    let diagnostic = Diagnostic::error(format!("`{}` has no body", verb.phrase()))
                        .label(line.span.clone(), "")
                        .help("the body stands below it, indented");
                    self.diagnostics.push(diagnostic);
                    return None;
                }
                Some(verb.with_body(dedent(below)))
            }
            Below::Bytes => {
                let pieces: Vec<Piece> =
                    below.iter().filter(|line| !line.blank).map(piece).collect();
                if pieces.is_empty() {
                    let diagnostic =
                        Diagnostic::error("`sends bytes` has no body").label(line.span.clone(), "");
                    self.diagnostics.push(diagnostic);
                }
                Some(Action::SendBytes(pieces))
            }
        }
    }
}

/// A body without its common indentation and without blank lines around it; `\n` between lines.
fn dedent(lines: &[Line]) -> Template {
    let filled = |line: &Line| !line.text.trim().is_empty();
    let Some(first) = lines.iter().position(filled) else {
        return Template::default();
    };
    let last = lines.iter().rposition(filled).unwrap_or(first);
    let indentation = |line: &Line| {
        let text: &str = &line.text;
        text[..text.len() - text.trim_start_matches([' ', '\t']).len()].to_owned()
    };
    let mut common: Option<String> = None;
    for line in lines[first..=last].iter().filter(|line| filled(line)) {
        let own = indentation(line);
        common = Some(match common {
            None => own,
            Some(common) => {
                let same = common
                    .bytes()
                    .zip(own.bytes())
                    .take_while(|(a, b)| a == b)
                    .count();
                common[..same].to_owned()
            }
        });
    }
    let common = common.unwrap_or_default().len();
    let mut body = Template::default();
    for (index, line) in lines[first..=last].iter().enumerate() {
        if index > 0 {
            let end = lines[first + index - 1].span.end;
            body.push_replacement("\n", end..end + 1);
        }
        body.push_part(&line.text, common.min(line.text.len())..line.text.len());
    }
    body
}

/// A line of `sends bytes:`.
fn piece(line: &Line) -> Piece {
    let text: &str = &line.text;
    let start = text.len() - text.trim_start().len();
    let mut range = start..text.trim_end().len();
    let mut times = 1;
    if let Some((before, count)) = text[range.clone()].rsplit_once(" × ")
        && let Ok(count) = count.trim().parse()
        // Inside a placeholder it is the placeholder's.
        && !count_is_inside_placeholder(before)
    {
        times = count;
        range.end = range.start + before.trim_end().len();
    }
    if range.len() >= 2
        && text[range.clone()].starts_with('"')
        && text[range.clone()].ends_with('"')
    {
        range = range.start + 1..range.end - 1;
    }
    Piece {
        line: line.text.part(range),
        times,
    }
}

fn count_is_inside_placeholder(before: &str) -> bool {
    before
        .rfind("${")
        .is_some_and(|open| crate::bindings::closing(before, open).is_none())
}

/// Words from `start` on, with their places.
fn words(text: &str, start: usize) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    let base = text.as_ptr() as usize;
    text[start..]
        .split([' ', '\t', ','])
        .filter(|word| !word.is_empty())
        .map(move |word| {
            let at = word.as_ptr() as usize - base;
            (at..at + word.len(), word)
        })
}

/// `a`, `b` and `c`.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "none".to_owned(),
    }
}
