//! What can be said about a script beyond its grammar: mistakes that would only show when it runs, or never.

mod captures;
mod requires;
mod values;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use xmppspec_protocol::conditions::{StanzaCondition, StreamCondition};
use xmppspec_protocol::ns;

use crate::bindings::{Bindings, ExpandError};
use crate::catalogue;
use crate::diagnostic::Diagnostic;
use crate::parser::{self, Parsed};
use crate::pattern::{self, Pattern};
use crate::script::{Action, Actor, ActorKind, Script, Source, Step};
use crate::text::Template;
use crate::{Span, names};

use captures::Captures;

/// Of one body so many unknown names are reported.
const UNKNOWN_NAMES: usize = 16;

/// Lints a script: all that [`crate::parse`] says, and requirements that do not exist or bind somebody else, names
/// that nothing gives a value, captures that nothing uses, bodies that cannot be read, values that no step knows,
/// actors without a part, and expectations that accuse nobody. Sorted by place. A script without errors can be run.
pub fn check(source: &Source, name: &str) -> Vec<Diagnostic> {
    let (parsed, mut diagnostics) = parser::parse_all(source, name);
    let broken = diagnostics.iter().any(Diagnostic::is_error);
    let cases: Vec<Vec<Diagnostic>> = parsed
        .iter()
        .map(|case| {
            let mut found = Vec::new();
            requirements(case, &mut found);
            if !broken {
                let mut lint = Lint::new(source, &case.script, &mut found);
                lint.actors();
                lint.steps();
                lint.captures.unused(lint.diagnostics);
                requires::check(source, &case.script, lint.diagnostics);
                accusations(case, lint.diagnostics);
            }
            found
        })
        .collect();
    diagnostics.extend(merge(&parsed, cases));
    for diagnostic in &mut diagnostics {
        diagnostic.source.clone_from(&source.name);
    }
    diagnostics.sort_by_key(|d| d.span().map_or(0, |span| span.start));
    diagnostics
}

/// Each row of a table finds the same things again: they are told once, and what is so for some rows only names the
/// first of them.
fn merge(parsed: &[Parsed], cases: Vec<Vec<Diagnostic>>) -> Vec<Diagnostic> {
    type Key = (String, Option<(usize, usize)>);
    let key = |d: &Diagnostic| -> Key { (d.title.clone(), d.span().map(|s| (s.start, s.end))) };
    let mut rows: HashMap<Key, HashSet<usize>> = HashMap::new();
    for (index, found) in cases.iter().enumerate() {
        for diagnostic in found {
            rows.entry(key(diagnostic)).or_default().insert(index);
        }
    }
    let mut merged = Vec::new();
    for (case, found) in parsed.iter().zip(cases) {
        for diagnostic in found {
            let Some(affected) = rows.remove(&key(&diagnostic)) else {
                continue;
            };
            merged.push(match &case.script.row {
                Some(row) if affected.len() < parsed.len() => {
                    diagnostic.note(format!("in the row `[{}]`, line {}", row.name(), row.line))
                }
                _ => diagnostic,
            });
        }
    }
    merged
}

/// The ids of `## covers:` exist, and bind the targets that the script judges.
fn requirements(case: &Parsed, diagnostics: &mut Vec<Diagnostic>) {
    let role = case.script.role;
    for (id, span) in &case.ids {
        let Some(requirement) = catalogue::get(id) else {
            let diagnostic = Diagnostic::error(format!("there is no requirement `{id}`"))
                .label(span.clone(), "not in the catalogue");
            diagnostics.push(match catalogue::nearest(id) {
                Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
                None => diagnostic.help("`xmppspec explain SECTION` lists those of a section"),
            });
            continue;
        };
        if !requirement.binds_role(role) {
            let parties: Vec<&str> = requirement.binds.iter().map(|party| party.name()).collect();
            let title = format!("`{id}` does not bind a {}", role.name());
            let diagnostic = Diagnostic::error(title)
                .label(span.clone(), format!("binds: {}", parties.join(", ")))
                .note(format!("it demands: {}", requirement.text))
                .help("a script judges targets of one role: `## role: server`, `peer` or `client`");
            diagnostics.push(diagnostic);
        }
    }
}

