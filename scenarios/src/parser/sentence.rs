//! `ACTOR VERB`: read from the end, because names may hold anything.

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::script::{Action, Actor, Hearing, Mode, Props};
use crate::text::Template;

/// What a sentence says, without what stands below it.
#[derive(Debug)]
pub(super) struct Sentence {
    pub(super) actor: usize,
    pub(super) verb: Verb,
    pub(super) within: Option<Duration>,
    pub(super) for_: Option<Duration>,
}

/// What may stand below a sentence.
#[derive(Clone, Copy)]
pub(super) enum Below {
    Nothing,
    Properties(&'static [&'static str]),
    Body { optional: bool },
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Connects,
    Disconnects,
    Drops,
    Sends,
    SendsBytes,
    OpensStream,
    StartsTls,
    Authenticates,
    Binds,
    ClosesStream,
    Receives(Mode),
    ReceivesStreamError,
    ReceivesNothing,
    IsDisconnected,
    /// Something that the target is asked to do.
    Hook(&'static HookVerb),
    Sees,
    SeesNothingLike,
    Multicasts,
    Hears(Hearing),
    FindsNoFault,
    AcceptsConnection,
}

/// A verb of `[Target]`: its phrase, the hook behind it, the properties that it takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HookVerb {
    phrase: &'static str,
    hook: &'static str,
    properties: &'static [&'static str],
}

const fn hook(
    phrase: &'static str,
    hook: &'static str,
    properties: &'static [&'static str],
) -> HookVerb {
    HookVerb {
        phrase,
        hook,
        properties,
    }
}

static HOOKS: [HookVerb; 10] = [
    hook("announces", "announce", &[]),
    hook("withdraws", "withdraw", &[]),
    hook("changes status", "status", &["status", "text"]),
    hook("says", "message", &["to", "text"]),
    hook("closes conversation", "close", &["to"]),
    hook("publishes icon", "icon", &["bytes"]),
    hook("hides personal data", "private", &[]),
    hook("requires TLS", "require-tls", &[]),
    hook("quits", "quit", &[]),
    hook("is killed", "kill", &[]),
];

const VERBS: [Verb; 36] = [
    Verb::Connects,
    Verb::Disconnects,
    Verb::Drops,
    Verb::Sends,
    Verb::SendsBytes,
    Verb::OpensStream,
    Verb::StartsTls,
    Verb::Authenticates,
    Verb::Binds,
    Verb::ClosesStream,
    Verb::Receives(Mode::Skip),
    Verb::Receives(Mode::Next),
    Verb::Receives(Mode::OneOf),
    Verb::Receives(Mode::NextOneOf),
    Verb::Receives(Mode::AnyOrder),
    Verb::ReceivesStreamError,
    Verb::ReceivesNothing,
    Verb::IsDisconnected,
    Verb::Sees,
    Verb::SeesNothingLike,
    Verb::Multicasts,
    Verb::Hears(Hearing::Skip),
    Verb::Hears(Hearing::Next),
    Verb::Hears(Hearing::Nothing),
    Verb::FindsNoFault,
    Verb::AcceptsConnection,
    Verb::Hook(&HOOKS[0]),
    Verb::Hook(&HOOKS[1]),
    Verb::Hook(&HOOKS[2]),
    Verb::Hook(&HOOKS[3]),
    Verb::Hook(&HOOKS[4]),
    Verb::Hook(&HOOKS[5]),
    Verb::Hook(&HOOKS[6]),
    Verb::Hook(&HOOKS[7]),
    Verb::Hook(&HOOKS[8]),
    Verb::Hook(&HOOKS[9]),
];

