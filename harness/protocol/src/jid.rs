//! Addresses (RFC 7622), with RFC 6122 as a second opinion.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use precis_profiles::precis_core::profile::PrecisFastInvocation;
use precis_profiles::{OpaqueString, UsernameCaseMapped};

/// The largest part of an address, in octets of UTF-8 (RFC 7622 §3.2, §3.3, §3.4).
pub const MAX_PART: usize = 1023;

/// Characters that a localpart must not contain although PRECIS allows them (RFC 7622 §3.3.1).
const NOT_IN_LOCAL: &[char] = &['"', '&', '\'', '/', ':', '<', '>', '@'];

/// An address in its canonical form: equal addresses compare equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Jid {
    local: Option<String>,
    domain: String,
    resource: Option<String>,
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JidError {
    /// There is an `@`, and nothing before it.
    EmptyLocal,
    /// Nothing stands where the domain should be.
    EmptyDomain,
    /// There is a `/`, and nothing behind it.
    EmptyResource,
    /// The localpart is longer than 1023 octets.
    LongLocal,
    /// The domainpart is longer than 1023 octets.
    LongDomain,
    /// The resourcepart is longer than 1023 octets.
    LongResource,
    /// The localpart holds a character that no localpart may hold.
    LocalCharacter,
    /// The localpart does not follow the PRECIS profile UsernameCaseMapped.
    Local,
    /// The domainpart is neither a name that IDNA accepts nor an IP literal.
    Domain,
    /// The resourcepart does not follow the PRECIS profile OpaqueString.
    Resource,
}

impl JidError {
    /// The section of RFC 7622 with the rule.
    pub fn section(self) -> &'static str {
        match self {
            JidError::EmptyDomain | JidError::LongDomain | JidError::Domain => "3.2",
            JidError::LocalCharacter => "3.3.1",
            JidError::EmptyLocal | JidError::LongLocal | JidError::Local => "3.3",
            JidError::EmptyResource | JidError::LongResource | JidError::Resource => "3.4",
        }
    }
}

impl fmt::Display for JidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            JidError::EmptyLocal => "the localpart before the '@' is empty",
            JidError::EmptyDomain => "the domainpart is empty",
            JidError::EmptyResource => "the resourcepart behind the '/' is empty",
            JidError::LongLocal => "the localpart is longer than 1023 octets",
            JidError::LongDomain => "the domainpart is longer than 1023 octets",
            JidError::LongResource => "the resourcepart is longer than 1023 octets",
            JidError::LocalCharacter => "the localpart holds one of \" & ' / : < > @",
            JidError::Local => "the localpart does not follow the profile UsernameCaseMapped",
            JidError::Domain => "the domainpart is neither a domain name nor an IP address",
            JidError::Resource => "the resourcepart does not follow the profile OpaqueString",
        };
        write!(f, "{sentence} (RFC 7622 §{})", self.section())
    }
}

impl std::error::Error for JidError {}

/// How the three parts are prepared.
struct Rules {
    local: fn(&str) -> Option<String>,
    domain: fn(&str) -> Option<String>,
    resource: fn(&str) -> Option<String>,
}

const RFC_7622: Rules = Rules {
    local: precis_local,
    domain: idna_domain,
    resource: precis_resource,
};

const RFC_6122: Rules = Rules {
    local: |text| stringprepared(text, stringprep::nodeprep),
    domain: idna2003_domain,
    resource: |text| stringprepared(text, stringprep::resourceprep),
};

impl Jid {
    /// Reads an address and brings it into its canonical form by RFC 7622.
    pub fn parse(text: &str) -> Result<Jid, JidError> {
        Jid::parse_by(text, &RFC_7622)
    }

    /// The same by RFC 6122 (stringprep): what older implementations make of it.
    pub fn parse_6122(text: &str) -> Result<Jid, JidError> {
        Jid::parse_by(text, &RFC_6122)
    }

