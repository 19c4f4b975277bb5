//! Making inputs as small as they can be while they still show what they show.

/// Takes pieces away, large ones first, for as long as `shows` holds; then makes what is left plain. At most `tries`
/// calls of `shows`.
pub fn minimise(input: &[u8], mut tries: usize, mut shows: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut best = input.to_vec();
    let mut attempt = |best: &mut Vec<u8>, candidate: Vec<u8>| {
        if tries == 0 || candidate == *best {
            return false;
        }
        tries -= 1;
        let better = shows(&candidate);
        if better {
            *best = candidate;
        }
        better
    };
    loop {
        let before = best.len();
        let mut size = best.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < best.len() {
                let end = (at + size).min(best.len());
                let candidate = [&best[..at], &best[end..]].concat();
                if !attempt(&mut best, candidate) {
                    at = end;
                }
            }
            if size == 1 {
                break;
            }
            size = size.div_ceil(2);
        }
        if best.len() == before {
            break;
        }
    }
    // Letters become the first one, which shows that they do not matter.
    for at in 0..best.len() {
        let byte = best[at];
        if byte.is_ascii_alphanumeric() && byte != b'a' {
            let mut candidate = best.clone();
            candidate[at] = b'a';
            attempt(&mut best, candidate);
        }
    }
    best
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
