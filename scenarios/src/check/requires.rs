//! `## requires:`: what a step cannot do without is said there, or a target that lacks it is blocked, not skipped.

use xmppspec_protocol::sasl::Mechanism;

use crate::Span;
use crate::diagnostic::Diagnostic;
use crate::names;
use crate::script::{Action, Script, Source};

/// The words that are no stream feature's own name.
const WORDS: [&str; 5] = [
    "starttls",
    "direct-tls",
    "register",
    "roster-versioning",
    "pre-approval",
];

/// The words that take a name.
const PREFIXES: [&str; 2] = ["mechanism", "disco"];

pub(super) fn check(source: &Source, script: &Script, diagnostics: &mut Vec<Diagnostic>) {
    for word in &script.requires {
        if let Some(diagnostic) = misspelt(word) {
            diagnostics.push(match place(source, word) {
                Some(span) => diagnostic.label(span, ""),
                None => diagnostic,
            });
        }
    }
    let mut needed: Vec<(String, Span)> = Vec::new();
    for actor in &script.actors {
        if actor.service() == "c2s-tls" {
            needed.push(("direct-tls".to_owned(), actor.span.clone()));
        }
    }
    // A step that accuses is not a precondition: there the lack is the finding.
    for step in script.steps.iter().filter(|step| step.covers.is_empty()) {
        match &step.action {
            Action::StartTls(_) => needed.push(("starttls".to_owned(), step.span.clone())),
            Action::Authenticate(props) => {
                if let Some(mechanism) = props.get("mechanism") {
                    needed.push((format!("mechanism:{mechanism}"), step.span.clone()));
                }
            }
            _ => {}
        }
    }
    for (word, span) in needed {
        if !script.requires.contains(&word) {
            let diagnostic = Diagnostic::warning(format!("this needs `{word}`, which the script does not require"))
                .label(span, "")
                .help(format!(
                    "write `## requires: {word}` into the head: without it, a target that lacks it is blocked here, not skipped"
                ));
            diagnostics.push(diagnostic);
        }
    }
}

/// A word that is nearly a known one. Others may be the name of a stream feature.
fn misspelt(word: &str) -> Option<Diagnostic> {
    match word.split_once(':') {
        Some(("mechanism", name)) => Mechanism::from_name(name).is_none().then(|| {
            Diagnostic::warning(format!("xmppspec does not know the mechanism `{name}`"))
                .did_you_mean(name, Mechanism::ALL.iter().map(|m| m.name()))
        }),
        Some(("disco", _)) => None,
        Some((prefix, name)) => {
            let title = format!("no target has `{word}`: the case is always skipped");
            let diagnostic = Diagnostic::warning(title);
            Some(match names::nearest(prefix, PREFIXES) {
                Some(known) => diagnostic.help(format!("did you mean `{known}:{name}`?")),
                None => diagnostic.note("only `mechanism` and `disco` take a name"),
            })
        }
        None if WORDS.contains(&word) => None,
        None => names::nearest(word, WORDS).map(|known| {
            let title = format!("`{word}` is taken for the name of a stream feature");
            Diagnostic::warning(title).help(format!("did you mean `{known}`?"))
        }),
    }
}

/// Where the tag names it.
fn place(source: &Source, word: &str) -> Option<Span> {
    let mut offset = 0;
    for line in source.text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let is_tag = line
            .strip_prefix("##")
            .is_some_and(|rest| rest.trim_start().starts_with("requires:"));
        if is_tag && let Some(at) = line.find(word) {
            return Some(start + at..start + at + word.len());
        }
    }
    None
}
