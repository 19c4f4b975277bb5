//! Packets of multicast DNS on their way in and out, and how much fits into one.

use std::net::SocketAddr;

use xmppspec_protocol::dns::{Flags, Message, Question, Record};

/// What fits into one packet on an Ethernet with its headers (RFC 6762 section 17).
const FITS: usize = 1440;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// To everybody on the link, over every family.
    Group,
    /// To this address only.
    Address(SocketAddr),
}

/// A packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) to: To,
    pub(super) bytes: Vec<u8>,
}

/// A packet that has come.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) source: SocketAddr,
    /// It came to the group, and not to us alone.
    pub(super) multicast: bool,
    pub(super) message: Message,
}

/// Responses with these answers, each as long as fits; what is additional goes with the last one if there is room.
pub(super) fn responses(answers: Vec<Record>, additionals: Vec<Record>) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for record in answers {
        if let Some(last) = messages.last_mut() {
            last.answers.push(record);
            if last.encode(true).len() <= FITS {
                continue;
            }
            let record = last.answers.pop();
            messages.push(Message::response(record.into_iter().collect()));
        } else {
            messages.push(Message::response(vec![record]));
        }
    }
    if let Some(last) = messages.last_mut() {
        for record in additionals {
            last.additionals.push(record);
            if last.encode(true).len() > FITS {
                last.additionals.pop();
            }
        }
    }
    messages
}

/// Queries with this question and these known answers; all but the last with TC set (RFC 6762 section 7.2).
pub(super) fn queries(question: Question, known: Vec<Record>) -> Vec<Message> {
    let mut messages = vec![Message::query(vec![question])];
    for record in known {
        let Some(last) = messages.last_mut() else {
            continue;
        };
        last.answers.push(record);
        if last.answers.len() > 1 && last.encode(true).len() > FITS {
            let record = last.answers.pop();
            last.flags = Flags::TRUNCATED;
            messages.push(Message {
                answers: record.into_iter().collect(),
                ..Message::default()
            });
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmppspec_protocol::dns::{Data, Kind, Name};

    fn record(n: usize, size: usize) -> Record {
        let name = Name::parse(&format!("n{n}.local.")).unwrap();
        Record::new(name, 120, Data::Other(Kind::NULL, vec![0; size]))
    }

    #[test]
    fn messages_are_no_longer_than_needed() {
        let messages = responses(
            (0..4).map(|n| record(n, 650)).collect(),
            vec![record(9, 20), record(8, 700)],
        );
        let counts: Vec<_> = messages.iter().map(|m| m.answers.len()).collect();
        assert_eq!(counts, [2, 2]);
        assert_eq!(messages[1].additionals.len(), 1);
        assert!(responses(Vec::new(), vec![record(1, 1)]).is_empty());
        // What fits nowhere goes alone.
        let messages = responses(
            vec![record(0, 10), record(1, 5000), record(2, 10)],
            Vec::new(),
        );
        assert_eq!(messages.len(), 3);
    }

    #[test]
    fn known_answers_overflow_into_more_packets() {
        let question = Question::new(Name::parse("x.local.").unwrap(), Kind::NULL);
        let messages = queries(question.clone(), (0..5).map(|n| record(n, 500)).collect());
        let shape: Vec<_> = messages
            .iter()
            .map(|m| {
                (
                    m.questions.len(),
                    m.answers.len(),
                    m.flags.has(Flags::TRUNCATED),
                )
            })
            .collect();
        assert_eq!(shape, [(1, 2, true), (0, 2, true), (0, 1, false)]);
        assert_eq!(queries(question, Vec::new()).len(), 1);
    }
}
