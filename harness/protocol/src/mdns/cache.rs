//! What a listener knows.

use std::collections::HashMap;
use std::time::Duration;

use super::{Seen, folded};
use crate::dns::{Kind, Name, Record};

/// A record that was taken back, or that another replaces, is kept so long, so that it can be rescued (RFC 6762 §10.1,
/// §10.2).
const RESCUE: Duration = Duration::from_secs(1);

/// The records that were heard, until their time runs out (RFC 6762 §5.2, §10).
#[derive(Clone, Debug, Default)]
pub struct Cache {
    sets: HashMap<Key, Set>,
}

/// Name, type and class.
type Key = (Vec<u8>, Kind, u16);

/// By data: a shared set may be large.
type Set = HashMap<Vec<u8>, Entry>;

#[derive(Clone, Debug)]
struct Entry {
    record: Record,
    heard: Duration,
    ends: Duration,
}

impl Cache {
    /// Takes in a packet. Packets come in the order of time. Queries, and what is to be ignored, change nothing.
    pub fn hear(&mut self, seen: &Seen) {
        let message = &seen.message;
        if !message.is_response() || seen.is_ignored() {
            return;
        }
        for record in message.answers.iter().chain(&message.additionals) {
            self.record(record, seen.at);
        }
    }

    fn record(&mut self, record: &Record, now: Duration) {
        let key = key(&record.name, record.kind(), record.class);
        let set = self.sets.entry(key).or_default();
        if record.flush {
            // others of this set that have come within the last second may be of the same announcement
            for entry in set.values_mut() {
                if now.saturating_sub(entry.heard) > RESCUE {
                    entry.ends = entry.ends.min(now + RESCUE);
                }
            }
        }
        let data = folded(&record.data);
        if record.ttl > 0 {
            set.insert(data, Entry::new(record, now));
        } else if let Some(entry) = set.get_mut(&data) {
            entry.ends = entry.ends.min(now + RESCUE);
        }
    }

    /// The records of a name and type that are known at this time, which is not before the last packet; in no order.
    pub fn get(&self, name: &Name, kind: Kind, now: Duration) -> Vec<&Record> {
        let set = self.sets.get(&key(name, kind, crate::dns::CLASS_IN));
        let entries = set.into_iter().flat_map(HashMap::values);
        let live = entries.filter(|entry| entry.ends > now);
        live.map(|entry| &entry.record).collect()
    }

    /// All records that are known at this time, in no order.
    pub fn all(&self, now: Duration) -> impl Iterator<Item = &Record> {
        let entries = self.sets.values().flat_map(HashMap::values);
        entries
            .filter(move |entry| entry.ends > now)
            .map(|entry| &entry.record)
    }
}

impl Entry {
    fn new(record: &Record, now: Duration) -> Entry {
        Entry {
            record: record.clone(),
            heard: now,
            ends: now + Duration::from_secs(record.ttl.into()),
        }
    }
}

fn key(name: &Name, kind: Kind, class: u16) -> Key {
    (name.folded(), kind, class)
}
