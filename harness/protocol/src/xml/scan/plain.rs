//! Start tags that are whole and plain, as nearly all are, straight from left to right. Anything else, and whatever is wrong,
//! is left to the careful way, which begins again at the same place.

use super::super::chars::{self, NAME_START};
use super::super::tag::QName;
use super::Scanner;
use super::start_tag::RawAttr;

impl Scanner {
    /// The position behind the start tag at the position, and whether its element is empty; `None`: it takes more care.
    pub(super) fn plain_start_tag(&mut self, seen: &[u8]) -> Option<(usize, bool)> {
        if self.part.is_some() {
            return None;
        }
        self.attrs.clear();
        self.declarations.clear();
        self.scratch.clear();
        let (name, mut next) = plain_name(seen, self.pos + 1)?;
        self.name = name;
        let mut at = name.end;
        loop {
            match next {
                b' ' => {}
                b'>' => return Some((at + 1, false)),
                b'/' if seen.get(at + 1) == Some(&b'>') => return Some((at + 2, true)),
                _ => return None,
            }
            let (name, equals) = plain_name(seen, at + 1)?;
            let quote = *seen.get(name.end + 1)?;
            if equals != b'=' || !matches!(quote, b'\'' | b'"') {
                return None;
            }
            let start = name.end + 2;
            let (end, stop) = chars::run(seen, start, chars::ends_value);
            if stop != quote {
                return None;
            }
            let whole = &seen[name.start..name.end];
            let declares = whole.starts_with(b"xmlns") && matches!(whole.get(5), None | Some(b':'));
            let (list, limit) = if declares {
                (&mut self.declarations, self.limits.namespaces)
            } else {
                (&mut self.attrs, self.limits.attributes)
            };
            if list.len() >= limit {
                return None;
            }
            list.push(RawAttr::plain(name, start, end));
            at = end + 1;
            next = *seen.get(at)?;
        }
    }
}

/// The name at a position and the byte behind it, if it is a qualified name in ASCII.
fn plain_name(seen: &[u8], start: usize) -> Option<(QName, u8)> {
    let mut name = QName {
        start,
        local: start,
        end: start,
    };
    let mut stop = name_part(seen, &mut name)?;
    if stop == b':' {
        name.local = name.end + 1;
        name.end = name.local;
        stop = name_part(seen, &mut name)?;
    }
    Some((name, stop))
}

/// Extends a name by what stands between colons; gives the byte behind it.
fn name_part(seen: &[u8], name: &mut QName) -> Option<u8> {
    let begins = chars::is(*seen.get(name.end)?, NAME_START);
    let (end, stop) = chars::run(seen, name.end, chars::ends_name);
    name.end = end;
    begins.then_some(stop)
}
