//! Making inputs as small as they can be while they still show what they show.

/// Takes pieces away, large ones first, for as long as `shows` holds; then makes what is left plain. At most `tries`
/// calls of `shows`.
pub fn minimise(input: &[u8], tries: usize, shows: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut search = Search {
        best: input.to_vec(),
        tries,
        shows,
    };
    // `None`: there are no tries left. A large input must not be copied for nothing then.
    let _ = search.shorten().and_then(|()| search.make_plain());
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

    fn shorten(&mut self) -> Option<()> {
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
                if size == 1 {
                    break;
                }
                size = size.div_ceil(2);
            }
            if self.best.len() == before {
                return Some(());
            }
        }
    }

    /// Letters become the first one, which shows that they do not matter.
    fn make_plain(&mut self) -> Option<()> {
        for at in 0..self.best.len() {
            let byte = self.best[at];
            if byte.is_ascii_alphanumeric() && byte != b'a' {
                let mut candidate = self.best.clone();
                candidate[at] = b'a';
                self.attempt(candidate)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_stays() {
        let input = b"<message to='x'><body>some & text</body></message>";
        let shows = |bytes: &[u8]| bytes.contains(&b'&') && bytes.starts_with(b"<");
        assert_eq!(minimise(input, 1000, shows), b"<&");
        assert_eq!(minimise(b"xyz", 100, |bytes| bytes.len() >= 2), b"aa");
        let mut calls = 0;
        minimise(input, 3, |_| {
            calls += 1;
            false
        });
        assert_eq!(calls, 3);
    }
}
