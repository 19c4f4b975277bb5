//! The XML declaration (XML 1.0 §2.8, RFC 6120 §11.5), which may not be complete: what has been read of it, so that
//! reading goes on where it stopped.

use super::tag::skip_space;
use super::{Declaration, Rule};

/// A fault at a position.
pub(super) type Fault = (usize, Rule);

/// A declaration of which the end has not been seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeclarationScan {
    /// How far it has been looked at.
    at: usize,
    step: Step,
    /// Where these values are.
    version: Option<(usize, usize)>,
    encoding: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The space behind `from`.
    Space {
        from: usize,
    },
    /// The rest of the word that began at `start`.
    Word {
        start: usize,
        word: &'static [u8],
    },
    Equals,
    Quote,
    /// The value that began at `start`.
    Value {
        start: usize,
        quote: u8,
    },
}

const VERSION: &[u8] = b"version";
const ENCODING: &[u8] = b"encoding";
const STANDALONE: &[u8] = b"standalone";
const END: &[u8] = b"?>";
/// What nearly always stands behind `<?xml`.
const USUAL: &[u8] = b" version='1.0'?>";

impl DeclarationScan {
    /// A scan that begins behind `<?xml`.
    pub(super) fn at(at: usize) -> Self {
        DeclarationScan {
            at,
            step: Step::Space { from: at },
            version: None,
            encoding: None,
        }
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.at -= by;
        match &mut self.step {
            Step::Space { from: at }
            | Step::Word { start: at, .. }
            | Step::Value { start: at, .. } => {
                *at -= by;
            }
            Step::Equals | Step::Quote => {}
        }
        for (start, end) in self.version.iter_mut().chain(&mut self.encoding) {
            *start -= by;
            *end -= by;
        }
    }

    /// The declaration and the position behind it; `None`: it goes on behind what is seen.
    pub(super) fn scan(&mut self, seen: &[u8]) -> Result<Option<(Declaration, usize)>, Fault> {
        let begins = self.version.is_none() && matches!(self.step, Step::Space { .. });
        let rest = seen.get(self.at..).unwrap_or_default();
        if begins && rest.starts_with(USUAL) {
            let declaration = Declaration {
                version: "1.0".to_owned(),
                encoding: None,
            };
            return Ok(Some((declaration, self.at + USUAL.len())));
        }
        loop {
            if !matches!(self.step, Step::Word { .. } | Step::Value { .. }) {
                self.at = skip_space(seen, self.at);
            }
            let Some(&next) = seen.get(self.at) else {
                return Ok(None);
            };
            let malformed = Err((self.at, Rule::MalformedDeclaration));
            match self.step {
                Step::Space { from } => {
                    let word = match (&self.version, &self.encoding, next) {
                        (None, ..) => VERSION,
                        (_, None, b'e') => ENCODING,
                        (.., b's') => STANDALONE,
                        _ => END,
                    };
                    if self.at == from && word != END {
                        return malformed;
                    }
                    let start = self.at;
                    self.step = Step::Word { start, word };
                }
                Step::Word { start, word } => {
                    let rest = &word[self.at - start..];
                    let pairs = rest.iter().zip(&seen[self.at..]);
                    let same = pairs.take_while(|(a, b)| a == b).count();
                    self.at += same;
                    if same < rest.len() {
                        return match seen.get(self.at) {
                            Some(_) => Err((self.at, Rule::MalformedDeclaration)),
                            None => Ok(None),
                        };
                    }
                    match (word, self.version) {
                        (END, Some(version)) => {
                            // Values are ASCII.
                            let text = |(start, end): (usize, usize)| {
                                String::from_utf8_lossy(&seen[start..end]).into_owned()
                            };
                            let declaration = Declaration {
                                version: text(version),
                                encoding: self.encoding.map(text),
                            };
                            return Ok(Some((declaration, self.at)));
                        }
                        (STANDALONE, _) => return Err((start, Rule::StandaloneDeclaration)),
                        _ => {}
                    }
                    self.step = Step::Equals;
                }
                Step::Equals if next == b'=' => {
                    self.at += 1;
                    self.step = Step::Quote;
                }
                Step::Quote if matches!(next, b'"' | b'\'') => {
                    self.at += 1;
                    let (start, quote) = (self.at, next);
                    self.step = Step::Value { start, quote };
                }
                Step::Value { start, quote } if next == quote => {
                    self.value(seen, start).map_err(|rule| (start, rule))?;
                    self.at += 1;
                    self.step = Step::Space { from: self.at };
                }
                Step::Value { .. }
                    if next.is_ascii_alphanumeric()
                        || matches!(next, b'.' | b'_' | b'-' | b':') =>
                {
                    self.at += 1;
                }
                Step::Equals | Step::Quote | Step::Value { .. } => return malformed,
            }
        }
    }

    /// Takes the value of the version, or of the encoding behind it, which begins at `start` and ends here.
    fn value(&mut self, seen: &[u8], start: usize) -> Result<(), Rule> {
        let digits = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
        let place = (start, self.at);
        let value = &seen[start..self.at];
        if self.version.is_some() {
            let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
            if !value.first().is_some_and(u8::is_ascii_alphabetic) || !value.iter().all(name) {
                return Err(Rule::MalformedDeclaration);
            }
            if !value.eq_ignore_ascii_case(b"UTF-8") {
                return Err(Rule::UnsupportedEncoding);
            }
            self.encoding = Some(place);
        } else if value.strip_prefix(b"1.").is_some_and(digits) {
            self.version = Some(place);
        } else if !value.is_empty() && value.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
            return Err(Rule::UnsupportedVersion);
        } else {
            return Err(Rule::MalformedDeclaration);
        }
        Ok(())
    }
}
