//! Which characters may stand where (XML 1.0 §2.2, §2.3).

/// A byte that may begin a name (ASCII only, the colon aside).
pub(super) const NAME_START: u8 = 1;
/// A byte that may continue a name (ASCII only, the colon aside).
pub(super) const NAME: u8 = 2;
/// A byte at which reading text must stop and think.
pub(super) const TEXT: u8 = 4;
/// A byte at which reading the value of an attribute must stop and think.
pub(super) const VALUE: u8 = 8;
/// A byte at which reading a CDATA section must stop and think.
pub(super) const CDATA: u8 = 16;
/// A byte that may stand in a reference between `&` and `;`.
pub(super) const REFERENCE: u8 = 32;
/// Whitespace.
pub(super) const SPACE: u8 = 64;

/// What each byte is.
pub(super) static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        table[i] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => NAME_START | NAME | REFERENCE,
            b'0'..=b'9' | b'-' | b'.' => NAME | REFERENCE,
            b'#' | b':' => REFERENCE,
            b'\t' | b'\n' => SPACE | VALUE,
            b'\r' => SPACE | TEXT | VALUE | CDATA,
            b' ' => SPACE,
            0..=0x1f => TEXT | VALUE | CDATA,
            b'<' | b'&' => TEXT | VALUE,
            b']' => TEXT | CDATA,
            b'"' | b'\'' => VALUE,
            // The first byte of U+FFFE and U+FFFF.
            0xef => TEXT | VALUE | CDATA | REFERENCE,
            0x80..=0xff => REFERENCE,
            _ => 0,
        };
        i += 1;
    }
    table
}

pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// So many bytes are looked at in one go; compilers make vector instructions of it.
const BLOCK: usize = 16;

/// The position of the first byte from `from` on that stops; the end if none does. `stops` must be true of 0, and had
/// better not branch.
#[inline]
pub(super) fn position(bytes: &[u8], from: usize, stops: impl Fn(u8) -> bool) -> usize {
    run(bytes, from, stops).0
}

/// The same, with the byte that stops; 0 at the end.
#[inline]
pub(super) fn run(bytes: &[u8], from: usize, stops: impl Fn(u8) -> bool) -> (usize, u8) {
    debug_assert!(stops(0), "what fills the last block stops");
    let first = |block: [u8; BLOCK]| {
        let flags = u128::from_le_bytes(block.map(|b| u8::from(stops(b))));
        (flags.trailing_zeros() / 8) as usize
    };
    let mut at = from;
    while let Some(block) = bytes[at..].first_chunk() {
        let found = first(*block);
        at += found;
        if found < BLOCK {
            return (at, block[found]);
        }
    }
    let rest = &bytes[at..];
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    let found = first(block);
    (at + found, block[found % BLOCK])
}

/// Whether a byte cannot continue a name as an ASCII character.
pub(super) fn ends_name(b: u8) -> bool {
    let letter = (b | 0x20).wrapping_sub(b'a') < 26;
    let digit = b.wrapping_sub(b'0') < 10;
    !(letter | digit | (b == b'-') | (b == b'.') | (b == b'_'))
}

/// Whether reading text or CDATA may have to stop at a byte and think.
pub(super) fn ends_text(b: u8) -> bool {
    (b < 0x20) | (b == b'<') | (b == b'&') | (b == b']') | (b == 0xef)
}

/// Whether reading the value of an attribute may have to stop at a byte and think.
pub(super) fn ends_value(b: u8) -> bool {
    (b < 0x20) | (b == b'<') | (b == b'&') | (b == b'\'') | (b == b'"') | (b == 0xef)
}

/// `Char`: what may stand in a document at all.
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// `NameStartChar` outside ASCII.
pub(super) fn is_name_start(c: char) -> bool {
    matches!(c,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// `NameChar` outside ASCII.
pub(super) fn is_name(c: char) -> bool {
    is_name_start(c) || matches!(c, '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}
