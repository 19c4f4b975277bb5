//! What a server with faults does otherwise in streams; each function does nothing without them.

use xmppspec_protocol::conditions::{SaslCondition, StreamCondition};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::xml::Rule;

use super::Session;
use crate::Fault as F;
use crate::header::{Answer, Header};

impl Session {
    /// What is wrong with a header that is right.
    pub(super) fn spoil_header(&self, header: &mut Header) {
        if self.later_fault(F::ClientWithoutFromRefused) && header.from.is_none() {
            header.error = Some(StreamCondition::InvalidFrom);
        }
        if self.later_fault(F::ClientNamespaceRefused) && header.is_client {
            header.error = Some(StreamCondition::InvalidNamespace);
        }
    }

    /// The attributes of the response header.
    pub(super) fn spoil_answer(&self, header: &Header, answer: &mut Answer) {
        let [said_version, said_to, said_id] = header.said.clone();
        if self.fault(F::HeaderIdConstant) {
            answer.id = Some("constant".into());
        }
        if self.fault(F::HeaderIdAfterSasl) && self.account.is_some() {
            answer.id.clone_from(&self.first_id);
        }
        if self.fault(F::HeaderIdEchoed) && said_id.is_some() {
            answer.id = said_id;
        }
        if self.fault(F::HeaderWithoutId) {
            answer.id = None;
        }
        if self.fault(F::HeaderFromElse) {
            answer.from = Some("else.example".into());
        }
        if self.fault(F::HeaderFromEchoed) && said_to.is_some() {
            answer.from = said_to;
        }
        if self.fault(F::HeaderWithoutFrom) {
            answer.from = None;
        }
        if self.fault(F::HeaderAlwaysTo) && answer.to.is_none() {
            answer.to = Some(format!("somebody@{}", self.hub.config().domain));
        }
        if self.fault(F::HeaderRemembersFrom) && answer.to.is_none() {
            answer.to.clone_from(&self.from_before_tls);
        }
        if self.fault(F::HeaderWithoutTo) {
            answer.to = None;
        }
        if self.fault(F::HeaderLangMalformed) {
            answer.lang = Some("no language tag".into());
        }
        if self.fault(F::HeaderLangEchoed) && header.lang.is_some() {
            answer.lang.clone_from(&header.lang);
        }
        if self.fault(F::HeaderWithoutLang) {
            answer.lang = None;
        }
        if self.fault(F::HeaderEchoesVersion) {
            answer.version = said_version;
        }
        if self.fault(F::HeaderVersionWithZeros) {
            answer.version = answer.version.take().map(|version| format!("0{version}"));
        }
        if self.fault(F::HeaderAlwaysVersion) && answer.version.is_none() {
            answer.version = Some("1.0".into());
        }
    }

    /// The XML of the response header.
    pub(super) fn spoil_opening(&self, xml: String) -> String {
        let replace = |fault, xml: String, from: &str, to: &str| match self.fault(fault) {
            true => xml.replacen(from, to, 1),
            false => xml,
        };
        let content = "xmlns='jabber:client'";
        let xml = replace(
            F::HeaderWithoutDeclaration,
            xml,
            "<?xml version='1.0'?>",
            "",
        );
        let xml = match self.later_fault(F::HeaderWrongNamespace) {
            true => xml.replacen(ns::STREAMS, "urn:example:streams", 1),
            false => xml,
        };
        let xml = replace(F::HeaderOtherContent, xml, content, "xmlns='jabber:server'");
        let streams = format!("xmlns='{}'", ns::STREAMS);
        let xml = replace(F::HeaderContentIsStreams, xml, content, &streams);
        if self.channel.is_some() && self.later_fault(F::RestartWithClosingTag) {
            return format!("</stream:stream>{xml}");
        }
        xml
    }

