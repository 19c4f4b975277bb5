//! Values of properties that the runner knows a closed set of.

use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::sasl::{Fault, Mechanism};

use crate::diagnostic::Diagnostic;
use crate::parser::list;
use crate::script::Action;

/// What is wrong with a property of an actor; not yet labelled. An empty value is not known.
pub(super) fn of_actor(key: &str, value: &str) -> Option<Diagnostic> {
    match key {
        _ if value.is_empty() => None,
        "service" => one_of(key, value, &["c2s", "c2s-tls"]),
        "connect_port" => match value.parse::<u16>() {
            Ok(port) if port > 0 => None,
            _ => Some(Diagnostic::error(format!("`{value}` is no port"))),
        },
        "jid" => match Jid::parse(value) {
            Ok(_) => None,
            Err(error) => {
                Some(Diagnostic::warning(format!("`{value}` is no JID")).note(error.to_string()))
            }
        },
        _ => None,
    }
}

/// What is wrong with a property of a step; not yet labelled. An empty value is not known.
pub(super) fn of_step(action: &Action, key: &str, value: &str) -> Option<Diagnostic> {
    match (action, key) {
        _ if value.is_empty() => None,
        (Action::Authenticate(_), "mechanism") => {
            let names: Vec<&str> = Mechanism::ALL.iter().map(|m| m.name()).collect();
            one_of(key, value, &names)
        }
        (Action::Authenticate(_), "fault") => {
            let names: Vec<&str> = Fault::ALL.iter().map(|f| f.name()).collect();
            one_of(key, value, &names)
        }
        (Action::Authenticate(_), "channel-binding") => one_of(
            key,
            value,
            &["none", "tls-exporter", "tls-server-end-point"],
        ),
        (Action::StartTls(_), "version") => one_of(key, value, &["1.2", "1.3"]),
        (Action::IsDisconnected(_), "stream") => one_of(key, value, &["closed"]),
        (Action::IsDisconnected(_), "tls") => one_of(key, value, &["close_notify"]),
        (Action::IsDisconnected(_), "tcp") => one_of(key, value, &["FIN", "RST"]),
        (Action::IsDisconnected(_), "answer") => one_of(key, value, &["no"]),
        _ => None,
    }
}

fn one_of(key: &str, value: &str, known: &[&str]) -> Option<Diagnostic> {
    if known.contains(&value) {
        return None;
    }
    let diagnostic = Diagnostic::error(format!("`{value}` is no value of `{key}`"))
        .did_you_mean(value, known.iter().copied());
    Some(diagnostic.note(format!("it is {}", list(known).replace(" and ", " or "))))
}