impl Verb {
    pub(super) fn phrase(self) -> &'static str {
        match self {
            Verb::Connects => "connects",
            Verb::Disconnects => "disconnects",
            Verb::Drops => "drops connection",
            Verb::Sends => "sends",
            Verb::SendsBytes => "sends bytes",
            Verb::OpensStream => "opens stream",
            Verb::StartsTls => "starts TLS",
            Verb::Authenticates => "authenticates",
            Verb::Binds => "binds",
            Verb::ClosesStream => "closes stream",
            Verb::Receives(Mode::Skip) => "receives",
            Verb::Receives(Mode::Next) => "receives next",
            Verb::Receives(Mode::OneOf) => "receives one of",
            Verb::Receives(Mode::NextOneOf) => "receives next one of",
            Verb::Receives(Mode::AnyOrder) => "receives in any order",
            Verb::ReceivesStreamError => "receives stream error",
            Verb::ReceivesNothing => "receives nothing",
            Verb::IsDisconnected => "is disconnected",
            Verb::Hook(hook) => hook.phrase,
            Verb::Sees => "sees",
            Verb::SeesNothingLike => "sees nothing like",
            Verb::Multicasts => "multicasts",
            Verb::Hears(Hearing::Skip) => "hears",
            Verb::Hears(Hearing::Next) => "hears next",
            Verb::Hears(Hearing::Nothing) => "hears nothing like",
            Verb::FindsNoFault => "finds no fault",
            Verb::AcceptsConnection => "accepts connection",
        }
    }

    pub(super) fn below(self) -> Below {
        match self {
            Verb::Connects
            | Verb::Disconnects
            | Verb::Drops
            | Verb::ClosesStream
            | Verb::ReceivesNothing
            | Verb::FindsNoFault
            | Verb::AcceptsConnection => Below::Nothing,
            Verb::Hook(hook) if hook.properties.is_empty() => Below::Nothing,
            Verb::Hook(hook) => Below::Properties(hook.properties),
            Verb::OpensStream => {
                Below::Properties(&["to", "from", "version", "lang", "id", "xmlns"])
            }
            Verb::StartsTls => Below::Properties(&["version"]),
            Verb::Authenticates => Below::Properties(&[
                "mechanism",
                "username",
                "password",
                "authzid",
                "channel-binding",
                "fault",
            ]),
            Verb::Binds => Below::Properties(&["resource"]),
            Verb::IsDisconnected => Below::Properties(&["stream", "tls", "tcp", "answer"]),
            Verb::Sends
            | Verb::Receives(_)
            | Verb::Sees
            | Verb::SeesNothingLike
            | Verb::Multicasts
            | Verb::Hears(_) => Below::Body { optional: false },
            Verb::ReceivesStreamError => Below::Body { optional: true },
            Verb::SendsBytes => Below::Bytes,
        }
    }

    fn is_expectation(self) -> bool {
        matches!(
            self,
            Verb::Receives(_)
                | Verb::ReceivesStreamError
                | Verb::ReceivesNothing
                | Verb::IsDisconnected
                | Verb::Sees
                | Verb::SeesNothingLike
                | Verb::Hears(_)
                | Verb::AcceptsConnection
        )
    }

    /// The action of a verb with nothing below it.
    pub(super) fn plain(self, for_: Option<Duration>) -> Action {
        match self {
            Verb::Disconnects => Action::Disconnect,
            Verb::Drops => Action::Drop,
            Verb::ClosesStream => Action::CloseStream,
            Verb::ReceivesNothing => Action::ReceiveNothing { for_ },
            Verb::Hook(hook) => Action::Hook(hook.hook, Props::default()),
            Verb::FindsNoFault => Action::FindNoFault,
            Verb::AcceptsConnection => Action::Accept,
            _ => Action::Connect,
        }
    }

    /// The action of a verb with properties below it.
    pub(super) fn with_properties(self, props: Props) -> Action {
        match self {
            Verb::StartsTls => Action::StartTls(props),
            Verb::Authenticates => Action::Authenticate(props),
            Verb::Binds => Action::Bind(props),
            Verb::IsDisconnected => Action::IsDisconnected(props),
            Verb::Hook(hook) => Action::Hook(hook.hook, props),
            _ => Action::OpenStream(props),
        }
    }

    /// The action of a verb with a body below it.
    pub(super) fn with_body(self, body: Template) -> Action {
        match self {
            Verb::Receives(mode) => Action::Receive { mode, body },
            Verb::ReceivesStreamError => Action::ReceiveStreamError { body },
            Verb::Sees | Verb::SeesNothingLike => Action::See {
                not: self == Verb::SeesNothingLike,
                body,
            },
            Verb::Multicasts => Action::Multicast(body),
            Verb::Hears(mode) => Action::Hear { mode, body },
            _ => Action::Send(body),
        }
    }
}

