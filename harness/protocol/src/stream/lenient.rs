//! A second reading of bytes that the strict one refuses, for people.

use std::fmt::Write;

use crate::xml::{Event, Limits, Mode, Reader};

/// So many bytes on each side of a fault are shown.
const CONTEXT: usize = 40;

/// Says what bytes are when they are not what they should be: how much of a stream could be read, the fault, and the
/// bytes around it with `⟦⟧` where they break.
pub fn lenient(bytes: &[u8]) -> String {
    let mut reader = Reader::new(bytes, Mode::Stream, Limits::NONE);
    let (mut starts, mut ends) = (0usize, 0usize);
    let error = loop {
        match reader.next() {
            Ok(Some(Event::Start(_))) => starts += 1,
            Ok(Some(Event::End(_))) => ends += 1,
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let mut out = format!(
        "{} bytes, {starts} start tags, {ends} end tags",
        bytes.len()
    );
    if let Some(error) = error {
        let at = usize::try_from(error.offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let (before, after) = (
            &bytes[at.saturating_sub(CONTEXT)..at],
            &bytes[at..bytes.len().min(at + CONTEXT)],
        );
        let _ = write!(
            out,
            "; {error}: {}⟦⟧{}",
            before.escape_ascii(),
            after.escape_ascii()
        );
    }
    out
}
