//! Making inputs as small as they can be while they still show what they show.

/// The smallest pieces at first.
const COARSE: usize = 8;
/// More pieces of markup than these are not taken away in every combination.
const MOST_MARKS: usize = 24;

/// Takes pieces away, large ones first and then along the markup, for as long as `shows` holds; then makes what is left
/// plain. At most `tries` calls of `shows`.
pub fn minimise(input: &[u8], tries: usize, shows: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut search = Search {
        best: input.to_vec(),
        tries,
        shows,
    };
    // `None`: there are no tries left. A large input must not be copied for nothing then.
    let _ = search.run();
    search.best
}

struct Search<F> {
    best: Vec<u8>,
    tries: usize,
    shows: F,
}

impl<F: FnMut(&[u8]) -> bool> Search<F> {
    /// Whether a candidate is better, and then the best. `None`: there are no tries left.
    fn attempt(&mut self, candidate: Vec<u8>) -> Option<bool> {
        self.tries = self.tries.checked_sub(1)?;
        let better = (self.shows)(&candidate);
        if better {
            self.best = candidate;
        }
        Some(better)
    }

    fn run(&mut self) -> Option<()> {
        // Byte by byte only what is left of the markup: that takes most tries.
        self.shorten(COARSE)?;
        self.untangle()?;
        loop {
            let before = self.best.len();
            self.shorten(1)?;
            self.untangle()?;
            self.make_plain()?;
            if self.best.len() == before {
                return Some(());
            }
        }
    }

    /// Pieces down to a size.
    fn shorten(&mut self, least: usize) -> Option<()> {
        loop {
            let before = self.best.len();
            let mut size = before.div_ceil(2).max(1);
            loop {
                let mut at = 0;
                while at < self.best.len() {
                    let end = (at + size).min(self.best.len());
                    let candidate = [&self.best[..at], &self.best[end..]].concat();
                    if !self.attempt(candidate)? {
                        at = end;
                    }
                }
                if size <= least {
                    break;
                }
                size = size.div_ceil(2).max(least);
            }
            if self.best.len() == before {
                return Some(());
            }
        }
    }

    /// Takes away what reaches from one mark of markup to another, and tags with their end tags.
    fn untangle(&mut self) -> Option<()> {
        loop {
            let before = self.best.len();
            self.take_spans()?;
            self.take_pairs()?;
            if self.best.len() == before {
                return Some(());
            }
        }
    }

    fn take_spans(&mut self) -> Option<()> {
        let marks = |bytes: &[u8]| -> Vec<usize> {
            let is_mark = |at: &usize| {
                let before = at.checked_sub(1).map(|at| bytes[at]);
                *at == bytes.len()
                    || matches!(bytes[*at], b'<' | b' ' | b'>' | b'&')
                    || matches!(before, Some(b'>' | b'\'' | b'"' | b';'))
            };
            (0..=bytes.len()).filter(is_mark).take(MOST_MARKS).collect()
        };
        let mut all = marks(&self.best);
        let mut from = 0;
        while from < all.len() {
            let mut to = all.len();
            while to > from + 1 {
                to -= 1;
                let candidate = [&self.best[..all[from]], &self.best[all[to]..]].concat();
                if self.attempt(candidate)? {
                    all = marks(&self.best);
                    to = all.len();
                }
            }
            from += 1;
        }
        Some(())
    }

    fn take_pairs(&mut self) -> Option<()> {
        let tags = |bytes: &[u8]| -> Vec<(usize, usize)> {
            let starts = (0..bytes.len()).filter(|at| bytes[*at] == b'<');
            let tag = |at: usize| {
                let end = bytes[at..].iter().position(|byte| *byte == b'>');
                (at, end.map_or(bytes.len(), |end| at + end + 1))
            };
            starts.map(tag).take(MOST_MARKS).collect()
        };
        let mut all = tags(&self.best);
        let mut from = 0;
        while from < all.len() {
            for to in from + 1..all.len() {
                let ((a, b), (c, d)) = (all[from], all[to]);
                if b > c {
                    continue;
                }
                let candidate = [&self.best[..a], &self.best[b..c], &self.best[d..]].concat();
                if self.attempt(candidate)? {
                    all = tags(&self.best);
                    from = 0;
                    break;
                }
            }
            from += 1;
        }
        Some(())
    }

