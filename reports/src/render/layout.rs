//! Text in columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// At most so many columns; a cut shows.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut lines = break_anywhere(text, width.saturating_sub(1));
    format!("{}…", lines.swap_remove(0))
}

/// Lines of at most so many columns, broken between words where there are any.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.width() > width {
            let pieces = break_anywhere(&line, width);
            lines.extend(pieces.into_iter().map(str::to_owned));
            line = lines.pop().unwrap_or_default();
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Pieces of at most so many columns; at least one, and none empty but the only one.
pub(super) fn break_anywhere(text: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut columns) = (0, 0);
    for (index, c) in text.char_indices() {
        let w = c.width().unwrap_or(0);
        if columns + w > width && index > start {
            pieces.push(&text[start..index]);
            (start, columns) = (index, 0);
        }
        columns += w;
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert!(wrap("", 4).is_empty());
        assert_eq!(break_anywhere("日本語", 4), ["日本", "語"]);
        assert_eq!(break_anywhere("", 4), [""]);
        assert_eq!(break_anywhere("ab", 0), ["a", "b"]);
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
