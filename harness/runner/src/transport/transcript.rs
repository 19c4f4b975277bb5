//! What happened in a case: every byte in both directions, with its time, its actor and its layer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use xmppspec_reports::Packet;

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
    /// UDP: a packet of multicast DNS.
    Mdns,
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
    /// What is known about a packet.
    pub packet: Option<Packet>,
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
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.kept().began
    }

    /// Adds bytes. Stretches that follow each other in the same direction within a millisecond are one entry.
    pub fn bytes(&self, actor: &str, layer: Layer, direction: Direction, bytes: &[u8]) {
        let mut kept = self.kept();
        let at = kept.began.elapsed();
        if !kept.has_room(at, actor, direction, bytes.len()) {
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
        self.kept().full
    }

    /// Adds a packet that came or went at `at`, which may be some time ago.
    pub fn packet(
        &self,
        actor: &str,
        direction: Direction,
        at: Instant,
        bytes: &[u8],
        packet: Packet,
    ) {
        let mut kept = self.kept();
        let at = at.saturating_duration_since(kept.began);
        if kept.has_room(at, actor, direction, bytes.len() + packet.text.len()) {
            kept.entries.push(Entry {
                packet: Some(packet),
                ..entry(at, actor, Layer::Mdns, direction, bytes)
            });
        }
    }

    /// Everything so far in the order of time; the transcript is empty then.
    #[must_use]
    pub fn take(&self) -> Vec<Entry> {
        let mut entries = std::mem::take(&mut self.kept().entries);
        entries.sort_by_key(|entry| entry.at);
        entries
    }
}

impl Kept {
    /// Counts an entry of this size, and says once if it is not kept.
    fn has_room(&mut self, at: Duration, actor: &str, direction: Direction, size: usize) -> bool {
        let so_far = match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received | Direction::Note => &mut self.received,
        };
        *so_far += size;
        let has_room = *so_far <= MAX_BYTES && self.entries.len() < MAX_ENTRIES;
        if !has_room && !self.full {
            self.full = true;
            let text = "the transcript is full: what follows is not kept";
            let note = entry(at, actor, Layer::Plain, Direction::Note, text.as_bytes());
            self.entries.push(note);
        }
        has_room
    }
}

fn entry(at: Duration, actor: &str, layer: Layer, direction: Direction, bytes: &[u8]) -> Entry {
    Entry {
        at,
        actor: actor.to_owned(),
        layer,
        direction,
        bytes: bytes.to_vec(),
        packet: None,
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
    fn packets_stand_where_they_belong() {
        let log = Transcript::default();
        log.note("", "first");
        let packet = |text: &str| Packet {
            source: "10.174.0.1:5353".to_owned(),
            destination: "224.0.0.251:5353".to_owned(),
            ttl: 255,
            text: text.to_owned(),
        };
        let later = log.began() + Duration::from_secs(5);
        for (at, text) in [(later, "later"), (log.began(), "at once")] {
            log.packet("Romeo", Direction::Received, at, b"x", packet(text));
        }
        log.note("", "last");
        let texts: Vec<_> = log
            .take()
            .into_iter()
            .map(|e| {
                e.packet
                    .map_or(String::from_utf8(e.bytes).unwrap(), |p| p.text)
            })
            .collect();
        assert_eq!(texts, ["at once", "first", "last", "later"]);
        log.packet(
            "Romeo",
            Direction::Sent,
            later,
            b"x",
            packet(&"x".repeat(MAX_BYTES)),
        );
        assert_eq!(log.take()[0].direction, Direction::Note);
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