    /// Whether the connection ends where a response header is due.
    pub(super) fn drops_opened(&self, error: Option<StreamCondition>) -> bool {
        let tls = self.channel.is_some();
        let sasl = self.account.is_some();
        self.later_fault(F::HeaderNotAnswered)
            || (tls && !sasl && self.later_fault(F::RestartAfterTlsDropped))
            || (sasl && self.fault(F::RestartAfterSaslDropped))
            || (error == Some(StreamCondition::BadNamespacePrefix)
                && self.fault(F::StreamPrefixSilent))
    }

    /// Whether the stream ends where features are due.
    pub(super) fn forgets_features(&self) -> bool {
        match (self.channel.is_some(), self.account.is_some()) {
            (_, true) => self.fault(F::FeaturesMissingAfterSasl),
            (true, _) => self.later_fault(F::FeaturesMissingAfterTls),
            (false, false) => self.later_fault(F::FeaturesMissing),
        }
    }

    /// Whether what cannot be read ends the connection without a word.
    pub(super) fn is_silent_on(&self, rule: Rule) -> bool {
        match rule {
            Rule::Comment => self.fault(F::SilentOnComment),
            Rule::ProcessingInstruction => self.fault(F::SilentOnInstruction),
            Rule::Doctype => self.fault(F::SilentOnDoctype),
            Rule::UndefinedEntity => self.fault(F::SilentOnEntity),
            Rule::StandaloneDeclaration => self.fault(F::SilentOnStandalone),
            Rule::InvalidUtf8 | Rule::UnsupportedEncoding => self.fault(F::SilentOnEncoding),
            _ => false,
        }
    }

    /// The condition of a stream error.
    pub(super) fn condition(&self, condition: StreamCondition) -> Element {
        use StreamCondition as C;
        const OTHERS: [(F, C, C); 11] = [
            (F::ConditionBadFormat, C::NotWellFormed, C::BadFormat),
            (
                F::ConditionNotWellFormed,
                C::NotWellFormed,
                C::PolicyViolation,
            ),
            (
                F::ConditionRestrictedXml,
                C::RestrictedXml,
                C::NotWellFormed,
            ),
            (
                F::ConditionEncoding,
                C::UnsupportedEncoding,
                C::NotWellFormed,
            ),
            (F::ConditionHostUnknown, C::HostUnknown, C::BadFormat),
            (F::ConditionNamespace, C::InvalidNamespace, C::NotWellFormed),
            (F::ConditionPrefix, C::BadNamespacePrefix, C::NotWellFormed),
            (
                F::ConditionStanzaType,
                C::UnsupportedStanzaType,
                C::NotWellFormed,
            ),
            (F::ConditionVersion, C::UnsupportedVersion, C::NotWellFormed),
            (F::ConditionTooLarge, C::PolicyViolation, C::NotWellFormed),
            (F::ConditionNotAuthorized, C::NotAuthorized, C::BadFormat),
        ];
        if self.fault(F::StreamErrorsUndefined) {
            return Element::new(ns::STREAM_ERRORS, "something-is-wrong");
        }
        let other = OTHERS
            .iter()
            .find(|(fault, right, _)| *right == condition && self.fault(*fault));
        let condition = other.map_or(condition, |(_, _, wrong)| *wrong);
        Element::new(ns::STREAM_ERRORS, condition.name())
    }

    /// The text of a stream error.
    pub(super) fn spoil_error_text(&self, error: &mut Element) {
        if self.fault(F::StreamErrorTextWithoutLang) {
            error.nodes_mut().truncate(1);
            let text = Element::new(ns::STREAM_ERRORS, "text").with_text("something is wrong");
            error.push(text.into());
        }
    }

