//! Domain names of any bytes.

use std::fmt;

use super::TextError;
use super::text::{self, Cursor};

/// The longest name, in bytes on the wire with all lengths (RFC 1035 §3.1).
pub(super) const MAX_NAME: usize = 255;
/// The longest label, in bytes.
pub(super) const MAX_LABEL: usize = 63;

/// An absolute domain name. Two are equal if their bytes are; [`Name::same`] is what DNS means by it.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The labels as on the wire, each behind its length; without the empty label at the end.
    wire: Vec<u8>,
}

impl Name {
    /// The root.
    pub const ROOT: Name = Name { wire: Vec::new() };

    /// Reads the text form: labels with dots behind them (the last dot may be left out). `\` before a character takes
    /// it literally, `\DDD` is the byte with this decimal number. Other text is UTF-8.
    ///
    /// # Errors
    /// Empty labels, labels of more than 63 bytes, more than 255 bytes, unfinished escapes, unescaped whitespace.
    pub fn parse(text: &str) -> Result<Name, TextError> {
        let mut cursor = Cursor::new(text);
        let name = cursor.name()?;
        cursor.end()?;
        Ok(name)
    }

    /// A name of these labels. `None` if one is empty or too long, or if all are.
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Name> {
        let mut name = Name::ROOT;
        labels
            .into_iter()
            .all(|label| name.push(label))
            .then_some(name)
    }

    /// Appends a label. `false` if it does not fit.
    pub(super) fn push(&mut self, label: &[u8]) -> bool {
        let fits =
            (1..=MAX_LABEL).contains(&label.len()) && self.wire.len() + label.len() + 2 <= MAX_NAME;
        if fits {
            self.wire.push(label.len() as u8);
            self.wire.extend_from_slice(label);
        }
        fits
    }

    /// The labels, the most specific first.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.wire[..];
        std::iter::from_fn(move || {
            let (&length, after) = rest.split_first()?;
            let (label, next) = after.split_at_checked(length.into())?;
            rest = next;
            Some(label)
        })
    }

    /// The first label; empty for the root.
    pub fn first(&self) -> &[u8] {
        self.labels().next().unwrap_or_default()
    }

    /// The name without its first label.
    pub fn parent(&self) -> Name {
        let skipped = self
            .wire
            .first()
            .map_or(0, |&length| usize::from(length) + 1);
        Name {
            wire: self.wire[skipped..].to_vec(),
        }
    }

    /// Whether DNS takes both for the same: ASCII letters match in either case, nothing else does (RFC 6762 §16).
    pub fn same(&self, other: &Name) -> bool {
        // lengths are no letters: none is above 63
        self.wire.eq_ignore_ascii_case(&other.wire)
    }

    /// The bytes in lower case: equal for names that are the same.
    pub(crate) fn folded(&self) -> Vec<u8> {
        self.wire.to_ascii_lowercase()
    }

    /// Whether this name ends in `other`, or is the same.
    pub fn is_within(&self, other: &Name) -> bool {
        let mut rest = &self.wire[..];
        loop {
            if rest.eq_ignore_ascii_case(&other.wire) {
                return true;
            }
            match rest.split_first() {
                Some((&length, after)) => rest = &after[usize::from(length)..],
                None => return false,
            }
        }
    }

    /// The labels as on the wire, without the empty one at the end.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wire.is_empty() {
            return f.write_str(".");
        }
        for label in self.labels() {
            text::escape(label, &['.', ';', '"', '(', ')'], f)?;
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Name {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Name, TextError> {
        Name::parse(text)
    }
}
