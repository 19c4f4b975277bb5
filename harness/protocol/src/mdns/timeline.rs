//! What happened when.

use std::collections::HashMap;
use std::time::Duration;

use super::{Seen, folded};
use crate::dns::{Kind, Name, Question, Record};

/// A response to a question comes within this time: at most 500 ms when more known answers may follow (RFC 6762 §7.2),
/// and the scheduling of two hosts.
const ANSWER_TIME: Duration = Duration::from_millis(750);

/// How soon a record may be multicast again (RFC 6762 §6).
const AGAIN: Duration = Duration::from_secs(1);

/// A query that asks whether a name is free (RFC 6762 §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// When it was sent.
    pub at: Duration,
    /// The question; should be for any type and a unicast response.
    pub question: Question,
    /// The records that are proposed for the name.
    pub proposed: Vec<Record>,
}

/// The probes for a name: queries that ask for it and propose records of it.
pub fn probes<'a>(log: impl IntoIterator<Item = &'a Seen>, name: &Name) -> Vec<Probe> {
    let probe = |seen: &Seen| {
        let message = &seen.message;
        let question = message.questions.iter().find(|q| q.name.same(name))?;
        let of_name = |record: &&Record| record.name.same(name);
        let proposed: Vec<_> = message
            .authorities
            .iter()
            .filter(of_name)
            .cloned()
            .collect();
        (!message.is_response() && !proposed.is_empty()).then(|| Probe {
            at: seen.at,
            question: question.clone(),
            proposed,
        })
    };
    log.into_iter().filter_map(probe).collect()
}

/// The times at which a name and type was asked for, probes aside, with the query.
pub fn asked<'a>(
    log: impl IntoIterator<Item = &'a Seen>,
    name: &Name,
    kind: Kind,
) -> Vec<&'a Seen> {
    let asks = |seen: &&Seen| {
        let message = &seen.message;
        let about = |question: &Question| question.kind == kind && question.name.same(name);
        !message.is_response()
            && message.authorities.is_empty()
            && message.questions.iter().any(about)
    };
    log.into_iter().filter(asks).collect()
}

/// Each time that a record was in the answers of a multicast response, with the record as it was then.
pub fn multicast<'a>(
    log: impl IntoIterator<Item = &'a Seen>,
    wanted: impl Fn(&Record) -> bool,
) -> Vec<(Duration, &'a Record)> {
    let mut found = Vec::new();
    for seen in log {
        if seen.message.is_response() && seen.is_multicast() {
            let answers = seen.message.answers.iter().filter(|record| wanted(record));
            found.extend(answers.map(|record| (seen.at, record)));
        }
    }
    found
}

/// Each time that a record was taken back: in the answers of a multicast response with TTL 0 (RFC 6762 §10.1).
pub fn goodbyes<'a>(log: impl IntoIterator<Item = &'a Seen>) -> Vec<(Duration, &'a Record)> {
    multicast(log, |record| record.ttl == 0)
}

/// The multicast responses that nobody had asked for: announcements, updates and goodbyes. Of all packets on the link
/// those chosen by `of` are judged; a question of anybody may have caused them, and a probe too, which asks as well.
pub fn unasked(log: &[Seen], of: impl Fn(&Seen) -> bool) -> Vec<&Seen> {
    let caused = |response: &Seen| {
        let causes = log.iter().filter(|seen| {
            !seen.message.is_response()
                && seen.source != response.source
                && seen.at <= response.at
                && response.at - seen.at <= ANSWER_TIME
        });
        let mut questions = causes.flat_map(|seen| &seen.message.questions);
        questions.any(|question| {
            let answers = &response.message.answers;
            answers.iter().any(|record| question.asks_for(record))
        })
    };
    log.iter()
        .filter(|seen| {
            of(seen) && seen.message.is_response() && seen.is_multicast() && !caused(seen)
        })
        .collect()
}

/// What a query made the hosts chosen by `of` say: the responses, to all or to the one who asked, with a record that
/// it asks for, until `within` has gone by. How late each came is the difference of their times.
pub fn answers<'a>(
    log: &'a [Seen],
    query: &Seen,
    within: Duration,
    of: impl Fn(&Seen) -> bool,
) -> Vec<&'a Seen> {
    let answers = |response: &&Seen| {
        let message = &response.message;
        let asked = |record: &Record| {
            let mut questions = query.message.questions.iter();
            questions.any(|question| question.asks_for(record))
        };
        message.is_response()
            && (query.at..=query.at + within).contains(&response.at)
            && (response.is_multicast() || response.destination == query.source)
            && of(response)
            && message.answers.iter().any(asked)
    };
    log.iter().filter(answers).collect()
}

/// The first record that a host multicast again before a second had gone by, `slack` aside, and the time that had (RFC 6762 §6).
/// Of all packets on the link those chosen by `of` are judged, IPv4 and IPv6 each by itself; what defends a name against a
/// probe may come sooner, and a record that was taken back begins anew.
pub fn too_soon(
    log: &[Seen],
    slack: Duration,
    of: impl Fn(&Seen) -> bool,
) -> Option<(&Record, Duration)> {
    let mut last: HashMap<_, Duration> = HashMap::new();
    let mut probed: Vec<(Duration, &Question)> = Vec::new();
    for seen in log {
        let message = &seen.message;
        if !of(seen) {
            let is_probe = !message.is_response() && !message.authorities.is_empty();
            let questions = message.questions.iter().filter(|_| is_probe);
            probed.extend(questions.map(|question| (seen.at, question)));
            continue;
        }
        if !message.is_response() || !seen.is_multicast() {
            continue;
        }
        for record in &message.answers {
            let family = seen.source.is_ipv4();
            let what = (record.name.folded(), record.kind(), folded(&record.data));
            let key = (family, what);
            if record.ttl == 0 {
                last.remove(&key);
                continue;
            }
            let Some(before) = last.insert(key, seen.at) else {
                continue;
            };
            let gap = seen.at.saturating_sub(before);
            let defends =
                |(at, question): &(Duration, &Question)| *at >= before && question.asks_for(record);
            if gap + slack < AGAIN && !probed.iter().any(defends) {
                return Some((record, gap));
            }
        }
    }
    None
}

/// The times between one and the next.
pub fn gaps(times: impl IntoIterator<Item = Duration>) -> Vec<Duration> {
    let times: Vec<_> = times.into_iter().collect();
    times
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect()
}

/// The first gap that is not `every`, give or take `slack` (probes: 250 ms, RFC 6762 §8.1).
pub fn uneven(gaps: &[Duration], every: Duration, slack: Duration) -> Option<usize> {
    gaps.iter().position(|gap| gap.abs_diff(every) > slack)
}

/// The first gap that is shorter than it must be, `slack` aside: the first `least`, each further twice the one before
/// it, but none needs to be longer than `most` (questions: 1 s and 60 min, RFC 6762 §5.2; announcements, §8.3).
pub fn not_doubled(
    gaps: &[Duration],
    least: Duration,
    most: Duration,
    slack: Duration,
) -> Option<usize> {
    let mut needed = least;
    gaps.iter().position(|gap| {
        let short = *gap + slack < needed;
        needed = gap.saturating_mul(2).min(most);
        short
    })
}

/// The first gap that is shorter than `least`, `slack` aside (the same record twice: 1 s, RFC 6762 §6).
pub fn bunched(gaps: &[Duration], least: Duration, slack: Duration) -> Option<usize> {
    gaps.iter().position(|gap| *gap + slack < least)
}
