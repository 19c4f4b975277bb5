//! The negotiation steps: stream, TLS, SASL, resource binding (RFC 6120 §4 to §7).

use rand::RngExt as _;
use tokio::time::timeout_at;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::sasl::{self, ChannelBinding, Client, Credentials, Fault, Mechanism};
use xmppspec_protocol::stream;
use xmppspec_scenarios::pattern::Received;

use super::{Problem, Stage, StepError, condition};
use crate::transport::{Connection, TlsVersion};

/// Random characters of a nonce: 24 letters and digits are more than 128 bits.
const NONCE_LENGTH: usize = 24;

/// The content namespace and attributes of a stream header; `None` leaves one out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The content namespace.
    pub xmlns: Option<String>,
    /// Whom the stream is for.
    pub to: Option<String>,
    /// Whom it is from.
    pub from: Option<String>,
    /// The version of XMPP.
    pub version: Option<String>,
    /// `xml:lang`.
    pub lang: Option<String>,
    /// The stream id, which no initiating entity sends.
    pub id: Option<String>,
}

impl Opening {
    /// The header that a client sends to `domain`.
    #[must_use]
    pub fn to(domain: &str) -> Self {
        Self {
            xmlns: Some(ns::CLIENT.to_owned()),
            to: Some(domain.to_owned()),
            from: None,
            version: Some("1.0".to_owned()),
            lang: Some("en".to_owned()),
            id: None,
        }
    }

    fn to_xml(&self) -> String {
        let attrs = [
            ("from", &self.from),
            ("id", &self.id),
            ("to", &self.to),
            ("version", &self.version),
            ("xml:lang", &self.lang),
        ];
        let attrs: Vec<(&str, &str)> = attrs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .collect();
        match &self.xmlns {
            Some(xmlns) => stream::header(xmlns, &attrs),
            None => stream::header("", &attrs).replacen(" xmlns=''", "", 1),
        }
    }

    /// Features follow the answer: both sides speak version 1.0 or later (RFC 6120 §4.7.5).
    fn has_features(&self) -> bool {
        is_version_1(self.version.as_deref())
    }
}

fn is_version_1(version: Option<&str>) -> bool {
    version
        .and_then(|v| v.split('.').next())
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major >= 1)
}

/// How an actor authenticates; what is not said is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authentication {
    /// The mechanism; the strongest that is offered and needs no channel binding.
    pub mechanism: Option<String>,
    /// The authentication identity; the account's.
    pub username: Option<String>,
    /// The password; the account's.
    pub password: Option<String>,
    /// The authorization identity; none.
    pub authzid: Option<String>,
    /// `none`, `tls-exporter`, `tls-server-end-point`; for a -PLUS mechanism the one that the connection and the target have.
    pub channel_binding: Option<String>,
    /// What to do wrong.
    pub fault: Option<Fault>,
}

impl Stage {
    /// Sends a stream header and waits for the answer: header and features, or an error, or the end.
    ///
    /// # Errors
    /// When no answer comes that could be the beginning of a stream.
    pub async fn open_stream(&mut self, who: usize, opening: &Opening) -> Result<(), StepError> {
        let connection = self.connection(who)?;
        connection.clear();
        connection.features = None;
        connection.send(opening.to_xml().as_bytes());
        let wants_features = opening.has_features();
        self.wait_on(who, "answer to the stream header", |connection| {
            let mut version = None;
            for item in connection.queue() {
                match &item.received {
                    Received::Header(header) => {
                        version = Some(header.element.attr("version").map(str::to_owned));
                    }
                    Received::Element(_) | Received::Closed => return Some(()),
                    Received::Declaration(_) | Received::Text(_) => {}
                }
            }
            match version {
                Some(version) if !wants_features || !is_version_1(version.as_deref()) => Some(()),
                // The connection may end without a word: then that is the answer.
                Some(_) if !connection.is_open() => Some(()),
                _ => None,
            }
        })
        .await
    }