impl Sentence {
    /// `Ok(None)`: of an actor that this version does not support.
    pub(super) fn read(line: &Template, actors: &[Actor]) -> Result<Option<Sentence>, Diagnostic> {
        let reserved = |actor: &Actor| !actor.kind.is_supported();
        if actors
            .iter()
            .any(|actor| reserved(actor) && starts_with_name(line, &actor.name))
        {
            return Ok(None);
        }
        let mut text = line.trim_end();
        text = text.strip_suffix(':').unwrap_or(text).trim_end();
        // scansion's own way to write it
        let nothing = text
            .strip_suffix("receives: nothing")
            .map(|actor| format!("{actor}receives nothing"));
        let text = nothing.as_deref().unwrap_or(text);

        let (text, within) = tail(line, text, " within ")?;
        let (text, for_) = match tail(line, text, " for ") {
            Ok((before, Some(duration))) if before.ends_with(" nothing") => {
                (before, Some(duration))
            }
            Err(diagnostic) if text.contains("receives nothing for ") => return Err(diagnostic),
            _ => (text, None),
        };

        let found = VERBS
            .into_iter()
            .filter(|verb| {
                text.strip_suffix(verb.phrase())
                    .is_some_and(|name| name.ends_with([' ', '\t']))
            })
            .max_by_key(|verb| verb.phrase().len());
        let Some(verb) = found else {
            return Err(no_verb(line, text, actors));
        };
        let name = text[..text.len() - verb.phrase().len()].trim_end();
        let Some(actor) = actors.iter().position(|actor| actor.name == name) else {
            // `Romeo receves next`: the verb that was found is only the end of a wrong one.
            if actors
                .iter()
                .any(|actor| starts_with_name(name, &actor.name))
            {
                return Err(no_verb(line, text, actors));
            }
            let names = actors.iter().map(|actor| actor.name.as_str());
            return Err(Diagnostic::error(format!("there is no actor `{name}`"))
                .label(line.locate(0..name.len()), "not declared in the head")
                .did_you_mean(name, names));
        };
        if within.is_some() && !verb.is_expectation() {
            return Err(Diagnostic::error(format!(
                "`within` has no meaning after `{}`",
                verb.phrase()
            ))
            .label(line.locate(0..line.trim_end().len()), "")
            .help("only expectations (`receives …`, `is disconnected`) wait"));
        }
        Ok(Some(Sentence {
            actor,
            verb,
            within,
            for_,
        }))
    }
}

fn starts_with_name(text: &str, name: &str) -> bool {
    text.strip_prefix(name)
        .is_some_and(|rest| rest.starts_with([' ', '\t']))
}

fn no_verb(line: &Template, text: &str, actors: &[Actor]) -> Diagnostic {
    let named = actors
        .iter()
        .filter(|actor| starts_with_name(text, &actor.name));
    match named.max_by_key(|actor| actor.name.len()) {
        Some(actor) => {
            let start = text.len() - text[actor.name.len()..].trim_start().len();
            let phrase = &text[start..];
            Diagnostic::error(format!("there is no verb `{phrase}`"))
                .label(line.locate(start..text.len()), "")
                .did_you_mean(phrase, VERBS.map(Verb::phrase))
        }
        None => Diagnostic::error("this is no sentence: it does not start with the name of an actor")
            .label(line.locate(0..line.trim_end().len()), "")
            .did_you_mean(text.split(' ').next().unwrap_or(text), actors.iter().map(|a| a.name.as_str()))
            .note("a sentence is `ACTOR VERB`; comments start with `#`, `//` or `-- `; bodies are indented"),
    }
}

/// Splits off ` within 3s`: the word behind it must be a duration.
fn tail<'a>(
    line: &Template,
    text: &'a str,
    word: &str,
) -> Result<(&'a str, Option<Duration>), Diagnostic> {
    let Some((before, value)) = text.rsplit_once(word) else {
        return Ok((text, None));
    };
    let value = value.trim();
    if value.contains(' ') {
        return Ok((text, None));
    }
    match duration(value) {
        Some(duration) => Ok((before.trim_end(), Some(duration))),
        None => {
            let start = line.rfind(value).unwrap_or(0);
            Err(Diagnostic::error(format!("`{value}` is no duration"))
                .label(line.locate(start..start + value.len()), "")
                .help("durations are written `500ms`, `3s`, `1.5s`, `2m`"))
        }
    }
}

/// `500ms`, `3s`, `1.5s`, `2m`; at most an hour.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        _ => return None,
    };
    if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let seconds = digits.parse::<f64>().ok()? * factor;
    (seconds <= 3600.0).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Some(Duration::from_secs(120)));
        for bad in [
            "",
            "s",
            "3",
            "3 s",
            "-3s",
            "3x",
            "1e9s",
            "99999999s",
            "infs",
            "1.2.3s",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
