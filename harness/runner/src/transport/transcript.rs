//! What happened in a case: every byte in both directions, with its time, its actor and its layer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most that one case keeps of each direction, in bytes: a target that floods must not fill the memory. Far above what
/// any scenario exchanges.
const MAX_BYTES: usize = 1 << 20;

/// The most entries that one case keeps.
const MAX_ENTRIES: usize = 4_000;

/// What carried the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// TCP alone.
    Plain,
    /// Inside TLS.
    Tls,
}

/// Which way the bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the actor to the target.
    Sent,
    /// From the target to the actor.
    Received,
    /// No bytes: an event, in words.
    Note,
}

/// One stretch of bytes, or one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Since the case began.
    pub at: Duration,
    /// The actor's name.
    pub actor: String,
    /// What carried it.
    pub layer: Layer,
    /// Which way it went.
    pub direction: Direction,
    /// The bytes as they were on this layer; for a note, its words.
    pub bytes: Vec<u8>,
}

/// A transcript that several connections write.
#[derive(Debug, Clone)]
pub struct Transcript(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    began: Instant,
    entries: Vec<Entry>,
    sent: usize,
    received: usize,
    full: bool,
}

impl Default for Transcript {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Kept {
            began: Instant::now(),
            entries: Vec::new(),
            sent: 0,
            received: 0,
            full: false,
        })))
    }
}

impl Transcript {
    /// Adds bytes. Stretches that follow each other in the same direction within a millisecond are one entry.
    pub fn bytes(&self, actor: &str, layer: Layer, direction: Direction, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.began.elapsed();
        let so_far = match direction {
            Direction::Sent => &mut kept.sent,
            Direction::Received | Direction::Note => &mut kept.received,
        };
        let room = MAX_BYTES.saturating_sub(*so_far).min(bytes.len());
        *so_far += bytes.len();
        if room < bytes.len() || kept.entries.len() >= MAX_ENTRIES {
            if !kept.full {
                kept.full = true;
                let text = "the transcript is full: what follows is not kept";
                kept.entries
                    .push(entry(at, actor, layer, Direction::Note, text.as_bytes()));
            }
            return;
        }
        if let Some(last) = kept.entries.last_mut()
            && last.actor == actor
            && last.direction == direction
            && last.layer == layer
            && direction != Direction::Note
            && at.saturating_sub(last.at) < Duration::from_millis(1)
        {
            last.bytes.extend_from_slice(bytes);
        } else {
            kept.entries.push(entry(at, actor, layer, direction, bytes));
        }
    }

    /// Adds an event.
    pub fn note(&self, actor: &str, text: &str) {
        self.bytes(actor, Layer::Plain, Direction::Note, text.as_bytes());
    }

    /// Whether nothing more is kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).full
    }

    /// Everything so far; the transcript is empty then.
    #[must_use]
    pub fn take(&self) -> Vec<Entry> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut kept.entries)
    }
}

fn entry(at: Duration, actor: &str, layer: Layer, direction: Direction, bytes: &[u8]) -> Entry {
    Entry {
        at,
        actor: actor.to_owned(),
        layer,
        direction,
        bytes: bytes.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_exact_bytes() {
        let log = Transcript::default();
        log.bytes("Romeo", Layer::Plain, Direction::Sent, b"<a");
        log.bytes("Romeo", Layer::Plain, Direction::Received, b"\xff\0");
        log.note("Romeo", "the end");
        let all = log.take();
        let shown: Vec<_> = all
            .iter()
            .map(|e| (e.direction, e.bytes.as_slice()))
            .collect();
        assert_eq!(
            shown,
            [
                (Direction::Sent, &b"<a"[..]),
                (Direction::Received, b"\xff\0"),
                (Direction::Note, b"the end")
            ]
        );
        assert!(log.take().is_empty());
    }

    #[test]
    fn a_flood_is_cut_and_said_to_be() {
        let log = Transcript::default();
        for _ in 0..100 {
            log.bytes("Romeo", Layer::Plain, Direction::Received, &[b'x'; 1 << 16]);
        }
        log.bytes("Romeo", Layer::Plain, Direction::Sent, b"still kept");
        let all = log.take();
        let bytes: usize = all.iter().map(|e| e.bytes.len()).sum();
        assert!(bytes <= MAX_BYTES + 200, "{bytes}");
        assert_eq!(
            all.iter()
                .filter(|e| e.direction == Direction::Note)
                .count(),
            1
        );
        assert_eq!(
            all.last().map(|e| e.bytes.as_slice()),
            Some(&b"still kept"[..])
        );
    }
}
