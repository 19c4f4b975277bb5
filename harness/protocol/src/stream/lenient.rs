//! A second reading of bytes that the strict one refuses, for people.

use std::fmt::Write;

/// So many bytes on each side of a fault are shown.
const CONTEXT: usize = 40;

/// Says what bytes are when they are not what they should be: how much of a stream could be read, the fault, and the
/// bytes around it with `⟦⟧` where they break.
pub fn lenient(bytes: &[u8]) -> String {
    let (lines, error) = super::read(bytes);
    let count = |kind: &str| lines.iter().filter(|line| line.starts_with(kind)).count();
    let mut out = format!(
        "{} bytes, {} start tags, {} end tags",
        bytes.len(),
        count("start "),
        count("end ")
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