    /// The parts are found from the left: first the `/`, then the `@` before it (RFC 7622 §3.1).
    fn parse_by(text: &str, rules: &Rules) -> Result<Jid, JidError> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, bare),
        };
        let local = local.map(|text| local_part(text, rules)).transpose()?;
        let domain = domain_part(domain, rules)?;
        let resource = resource
            .map(|text| resource_part(text, rules))
            .transpose()?;
        Ok(Jid {
            local,
            domain,
            resource,
        })
    }

    /// The part before the `@`.
    pub fn local(&self) -> Option<&str> {
        self.local.as_deref()
    }

    /// The domain name or IP literal.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The part behind the `/`.
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// The same without a resource.
    pub fn bare(&self) -> Jid {
        Jid {
            local: self.local.clone(),
            domain: self.domain.clone(),
            resource: None,
        }
    }

    /// Whether there is no resource.
    pub fn is_bare(&self) -> bool {
        self.resource.is_none()
    }

    /// The same with this resource.
    pub fn with_resource(&self, resource: &str) -> Result<Jid, JidError> {
        let resource = Some(resource_part(resource, &RFC_7622)?);
        Ok(Jid {
            resource,
            ..self.bare()
        })
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(local) = &self.local {
            write!(f, "{local}@")?;
        }
        f.write_str(&self.domain)?;
        match &self.resource {
            Some(resource) => write!(f, "/{resource}"),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Jid, JidError> {
        Jid::parse(text)
    }
}

fn local_part(text: &str, rules: &Rules) -> Result<String, JidError> {
    match text.len() {
        0 => return Err(JidError::EmptyLocal),
        // preparation may shorten a part, but never to a hundredth: do not prepare megabytes
        n if n > 100 * MAX_PART => return Err(JidError::LongLocal),
        _ => {}
    }
    if text.contains(NOT_IN_LOCAL) {
        return Err(JidError::LocalCharacter);
    }
    let local = (rules.local)(text).ok_or(JidError::Local)?;
    match local.len() {
        0 => Err(JidError::EmptyLocal),
        n if n > MAX_PART => Err(JidError::LongLocal),
        _ if local.contains(NOT_IN_LOCAL) => Err(JidError::LocalCharacter),
        _ => Ok(local),
    }
}

fn domain_part(text: &str, rules: &Rules) -> Result<String, JidError> {
    // the final dot goes first (§3.2)
    let text = text.strip_suffix('.').unwrap_or(text);
    match text.len() {
        0 => return Err(JidError::EmptyDomain),
        n if n > MAX_PART => return Err(JidError::LongDomain),
        _ => {}
    }
    if let Some(literal) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: Ipv6Addr = literal.parse().map_err(|_| JidError::Domain)?;
        return Ok(format!("[{address}]"));
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        return Ok(text.to_owned());
    }
    (rules.domain)(text).ok_or(JidError::Domain)
}

fn resource_part(text: &str, rules: &Rules) -> Result<String, JidError> {
    match text.len() {
        0 => return Err(JidError::EmptyResource),
        n if n > 100 * MAX_PART => return Err(JidError::LongResource),
        _ => {}
    }
    let resource = (rules.resource)(text).ok_or(JidError::Resource)?;
    match resource.len() {
        0 => Err(JidError::EmptyResource),
        n if n > MAX_PART => Err(JidError::LongResource),
        _ => Ok(resource),
    }
}

/// Applies rules until they change nothing more, at most three times after the first (RFC 8264 §7).
fn stable(text: &str, rules: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut result = rules(text)?;
    for _ in 0..3 {
        let again = rules(&result)?;
        if again == result {
            return Some(result);
        }
        result = again;
    }
    None
}

fn precis_local(text: &str) -> Option<String> {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(text.to_ascii_lowercase());
    }
    stable(text, |text| {
        UsernameCaseMapped::enforce(text).ok().map(Cow::into_owned)
    })
}

fn precis_resource(text: &str) -> Option<String> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Some(text.to_owned());
    }
    stable(text, |text| {
        OpaqueString::enforce(text).ok().map(Cow::into_owned)
    })
}

