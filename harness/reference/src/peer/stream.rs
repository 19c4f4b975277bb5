//! One stream between two peers, without its socket (XEP-0174 sections 6 to 8).

use std::collections::VecDeque;
use std::sync::Arc;

use xmppspec_protocol::caps;
use xmppspec_protocol::conditions::{StanzaCondition, StreamCondition, stanza_error};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::stream::{self, StreamEvent, StreamHeader, StreamParser};
use xmppspec_protocol::xml::Limits;

use super::records;
use super::{PeerConfig, PeerFault};
use crate::tls::{Identity, Layer};

/// How many stanzas may wait for a stream to be open.
const MOST_WAITING: usize = 1000;

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The other side's header is awaited.
    Header,
    /// We opened it, both said 1.0, and the features are awaited.
    Features,
    /// Stanzas go both ways.
    Open,
    /// We have closed it; the other side has not.
    Closing,
    /// It is closed in both directions, or broken: TCP can go as soon as all is sent.
    Closed,
}

/// What happened on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamNews {
    /// The other side has said who it is.
    Opened(String),
    /// A message.
    Message { peer: String, text: String },
    /// What was to be said was not: the other side wants what this one has not.
    Failed(String),
}

/// One stream between this peer and another. Bytes go in, bytes come out.
#[derive(Debug)]
pub(super) struct Stream {
    config: Arc<PeerConfig>,
    identity: Arc<Identity>,
    tls: Option<Layer>,
    parser: StreamParser,
    initiator: bool,
    me: String,
    them: String,
    stage: Stage,
    /// Stanzas that wait until the stream is open.
    waiting: VecDeque<Element>,
    /// What is to be sent, before TLS.
    plain: Vec<u8>,
    out: Vec<u8>,
    news: Vec<StreamNews>,
    /// Both said version 1.0.
    featured: bool,
    starts_tls: bool,
    /// TLS has said that nothing more will come.
    notified: bool,
}

impl Stream {
    /// A stream that the other side opens.
    pub(super) fn accepted(config: Arc<PeerConfig>, identity: Arc<Identity>, me: &str) -> Stream {
        Stream {
            config,
            identity,
            tls: None,
            parser: StreamParser::new(Limits::default()),
            initiator: false,
            me: me.to_owned(),
            them: String::new(),
            stage: Stage::Header,
            waiting: VecDeque::new(),
            plain: Vec::new(),
            out: Vec::new(),
            news: Vec::new(),
            featured: false,
            starts_tls: false,
            notified: false,
        }
    }

    /// A stream that we open to `them`.
    pub(super) fn opened(
        config: Arc<PeerConfig>,
        identity: Arc<Identity>,
        me: &str,
        them: &str,
    ) -> Stream {
        let mut stream = Stream {
            initiator: true,
            them: them.to_owned(),
            ..Stream::accepted(config, identity, me)
        };
        let namespace = if stream.has(PeerFault::InitialNamespace) {
            "jabber:server"
        } else {
            ns::CLIENT
        };
        let mut attrs = vec![("from", stream.me.as_str()), ("to", stream.them.as_str())];
        if stream.has(PeerFault::InitialWithoutAddresses) {
            attrs.clear();
        }
        if !stream.has(PeerFault::InitialWithoutVersion) {
            attrs.push(("version", "1.0"));
        }
        let header = stream::header(namespace, &attrs);
        stream.plain.extend(header.into_bytes());
        if stream.has(PeerFault::TalksTooEarly) {
            stream.stage = Stage::Open;
        }
        stream
    }

    fn has(&self, fault: PeerFault) -> bool {
        self.config.has(fault)
    }

    /// Bytes for the other side.
    pub(super) fn output(&mut self) -> &mut Vec<u8> {
        if let Some(tls) = &mut self.tls {
            if !self.plain.is_empty() {
                tls.write(&self.plain);
                self.plain.clear();
            }
            if self.stage == Stage::Closed && !self.notified {
                tls.close();
                self.notified = true;
            }
            tls.write_to(&mut self.out);
        } else {
            self.out.append(&mut self.plain);
        }
        &mut self.out
    }

