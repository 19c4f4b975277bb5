//! What a stream negotiates: TLS, registration, SASL, a resource (RFC 6120 §5 to §7, XEP-0077).

use std::time::Duration;

use xmppspec_protocol::conditions::{SaslCondition, StreamCondition, stanza_error};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;
use xmppspec_protocol::sasl::scram::Hash;
use xmppspec_protocol::sasl::server::{Step, Success};
use xmppspec_protocol::sasl::{self, Mechanism};

use super::Session;
use crate::Fault;
use crate::sasl::Handshake;

impl Session {
    /// The features that fit what has been negotiated (RFC 6120 §4.3.2).
    pub(super) fn offer(&mut self) {
        let features = Element::new(ns::STREAMS, "features");
        let features = if self.account.is_some() {
            self.offer_binding(features)
        } else {
            self.offer_login(features)
        };
        self.send(&features);
    }

    fn offer_login(&self, mut features: Element) -> Element {
        let config = self.hub.config();
        if self.fault(Fault::BindOfferedEarly) {
            features = features.with_child(Element::new(ns::BIND, "bind"));
        }
        let tls = self.channel.is_some();
        if (!tls && !self.fault(Fault::StarttlsNotOffered)) || self.fault(Fault::StarttlsAfterTls) {
            let mut starttls = Element::new(ns::TLS, "starttls");
            if config.require_tls && !self.fault(Fault::StarttlsNotRequired) {
                starttls = starttls.with_child(Element::new(ns::TLS, "required"));
            }
            features = features.with_child(starttls);
        }
        // RFC 6120 §5.3.1: where TLS is mandatory, nothing else is offered before it.
        let early = self.fault(Fault::SaslBeforeTls) || self.fault(Fault::PlainBeforeTls);
        if !tls && config.require_tls && !early {
            return features;
        }
        if tls && self.fault(Fault::SaslNotOffered) {
            return features;
        }
        let mut mechanisms = Element::new(ns::SASL, "mechanisms");
        for mechanism in self.mechanisms() {
            let name = Element::new(ns::SASL, "mechanism").with_text(mechanism.name());
            if !self.fault(Fault::MechanismsEmpty) {
                mechanisms = mechanisms.with_child(name);
            }
        }
        features = features.with_child(mechanisms);
        if let Some(channel) = &self.channel {
            // XEP-0440
            let mut all = Element::new(ns::SASL_CHANNEL_BINDING, "sasl-channel-binding");
            for (kind, _) in &channel.bindings {
                let kind = Element::new(ns::SASL_CHANNEL_BINDING, "channel-binding")
                    .with_attr("type", kind);
                all = all.with_child(kind);
            }
            features = features.with_child(all);
        }
        if config.registration {
            features = features.with_child(Element::new(ns::REGISTER_FEATURE, "register"));
        }
        features
    }

    fn offer_binding(&self, features: Element) -> Element {
        if self.fault(Fault::BindNotOffered) {
            return features;
        }
        features
            .with_child(Element::new(ns::BIND, "bind"))
            .with_child(Element::new(ns::ROSTER_VERSIONING, "ver"))
            .with_child(Element::new(ns::PRE_APPROVAL, "sub"))
    }

    /// What is offered, best first. PLAIN never without TLS (RFC 6120 §13.8.3), channel binding only with it.
    pub(super) fn mechanisms(&self) -> Vec<Mechanism> {
        let config = self.hub.config();
        let tls = self.channel.is_some();
        let plain_early = self.fault(Fault::PlainBeforeTls) || self.fault(Fault::LoginBeforeTls);
        let sha1_missing = self.fault(Fault::ScramSha1Missing);
        let offered = |mechanism: &Mechanism| match mechanism {
            Mechanism::External => false,
            Mechanism::Anonymous => config.anonymous,
            Mechanism::Plain => config.plain && (tls || plain_early),
            mechanism if sha1_missing && mechanism.hash() == Some(Hash::Sha1) => false,
            mechanism => tls || !mechanism.is_plus(),
        };
        Mechanism::ALL
            .iter()
            .rev()
            .copied()
            .filter(offered)
            .collect()
    }

