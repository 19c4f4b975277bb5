//! What a listener knows.

use std::collections::HashMap;
use std::time::Duration;

use super::{Seen, folded};
use crate::dns::{CLASS_IN, Kind, Name, Record};

/// A record that was taken back, or that another replaces, is kept so long, so that it can be rescued (RFC 6762 §10.1,
/// §10.2).
const RESCUE: Duration = Duration::from_secs(1);

/// The most bytes that are kept, names and data with what it costs to keep them: room for 100 000 records of the usual size.
/// What comes when all of it is taken by records that still live is not kept.
const MOST_BYTES: usize = 64 << 20;

/// What an entry costs beside its name and its data, about.
const OVERHEAD: usize = 300;

/// The records that were heard, until their time runs out (RFC 6762 §5.2, §10).
#[derive(Clone, Debug, Default)]
pub struct Cache {
    /// By name in lower case.
    names: HashMap<Vec<u8>, HashMap<Type, Set>>,
    bytes: usize,
    /// When what had run out was last thrown away.
    swept: Duration,
}

/// Type and class.
type Type = (Kind, u16);

#[derive(Clone, Debug, Default)]
struct Set {
    /// By data: a shared set may be large.
    entries: HashMap<Vec<u8>, Entry>,
    /// When a record with the cache-flush bit last came: the others need to be looked at once a packet, not once a record.
    flushed: Option<Duration>,
}

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
        let (name, kind) = (record.name.folded(), (record.kind(), record.class));
        let data = folded(&record.data);
        let cost = OVERHEAD + name.len() + 2 * data.len();
        let known = self.names.get_mut(&name).and_then(|n| n.get_mut(&kind));
        let mut is_new = true;
        if let Some(set) = known {
            if record.flush {
                set.flush(now);
            }
            if let Some(entry) = set.entries.get_mut(&data) {
                if record.ttl == 0 {
                    entry.ends = entry.ends.min(now + RESCUE);
                } else {
                    *entry = Entry::new(record, now);
                }
                is_new = false;
            }
        }
        if !is_new || record.ttl == 0 || !self.has_room(cost, now) {
            return;
        }
        self.bytes += cost;
        let set = self.names.entry(name).or_default().entry(kind).or_default();
        set.entries.insert(data, Entry::new(record, now));
    }

    /// Whether so many bytes can be kept. What has run out is thrown away when they cannot, but no more than once a second.
    fn has_room(&mut self, cost: usize, now: Duration) -> bool {
        if self.bytes + cost > MOST_BYTES && now >= self.swept + RESCUE {
            self.swept = now;
            let mut left = 0;
            self.names.retain(|name, kinds| {
                kinds.retain(|_, set| {
                    set.entries.retain(|data, entry| {
                        let lives = entry.ends > now;
                        left += usize::from(lives) * (OVERHEAD + name.len() + 2 * data.len());
                        lives
                    });
                    !set.entries.is_empty()
                });
                !kinds.is_empty()
            });
            self.bytes = left;
        }
        self.bytes + cost <= MOST_BYTES
    }

    /// The records of a name and type that are known at this time, which is not before the last packet; in no order.
    pub fn get(&self, name: &Name, kind: Kind, now: Duration) -> Vec<&Record> {
        let kinds = self.names.get(&name.folded());
        let set = kinds.and_then(|kinds| kinds.get(&(kind, CLASS_IN)));
        set.into_iter().flat_map(|set| set.live(now)).collect()
    }

    /// All records of a name that are known at this time, in no order.
    pub fn named(&self, name: &Name, now: Duration) -> impl Iterator<Item = &Record> {
        let kinds = self.names.get(&name.folded()).into_iter();
        let sets = kinds.flat_map(HashMap::values);
        sets.flat_map(move |set| set.live(now))
    }

    /// All records that are known at this time, in no order.
    pub fn all(&self, now: Duration) -> impl Iterator<Item = &Record> {
        let sets = self.names.values().flat_map(HashMap::values);
        sets.flat_map(move |set| set.live(now))
    }
}

impl Set {
    /// A record with the cache-flush bit has come: the others are of the past, but for those that have come within the last
    /// second, which may be of the same announcement.
    fn flush(&mut self, now: Duration) {
        if self.flushed.replace(now) == Some(now) {
            return;
        }
        for entry in self.entries.values_mut() {
            if now.saturating_sub(entry.heard) > RESCUE {
                entry.ends = entry.ends.min(now + RESCUE);
            }
        }
    }

    fn live(&self, now: Duration) -> impl Iterator<Item = &Record> {
        let live = self.entries.values().filter(move |entry| entry.ends > now);
        live.map(|entry| &entry.record)
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
