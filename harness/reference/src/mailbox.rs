//! What waits to be sent to one client.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use xmppspec_protocol::conditions::StreamCondition;

/// What others put in for a client to get.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    /// A stanza as XML.
    Stanza(String),
    /// The stream is to end with this error.
    End(StreamCondition),
}

/// The letters for one connection. Whoever has the router's lock puts them in, so that their order is the router's
/// (RFC 6120 §10.1).
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    arrived: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct Queue {
    letters: VecDeque<Letter>,
    bytes: usize,
    overflown: bool,
}

impl Mailbox {
    /// A mailbox for so many bytes.
    pub(crate) fn new(limit: usize) -> Mailbox {
        Mailbox {
            queue: Mutex::default(),
            arrived: Notify::new(),
            limit,
        }
    }

    /// Puts a letter in. A mailbox that would hold too much is emptied and stays so: its owner does not read.
    pub(crate) fn put(&self, letter: Letter) {
        let mut queue = self.lock();
        if queue.overflown {
            return;
        }
        if let Letter::Stanza(xml) = &letter {
            queue.bytes += xml.len();
        }
        queue.letters.push_back(letter);
        if queue.bytes > self.limit {
            *queue = Queue {
                overflown: true,
                ..Queue::default()
            };
        }
        drop(queue);
        self.arrived.notify_one();
    }

    /// Takes the first letter.
    pub(crate) fn take(&self) -> Option<Letter> {
        let mut queue = self.lock();
        let letter = queue.letters.pop_front()?;
        if let Letter::Stanza(xml) = &letter {
            queue.bytes -= xml.len();
        }
        Some(letter)
    }

    /// Whether so much is waiting that stanzas which can be refused should be.
    pub(crate) fn is_crowded(&self) -> bool {
        let queue = self.lock();
        queue.overflown || queue.bytes > self.limit / 2
    }

    /// Whether too much was waiting, so that something is lost.
    pub(crate) fn is_overflown(&self) -> bool {
        self.lock().overflown
    }

    /// Waits for a letter.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_out_in_order_and_too_many_are_dropped() {
        let mailbox = Mailbox::new(10);
        mailbox.put(Letter::Stanza("12345".into()));
        assert!(!mailbox.is_crowded());
        mailbox.put(Letter::Stanza("6789".into()));
        assert!(mailbox.is_crowded());
        assert_eq!(mailbox.take(), Some(Letter::Stanza("12345".into())));
        assert!(!mailbox.is_crowded());
        mailbox.put(Letter::Stanza("1234567".into()));
        assert!(mailbox.is_overflown());
        assert_eq!(mailbox.take(), None);
        mailbox.put(Letter::End(StreamCondition::Reset));
        assert_eq!(mailbox.take(), None);
    }
}
