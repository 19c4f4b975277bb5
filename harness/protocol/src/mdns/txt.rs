//! Keys and values of TXT records (RFC 6763 §6).

/// The keys in the order of the record, with their values; `None` for a key without `=`. Strings that have no key are
/// left out, repeated keys are not.
pub fn keys(strings: &[Vec<u8>]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    strings.iter().filter_map(|string| {
        let (key, value) = match string.iter().position(|byte| *byte == b'=') {
            Some(at) => (&string[..at], Some(&string[at + 1..])),
            None => (&string[..], None),
        };
        (!key.is_empty()).then_some((key, value))
    })
}

/// The value of a key: `None` if it is not there, `Some(None)` if it is there without a value. Case does not matter, and
/// only the first of a repeated key counts (§6.4).
pub fn value<'a>(strings: &'a [Vec<u8>], key: &str) -> Option<Option<&'a [u8]>> {
    keys(strings)
        .find(|(known, _)| known.eq_ignore_ascii_case(key.as_bytes()))
        .map(|(_, value)| value)
}
