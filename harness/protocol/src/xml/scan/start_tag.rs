//! Start tags: their syntax from left to right, then names that stand twice, then namespaces.

use super::super::Rule;
use super::super::chars;
use super::super::declaration::Fault;
use super::super::names::{NO_NS, Uri};
use super::super::tag::{Attribute, AttributeScan, NameScan, QName, skip_space};
use super::super::text;
use super::{Ending, Frame, Part, Phase, Scanner, Token};

#[derive(Clone, Copy, Debug)]
pub(in super::super) struct RawAttr {
    pub(in super::super) name: QName,
    value: (usize, usize),
    /// The value is in the scratch buffer, because it means something else than its bytes.
    scratch: bool,
    pub(in super::super) ns: Uri,
}

impl RawAttr {
    /// An attribute of which the value is what stands in the input.
    pub(super) fn plain(name: QName, start: usize, end: usize) -> Self {
        RawAttr {
            name,
            value: (start, end),
            scratch: false,
            ns: NO_NS,
        }
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.name.shift(by);
        if !self.scratch {
            self.value.0 -= by;
            self.value.1 -= by;
        }
    }

    fn value_bytes<'a>(&self, input: &'a str, scratch: &'a str) -> &'a [u8] {
        let text = if self.scratch { scratch } else { input };
        &text.as_bytes()[self.value.0..self.value.1]
    }

    pub(in super::super) fn value<'a>(&self, input: &'a str, scratch: &'a str) -> &'a str {
        let (start, end) = self.value;
        if self.scratch {
            &scratch[start..end]
        } else {
            &input[start..end]
        }
    }
}

/// Up to so many names are compared with each other; more are sorted.
const PAIRWISE: usize = 8;

impl Scanner {
    pub(super) fn start_tag(
        &mut self,
        input: &str,
        window: usize,
        ending: Ending,
    ) -> Result<Token, Fault> {
        if self.frames.len() >= self.limits.depth {
            return Err((self.pos, Rule::TooDeep));
        }
        let whole = match self.plain_start_tag(&input.as_bytes()[..window]) {
            None => self.read_start_tag(input, window)?,
            whole => whole,
        };
        let Some((end, empty)) = whole else {
            return self.more(input.len(), window, ending);
        };
        unique(input, &self.declarations, Rule::DuplicateDeclaration)?;
        unique(input, &self.attrs, Rule::DuplicateAttribute)?;
        let before = self.names.mark();
        let ns = self.resolve(input)?;
        self.frames.push(Frame {
            name: self.open.len(),
            local: self.open.len() + (self.name.local - self.name.start),
            ns,
            before,
        });
        self.open.extend_from_slice(self.name.bytes(input));
        self.phase = if empty { Phase::Empty } else { Phase::Content };
        self.pos = end;
        if self.frames.len() <= self.unit_depth {
            self.unit = None;
        }
        Ok(Token::Start)
    }

    /// Reads the syntax of a start tag, or goes on where it stopped. Gives the position behind it, and whether its element
    /// is empty.
    fn read_start_tag(
        &mut self,
        input: &str,
        window: usize,
    ) -> Result<Option<(usize, bool)>, Fault> {
        let seen = &input.as_bytes()[..window];
        let (mut from, mut at) = if self.part.is_none() {
            match self.read_name(input, window, NameScan::at(self.pos + 1))? {
                Some(end) => (end, end),
                None => return Ok(None),
            }
        } else {
            match self.go_on(input, window)? {
                Some(place) => place,
                None => return Ok(None),
            }
        };
        loop {
            at = skip_space(seen, at);
            match seen.get(at) {
                Some(b'>') => return Ok(Some((at + 1, false))),
                Some(b'/') => match seen.get(at + 1) {
                    Some(b'>') => return Ok(Some((at + 2, true))),
                    Some(_) => return Err((at + 1, Rule::MalformedTag)),
                    None => {}
                },
                Some(_) if at > from => {
                    match self.read_attribute(input, window, AttributeScan::at(at))? {
                        Some(end) => (from, at) = (end, end),
                        None => return Ok(None),
                    }
                    continue;
                }
                Some(_) => {
                    let begins = input[at..].starts_with(|c| {
                        chars::is_name_start(c) || c.is_ascii_alphabetic() || c == '_'
                    });
                    let rule = if begins {
                        Rule::MissingSpace
                    } else {
                        Rule::InvalidName
                    };
                    return Err((at, rule));
                }
                None => {}
            }
            self.part = Some(Part::Space { from, at });
            return Ok(None);
        }
    }

    /// Completes what a start tag that was not complete ended in. Gives the position behind it, and behind space after it.
    #[cold]
    fn go_on(&mut self, input: &str, window: usize) -> Result<Option<(usize, usize)>, Fault> {
        let end = match self.part.take() {
            Some(Part::Space { from, at }) => return Ok(Some((from, at))),
            Some(Part::Attribute(scan)) => self.read_attribute(input, window, scan)?,
            Some(Part::Name(scan)) => self.read_name(input, window, scan)?,
            Some(Part::Declaration(_) | Part::Text(_) | Part::End(_)) | None => None,
        };
        Ok(end.map(|end| (end, end)))
    }

