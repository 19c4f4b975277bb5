//! Error conditions of streams, stanzas and SASL (RFC 6120 §4.9.3, §8.3.3, §6.5).

use crate::element::Element;
use crate::ns;

macro_rules! conditions {
    ($(#[$doc:meta])* $type:ident, $base:literal: $($variant:ident $name:literal $k:literal,)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type {
            $(#[doc = concat!("`", $name, "`, RFC 6120 §", $base, ".", $k)] $variant,)+
        }

        impl $type {
            /// Every condition, in the order of the RFC.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The name of its element.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)+ }
            }

            /// The section of RFC 6120 that defines it.
            pub fn section(self) -> &'static str {
                match self { $($type::$variant => concat!($base, ".", $k),)+ }
            }

            /// The condition with this element name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|condition| condition.name() == name)
            }
        }
    };
}

conditions! {
    /// What ended a stream.
    StreamCondition, "4.9.3":
    BadFormat "bad-format" "1",
    BadNamespacePrefix "bad-namespace-prefix" "2",
    Conflict "conflict" "3",
    ConnectionTimeout "connection-timeout" "4",
    HostGone "host-gone" "5",
    HostUnknown "host-unknown" "6",
    ImproperAddressing "improper-addressing" "7",
    InternalServerError "internal-server-error" "8",
    InvalidFrom "invalid-from" "9",
    InvalidNamespace "invalid-namespace" "10",
    InvalidXml "invalid-xml" "11",
    NotAuthorized "not-authorized" "12",
    NotWellFormed "not-well-formed" "13",
    PolicyViolation "policy-violation" "14",
    RemoteConnectionFailed "remote-connection-failed" "15",
    Reset "reset" "16",
    ResourceConstraint "resource-constraint" "17",
    RestrictedXml "restricted-xml" "18",
    SeeOtherHost "see-other-host" "19",
    SystemShutdown "system-shutdown" "20",
    UndefinedCondition "undefined-condition" "21",
    UnsupportedEncoding "unsupported-encoding" "22",
    UnsupportedFeature "unsupported-feature" "23",
    UnsupportedStanzaType "unsupported-stanza-type" "24",
    UnsupportedVersion "unsupported-version" "25",
}

conditions! {
    /// What is wrong with a stanza.
    StanzaCondition, "8.3.3":
    BadRequest "bad-request" "1",
    Conflict "conflict" "2",
    FeatureNotImplemented "feature-not-implemented" "3",
    Forbidden "forbidden" "4",
    Gone "gone" "5",
    InternalServerError "internal-server-error" "6",
    ItemNotFound "item-not-found" "7",
    JidMalformed "jid-malformed" "8",
    NotAcceptable "not-acceptable" "9",
    NotAllowed "not-allowed" "10",
    NotAuthorized "not-authorized" "11",
    PolicyViolation "policy-violation" "12",
    RecipientUnavailable "recipient-unavailable" "13",
    Redirect "redirect" "14",
    RegistrationRequired "registration-required" "15",
    RemoteServerNotFound "remote-server-not-found" "16",
    RemoteServerTimeout "remote-server-timeout" "17",
    ResourceConstraint "resource-constraint" "18",
    ServiceUnavailable "service-unavailable" "19",
    SubscriptionRequired "subscription-required" "20",
    UndefinedCondition "undefined-condition" "21",
    UnexpectedRequest "unexpected-request" "22",
}

conditions! {
    /// Why authentication failed.
    SaslCondition, "6.5":
    Aborted "aborted" "1",
    AccountDisabled "account-disabled" "2",
    CredentialsExpired "credentials-expired" "3",
    EncryptionRequired "encryption-required" "4",
    IncorrectEncoding "incorrect-encoding" "5",
    InvalidAuthzid "invalid-authzid" "6",
    InvalidMechanism "invalid-mechanism" "7",
    MalformedRequest "malformed-request" "8",
    MechanismTooWeak "mechanism-too-weak" "9",
    NotAuthorized "not-authorized" "10",
    TemporaryAuthFailure "temporary-auth-failure" "11",
}

impl StanzaCondition {
    /// The error types that the RFC recommends for it (§8.3.3); the first is the usual one.
    pub fn types(self) -> &'static [&'static str] {
        use StanzaCondition as C;
        match self {
            C::BadRequest | C::JidMalformed | C::NotAcceptable | C::Redirect => &["modify"],
            C::Forbidden | C::NotAuthorized | C::RegistrationRequired | C::SubscriptionRequired => {
                &["auth"]
            }
            C::PolicyViolation => &["modify", "wait"],
            C::RecipientUnavailable | C::RemoteServerTimeout | C::ResourceConstraint => &["wait"],
            C::UnexpectedRequest => &["wait", "modify"],
            C::FeatureNotImplemented => &["cancel", "modify"],
            _ => &["cancel"],
        }
    }
}

/// The error reply to a stanza (RFC 6120 §8.3.1): the same kind, addresses swapped, the same id.
pub fn stanza_error(reply_to: &Element, condition: StanzaCondition) -> Element {
    let mut reply = Element::new(reply_to.ns(), reply_to.name());
    for (theirs, ours) in [("to", "from"), ("from", "to"), ("id", "id")] {
        if let Some(value) = reply_to.attr(theirs) {
            reply.set_attr(ours, value);
        }
    }
    let error = Element::new(reply_to.ns(), "error")
        .with_attr("type", condition.types()[0])
        .with_child(Element::new(ns::STANZA_ERRORS, condition.name()));
    reply.with_attr("type", "error").with_child(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sections_agree_with_the_tables_of_the_rfc() {
        assert_eq!(StreamCondition::ALL.len(), 25);
        assert_eq!(StanzaCondition::ALL.len(), 22);
        assert_eq!(SaslCondition::ALL.len(), 11);
        assert_eq!(
            StreamCondition::from_name("host-unknown"),
            Some(StreamCondition::HostUnknown)
        );
        assert_eq!(StreamCondition::HostUnknown.section(), "4.9.3.6");
        assert_eq!(StanzaCondition::ServiceUnavailable.section(), "8.3.3.19");
        assert_eq!(SaslCondition::from_name("host-unknown"), None);
        for condition in StanzaCondition::ALL {
            assert_eq!(
                StanzaCondition::from_name(condition.name()),
                Some(*condition)
            );
        }
    }

    #[test]
    fn an_error_goes_back_where_the_stanza_came_from() {
        let iq = Element::new(ns::CLIENT, "iq")
            .with_attr("type", "get")
            .with_attr("id", "a&b")
            .with_attr("from", "romeo@example.org/orchard")
            .with_attr("to", "example.org");
        let reply = stanza_error(&iq, StanzaCondition::ServiceUnavailable);
        assert_eq!(reply.attr("type"), Some("error"));
        assert_eq!(reply.attr("id"), Some("a&b"));
        assert_eq!(reply.attr("to"), Some("romeo@example.org/orchard"));
        assert_eq!(reply.attr("from"), Some("example.org"));
        let error = reply.child(ns::CLIENT, "error").expect("an error child");
        assert_eq!(error.attr("type"), Some("cancel"));
        assert!(
            error
                .child(ns::STANZA_ERRORS, "service-unavailable")
                .is_some()
        );
    }
}