/// Something can fail, and whatever is named can.
fn accusations(case: &Parsed, diagnostics: &mut Vec<Diagnostic>) {
    let script = &case.script;
    let covered: HashSet<&str> = script
        .steps
        .iter()
        .flat_map(|step| &step.covers)
        .map(String::as_str)
        .collect();
    if covered.is_empty() {
        let place = match (case.ids.first(), script.steps.first()) {
            (Some((_, span)), _) => span.clone(),
            (None, Some(step)) => step.span.clone(),
            (None, None) => 0..0,
        };
        let diagnostic =
            Diagnostic::warning("this scenario cannot fail: no expectation covers a requirement")
                .label(place, "")
                .help(
                    "write `## covers: ID` into the head, or above the expectations that judge it",
                );
        return diagnostics.push(diagnostic);
    }
    for (id, span) in &case.ids {
        if !covered.contains(id.as_str()) && catalogue::get(id).is_some() {
            let diagnostic = Diagnostic::warning(format!("no expectation covers `{id}`"))
                .label(span.clone(), "holds for nothing")
                .help("a tag holds for the expectations (`receives …`, `is disconnected`) below it, up to the next `## covers:`");
            diagnostics.push(diagnostic);
        }
    }
}

struct Lint<'a> {
    source: &'a Source,
    script: &'a Script,
    /// Made-up values for all that has one when the step runs.
    bindings: Bindings,
    captures: Captures,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a> Lint<'a> {
    fn new(source: &'a Source, script: &'a Script, diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        let mut bindings = Bindings::new();
        bindings.set("domain", "example.org");
        for (index, actor) in script.actors.iter().enumerate() {
            let owner = actor
                .account()
                .and_then(|name| script.actors.iter().position(|actor| actor.name == name));
            let jid = format!("user{}@example.org", owner.unwrap_or(index));
            bindings.set_actor(&actor.name, &jid, Some("secret"));
            if matches!(actor.kind, ActorKind::Peer | ActorKind::Target) {
                for (name, value) in pattern::made_up_peer() {
                    bindings.set(format!("{}'s {name}", actor.name), *value);
                }
            }
        }
        Lint {
            source,
            script,
            bindings,
            captures: Captures::of(script),
            diagnostics,
        }
    }

    fn actors(&mut self) {
        for actor in &self.script.actors {
            for property in actor.properties.iter() {
                let value = self.property(&property.value, property.span.clone());
                if let Some(fault) = values::of_actor(&property.key, &value) {
                    self.diagnostics
                        .push(fault.label(property.span.clone(), ""));
                }
            }
            self.account(actor);
            if !self.has_part(actor) {
                let title = format!("`{}` takes no part", actor.name);
                let diagnostic = Diagnostic::warning(title)
                    .label(actor.span.clone(), "does nothing, and is never mentioned");
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// `account:` names another actor, which has an account of its own.
    fn account(&mut self, actor: &Actor) {
        let property = actor
            .properties
            .iter()
            .find(|property| property.key == "account");
        let Some(property) = property.filter(|property| !property.value.contains("${")) else {
            return;
        };
        let diagnostic = match self.script.actor(&property.value) {
            None => {
                let others = self
                    .script
                    .actors
                    .iter()
                    .filter(|other| other.name != actor.name);
                Diagnostic::error(format!("there is no actor `{}`", property.value))
                    .did_you_mean(&property.value, others.map(|other| other.name.as_str()))
            }
            Some(owner) if owner.account().is_some() => {
                Diagnostic::error(format!("`{}` has no account of its own", owner.name))
                    .secondary(owner.span.clone(), "it shares one itself")
            }
            Some(_) => return,
        };
        self.diagnostics
            .push(diagnostic.label(property.span.clone(), ""));
    }

    /// It acts, is mentioned, or lends its account.
    fn has_part(&self, actor: &Actor) -> bool {
        let index = self
            .script
            .actors
            .iter()
            .position(|other| other.name == actor.name);
        let acts = self
            .script
            .steps
            .iter()
            .any(|step| Some(step.actor) == index);
        let lends = self
            .script
            .actors
            .iter()
            .any(|other| other.account() == Some(&actor.name));
        acts || lends || self.source.text.contains(&format!("${{{}'s ", actor.name))
    }

    fn steps(&mut self) {
        for (index, step) in self.script.steps.iter().enumerate() {
            self.captures.now(index);
            self.step(step);
            self.negotiated(step);
        }
    }

    /// A full JID is there once a resource is bound.
    fn negotiated(&mut self, step: &Step) {
        let actor = &self.script.actors[step.actor];
        let binds = match step.action {
            Action::Connect => actor.kind == ActorKind::Client,
            Action::Bind(_) => true,
            _ => false,
        };
        let jid = self.bindings.get(&format!("{}'s JID", actor.name));
        if binds && let Some(jid) = jid {
            let jid = format!("{jid}/resource");
            self.bindings.set_actor(&actor.name, &jid, None);
        }
    }

    fn step(&mut self, step: &Step) {
        let kind = self.script.actors[step.actor].kind;
        match &step.action {
            Action::Receive { body, .. } => {
                let loose = self.script.loose;
                self.receives(body, &|body, source, warnings| {
                    pattern::parse_noting(body, loose, source, warnings)
                });
            }
            Action::ReceiveStreamError { body } => {
                self.receives(body, &|body, source, warnings| {
                    pattern::parse_stream_errors_noting(body, source, warnings)
                });
            }
            Action::Send(body) => {
                if let Some(body) = self.expanded(body)
                    && kind == ActorKind::Client
                    && let Err(diagnostic) = pattern::parse_stanzas(&body, &self.source.name)
                {
                    self.diagnostics.push(diagnostic);
                }
            }
            Action::Multicast(body) => {
                if let Some(text) = self.plain(body)
                    && let Err(wrong) = pattern::PacketText::parse(&text)
                {
                    self.diagnostics
                        .push(Diagnostic::error(wrong).label(step.span.clone(), ""));
                }
            }
            Action::Hear { body, .. } => {
                if let Some(text) = self.plain(body) {
                    match pattern::PacketPattern::parse(&text) {
                        Ok(packet) => self.captured(packet.captures(), body),
                        Err(wrong) => self
                            .diagnostics
                            .push(Diagnostic::error(wrong).label(step.span.clone(), "")),
                    }
                }
            }
            Action::See { body, .. } => {
                if let Some(text) = self.plain(body) {
                    match pattern::EventPattern::parse(&text) {
                        Ok(events) => self.captured(events.captures(), body),
                        Err(wrong) => self
                            .diagnostics
                            .push(Diagnostic::error(wrong).label(step.span.clone(), "")),
                    }
                }
            }
            Action::SendBytes(pieces) => {
                for piece in pieces {
                    self.expanding(&piece.line, |bindings, line| {
                        bindings.expand_bytes(line, 0).map(|_| ())
                    });
                }
            }
            action => {
                for property in action.props().into_iter().flat_map(|props| props.iter()) {
                    let value = self.property(&property.value, property.span.clone());
                    if let Some(fault) = values::of_step(action, &property.key, &value) {
                        self.diagnostics
                            .push(fault.label(property.span.clone(), ""));
                    }
                }
            }
        }
    }

    #[allow(clippy::type_complexity)]
    fn receives(
        &mut self,
        body: &Template,
        parse: &dyn Fn(&Template, &str, &mut Vec<Diagnostic>) -> Result<Vec<Pattern>, Diagnostic>,
    ) {
        let Some(body) = self.expanded(body) else {
            return;
        };
        match parse(&body, &self.source.name, self.diagnostics) {
            Ok(patterns) => {
                for pattern in &patterns {
                    self.conditions(pattern);
                    for (name, span) in pattern.captures() {
                        self.captures.captured(name, span);
                        self.bindings.set(name, "captured");
                    }
                }
            }
            Err(diagnostic) => self.diagnostics.push(diagnostic),
        }
    }

    /// A body that is no XML, with made-up values.
    fn plain(&mut self, body: &Template) -> Option<String> {
        let mut text = None;
        self.expanding(body, |bindings, body| {
            text = Some(bindings.expand(body)?);
            Ok(())
        });
        text
    }

    fn captured<'b>(&mut self, names: impl Iterator<Item = &'b str>, body: &Template) {
        for name in names {
            self.captures.captured(name, body.locate(0..body.len()));
            // May stand where a number is wanted, or a name.
            self.bindings.set(name, "1");
        }
    }

    /// Whatever is in the namespace of conditions is a condition.
    fn conditions(&mut self, pattern: &Pattern) {
        for (ns, name, span) in pattern.elements() {
            let (what, known): (_, Vec<&str>) = match ns {
                ns::STREAM_ERRORS => (
                    "stream",
                    StreamCondition::ALL.iter().map(|c| c.name()).collect(),
                ),
                ns::STANZA_ERRORS => (
                    "stanza",
                    StanzaCondition::ALL.iter().map(|c| c.name()).collect(),
                ),
                _ => continue,
            };
            if name != "text" && !known.contains(&name) {
                let title = format!("RFC 6120 has no {what} error condition `{name}`");
                let diagnostic = Diagnostic::warning(title).label(span, "");
                self.diagnostics.push(diagnostic.did_you_mean(name, known));
            }
        }
    }

    /// The body with made-up values; `None`: that was not possible.
    fn expanded(&mut self, body: &Template) -> Option<Template> {
        let mut expanded = None;
        self.expanding(body, |bindings, body| {
            expanded = Some(bindings.expand_body(body)?);
            Ok(())
        });
        expanded
    }

    /// The value of a property with made-up values, or as it stands.
    fn property(&mut self, value: &str, span: Span) -> String {
        let line = self.source.text.get(span.clone()).unwrap_or_default();
        let template = if line.ends_with(value) {
            Template::verbatim(value, span.end - value.len())
        } else {
            let mut template = Template::default();
            template.push_replacement(value, span);
            template
        };
        // What a capture or an actor stands for is not known: the step will see.
        let known = !value.contains("${");
        self.expanding(&template, |bindings, text| {
            bindings.expand(text).map(|_| ())
        });
        if known {
            value.to_owned()
        } else {
            String::new()
        }
    }

    /// Replaces placeholders; a name without a value is reported and given one, so that the next can be found.
    fn expanding(
        &mut self,
        template: &Template,
        mut expand: impl FnMut(&Bindings, &Template) -> Result<(), ExpandError>,
    ) {
        let mut bindings = Cow::Borrowed(&self.bindings);
        let mut found = Vec::new();
        for _ in 0..UNKNOWN_NAMES {
            let Err(error) = expand(&bindings, template) else {
                break;
            };
            let diagnostic = match &error {
                ExpandError::Unknown { name, span, .. } => {
                    self.unknown(name, template.locate(span.clone()))
                }
                _ => None,
            };
            let diagnostic =
                diagnostic.unwrap_or_else(|| error.diagnostic(template, &self.source.name));
            found.push(diagnostic);
            let ExpandError::Unknown { name, .. } = error else {
                break;
            };
            bindings.to_mut().set(name.trim(), "unknown");
        }
        self.diagnostics.extend(found);
    }

    /// Why a name has no value yet, if it ever has one.
    fn unknown(&self, name: &str, span: Span) -> Option<Diagnostic> {
        let name = name.trim();
        if let Some(later) = self.captures.place(name) {
            let title = format!("`${{{name}}}` is used before it is captured");
            return Some(
                Diagnostic::error(title)
                    .label(span, "")
                    .secondary(later, "captured here"),
            );
        }
        let of = |actor: &&Actor| {
            let rest = name.strip_prefix(actor.name.as_str());
            matches!(rest, Some("'s full JID" | "'s resource"))
        };
        if let Some(actor) = self.script.actors.iter().find(of) {
            let verb = match actor.kind {
                ActorKind::Client => "connects",
                _ => "binds",
            };
            let title = format!("`{}` has no resource here", actor.name);
            return Some(
                Diagnostic::error(title)
                    .label(span, "")
                    .help(format!("it has one once it `{verb}`")),
            );
        }
        let known = self
            .bindings
            .iter()
            .map(|(name, _)| name)
            .chain(self.captures.names());
        let diagnostic =
            Diagnostic::error(format!("nothing has the name `{name}`")).label(span, "");
        Some(match names::nearest(name, known) {
            Some(known) => diagnostic.help(format!("did you mean `${{{known}}}`?")),
            None => diagnostic.note("names are those of captures, of columns, `domain`, and `X's JID`, `X's full JID`, `X's user`, `X's resource`, `X's password`"),
        })
    }
}

#[cfg(test)]
mod tests;