    /// Asks for TLS and does the handshake.
    ///
    /// # Errors
    /// [`Problem::Refused`] when the target will not, or the handshake fails.
    pub async fn start_tls(
        &mut self,
        who: usize,
        version: Option<TlsVersion>,
    ) -> Result<(), StepError> {
        let connection = self.connection(who)?;
        connection.clear();
        connection.send(format!("<starttls xmlns='{}'/>", ns::TLS).as_bytes());
        let answer = self
            .wait_on(who, "<proceed/>", |connection| {
                first_element(connection, |e| {
                    e.is(ns::TLS, "proceed")
                        || e.is(ns::TLS, "failure")
                        || e.is(ns::STREAMS, "error")
                })
            })
            .await?;
        if !answer.is(ns::TLS, "proceed") {
            return Err(refused("STARTTLS", &answer));
        }
        let domain = self.reach.domain.clone();
        let (deadline, tls) = (self.deadline(), self.tls.clone());
        let handshake = self.connection(who)?.start_tls(&tls, version, &domain);
        match timeout_at(deadline, handshake).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StepError::new(
                Problem::Refused,
                format!("the TLS handshake failed: {error}"),
            )),
            Err(_) => Err(StepError::new(
                Problem::TimedOut,
                "the TLS handshake did not end in time",
            )),
        }
    }

    /// Authenticates; returns whether it succeeded. Without a fault, not to succeed is an error.
    ///
    /// # Errors
    /// [`Problem::Refused`] with the condition; [`Problem::Script`] for a mechanism that nobody knows.
    pub async fn authenticate(
        &mut self,
        who: usize,
        how: &Authentication,
    ) -> Result<bool, StepError> {
        let mechanism = self.choose(who, how)?;
        let binding = self.binding(who, mechanism, how.channel_binding.as_deref())?;
        let account = self.actors[who].account.as_ref();
        let credentials = Credentials {
            username: how
                .username
                .clone()
                .or_else(|| account.map(|a| a.user.clone()))
                .unwrap_or_default(),
            password: how
                .password
                .clone()
                .or_else(|| account.map(|a| a.password.clone()))
                .unwrap_or_default(),
            authzid: how.authzid.clone(),
        };
        let nonce: String = (0..NONCE_LENGTH)
            .map(|_| char::from(self.rng.sample(rand::distr::Alphanumeric)))
            .collect();
        let mut client = Client::new(mechanism, credentials, binding, nonce, how.fault);
        let wrong = |error: sasl::SaslError| {
            StepError::new(
                Problem::Refused,
                format!("SASL {}: {error}", mechanism.name()),
            )
        };
        let connection = self.connection(who)?;
        connection.clear();
        let initial = client.initial().map_err(wrong)?;
        connection.send(
            format!(
                "<auth xmlns='{}' mechanism='{}'>{}</auth>",
                ns::SASL,
                mechanism.name(),
                sasl::encode(&initial)
            )
            .as_bytes(),
        );
        let mut seen = 0;
        loop {
            let from = seen;
            let (at, answer) = self
                .wait_on(who, "answer to the SASL exchange", |connection| {
                    let mut elements = connection.queue().iter().enumerate().skip(from);
                    elements.find_map(|(at, item)| match &item.received {
                        Received::Element(e)
                            if e.ns() == ns::SASL || e.is(ns::STREAMS, "error") =>
                        {
                            Some((at, e.clone()))
                        }
                        _ => None,
                    })
                })
                .await?;
            seen = at + 1;
            let data = match answer.text().trim() {
                "" => None,
                text => Some(sasl::decode(text).map_err(wrong)?),
            };
            match answer.name() {
                "challenge" if answer.ns() == ns::SASL => {
                    match client.respond(data.as_deref().unwrap_or_default()) {
                        Ok(response) => {
                            let response = format!(
                                "<response xmlns='{}'>{}</response>",
                                ns::SASL,
                                sasl::encode(&response)
                            );
                            self.connection(who)?.send(response.as_bytes());
                        }
                        // What the target did about the fault is there to be received.
                        Err(_) if how.fault.is_some() => return Ok(false),
                        Err(error) => return Err(wrong(error)),
                    }
                }
                "success" if answer.ns() == ns::SASL => {
                    return match client.finish(data.as_deref()) {
                        Ok(()) => Ok(true),
                        Err(_) if how.fault.is_some() => Ok(true),
                        Err(error) => Err(wrong(error)),
                    };
                }
                _ if how.fault.is_some() => return Ok(false),
                _ => return Err(refused(&format!("SASL {}", mechanism.name()), &answer)),
            }
        }
    }

    fn choose(&mut self, who: usize, how: &Authentication) -> Result<Mechanism, StepError> {
        if let Some(name) = &how.mechanism {
            return Mechanism::from_name(name).ok_or_else(|| {
                StepError::new(
                    Problem::Script,
                    format!("xmppspec does not know the SASL mechanism {name}"),
                )
            });
        }
        let offered = offered_mechanisms(self.connection(who)?);
        let usable = |m: &Mechanism| {
            !m.is_plus() && !matches!(m, Mechanism::Anonymous | Mechanism::External)
        };
        let best = Mechanism::ALL
            .iter()
            .copied()
            .rfind(|m| usable(m) && offered.iter().any(|o| o == m.name()));
        best.ok_or_else(|| {
            let list = if offered.is_empty() {
                "none".to_owned()
            } else {
                offered.join(", ")
            };
            StepError::new(
                Problem::Refused,
                format!("no SASL mechanism to log in with a password; offered: {list}"),
            )
        })
    }

    fn binding(
        &mut self,
        who: usize,
        mechanism: Mechanism,
        wanted: Option<&str>,
    ) -> Result<ChannelBinding, StepError> {
        let connection = self.connection(who)?;
        let none = |what: &str| {
            StepError::new(
                Problem::Script,
                format!("this connection has no channel binding {what}"),
            )
        };
        match wanted {
            Some("none") => Ok(ChannelBinding::Unsupported),
            Some("not-offered") => Ok(ChannelBinding::NotOffered),
            Some(kind) => connection
                .tls
                .as_ref()
                .and_then(|tls| tls.binding(kind))
                .ok_or_else(|| none(kind)),
            None if mechanism.is_plus() => {
                let offered = offered_bindings(connection);
                let kinds = ["tls-exporter", "tls-server-end-point"];
                let kinds = kinds
                    .into_iter()
                    .filter(|kind| offered.is_empty() || offered.iter().any(|o| o == kind));
                let tls = connection.tls.as_ref();
                kinds
                    .filter_map(|kind| tls?.binding(kind))
                    .next()
                    .ok_or_else(|| none("that the target offers too"))
            }
            None => Ok(ChannelBinding::Unsupported),
        }
    }

    /// Binds a resource; the full JID is the actor's from then on.
    ///
    /// # Errors
    /// [`Problem::Refused`] with the condition.
    pub async fn bind(&mut self, who: usize, resource: Option<&str>) -> Result<(), StepError> {
        let id = self.id("bind");
        let mut bind = Element::new(ns::BIND, "bind");
        if let Some(resource) = resource {
            bind = bind.with_child(Element::new(ns::BIND, "resource").with_text(resource));
        }
        let answer = self
            .request(who, "set", &id, bind, "answer to the binding")
            .await?;
        if answer.attr("type") != Some("result") {
            return Err(refused("resource binding", &answer));
        }
        let jid = answer
            .child(ns::BIND, "bind")
            .and_then(|bind| bind.child(ns::BIND, "jid"))
            .map(|jid| jid.text().trim().to_owned());
        match jid {
            Some(jid) if !jid.is_empty() => {
                self.actors[who].jid = Some(jid);
                Ok(())
            }
            _ => Err(
                StepError::new(Problem::Refused, "the answer to the binding has no <jid/>")
                    .with_received(answer.to_xml(ns::CLIENT)),
            ),
        }
    }

    /// Sends an IQ and waits for its answer, which stays in the queue.
    pub(super) async fn request(
        &mut self,
        who: usize,
        kind: &str,
        id: &str,
        payload: Element,
        what: &str,
    ) -> Result<Element, StepError> {
        let iq = Element::new(ns::CLIENT, "iq")
            .with_attr("type", kind)
            .with_attr("id", id)
            .with_child(payload);
        let connection = self.connection(who)?;
        connection.clear();
        connection.send(iq.to_xml(ns::CLIENT).as_bytes());
        self.wait_on(who, what, |connection| {
            first_element(connection, |e| {
                (e.name() == "iq" && e.attr("id") == Some(id)) || e.is(ns::STREAMS, "error")
            })
        })
        .await
    }

    /// Everything from the TCP connection to the bound resource, as a client does it. No presence is sent.
    ///
    /// # Errors
    /// Those of the steps.
    pub async fn log_in(&mut self, who: usize) -> Result<(), StepError> {
        self.open_secured(who).await?;
        self.authenticate(who, &Authentication::default()).await?;
        let opening = Opening::to(&self.domain_of(who));
        self.open_stream(who, &opening).await?;
        let resource = self.actors[who].resource.clone();
        self.bind(who, resource.as_deref()).await?;
        let wants_session = self
            .connection(who)?
            .features
            .as_ref()
            .is_some_and(|features| {
                features
                    .child(ns::SESSION, "session")
                    .is_some_and(|session| session.child(ns::SESSION, "optional").is_none())
            });
        // Servers of RFC 3921 count a session as available only after this.
        if wants_session {
            let id = self.id("session");
            let session = Element::new(ns::SESSION, "session");
            let answer = self
                .request(who, "set", &id, session, "answer to the session request")
                .await?;
            if answer.attr("type") != Some("result") {
                return Err(refused("the session", &answer));
            }
        }
        self.connection(who)?.clear();
        Ok(())
    }

    /// The domain that the actor's account is at.
    pub(super) fn domain_of(&self, who: usize) -> String {
        match &self.actors[who].account {
            Some(account) => account.domain.clone(),
            None => self.reach.domain.clone(),
        }
    }

    /// Connects, opens a stream, and secures it if the target can.
    pub(super) async fn open_secured(&mut self, who: usize) -> Result<(), StepError> {
        let opening = Opening::to(&self.domain_of(who));
        let mut tries = 0;
        loop {
            self.connect(who).await?;
            match self.open_stream(who, &opening).await {
                Err(error)
                    if error.problem == Problem::Ended && tries < self.reach.connect_retries =>
                {
                    tries += 1;
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        self.features(who)?;
        let offers_tls = self.features(who)?.child(ns::TLS, "starttls").is_some();
        if offers_tls && self.connection(who)?.tls.is_none() {
            self.start_tls(who, None).await?;
            self.open_stream(who, &opening).await?;
            self.features(who)?;
        }
        Ok(())
    }

    /// The features of the actor's stream.
    ///
    /// # Errors
    /// [`Problem::Refused`] if the answer to the stream header was something else.
    pub(super) fn features(&mut self, who: usize) -> Result<&Element, StepError> {
        let connection = self.connection(who)?;
        if connection.features.is_none() {
            let received = super::received_so_far(connection);
            return Err(StepError::new(
                Problem::Refused,
                "the stream was not answered with features",
            )
            .with_received(received));
        }
        connection
            .features
            .as_ref()
            .ok_or_else(|| StepError::new(Problem::Refused, "no features"))
    }
}

fn refused(what: &str, answer: &Element) -> StepError {
    let condition = match answer.child(ns::CLIENT, "error") {
        Some(error) => condition(error),
        None => condition(answer),
    };
    StepError::new(Problem::Refused, format!("{what} was refused: {condition}"))
        .with_received(answer.to_xml(ns::CLIENT))
}

/// The first element in the queue that is wanted; it stays there.
fn first_element(connection: &Connection, wanted: impl Fn(&Element) -> bool) -> Option<Element> {
    connection
        .queue()
        .iter()
        .find_map(|item| match &item.received {
            Received::Element(element) if wanted(element) => Some(element.clone()),
            _ => None,
        })
}

/// The mechanisms in the last stream features.
pub(crate) fn offered_mechanisms(connection: &Connection) -> Vec<String> {
    let mechanisms = connection
        .features
        .as_ref()
        .and_then(|features| features.child(ns::SASL, "mechanisms"));
    mechanisms
        .into_iter()
        .flat_map(Element::elements)
        .filter(|e| e.is(ns::SASL, "mechanism"))
        .map(|e| e.text().trim().to_owned())
        .collect()
}

/// The channel bindings that the target says it supports (XEP-0440).
fn offered_bindings(connection: &Connection) -> Vec<String> {
    let bindings = connection
        .features
        .as_ref()
        .and_then(|features| features.child(ns::SASL_CHANNEL_BINDING, "sasl-channel-binding"));
    bindings
        .into_iter()
        .flat_map(Element::elements)
        .filter_map(|e| e.attr("type").map(str::to_owned))
        .collect()
}
