//! What the user of a peer sees, in scripts: an event a line, `online romeo@forza away gone fishing`.

use std::time::Duration;

use super::value::{Place, Value};

/// The events there are, with how many words stand before the text.
const EVENTS: [(&str, usize); 7] = [
    ("online", 3),
    ("status", 3),
    ("offline", 2),
    ("message", 2),
    ("error", 1),
    ("self-online", 1),
    ("self-offline", 1),
];

/// What must be seen, one after the other.
#[derive(Clone, Debug)]
pub struct EventPattern {
    lines: Vec<(String, Vec<Value>)>,
    /// `for: 2s`: how long nothing like it may be seen.
    pub for_: Option<Duration>,
    /// `after: 0.8s..3s`: since the last thing heard, seen, sent or asked for.
    pub after: Option<super::Window>,
}

impl EventPattern {
    /// Reads a body whose placeholders have been replaced.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(body: &str) -> Result<EventPattern, String> {
        let mut pattern = EventPattern {
            lines: Vec::new(),
            for_: None,
            after: None,
        };
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(given) = line.strip_prefix("for:") {
                let time = super::packet::duration(given);
                pattern.for_ = Some(time.ok_or_else(|| format!("`{given}` is no time"))?);
                continue;
            }
            if let Some(given) = line.strip_prefix("after:") {
                let time = super::packet::window(given);
                pattern.after = Some(time.ok_or_else(|| format!("`{given}` is no time"))?);
                continue;
            }
            let event = line.split(' ').next().unwrap_or_default();
            let Some((_, words)) = EVENTS.iter().find(|(name, _)| *name == event) else {
                let known: Vec<&str> = EVENTS.iter().map(|(name, _)| *name).collect();
                return Err(format!(
                    "there is no event `{event}`; there are {}",
                    known.join(", ")
                ));
            };
            let values = line
                .splitn(words + 1, ' ')
                .map(|word| Value::read(word, Place::Attribute, &mut Vec::new()));
            let values = values.collect::<Result<_, _>>().map_err(|f| f.title)?;
            pattern.lines.push((line.to_owned(), values));
        }
        if pattern.lines.is_empty() {
            return Err("no event is written".to_owned());
        }
        Ok(pattern)
    }

    /// The names that it binds.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        let values = self.lines.iter().flat_map(|(_, values)| values);
        values.flat_map(Value::captures)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none; never so.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A line as it was written.
    pub fn line(&self, number: usize) -> &str {
        self.lines.get(number).map_or("", |(line, _)| line.as_str())
    }

    /// Whether an event, given as its words (`message`, `romeo@forza`, the text), agrees with line `number`; names and values to
    /// be bound. What is not written may be anything.
    pub fn matches(&self, number: usize, words: &[&str]) -> Option<Vec<(String, String)>> {
        let (_, values) = self.lines.get(number)?;
        let mut captures = Vec::new();
        let mut words = words.iter();
        for value in values {
            if !value.accepts(words.next()?, &mut captures) {
                return None;
            }
        }
        Some(captures)
    }
}

/// Names that a peer and a target have in scripts (`${Romeo's instance}`), with made-up values.
pub fn made_up_peer() -> &'static [(&'static str, &'static str)] {
    &[
        ("instance", "romeo@forza"),
        ("name", "romeo@forza._presence._tcp.local."),
        ("host", "forza.local."),
        ("machine", "forza"),
        ("address", "10.174.0.2"),
        ("IPv6 address", "fe80::2"),
        ("port", "5298"),
        ("user", "romeo"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_by_their_words() {
        let pattern = EventPattern::parse(
            "online romeo@{any} away\nmessage {any} hello {capture:w}\nfor: 2s",
        )
        .unwrap();
        assert_eq!(
            (pattern.len(), pattern.for_),
            (2, Some(Duration::from_secs(2)))
        );
        assert!(
            pattern
                .matches(0, &["online", "romeo@forza", "away", "gone"])
                .is_some()
        );
        assert!(
            pattern
                .matches(0, &["online", "romeo@forza", "dnd", ""])
                .is_none()
        );
        let bound = pattern
            .matches(1, &["message", "x", "hello old friend"])
            .unwrap();
        assert_eq!(bound, [("w".to_owned(), "old friend".to_owned())]);
        for wrong in ["", "greets romeo", "for: ever"] {
            assert!(EventPattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