/// U-labels of a name that IDNA2008 accepts; labels of LDH characters only, 1 to 63 octets each in their ASCII form.
fn idna_domain(text: &str) -> Option<String> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
    let uts46 = Uts46::new();
    uts46
        .to_ascii(
            text.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::Check,
            DnsLength::Ignore,
        )
        .ok()
        .filter(|ascii| {
            ascii
                .split('.')
                .all(|label| (1..=63).contains(&label.len()))
        })?;
    let (unicode, result) = uts46.to_unicode(text.as_bytes(), AsciiDenyList::STD3, Hyphens::Check);
    result.ok().map(|()| unicode.into_owned())
}

/// Applies a profile of stringprep to characters of Unicode 3.2 only. The profiles look for later ones too, but not
/// before they have normalised them to others by tables of today.
fn stringprepared(
    text: &str,
    profile: fn(&str) -> Result<Cow<'_, str>, stringprep::Error>,
) -> Option<String> {
    if text.contains(stringprep::tables::unassigned_code_point) {
        return None;
    }
    profile(text).ok().map(Cow::into_owned)
}

/// A name whose labels IDNA2003 accepts, prepared but not in their ASCII form (RFC 6122 §2.2).
fn idna2003_domain(text: &str) -> Option<String> {
    let name = stringprepared(text, stringprep::nameprep)?;
    name.split('.')
        .all(|label| {
            let ascii = if label.is_ascii() {
                Some(label.len())
            } else {
                idna::punycode::encode_str(label).map(|encoded| "xn--".len() + encoded.len())
            };
            ascii.is_some_and(|n| (1..=63).contains(&n))
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '-')
        })
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_valid_examples_of_rfc_7622() {
        for (text, canonical) in [
            ("juliet@example.com", "juliet@example.com"),
            ("juliet@example.com/foo", "juliet@example.com/foo"),
            ("juliet@example.com/foo bar", "juliet@example.com/foo bar"),
            ("juliet@example.com/foo@bar", "juliet@example.com/foo@bar"),
            ("foo\\20bar@example.com", "foo\\20bar@example.com"),
            ("fussball@example.com", "fussball@example.com"),
            ("fu\u{df}ball@example.com", "fu\u{df}ball@example.com"),
            ("\u{3c0}@example.com", "\u{3c0}@example.com"),
            ("\u{3a3}@example.com/foo", "\u{3c3}@example.com/foo"),
            ("\u{3c3}@example.com/foo", "\u{3c3}@example.com/foo"),
            ("\u{3c2}@example.com/foo", "\u{3c2}@example.com/foo"),
            ("king@example.com/\u{265a}", "king@example.com/\u{265a}"),
            ("example.com", "example.com"),
            ("example.com/foobar", "example.com/foobar"),
            ("a.example.com/b@example.net", "a.example.com/b@example.net"),
            ("Romeo@Example.COM./Balcony", "romeo@example.com/Balcony"),
            ("romeo@xn--bcher-kva.example", "romeo@b\u{fc}cher.example"),
            ("romeo@[2001:DB8::1]", "romeo@[2001:db8::1]"),
            ("romeo@192.0.2.1", "romeo@192.0.2.1"),
        ] {
            assert_eq!(
                Jid::parse(text).map(|jid| jid.to_string()),
                Ok(canonical.to_owned()),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_invalid_examples_of_rfc_7622_and_more() {
        for (text, error) in [
            ("\"juliet\"@example.com", JidError::LocalCharacter),
            ("foo bar@example.com", JidError::Local),
            ("juliet@example.com/", JidError::EmptyResource),
            ("@example.com/", JidError::EmptyLocal),
            ("henry\u{2163}@example.com", JidError::Local),
            ("\u{265a}@example.com", JidError::Local),
            ("juliet@", JidError::EmptyDomain),
            ("/foobar", JidError::EmptyDomain),
            ("", JidError::EmptyDomain),
            ("a@b@c", JidError::Domain),
            ("a@.example", JidError::Domain),
            ("a@x..example", JidError::Domain),
            ("a@under_score.example", JidError::Domain),
            ("a@[::1", JidError::Domain),
            // normalised to a middle dot, which is allowed between two l only
            ("a@b/\u{387}", JidError::Resource),
        ] {
            assert_eq!(Jid::parse(text), Err(error), "{text:?}");
        }
        let long = "a".repeat(MAX_PART + 1);
        assert_eq!(
            Jid::parse(&format!("{long}@example.com")),
            Err(JidError::LongLocal)
        );
        assert_eq!(
            Jid::parse(&format!("a@example.com/{long}")),
            Err(JidError::LongResource)
        );
        assert_eq!(Jid::parse(&long), Err(JidError::LongDomain));
        assert!(Jid::parse(&format!("{}@example.com/{}", &long[1..], &long[1..])).is_ok());
    }

    /// Example 18 is said not to be an address. No rule of the document says so: OpaqueString keeps leading spaces
    /// (RFC 8265 §4.2.2), and spaces are allowed in resourceparts (example 3).
    #[test]
    fn example_18_of_rfc_7622_is_an_address() {
        let jid = Jid::parse("juliet@example.com/ foo").unwrap();
        assert_eq!(jid.resource(), Some(" foo"));
    }

    /// What RFC 7622 and RFC 6122 make of the same text.
    #[test]
    fn rfc_6122_has_another_opinion() {
        for (text, now, then) in [
            (
                "fu\u{df}ball@example.com",
                Ok("fu\u{df}ball@example.com"),
                Ok("fussball@example.com"),
            ),
            (
                "henry\u{2163}@example.com",
                Err(JidError::Local),
                Ok("henryiv@example.com"),
            ),
            // Nodeprep allows symbols, the IdentifierClass does not.
            (
                "\u{265a}@example.com",
                Err(JidError::Local),
                Ok("\u{265a}@example.com"),
            ),
            // Final sigma is folded to sigma, and the resource keeps its case but not its ligatures.
            (
                "\u{3c2}@example.com/\u{fb01}X",
                Ok("\u{3c2}@example.com/\u{fb01}X"),
                Ok("\u{3c3}@example.com/fiX"),
            ),
            (
                "a@fa\u{df}.example",
                Ok("a@fa\u{df}.example"),
                Ok("a@fass.example"),
            ),
            // A-labels are to be converted to U-labels now, and were names like others.
            (
                "xn--bcher-kva.example",
                Ok("b\u{fc}cher.example"),
                Ok("xn--bcher-kva.example"),
            ),
            // Stringprep knows Unicode 3.2, to which these are unassigned.
            (
                "a@b.c/\u{1f4a9}",
                Ok("a@b.c/\u{1f4a9}"),
                Err(JidError::Resource),
            ),
            (
                "a@b.c/\u{221}",
                Ok("a@b.c/\u{221}"),
                Err(JidError::Resource),
            ),
            ("a b@c", Err(JidError::Local), Err(JidError::Local)),
            ("a@b_c", Err(JidError::Domain), Err(JidError::Domain)),
            ("a@b..c", Err(JidError::Domain), Err(JidError::Domain)),
            ("a@-b", Err(JidError::Domain), Err(JidError::Domain)),
            (
                "a@b/\u{0}",
                Err(JidError::Resource),
                Err(JidError::Resource),
            ),
            (
                "a'b@c",
                Err(JidError::LocalCharacter),
                Err(JidError::LocalCharacter),
            ),
            ("A@B/C", Ok("a@b/C"), Ok("a@b/C")),
        ] {
            let shown = |jid: Result<Jid, JidError>| jid.map(|jid| jid.to_string());
            let owned = |text: Result<&str, JidError>| text.map(str::to_owned);
            assert_eq!(shown(Jid::parse(text)), owned(now), "{text:?}");
            assert_eq!(shown(Jid::parse_6122(text)), owned(then), "{text:?}");
        }
        let label = "a".repeat(64);
        assert_eq!(Jid::parse_6122(&label), Err(JidError::Domain));
        assert!(Jid::parse_6122(&label[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_canonical(text in "\\PC{0,12}(@\\PC{1,8})?(/\\PC{1,8})?") {
            for parse in [Jid::parse, Jid::parse_6122] {
                if let Ok(jid) = parse(&text) {
                    prop_assert_eq!(parse(&jid.to_string()), Ok(jid));
                }
            }
        }
    }
}
