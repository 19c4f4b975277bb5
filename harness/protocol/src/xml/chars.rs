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
