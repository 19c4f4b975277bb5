//! What an actor must see: `receives …` and `is disconnected`.

use std::time::Duration;

use tokio::time::Instant;
use xmppspec_protocol::ns;
use xmppspec_scenarios::pattern::{Mismatch, Pattern, Received};
use xmppspec_scenarios::{Mode, Props, Span};

use crate::actor::{Patience, Problem, Stage, StepError};
use crate::transport::{Connection, TcpEnd};

/// Messages quote at most this much of what was received, in characters.
const QUOTED: usize = 2000;

/// So many things that were skipped are noted in the transcript.
const NOTED: usize = 100;

/// Why an expectation did not come true.
#[derive(Debug)]
pub(super) struct Unmet {
    pub(super) problem: Problem,
    /// One sentence.
    pub(super) message: String,
    /// The piece of the script that did not come true, and what is said about it.
    pub(super) mark: Option<(Span, String)>,
    pub(super) expected: String,
    pub(super) received: String,
}

impl From<StepError> for Unmet {
    fn from(error: StepError) -> Self {
        Self {
            problem: error.problem,
            message: error.message,
            mark: None,
            expected: String::new(),
            received: error.received,
        }
    }
}

/// Names and values to be bound.
pub(super) type Captures = Vec<(String, String)>;

/// What was looked at and did not match: the nearest to it is shown.
#[derive(Default)]
struct Passed {
    nearest: Option<(Mismatch, String, usize)>,
    count: usize,
    texts: Vec<String>,
}

impl Passed {
    fn add(&mut self, received: &Received, pattern: usize, mismatch: Mismatch) {
        self.count += 1;
        if self.texts.len() < 4 {
            self.texts.push(quoted(received));
        }
        let better = self
            .nearest
            .as_ref()
            .is_none_or(|(best, _, _)| mismatch.depth > best.depth);
        if better {
            self.nearest = Some((mismatch, quoted(received), pattern));
        }
    }

    /// What was received, in words for people.
    fn received(&self) -> String {
        match &self.nearest {
            Some((_, nearest, _)) if self.count > 1 => {
                let others: Vec<&str> = self
                    .texts
                    .iter()
                    .map(String::as_str)
                    .filter(|text| text != nearest)
                    .collect();
                let mut out = nearest.clone();
                for text in others {
                    out.push('\n');
                    out.push_str(text);
                }
                let more = self.count.saturating_sub(4);
                if more > 0 {
                    out.push_str(&format!("\n({more} more)"));
                }
                out
            }
            Some((_, nearest, _)) => nearest.clone(),
            None => String::new(),
        }
    }
}

fn quoted(received: &Received) -> String {
    let text = received.to_string();
    match text.char_indices().nth(QUOTED) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}

fn expected(patterns: &[Pattern]) -> String {
    let all: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    all.join("\n")
}

/// What the state of a connection means for something that is still waited for: after `</stream:stream>` nothing comes (RFC 6120
/// §4.4).
fn cannot_come(connection: &Connection) -> bool {
    !connection.is_open() || connection.broken.is_some() || connection.ending.stream
}