    pub(super) fn take_news(&mut self) -> Vec<StreamNews> {
        std::mem::take(&mut self.news)
    }

    /// Whether TCP can be closed once all is sent.
    pub(super) fn is_finished(&self) -> bool {
        self.stage == Stage::Closed
    }

    /// Whether we have closed it and wait for the other side, not without end.
    pub(super) fn is_closing(&self) -> bool {
        self.stage == Stage::Closing
    }

    /// Says something to the user at the other side, as soon as the stream is open.
    pub(super) fn say(&mut self, text: &str) {
        let mut message = Element::new(ns::CLIENT, "message");
        let (mut from, mut to) = (self.me.clone(), self.them.clone());
        if self.has(PeerFault::MessageAddresses) {
            from = from.split('@').next().unwrap_or_default().to_owned();
            to = to.split('@').next().unwrap_or_default().to_owned();
        }
        message.set_attr("from", &from);
        message.set_attr("to", &to);
        message.set_attr("type", "chat");
        let text = if self.has(PeerFault::AsciiOnly) {
            text.chars().filter(char::is_ascii).collect()
        } else {
            text.to_owned()
        };
        self.send(message.with_child(Element::new(ns::CLIENT, "body").with_text(&text)));
    }

    /// Tells over the stream what belongs into records only, if the fault wants it.
    pub(super) fn presence(&mut self) {
        if self.has(PeerFault::PresenceStanza) {
            let me = self.me.clone();
            self.send(Element::new(ns::CLIENT, "presence").with_attr("from", &me));
        }
    }

    fn send(&mut self, element: Element) {
        match self.stage {
            Stage::Open => self.write(&element),
            Stage::Header | Stage::Features if self.waiting.len() < MOST_WAITING => {
                self.waiting.push_back(element)
            }
            _ => {}
        }
    }

    fn write(&mut self, element: &Element) {
        self.plain.extend(element.to_xml(ns::CLIENT).into_bytes());
    }

    /// Ends the conversation (section 8).
    pub(super) fn close(&mut self) {
        match self.stage {
            Stage::Closing | Stage::Closed => {}
            // Nothing was said yet that could be closed.
            Stage::Header if !self.initiator => self.stage = Stage::Closed,
            _ => {
                if !self.has(PeerFault::ClosesTcpOnly) {
                    self.plain.extend(b"</stream:stream>");
                }
                let hurries =
                    self.has(PeerFault::ClosesTcpOnly) || self.has(PeerFault::DoesNotWait);
                self.stage = if hurries {
                    Stage::Closed
                } else {
                    Stage::Closing
                };
            }
        }
    }

    /// The other side will say nothing more.
    pub(super) fn end_of_input(&mut self) {
        if self.stage == Stage::Open && !self.has(PeerFault::NoClosingTag) {
            self.plain.extend(b"</stream:stream>");
        }
        self.stage = Stage::Closed;
    }