    pub(super) fn start_tls(&mut self, now: Duration) {
        if self.mistakes_starttls(now) {
            return;
        }
        let refused = self.later_fault(Fault::StarttlsRefused);
        if self.channel.is_some() || self.account.is_some() || refused {
            // RFC 6120 §5.4.2.2: it was not offered, so the stream and the connection end.
            self.send(&Element::new(ns::TLS, "failure"));
            return self.end_of_input(now);
        }
        self.send(&Element::new(ns::TLS, "proceed"));
        if self.later_fault(Fault::StarttlsThenXml) {
            self.send(&Element::new(ns::TLS, "proceed"));
        }
        self.starts_tls = true;
    }

    /// One step of SASL (RFC 6120 §6.4).
    pub(super) fn authenticate(&mut self, name: &str, element: &Element, now: Duration) {
        let early = self.channel.is_none() && self.hub.config().require_tls;
        if early && !self.fault(Fault::LoginBeforeTls) {
            return self.refuse(SaslCondition::EncryptionRequired, None, now);
        }
        let step = match name {
            "auth" => self.begin(element),
            "response" => self.respond(element),
            _ => {
                self.handshake = None;
                Err(SaslCondition::Aborted)
            }
        };
        match step {
            Ok(Step::Challenge(data)) => {
                let empty = data.is_empty() || self.fault(Fault::ChallengeEmpty);
                let text = if empty {
                    String::new()
                } else {
                    sasl::encode(&data)
                };
                self.send(&Element::new(ns::SASL, "challenge").with_text(&text));
            }
            Ok(Step::Success(_)) if self.broken || self.fault(Fault::NobodyLogsIn) => {
                self.refuse(SaslCondition::TemporaryAuthFailure, None, now);
            }
            Ok(Step::Success(success)) => self.succeed(success, now),
            Ok(Step::Failure(condition, text)) => self.refuse(condition, Some(text), now),
            Err(SaslCondition::IncorrectEncoding) if self.fault(Fault::Base64EndsStream) => {
                self.end(StreamCondition::UndefinedCondition, now);
            }
            Err(condition) => self.refuse(condition, None, now),
        }
    }

    /// `<auth/>` begins a handshake, and discards one that is under way (RFC 6120 §6.4.2).
    fn begin(&mut self, auth: &Element) -> Result<Step, SaslCondition> {
        if self.handshake.take().is_some() && self.fault(Fault::SecondAuthRefused) {
            return Err(SaslCondition::NotAuthorized);
        }
        let named = auth.attr("mechanism").and_then(Mechanism::from_name);
        let plain = named == Some(Mechanism::Plain) && self.hub.config().plain;
        if plain && !self.mechanisms().contains(&Mechanism::Plain) {
            return Err(SaslCondition::EncryptionRequired);
        }
        let mechanism = named
            .filter(|mechanism| self.mechanisms().contains(mechanism))
            .ok_or(SaslCondition::InvalidMechanism)?;
        let text = self.lenient(content(auth)?);
        let initial = match text.is_empty() {
            true => None,
            false => Some(sasl::decode(&text).map_err(|_| SaslCondition::IncorrectEncoding)?),
        };
        let refused = match initial {
            Some(_) => self.fault(Fault::InitialResponseRefused),
            None => self.fault(Fault::InitialResponseNeeded),
        };
        if refused {
            return Err(SaslCondition::MalformedRequest);
        }
        let channel = self.channel.clone().unwrap_or_default();
        let mut handshake = Handshake::new(mechanism, channel);
        let step = handshake.start(initial.as_deref(), &self.hub);
        self.handshake = Some(handshake);
        Ok(step)
    }

    fn respond(&mut self, response: &Element) -> Result<Step, SaslCondition> {
        let Some(handshake) = &mut self.handshake else {
            return Err(SaslCondition::MalformedRequest);
        };
        let data = content(response)
            .and_then(|text| sasl::decode(&text).map_err(|_| SaslCondition::IncorrectEncoding));
        match data {
            Ok(data) => Ok(handshake.respond(&data, &self.hub)),
            Err(condition) => {
                self.handshake = None;
                Err(condition)
            }
        }
    }

