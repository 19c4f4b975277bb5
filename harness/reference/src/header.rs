//! Stream headers: what the client's says, and the server's answer (RFC 6120 §4.7, §4.8).

use xmppspec_protocol::conditions::StreamCondition;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;
use xmppspec_protocol::stream::{self, StreamHeader};

use crate::{Config, Fault};

/// The language of what the server writes for people (RFC 6120 §4.7.4).
pub(crate) const LANG: &str = "en";

/// What a client's header says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// Who the client says it is.
    pub(crate) from: Option<Jid>,
    /// The language of its stanzas.
    pub(crate) lang: Option<String>,
    /// The version of the answer; `None`: the header had none, so the answer has none (§4.7.5).
    pub(crate) version: Option<Version>,
    /// What the client wrote, for faults: `version`, `to`, `id`.
    pub(crate) said: [Option<String>; 3],
    /// Whether it declares jabber:client as the default namespace.
    pub(crate) is_client: bool,
    /// Why the stream cannot go on.
    pub(crate) error: Option<StreamCondition>,
}

/// A version of XMPP, compared number by number (§4.7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl Version {
    /// The highest that the server supports.
    pub(crate) const OURS: Version = Version { major: 1, minor: 0 };

    /// Reads `1.0`; leading zeros mean nothing, and a number too large to be read is just large.
    pub(crate) fn parse(text: &str) -> Option<Version> {
        let (major, minor) = text.split_once('.')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u32::MAX))
        };
        Some(Version {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Header {
    /// Reads a client's header. What is wrong with it is in `error`; the rest is read all the same, for the answer.
    pub(crate) fn read(header: &StreamHeader, config: &Config) -> Header {
        let root = &header.element;
        let from = root.attr("from").map(Jid::parse);
        let version = root.attr("version").map(Version::parse);
        // `bad` comes first of what is to be said: without the right namespace nothing else means anything.
        let namespace_counts = !config.has(Fault::StreamNamespaceIgnored);
        let error = if namespace_counts && !root.is(ns::STREAMS, "stream") {
            match root.ns() == ns::STREAMS {
                true => Some(StreamCondition::BadFormat),
                false => Some(StreamCondition::InvalidNamespace),
            }
        } else if !matches!(root.prefix(), None | Some("stream")) {
            Some(StreamCondition::BadNamespacePrefix)
        } else if !matches!(
            header.default_ns.as_deref(),
            None | Some(ns::CLIENT | ns::STREAMS)
        ) {
            Some(StreamCondition::InvalidNamespace)
        } else if !serves(root.attr("to"), &config.domain) {
            Some(StreamCondition::HostUnknown)
        } else if matches!(from, Some(Err(_))) {
            Some(StreamCondition::InvalidFrom)
        } else {
            match version {
                Some(Some(version)) if version >= Version::OURS => None,
                _ => Some(StreamCondition::UnsupportedVersion),
            }
        };
        let error = error.or_else(|| excuse(header, config));
        Header {
            from: from.and_then(Result::ok),
            lang: root
                .attr_ns(ns::XML, "lang")
                .filter(|lang| is_language_tag(lang))
                .map(str::to_owned),
            version: version.map(|version| version.unwrap_or(Version::OURS).min(Version::OURS)),
            said: ["version", "to", "id"].map(|name| root.attr(name).map(str::to_owned)),
            is_client: header.default_ns.as_deref() == Some(ns::CLIENT),
            error,
        }
    }
}

/// Why a server with a fault refuses a header that is right.
fn excuse(header: &StreamHeader, config: &Config) -> Option<StreamCondition> {
    let root = &header.element;
    let said = root.attr("version").unwrap_or_default();
    let version = Version::parse(said).unwrap_or(Version::OURS);
    if config.has(Fault::VersionZerosRefused) && said.starts_with('0') {
        return Some(StreamCondition::UnsupportedVersion);
    }
    if config.has(Fault::VersionMinorRefused) && version.minor > 0 {
        return Some(StreamCondition::UnsupportedVersion);
    }
    if config.has(Fault::ConditionVersion) && version > Version::OURS {
        return Some(StreamCondition::UnsupportedVersion);
    }
    None
}

/// Whether `to` is the server: a header without it is met liberally (§4.7.2), as there is one domain only.
fn serves(to: Option<&str>, domain: &str) -> bool {
    match to {
        None => true,
        Some(to) => Jid::parse(to)
            .is_ok_and(|to| to.local().is_none() && to.is_bare() && to.domain() == domain),
    }
}

/// Whether a text may be put on stanzas as their language (RFC 6120 §8.1.5, RFC 5646 §2.1 without its finer points).
fn is_language_tag(text: &str) -> bool {
    text.split('-').all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// The server's header.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) lang: Option<String>,
}

impl Answer {
    /// An XML declaration and the opening tag.
    pub(crate) fn to_xml(&self) -> String {
        let all = [
            ("from", &self.from),
            ("to", &self.to),
            ("id", &self.id),
            ("version", &self.version),
            ("xml:lang", &self.lang),
        ];
        let attrs: Vec<(&str, &str)> = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .collect();
        stream::header(ns::CLIENT, &attrs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmppspec_protocol::stream::{StreamEvent, StreamParser};
    use xmppspec_protocol::xml::Limits;

    fn read(attrs: &str) -> Header {
        let mut parser = StreamParser::new(Limits::default());
        parser.feed(format!("<stream:stream {attrs}>").as_bytes());
        match parser.next_event() {
            Some(Ok(StreamEvent::Opened(header))) => {
                Header::read(&header, &Config::new("example.org"))
            }
            other => panic!("{other:?}"),
        }
    }

    const NAMES: &str = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";

    #[test]
    fn versions_are_numbers() {
        for (version, answer) in [
            ("1.0", Some("1.0")),
            ("01.00", Some("1.0")),
            ("1.10", Some("1.0")),
            ("99999999999999.1", Some("1.0")),
            ("0.9", Some("0.9")),
        ] {
            let header = read(&format!("{NAMES} to='example.org' version='{version}'"));
            assert_eq!(header.version.map(|v| v.to_string()).as_deref(), answer);
        }
        assert_eq!(read(NAMES).version, None);
    }

    #[test]
    fn only_language_tags_are_languages() {
        let lang = |lang: &str| read(&format!("{NAMES} xml:lang='{lang}'")).lang;
        assert_eq!(lang("de-CH-1996").as_deref(), Some("de-CH-1996"));
        for bad in ["", "-", "no language", "überlang"] {
            assert_eq!(lang(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_fault_has_its_condition() {
        use StreamCondition as C;
        for (attrs, error) in [
            (format!("{NAMES} to='example.org' version='1.0'"), None),
            (format!("{NAMES} to='EXAMPLE.org.' version='1.0'"), None),
            (format!("{NAMES} version='1.0'"), None),
            (
                format!("{NAMES} to='example.com' version='1.0'"),
                Some(C::HostUnknown),
            ),
            (
                format!("{NAMES} to='a@example.org' version='1.0'"),
                Some(C::HostUnknown),
            ),
            (format!("{NAMES} to='' version='1.0'"), Some(C::HostUnknown)),
            (
                format!("{NAMES} to='example.org'"),
                Some(C::UnsupportedVersion),
            ),
            (
                format!("{NAMES} to='example.org' version='x'"),
                Some(C::UnsupportedVersion),
            ),
            (
                format!("{NAMES} to='example.org' version='1.0' from='@'"),
                Some(C::InvalidFrom),
            ),
            (
                "xmlns='urn:x' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"
                    .into(),
                Some(C::InvalidNamespace),
            ),
            (
                "xmlns='jabber:client' xmlns:stream='urn:x' version='1.0'".into(),
                Some(C::InvalidNamespace),
            ),
        ] {
            assert_eq!(read(&attrs).error, error, "{attrs}");
        }
    }
}