    /// What does not matter becomes the plainest of its kind: words and characters `a`, whitespace a space, quotes `'`, empty
    /// elements one tag.
    fn make_plain(&mut self) -> Option<()> {
        for word in words(&self.best) {
            let candidate = replaced(&self.best, &word, b"a");
            self.attempt(candidate)?;
        }
        if self.best.contains(&b'"') {
            let candidate = replaced(&self.best, b"\"", b"'");
            self.attempt(candidate)?;
        }
        let mut at = 0;
        while at < self.best.len() {
            let rest = &self.best[at..];
            let (old, new): (usize, &[u8]) = match rest[0] {
                b'a' | b' ' => (0, b""),
                byte if byte.is_ascii_alphanumeric() => (1, b"a"),
                b'\n' | b'\r' | b'\t' => (1, b" "),
                0x80.. => match rest
                    .utf8_chunks()
                    .next()
                    .and_then(|c| c.valid().chars().next())
                {
                    Some(c) => (c.len_utf8(), b"a"),
                    None => (0, b""),
                },
                b'&' => reference(rest).unwrap_or((0, b"")),
                b'>' if rest.starts_with(b"></") => {
                    let end = rest[1..].iter().position(|byte| *byte == b'>');
                    (end.map_or(0, |end| end + 2), b"/>")
                }
                _ => (0, b""),
            };
            if old > 0 {
                let candidate = [&self.best[..at], new, &rest[old..]].concat();
                self.attempt(candidate)?;
            }
            at += 1;
        }
        Some(())
    }
}

/// The length of a reference to a character that needs none, and that character.
fn reference(bytes: &[u8]) -> Option<(usize, &'static [u8])> {
    const PLAIN: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/.-";
    let end = bytes.iter().position(|byte| *byte == b';')?;
    let digits = std::str::from_utf8(bytes.get(2..end)?).ok()?;
    let code = match digits.strip_prefix('x') {
        Some(hex) => u8::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    let at = PLAIN
        .iter()
        .position(|byte| Some(byte) == code.as_ref().ok())?;
    Some((end + 1, &PLAIN[at..=at]))
}

/// Words, each once.
fn words(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = bytes
        .split(|byte| {
            !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | 0x80..))
        })
        .filter(|word| !word.is_empty() && *word != b"a")
        .map(<[u8]>::to_vec)
        .take(MOST_MARKS)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(old) {
            out.extend_from_slice(new);
            at += old.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_stays() {
        let input = b"<message to='x'><body>some & text</body></message>";
        let shows = |bytes: &[u8]| bytes.contains(&b'&') && bytes.starts_with(b"<");
        assert_eq!(minimise(input, 1000, shows), b"<&");
        let nested = b"<?xml version='1.0'?><long-name b='c'><p>x</p><q>&amp;</q></long-name>";
        let is_whole = |bytes: &[u8]| {
            let read = xmppspec_protocol::element::Element::parse(bytes);
            read.is_ok() && bytes.contains(&b'&')
        };
        assert_eq!(minimise(nested, 1500, is_whole), b"<a>&amp;</a>");
        let plain = minimise(b"<long\n\xc3\xa9=\"x\"></long>", 1500, |bytes| {
            bytes.contains(&b'=') && xmppspec_protocol::element::Element::parse(bytes).is_ok()
        });
        assert_eq!(plain, b"<a a=''/>");
        assert_eq!(reference(b"&#x68;i"), Some((6, &b"h"[..])));
        assert_eq!(reference(b"&#9;"), None);
        assert_eq!(minimise(b"xyz", 100, |bytes| bytes.len() >= 2), b"aa");
        let mut calls = 0;
        minimise(input, 3, |_| {
            calls += 1;
            false
        });
        assert_eq!(calls, 3);
    }
}
