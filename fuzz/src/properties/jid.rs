//! Addresses: one canonical form, within the tables of RFC 7622.

use xmppspec_protocol::jid::{Jid, MAX_PART};

/// What a localpart must not contain (RFC 7622 §3.3.1).
const EXCLUDED: &str = "\"&'/:<>@";

/// An address that is read has one canonical form: reading that changes nothing; its parts have the lengths and
/// characters that RFC 7622 allows; taking it apart and putting it together is the identity. RFC 6122 reads without panic.
pub fn jid(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let old = Jid::parse_6122(&text);
    if let Ok(old) = &old {
        assert_eq!(
            Jid::parse_6122(&old.to_string()).as_ref(),
            Ok(old),
            "RFC 6122: {text:?} {old}"
        );
    }
    let Ok(jid) = Jid::parse(&text) else { return };
    let written = jid.to_string();
    assert_eq!(
        Jid::parse(&written).as_ref(),
        Ok(&jid),
        "{text:?} {written:?}"
    );
    let parts = [jid.local(), Some(jid.domain()), jid.resource()];
    for part in parts.into_iter().flatten() {
        assert!(
            !part.is_empty() && part.len() <= MAX_PART,
            "§3.1: 1 to {MAX_PART} bytes: {written:?}"
        );
        assert!(
            !part.chars().any(char::is_control),
            "PRECIS allows no control characters: {written:?}"
        );
    }
    if let Some(local) = jid.local() {
        assert!(
            !local.contains(|c| EXCLUDED.contains(c)),
            "§3.3.1: {local:?}"
        );
        assert!(
            !local.contains(char::is_whitespace),
            "the IdentifierClass has no spaces: {local:?}"
        );
    }
    assert!(
        !jid.domain().contains(['@', '/', ' ']) && !jid.domain().ends_with('.'),
        "§3.2: {written:?}"
    );
    if let Some(resource) = jid.resource() {
        // RFC 8265 §4.2.2: other spaces are mapped to this one.
        assert!(
            !resource.contains(|c: char| c.is_whitespace() && c != ' '),
            "{resource:?}"
        );
        assert_eq!(jid.bare().with_resource(resource).as_ref(), Ok(&jid));
    }
    assert!(jid.bare().is_bare() && jid.is_bare() == jid.resource().is_none());
}
