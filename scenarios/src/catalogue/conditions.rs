//! Error conditions, with what provokes them (RFC 6120 §4.9.3, §6.5, §8.3.3).

use std::sync::LazyLock;

use super::rows;

const STREAM: &str = include_str!("../../requirements/stream-errors.tsv");
const SASL: &str = include_str!("../../requirements/sasl-errors.tsv");
const STANZA: &str = include_str!("../../requirements/stanza-errors.tsv");

/// What kind of error a condition belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionKind {
    /// `<stream:error/>` (RFC 6120 §4.9).
    Stream,
    /// `<failure/>` of SASL (RFC 6120 §6.5).
    Sasl,
    /// `<error/>` in a stanza (RFC 6120 §8.3).
    Stanza,
}

/// An error condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What kind of error it belongs to.
    pub kind: ConditionKind,
    /// `RFC6120`.
    pub spec: &'static str,
    /// The section that defines it.
    pub section: &'static str,
    /// The name of its element.
    pub name: &'static str,
    /// Stanza errors: the error type that goes with it; empty for others, which have none.
    pub error_type: &'static str,
    /// Stream errors: the streams it is sent on (`c2s,s2s`); SASL: what it answers (`auth, response`); stanza errors:
    /// how binding the type is.
    pub context: &'static str,
    /// What it takes to see it: see [`Requirement::observable`](super::Requirement::observable).
    pub observable: &'static str,
    /// What provokes it.
    pub trigger: &'static str,
}

static CONDITIONS: LazyLock<Vec<Condition>> = LazyLock::new(|| {
    let tables = [
        (ConditionKind::Stream, STREAM),
        (ConditionKind::Sasl, SASL),
        (ConditionKind::Stanza, STANZA),
    ];
    let read = |(kind, table)| rows(table).filter_map(move |row| condition(kind, &row));
    tables.into_iter().flat_map(read).collect()
});

fn condition(kind: ConditionKind, row: &[&'static str]) -> Option<Condition> {
    let [
        spec,
        section,
        name,
        error_type,
        context,
        observable,
        trigger,
    ] = *row
    else {
        return None;
    };
    Some(Condition {
        kind,
        spec,
        section,
        name,
        error_type: if kind == ConditionKind::Stanza {
            error_type
        } else {
            ""
        },
        context,
        observable,
        trigger,
    })
}

/// Every error condition: of streams, of SASL, of stanzas.
pub fn conditions() -> &'static [Condition] {
    &CONDITIONS
}

#[cfg(test)]
mod tests {
    use xmppspec_protocol::conditions::{SaslCondition, StanzaCondition, StreamCondition};

    use super::*;

    #[test]
    fn the_tables_have_the_conditions_of_the_protocol() {
        let of = |kind| {
            let of_kind = conditions().iter().filter(move |c| c.kind == kind);
            of_kind.map(|c| (c.name, c.section)).collect::<Vec<_>>()
        };
        let stream = StreamCondition::ALL.iter().map(|c| (c.name(), c.section()));
        assert_eq!(of(ConditionKind::Stream), stream.collect::<Vec<_>>());
        let sasl = SaslCondition::ALL.iter().map(|c| (c.name(), c.section()));
        assert_eq!(of(ConditionKind::Sasl), sasl.collect::<Vec<_>>());
        let stanza = StanzaCondition::ALL.iter().map(|c| (c.name(), c.section()));
        assert_eq!(of(ConditionKind::Stanza), stanza.collect::<Vec<_>>());
    }
}