    /// The condition of a SASL failure.
    pub(super) fn sasl_condition(&self, condition: SaslCondition) -> SaslCondition {
        use SaslCondition as C;
        const OTHERS: [(F, C, C); 7] = [
            (F::AbortUnnamed, C::Aborted, C::NotAuthorized),
            (
                F::ConditionEncryptionRequired,
                C::EncryptionRequired,
                C::TemporaryAuthFailure,
            ),
            (
                F::ConditionIncorrectEncoding,
                C::IncorrectEncoding,
                C::TemporaryAuthFailure,
            ),
            (
                F::ConditionInvalidAuthzid,
                C::InvalidAuthzid,
                C::NotAuthorized,
            ),
            (
                F::ConditionInvalidMechanism,
                C::InvalidMechanism,
                C::NotAuthorized,
            ),
            (
                F::ConditionMalformedRequest,
                C::MalformedRequest,
                C::TemporaryAuthFailure,
            ),
            (
                F::ConditionWrongPassword,
                C::NotAuthorized,
                C::TemporaryAuthFailure,
            ),
        ];
        let other = OTHERS
            .iter()
            .find(|(fault, right, _)| *right == condition && self.fault(*fault));
        other.map_or(condition, |(_, _, wrong)| *wrong)
    }

    /// The result of binding.
    pub(super) fn spoil_bound(&self, bound: &mut String, wanted: Option<&str>) {
        let domain = &self.hub.config().domain;
        if self.fault(F::BindOtherAccount) {
            *bound = format!("somebody@{domain}/resource");
        }
        if self.fault(F::BindLongAccepted)
            && let (Some(wanted), Some(account)) = (wanted, &self.account)
        {
            *bound = format!("{account}@{domain}/{wanted}");
        }
    }

    /// Whether a stanza that came too early is handled by a fault.
    pub(super) fn mistakes_early(&mut self, stanza: &Element) -> bool {
        let tls = self.channel.is_some();
        let sasl = self.account.is_some();
        let delivers = match (tls, sasl) {
            (false, _) => self.fault(F::DeliversBeforeTls),
            (true, false) => self.fault(F::DeliversBeforeLogin),
            (true, true) => self.fault(F::DeliversBeforeBinding),
        };
        if delivers {
            self.hub.router().deliver_anyway(stanza);
        }
        if stanza.child(ns::BIND, "bind").is_some() && !sasl && self.fault(F::BindWithoutLogin) {
            let jid = format!("somebody@{}/resource", self.hub.config().domain);
            let jid = Element::new(ns::BIND, "jid").with_text(&jid);
            let result = Element::new(ns::CLIENT, "iq")
                .with_attr("type", "result")
                .with_attr("id", stanza.attr("id").unwrap_or_default())
                .with_child(Element::new(ns::BIND, "bind").with_child(jid));
            self.send(&result);
            return true;
        }
        let answers = match sasl {
            _ if stanza.name() == "iq" => false,
            false => self.fault(F::AnswersBeforeLogin),
            // Binding itself comes before binding.
            true => stanza.attr("to").is_some() && self.fault(F::AnswersBeforeBinding),
        };
        if answers {
            let condition = xmppspec_protocol::conditions::StanzaCondition::NotAuthorized;
            self.send(&xmppspec_protocol::conditions::stanza_error(
                stanza, condition,
            ));
        }
        answers
    }

    /// Whether a request for TLS is handled by a fault.
    pub(super) fn mistakes_starttls(&mut self, now: std::time::Duration) -> bool {
        if self.channel.is_some() && self.fault(F::StarttlsInTls) {
            self.send(&Element::new(ns::TLS, "proceed"));
            return true;
        }
        if self.channel.is_some() && self.fault(F::StarttlsFailureWithoutClosing) {
            self.send(&Element::new(ns::TLS, "failure"));
            self.lost(now);
            return true;
        }
        if self.channel.is_some() && self.fault(F::StarttlsFailureKeepsConnection) {
            self.send(&Element::new(ns::TLS, "failure"));
            self.close(now);
            return true;
        }
        if self.later_fault(F::StarttlsUnanswered) {
            self.send(&Element::new(ns::TLS, "perhaps"));
            return true;
        }
        false
    }

    /// What is between base64 letters.
    pub(super) fn lenient(&self, text: String) -> String {
        let letter = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        match self.fault(F::Base64Lenient) {
            true => text.chars().filter(|c| letter(*c)).collect(),
            false => text,
        }
    }
}