    /// Bytes have come.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        let Some(tls) = &mut self.tls else {
            self.parser.feed(bytes);
            return self.advance();
        };
        match tls.read(bytes) {
            Ok(opened) => {
                self.parser.feed(&opened.plain);
                self.advance();
                if opened.closed {
                    self.end_of_input();
                }
            }
            Err(_) => self.stage = Stage::Closed,
        }
    }

    fn advance(&mut self) {
        while self.stage != Stage::Closed {
            let Some(event) = self.parser.next_event() else {
                return;
            };
            match event {
                Ok(StreamEvent::Opened(header)) => self.opened_by(&header),
                Ok(StreamEvent::Element(element)) => self.element(&element),
                Ok(StreamEvent::Whitespace(_)) => {}
                Ok(StreamEvent::Text(_)) => self.fail(StreamCondition::BadFormat),
                Ok(StreamEvent::Closed) => self.closed_by(),
                Err(_) if self.has(PeerFault::SwallowsErrors) => self.stage = Stage::Closed,
                Err(error) => {
                    let condition = StreamCondition::from_name(error.rule.condition());
                    self.fail(condition.unwrap_or(StreamCondition::NotWellFormed));
                }
            }
            if std::mem::take(&mut self.starts_tls) {
                return self.begin_tls();
            }
        }
    }

    /// The other side has opened its direction.
    fn opened_by(&mut self, header: &StreamHeader) {
        let root = &header.element;
        let ours = matches!(header.default_ns.as_deref(), None | Some(ns::CLIENT));
        let right = root.is(ns::STREAMS, "stream") && ours;
        let wrong = !right && !self.has(PeerFault::AnyNamespace);
        let version = root.attr("version").is_some_and(|v| {
            v.split('.')
                .next()
                .is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n >= 1))
        });
        self.featured = version;
        if !self.initiator {
            self.them = root.attr("from").unwrap_or_default().to_owned();
            self.answer_header(version);
        }
        if wrong {
            return self.fail(StreamCondition::InvalidNamespace);
        }
        if !self.them.is_empty() {
            self.news.push(StreamNews::Opened(self.them.clone()));
        }
        if self.initiator && version {
            self.stage = Stage::Features;
        } else {
            self.open();
        }
    }

    fn answer_header(&mut self, version: bool) {
        if self.has(PeerFault::NoHeader) {
            return;
        }
        let addresses = !self.has(PeerFault::ResponseWithoutAddresses);
        let mut attrs = Vec::new();
        if addresses {
            attrs.push(("from", self.me.as_str()));
        }
        if addresses && !self.them.is_empty() {
            attrs.push(("to", self.them.as_str()));
        }
        if version {
            attrs.push(("version", "1.0"));
        }
        if !version && self.has(PeerFault::NeedsVersion) {
            self.stage = Stage::Closed;
            return;
        }
        let header = stream::header(ns::CLIENT, &attrs);
        self.plain.extend(header.into_bytes());
        if version && !self.has(PeerFault::NoFeatures) {
            let features = self.features();
            self.write(&features);
        }
    }

    /// TLS, and what the application can do (sections 10, 13.1).
    fn features(&self) -> Element {
        let mut features = Element::new(ns::STREAMS, "features").with_prefix("stream");
        if self.tls.is_none() && !self.has(PeerFault::NoTls) {
            let mut tls = Element::new(ns::TLS, "starttls");
            if self.config.require_tls {
                tls = tls.with_child(Element::new(ns::TLS, "required"));
            }
            features = features.with_child(tls);
        }
        if !self.has(PeerFault::NoDiscoFeature) {
            let node = format!("{}#{}", records::NODE, verification());
            features = features.with_child(disco_info().with_attr("node", &node));
        }
        features
    }

    fn open(&mut self) {
        self.stage = Stage::Open;
        for element in std::mem::take(&mut self.waiting) {
            self.write(&element);
        }
    }

    /// The other side has closed its direction (section 8).
    fn closed_by(&mut self) {
        if self.stage != Stage::Closing && !self.has(PeerFault::NoClosingTag) {
            self.plain.extend(b"</stream:stream>");
        }
        self.stage = Stage::Closed;
    }

    fn fail(&mut self, condition: StreamCondition) {
        if self.stage == Stage::Header && self.plain.is_empty() && !self.initiator {
            // An error needs a stream to be in (RFC 6120 section 4.9.1.2).
            let header = stream::header(ns::CLIENT, &[("from", &self.me), ("version", "1.0")]);
            self.plain.extend(header.into_bytes());
        }
        let error = Element::new(ns::STREAMS, "error")
            .with_prefix("stream")
            .with_child(Element::new(ns::STREAM_ERRORS, condition.name()));
        self.write(&error);
        self.plain.extend(b"</stream:stream>");
        self.stage = Stage::Closed;
    }

    fn begin_tls(&mut self) {
        let early = self.parser.take_unparsed();
        self.out.append(&mut self.plain);
        let Ok(layer) = Layer::new(&self.identity) else {
            self.stage = Stage::Closed;
            return;
        };
        self.tls = Some(layer);
        self.parser = StreamParser::new(Limits::default());
        self.stage = Stage::Header;
        if !early.is_empty() {
            self.received(&early);
        }
    }

    fn element(&mut self, element: &Element) {
        if element.is(ns::STREAMS, "features") && self.stage == Stage::Features {
            let tls = element.child(ns::TLS, "starttls");
            if tls.is_some_and(|tls| tls.child(ns::TLS, "required").is_some()) {
                self.news
                    .push(StreamNews::Failed(format!("{} requires TLS", self.them)));
                return self.close();
            }
            return self.open();
        }
        if element.is(ns::STREAMS, "error") {
            self.news.push(StreamNews::Failed(format!(
                "{} ended the stream with an error",
                self.them
            )));
            return self.closed_by();
        }
        if element.is(ns::TLS, "starttls") && !self.initiator && self.tls.is_none() {
            self.write(&Element::new(ns::TLS, "proceed"));
            self.starts_tls = true;
            return;
        }
        let clear = self.tls.is_none() && !self.initiator;
        if self.config.require_tls && clear && !self.has(PeerFault::AcceptsClear) {
            return self.fail(StreamCondition::PolicyViolation);
        }
        if self.stage == Stage::Features && !self.featured {
            self.open();
        }
        if element.ns() != ns::CLIENT {
            return;
        }
        // Whoever opened the stream as one cannot speak as another (RFC 6120 section 4.9.3.9).
        let from = element.attr("from").unwrap_or(&self.them);
        if !self.them.is_empty() && from != self.them && !self.has(PeerFault::TrustsFrom) {
            return self.fail(StreamCondition::InvalidFrom);
        }
        match element.name() {
            "message" => self.message(element, from.to_owned()),
            "iq" => self.iq(element),
            _ => {}
        }
    }

    fn message(&mut self, element: &Element, peer: String) {
        let late = self.stage == Stage::Closing && self.has(PeerFault::DropsLate);
        if late || self.has(PeerFault::DropsMessages) {
            return;
        }
        if let Some(body) = element.child(ns::CLIENT, "body") {
            let text = body.text().into_owned();
            let text = if self.has(PeerFault::AsciiOnly) {
                text.chars().filter(char::is_ascii).collect()
            } else {
                text
            };
            self.news.push(StreamNews::Message { peer, text });
        }
    }

    fn iq(&mut self, request: &Element) {
        let kind = request.attr("type").unwrap_or_default();
        if !matches!(kind, "get" | "set") || self.has(PeerFault::NoIqAnswers) {
            return;
        }
        let payload = request.elements().next();
        let asked = |ns: &str, name: &str| kind == "get" && payload.is_some_and(|p| p.is(ns, name));
        let mut answer = Element::new(ns::CLIENT, "iq").with_attr("type", "result");
        let node = payload.and_then(|p| p.attr("node"));
        if asked(ns::DISCO_INFO, "query") {
            let mut info = disco_info();
            if let Some(node) = node {
                info.set_attr("node", node);
            }
            answer = answer.with_child(info);
        } else if asked(ns::DISCO_ITEMS, "query") {
            answer = answer.with_child(Element::new(ns::DISCO_ITEMS, "query"));
        } else if !asked(ns::PING, "ping") {
            answer = stanza_error(request, StanzaCondition::ServiceUnavailable);
        }
        if let Some(id) = request.attr("id") {
            answer.set_attr("id", id);
        }
        answer.set_attr("from", &self.me);
        let to = request.attr("from").unwrap_or(&self.them).to_owned();
        if !to.is_empty() {
            answer.set_attr("to", &to);
        }
        self.send(answer);
    }
}

/// The hash of what this application can do (XEP-0115 section 5.1).
pub(super) fn verification() -> String {
    caps::verification(&disco_info(), "sha-1").unwrap_or_default()
}

fn disco_info() -> Element {
    let (category, kind, name) = records::IDENTITY;
    let identity = Element::new(ns::DISCO_INFO, "identity")
        .with_attr("category", category)
        .with_attr("type", kind)
        .with_attr("name", name);
    let features =
        records::FEATURES.map(|f| Element::new(ns::DISCO_INFO, "feature").with_attr("var", f));
    let query = Element::new(ns::DISCO_INFO, "query").with_child(identity);
    features.into_iter().fold(query, Element::with_child)
}