/// `receives:` in all its modes.
pub(super) async fn receive(
    stage: &mut Stage,
    who: usize,
    mode: Mode,
    patterns: &[Pattern],
    patience: Patience,
) -> Result<Captures, Unmet> {
    stage.connection(who)?;
    let began = Instant::now();
    let mut open: Vec<usize> = (0..patterns.len()).collect();
    let mut captures = Captures::new();
    let mut passed = Passed::default();
    let log = stage.log.clone();
    let name = stage.actors[who].name.clone();
    // `Some(true)`: all there. `Some(false)`: it cannot come any more.
    let found = stage
        .wait_patiently(patience, |stage| {
            let connection = stage.actors[who].connection.as_mut()?;
            while let Some(item) = connection.take() {
                let received = item.received;
                let candidates = match mode {
                    Mode::Skip | Mode::Next => &open[..1],
                    Mode::OneOf | Mode::NextOneOf | Mode::AnyOrder => &open[..],
                };
                let mut misses = Vec::new();
                let mut hit = None;
                for (slot, index) in candidates.iter().enumerate() {
                    match patterns[*index].matches(&received) {
                        Ok(bound) => {
                            captures.extend(bound);
                            hit = Some(slot);
                            break;
                        }
                        Err(mismatch) => misses.push((*index, mismatch)),
                    }
                }
                match hit {
                    Some(slot) => {
                        open.remove(slot);
                        let done = open.is_empty() || matches!(mode, Mode::OneOf | Mode::NextOneOf);
                        if done {
                            return Some(true);
                        }
                    }
                    // An XML declaration is there to be asked for, and in nobody's way.
                    None if matches!(received, Received::Declaration(_)) => {}
                    None => {
                        for (index, mismatch) in misses {
                            passed.add(&received, index, mismatch);
                        }
                        if matches!(mode, Mode::Next | Mode::NextOneOf) {
                            return Some(false);
                        }
                        if passed.count <= NOTED {
                            log.note(&name, &format!("skips {}", short(&received)));
                        }
                    }
                }
            }
            cannot_come(connection).then_some(false)
        })
        .await;
    if found == Some(true) {
        return Ok(captures);
    }
    let missing: Vec<&Pattern> = open.iter().map(|index| &patterns[*index]).collect();
    let nearest = passed.nearest.as_ref();
    let next_was_wrong = matches!(mode, Mode::Next | Mode::NextOneOf) && nearest.is_some();
    let error = stage.did_not_come(who, "answer that was expected", began.elapsed());
    let came = nearest.map(|(mismatch, received, _)| otherwise(received, &mismatch.what));
    let (problem, message) = match came {
        Some(came) if next_was_wrong => (Problem::Refused, format!("{name} received {came}")),
        came => {
            let what = missing
                .first()
                .map_or(String::new(), |p| tag(&p.to_string()));
            let why = error.message.split_once(": ").map_or("", |(_, why)| why);
            let message = match came {
                Some(came) => {
                    format!("{name} did not receive {what}: {why}; the nearest that came is {came}")
                }
                None => format!("{name} did not receive {what}: {why}"),
            };
            (error.problem, message)
        }
    };
    let mark = match nearest {
        Some((mismatch, _, _)) => Some((mismatch.span.clone(), mismatch.what.clone())),
        None => missing
            .first()
            .map(|pattern| (pattern.span(), String::new())),
    };
    let received = match passed.received() {
        text if text.is_empty() => error.received,
        text => text,
    };
    Err(Unmet {
        problem,
        message,
        mark,
        expected: expected(patterns),
        received,
    })
}

/// What came and how it differs: `<failure/>`, or `<iq/>, where attribute …`.
fn otherwise(received: &str, difference: &str) -> String {
    let tag = tag(received);
    if difference.is_empty() || difference.starts_with("this is ") {
        tag
    } else {
        format!("{tag}, but {difference}")
    }
}

/// The first tag of some XML, without its attributes; text as it is.
fn tag(xml: &str) -> String {
    let name = xml.trim_start().strip_prefix('<').unwrap_or_default();
    let end = name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'));
    match end {
        Some(0) => "</stream:stream>".to_owned(),
        Some(end) if &name[..end] == "stream:stream" => "<stream:stream>".to_owned(),
        Some(end) if !name.starts_with('?') => format!("<{}/>", &name[..end]),
        _ => "text".to_owned(),
    }
}