    /// Reads the name of a start tag, or the rest of it, and gives the position behind it.
    fn read_name(
        &mut self,
        input: &str,
        window: usize,
        mut scan: NameScan,
    ) -> Result<Option<usize>, Fault> {
        let Some(name) = scan.scan(input, window)? else {
            self.part = Some(Part::Name(scan));
            return Ok(None);
        };
        self.attrs.clear();
        self.declarations.clear();
        self.scratch.clear();
        self.name = name;
        Ok(Some(name.end))
    }

    /// Reads one attribute, or the rest of it, and gives the position behind it.
    fn read_attribute(
        &mut self,
        input: &str,
        window: usize,
        mut scan: AttributeScan,
    ) -> Result<Option<usize>, Fault> {
        let Some(attribute) = scan.scan(input, window)? else {
            self.part = Some(Part::Attribute(scan));
            return Ok(None);
        };
        let Attribute {
            name,
            start,
            end,
            escaped,
        } = attribute;
        let value = if escaped {
            let from = self.scratch.len();
            text::unescape_value(&input[start..end], &mut self.scratch);
            (from, self.scratch.len())
        } else {
            (start, end)
        };
        let attr = RawAttr {
            name,
            value,
            scratch: escaped,
            ns: NO_NS,
        };
        let whole = name.bytes(input);
        let declares = whole.starts_with(b"xmlns") && (whole.len() == 5 || whole[5] == b':');
        let (list, limit, rule) = if declares {
            (
                &mut self.declarations,
                self.limits.namespaces,
                Rule::TooManyDeclarations,
            )
        } else {
            (
                &mut self.attrs,
                self.limits.attributes,
                Rule::TooManyAttributes,
            )
        };
        if list.len() >= limit {
            return Err((name.start, rule));
        }
        list.push(attr);
        Ok(Some(end + 1))
    }

    /// Enters the declarations of the start tag and resolves its names. Gives the namespace of the element.
    fn resolve(&mut self, input: &str) -> Result<Uri, Fault> {
        for declaration in &self.declarations {
            let name = declaration.name;
            let prefix: &[u8] = if name.has_prefix() {
                &input.as_bytes()[name.local..name.end]
            } else {
                b""
            };
            let uri = declaration.value_bytes(input, &self.scratch);
            self.names
                .declare(prefix, uri)
                .map_err(|rule| (name.start, rule))?;
        }
        let undeclared = |name: QName| (name.start, Rule::UndeclaredPrefix);
        let name = self.name;
        let ns = if name.has_prefix() {
            match name.prefix_bytes(input) {
                b"xmlns" => return Err((name.start, Rule::ReservedPrefix)),
                prefix => self.names.resolve(prefix).ok_or_else(|| undeclared(name))?,
            }
        } else {
            self.names.default_ns()
        };
        let mut qualified = 0;
        for attr in self.attrs.iter_mut().filter(|a| a.name.has_prefix()) {
            attr.ns = self
                .names
                .resolve(attr.name.prefix_bytes(input))
                .ok_or_else(|| undeclared(attr.name))?;
            qualified += 1;
        }
        if qualified > 1 {
            self.unique_expanded(input)?;
        }
        Ok(ns)
    }

    fn unique_expanded(&self, input: &str) -> Result<(), Fault> {
        let expanded = |a: &RawAttr| (a.name.local(input), &**self.names.uri(a.ns));
        let qualified: Vec<_> = self
            .attrs
            .iter()
            .filter(|a| a.ns != NO_NS)
            .map(|a| (expanded(a), a.name.start))
            .collect();
        first_twice(qualified).map_or(Ok(()), |at| Err((at, Rule::DuplicateExpandedName)))
    }
}

/// Whether two names may be the same: those of most tags differ in their length or their first letter.
fn may_repeat(input: &str, attrs: &[RawAttr]) -> bool {
    let (mut seen, mut again) = (0u64, 0u64);
    for attr in attrs {
        let length = attr.name.end.wrapping_sub(attr.name.start) as u32;
        let first = u32::from(input.as_bytes()[attr.name.start]);
        let bit = 1u64.rotate_left(first.wrapping_mul(13).wrapping_add(length));
        again |= seen & bit;
        seen |= bit;
    }
    again != 0
}

/// Refuses the second of two equal names.
fn unique(input: &str, attrs: &[RawAttr], rule: Rule) -> Result<(), Fault> {
    if !may_repeat(input, attrs) {
        return Ok(());
    }
    if attrs.len() <= PAIRWISE {
        for (at, attr) in attrs.iter().enumerate().skip(1) {
            let name = attr.name.bytes(input);
            if attrs[..at]
                .iter()
                .any(|other| other.name.bytes(input) == name)
            {
                return Err((attr.name.start, rule));
            }
        }
        return Ok(());
    }
    let names = attrs
        .iter()
        .map(|a| (a.name.bytes(input), a.name.start))
        .collect();
    first_twice(names).map_or(Ok(()), |at| Err((at, rule)))
}

/// The first position at which something stands that has stood before.
fn first_twice<T: Ord>(mut all: Vec<(T, usize)>) -> Option<usize> {
    all.sort_unstable();
    all.windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .map(|pair| pair[1].1)
        .min()
}