    fn refuse(&mut self, condition: SaslCondition, text: Option<&str>, now: Duration) {
        self.handshake = None;
        if self.fault(Fault::FailureUnsaid) {
            return self.end(StreamCondition::NotAuthorized, now);
        }
        self.broken |=
            condition == SaslCondition::IncorrectEncoding && self.fault(Fault::Base64Breaks);
        let condition = self.sasl_condition(condition);
        let mut failure =
            Element::new(ns::SASL, "failure").with_child(Element::new(ns::SASL, condition.name()));
        if let Some(text) = text {
            let text = Element::new(ns::SASL, "text")
                .with_attr_ns(ns::XML, "lang", crate::header::LANG)
                .with_text(text);
            failure = failure.with_child(text);
        }
        self.send(&failure);
        self.failures += 1;
        let allowed = match self.hub.config().limits.sasl_attempts {
            _ if self.fault(Fault::OneAttempt) => 1,
            _ if self.fault(Fault::AttemptsUnlimited) => u32::MAX,
            allowed => allowed,
        };
        if self.failures >= allowed {
            // RFC 6120 §6.4.5
            self.end(StreamCondition::PolicyViolation, now);
        }
    }

    fn succeed(&mut self, success: Success, now: Duration) {
        let account = match &success.username {
            Some(username) => self.hub.localpart(username),
            None => Some(self.hub.make_guest()),
        };
        let Some(account) = account else {
            return self.refuse(SaslCondition::NotAuthorized, None, now);
        };
        self.account = Some(account);
        self.guest = success.username.is_none();
        // RFC 6120 §6.4.6: who named another user in the protected header is not let in.
        let contradiction = self
            .header
            .as_ref()
            .and_then(|header| self.contradiction(header));
        if let Some(condition) = contradiction.filter(|_| self.channel.is_some()) {
            return self.end(condition, now);
        }
        let mut element = Element::new(ns::SASL, "success");
        if let Some(data) = &success.data {
            element = element.with_text(&sasl::encode(data));
        }
        self.send(&element);
        let behind = self.parser.take_unparsed();
        self.restart(behind);
    }

    /// A stanza before a resource is bound: registration, or binding, or the end (RFC 6120 §4.3.5, §7.1).
    pub(super) fn early_stanza(&mut self, stanza: &Element, now: Duration) {
        if self.mistakes_early(stanza) {
            return;
        }
        let config = self.hub.config();
        let is_iq = stanza.name() == "iq";
        let set = stanza.attr("type") == Some("set");
        let may_register = config.registration
            && self.account.is_none()
            && (self.channel.is_some() || !config.require_tls);
        if let Some(query) = stanza.child(ns::REGISTER, "query")
            && is_iq
            && may_register
            && (set || stanza.attr("type") == Some("get"))
        {
            let reply = self.hub.register(stanza, query);
            return self.send(&reply);
        }
        match stanza.child(ns::BIND, "bind") {
            Some(bind) if is_iq && set && self.account.is_some() => self.bind(stanza, bind, now),
            _ => self.end(StreamCondition::NotAuthorized, now),
        }
    }

    fn bind(&mut self, iq: &Element, bind: &Element, now: Duration) {
        let wanted = bind
            .child(ns::BIND, "resource")
            .map(|resource| resource.text().into_owned());
        let account = self.account.clone().unwrap_or_default();
        let bound = self
            .hub
            .bind(self.id, &account, wanted.as_deref(), &self.mailbox, now);
        match bound {
            Ok(jid) => self.bound_to(iq, jid, wanted.as_deref()),
            Err(condition) => {
                self.send(&stanza_error(iq, condition));
                self.bind_failures += 1;
                if self.bind_failures >= self.hub.config().limits.bind_attempts {
                    // RFC 6120 §7.7.3
                    self.end(StreamCondition::PolicyViolation, now);
                }
            }
        }
    }

    fn bound_to(&mut self, iq: &Element, jid: Jid, wanted: Option<&str>) {
        let mut result = Element::new(ns::CLIENT, "iq").with_attr("type", "result");
        if let Some(id) = iq.attr("id") {
            result.set_attr("id", id);
        }
        let mut text = jid.to_string();
        self.spoil_bound(&mut text, wanted);
        let mut bind = Element::new(ns::BIND, "bind");
        if !self.fault(Fault::BindWithoutJid) {
            bind = bind.with_child(Element::new(ns::BIND, "jid").with_text(&text));
        }
        self.send(&result.with_child(bind));
        if self.fault(Fault::FeaturesAfterBinding) {
            self.offer();
        }
        self.bound = Some(jid);
    }
}

/// The text of a SASL element; one with elements inside is no request (RFC 6120 §6.5.8).
fn content(element: &Element) -> Result<String, SaslCondition> {
    match element.elements().next() {
        Some(_) => Err(SaslCondition::MalformedRequest),
        None => Ok(element.text().into_owned()),
    }
}