/// What is skipped, in one line.
fn short(received: &Received) -> String {
    let text = received.to_string().replace('\n', " ");
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// `receives stream error:`: the error, the closing tag, and the end of the connection (RFC 6120 §4.9.1.1).
pub(super) async fn receive_stream_error(
    stage: &mut Stage,
    who: usize,
    patterns: &[Pattern],
    patience: Patience,
) -> Result<Captures, Unmet> {
    stage.connection(who)?;
    let began = Instant::now();
    let name = stage.actors[who].name.clone();
    let mut others = Vec::new();
    let mut result = None;
    stage
        .wait_patiently(patience, |stage| {
            let connection = stage.actors[who].connection.as_mut()?;
            while let Some(item) = connection.take() {
                let is_error =
                    matches!(&item.received, Received::Element(e) if e.is(ns::STREAMS, "error"));
                if !is_error {
                    if others.len() < 4 {
                        others.push(quoted(&item.received));
                    }
                    continue;
                }
                let mut best: Option<Mismatch> = None;
                for pattern in patterns {
                    match pattern.matches(&item.received) {
                        Ok(captures) => {
                            result = Some(Ok(captures));
                            return Some(());
                        }
                        Err(mismatch) => {
                            if best.as_ref().is_none_or(|b| mismatch.depth > b.depth) {
                                best = Some(mismatch);
                            }
                        }
                    }
                }
                result = Some(Err((best, quoted(&item.received))));
                return Some(());
            }
            cannot_come(connection).then_some(())
        })
        .await;
    let captures = match result {
        Some(Ok(captures)) => captures,
        Some(Err((best, received))) => {
            return Err(Unmet {
                problem: Problem::Refused,
                message: format!("{name} received a stream error with another condition"),
                mark: best.map(|m| (m.span, m.what)),
                expected: expected(patterns),
                received,
            });
        }
        None => {
            let error = stage.did_not_come(who, "stream error", began.elapsed());
            return Err(Unmet {
                problem: error.problem,
                message: error.message,
                mark: None,
                expected: expected(patterns),
                received: if others.is_empty() {
                    error.received
                } else {
                    others.join("\n")
                },
            });
        }
    };
    // The closing tag, then the connection; ours is answered as anybody would.
    let tag = stage
        .wait_patiently(patience, |stage| {
            let connection = stage.actors[who].connection.as_mut()?;
            (connection.ending.stream || cannot_come(connection)).then_some(())
        })
        .await;
    let closed = stage.connection(who)?.ending.stream;
    if tag.is_none() || !closed {
        let ending = stage.connection(who)?.ending.to_string();
        return Err(Unmet {
            problem: Problem::Refused,
            message: format!(
                "after the stream error {name} did not receive </stream:stream>: {ending}"
            ),
            mark: None,
            expected: "</stream:stream>".to_owned(),
            received: ending,
        });
    }
    is_disconnected(stage, who, &Props::default(), patience).await?;
    Ok(captures)
}

/// `is disconnected`: the other side has closed.
pub(super) async fn is_disconnected(
    stage: &mut Stage,
    who: usize,
    props: &Props,
    patience: Patience,
) -> Result<(), Unmet> {
    stage.connection(who)?;
    let answers = props.get("answer") != Some("no");
    let wants_tcp = props.get("tcp");
    let name = stage.actors[who].name.clone();
    let ended = stage
        .wait_patiently(patience, |stage| {
            let connection = stage.actors[who].connection.as_mut()?;
            if connection.is_full() {
                connection.clear();
            }
            if answers && connection.ending.stream && connection.is_open() && !connection.sent_close
            {
                connection.close_stream();
            }
            let over = match wants_tcp {
                Some(_) => connection.ending.tcp.is_some(),
                None => !connection.is_open(),
            };
            over.then_some(())
        })
        .await;
    let connection = stage.connection(who)?;
    let ending = connection.ending.clone();
    let unmet = |what: String, expected: &str| Unmet {
        problem: if ended.is_none() {
            Problem::TimedOut
        } else {
            Problem::Refused
        },
        message: what,
        mark: None,
        expected: expected.to_owned(),
        received: ending.to_string(),
    };
    if ended.is_none() {
        return Err(unmet(
            format!("{name} is still connected"),
            "the end of the connection",
        ));
    }
    if props.get("stream") == Some("closed") && !ending.stream {
        return Err(unmet(
            format!("the connection of {name} ended without </stream:stream>"),
            "</stream:stream>, then the end of the connection",
        ));
    }
    if props.get("tls") == Some("close_notify") && !ending.close_notify {
        return Err(unmet(
            format!("the connection of {name} ended without close_notify"),
            "TLS close_notify, then the end of the connection",
        ));
    }
    let tcp_as_wanted = match wants_tcp {
        Some("FIN") => ending.tcp == Some(TcpEnd::Fin),
        Some("RST") => ending.tcp == Some(TcpEnd::Rst),
        _ => true,
    };
    if !tcp_as_wanted {
        let wanted = format!("TCP {}", wants_tcp.unwrap_or_default());
        return Err(unmet(
            format!("the connection of {name} ended otherwise"),
            &wanted,
        ));
    }
    Ok(())
}

/// `receives nothing`: proved by a fence, on the stream that sent last, then on this one (RFC 6120 §10.1).
pub(super) async fn receive_nothing(
    stage: &mut Stage,
    who: usize,
    last_sender: Option<usize>,
) -> Result<(), Unmet> {
    let name = stage.actors[who].name.clone();
    if !stage.actors[who].is_bound() {
        let ended = stage
            .connection(who)
            .is_ok_and(|c| !c.is_open() || c.ending.stream);
        if !ended {
            return Err(StepError::new(
                Problem::Script,
                format!("`receives nothing` needs an answer to a request, and {name} has no resource; say `receives nothing for 2s`"),
            )
            .into());
        }
        return something(stage, who, &name);
    }
    if let Some(sender) = last_sender.filter(|sender| *sender != who)
        && stage.actors[sender].is_bound()
    {
        match stage.fence(sender).await {
            Err(error) if error.problem != Problem::Ended => return Err(error.into()),
            _ => {}
        }
    }
    match stage.fence(who).await {
        Ok(0) => Ok(()),
        Ok(_) => something(stage, who, &name),
        Err(error) if error.problem == Problem::Ended => something(stage, who, &name),
        Err(error) => Err(error.into()),
    }
}

/// `receives nothing for 2s`.
pub(super) async fn receive_nothing_for(
    stage: &mut Stage,
    who: usize,
    time: Duration,
) -> Result<(), Unmet> {
    stage.connection(who)?;
    let name = stage.actors[who].name.clone();
    let came = stage
        .wait(Instant::now() + time, |stage| {
            let connection = stage.actors[who].connection.as_ref()?;
            let is_something = |received: &Received| !matches!(received, Received::Declaration(_));
            let any = connection
                .queue()
                .iter()
                .any(|item| is_something(&item.received));
            (any || !connection.is_open() || connection.broken.is_some()).then_some(())
        })
        .await;
    match came {
        None => Ok(()),
        Some(()) => something(stage, who, &name),
    }
}

/// Says what came where nothing should have.
fn something(stage: &mut Stage, who: usize, name: &str) -> Result<(), Unmet> {
    let connection = stage.connection(who)?;
    let first: Vec<String> = connection
        .queue()
        .iter()
        .take(4)
        .map(|item| quoted(&item.received))
        .collect();
    let ending = connection.ending.to_string();
    if first.is_empty() && connection.broken.is_none() && !connection.is_open() {
        return Err(Unmet {
            problem: Problem::Ended,
            message: format!("{name}'s connection ended: {ending}"),
            mark: None,
            expected: "nothing".to_owned(),
            received: ending,
        });
    }
    Err(Unmet {
        problem: Problem::Refused,
        message: format!("{name} received something"),
        mark: None,
        expected: "nothing".to_owned(),
        received: if first.is_empty() {
            connection.recent().escape_ascii().to_string()
        } else {
            first.join("\n")
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_named_in_a_word() {
        assert_eq!(
            otherwise("<failure xmlns='x'><a/></failure>", "this is <failure/>"),
            "<failure/>"
        );
        assert_eq!(
            otherwise("<stream:stream from='x'>", "there is no attribute `id`"),
            "<stream:stream>, but there is no attribute `id`"
        );
        assert_eq!(otherwise("</stream:stream>", ""), "</stream:stream>");
        assert_eq!(otherwise("words", ""), "text");
        assert_eq!(tag(""), "text");
    }
}
