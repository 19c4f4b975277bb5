//! Text that remembers which bytes of the script it was made from, for the caret of a diagnostic.

use std::fmt;
use std::ops::{Deref, Range};

/// A stretch of a [`Template`] and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    at: usize,
    len: usize,
    from: Range<usize>,
}

/// Text made from a script: a dedented body, a line with the columns of a row filled in, an
/// expanded body. [`Template::locate`] leads back to the script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    text: String,
    segments: Vec<Segment>,
}

impl Template {
    /// Text that stands in its source from `offset` on.
    pub fn verbatim(text: &str, offset: usize) -> Template {
        let mut template = Template::default();
        template.push_verbatim(text, offset);
        template
    }

    /// Appends text that stands like this in the source.
    pub fn push_verbatim(&mut self, text: &str, offset: usize) {
        if text.is_empty() {
            return;
        }
        let at = self.text.len();
        self.text.push_str(text);
        if let Some(last) = self.segments.last_mut()
            && last.from.len() == last.len
            && last.from.end == offset
        {
            last.len += text.len();
            last.from.end += text.len();
            return;
        }
        self.segments.push(Segment {
            at,
            len: text.len(),
            from: offset..offset + text.len(),
        });
    }

    /// Appends text that stands for something else in the source.
    pub fn push_replacement(&mut self, text: &str, from: Range<usize>) {
        let at = self.text.len();
        self.text.push_str(text);
        self.segments.push(Segment {
            at,
            len: text.len(),
            from,
        });
    }

    /// Appends a part of another template, with its way back to the source.
    pub fn push_part(&mut self, other: &Template, range: Range<usize>) {
        for segment in &other.segments {
            let start = range.start.max(segment.at);
            let end = range.end.min(segment.at + segment.len);
            if start >= end {
                continue;
            }
            let text = &other.text[start..end];
            if segment.from.len() == segment.len {
                self.push_verbatim(text, segment.from.start + (start - segment.at));
            } else {
                self.push_replacement(text, segment.from.clone());
            }
        }
    }

    /// A part of this text.
    pub fn part(&self, range: Range<usize>) -> Template {
        let mut part = Template::default();
        part.push_part(self, range);
        part
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bytes of the source that this range of the text was made from.
    pub fn locate(&self, range: Range<usize>) -> Range<usize> {
        let start = self.locate_byte(range.start, false);
        let end = if range.end > range.start {
            self.locate_byte(range.end - 1, true)
        } else {
            start
        };
        start..end.max(start)
    }

    /// The first (or the end of the last) byte in the source that the byte at `offset` was made from.
    fn locate_byte(&self, offset: usize, end: bool) -> usize {
        let index = self
            .segments
            .partition_point(|segment| segment.at <= offset);
        let Some(segment) = index.checked_sub(1).and_then(|i| self.segments.get(i)) else {
            return self.segments.first().map_or(0, |first| first.from.start);
        };
        if segment.from.len() == segment.len {
            let within = (offset - segment.at).min(segment.len);
            (segment.from.start + within + usize::from(end)).min(segment.from.end)
        } else if end || offset >= segment.at + segment.len {
            segment.from.end
        } else {
            segment.from.start
        }
    }
}

impl Deref for Template {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Template {
        Template::verbatim(text, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_back_to_the_source() {
        // source: "ab ${x} cd"
        let mut template = Template::verbatim("ab ", 0);
        template.push_replacement("LONG VALUE", 3..7);
        template.push_verbatim(" cd", 7);
        assert_eq!(&*template, "ab LONG VALUE cd");
        assert_eq!(template.locate(0..2), 0..2);
        assert_eq!(template.locate(5..8), 3..7);
        assert_eq!(template.locate(14..16), 8..10);
        assert_eq!(template.locate(1..15), 1..9);
        let part = template.part(4..15);
        assert_eq!(&*part, "ONG VALUE c");
        assert_eq!(part.locate(9..11), 7..9);
        assert_eq!(part.locate(2..3), 3..7);
    }
}
