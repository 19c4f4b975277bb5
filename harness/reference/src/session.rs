//! The stream of one client: negotiation, and what belongs to the stream rather than to stanzas (RFC 6120 §4).

use std::sync::Arc;
use std::time::Duration;

use xmppspec_protocol::conditions::StreamCondition;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;
use xmppspec_protocol::sasl::server::Channel;
use xmppspec_protocol::stream::{StreamEvent, StreamHeader, StreamParser};
use xmppspec_protocol::xml::{Limits, XmlError};

use crate::Fault;
use crate::header::{Answer, Header, LANG, Version};
use crate::hub::{Hub, Owner};
use crate::mailbox::{Letter, Mailbox};
use crate::sasl::Handshake;

mod negotiate;
mod spoil;

/// So many bytes may wait to be sent before more of what the client says is handled.
const PAUSE: usize = 64 * 1024;

/// Which sides have closed their streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Neither.
    Open,
    /// The server; the client is expected to do the same.
    Ours,
    /// Both, or the server will not wait for the client.
    Both,
}

/// The stream of one client.
#[derive(Debug)]
pub(crate) struct Session {
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
    id: u64,
    parser: StreamParser,
    out: Vec<u8>,
    ending: Ending,
    /// The last bytes received since the server closed its stream.
    tail: Vec<u8>,
    header: Option<Header>,
    /// Who the client said it was before TLS, which only a fault remembers.
    from_before_tls: Option<String>,
    /// The id of the first stream, and whether data was not base64, for faults too.
    first_id: Option<String>,
    broken: bool,
    /// What TLS has made known, once it protects the stream.
    channel: Option<Channel>,
    starts_tls: bool,
    handshake: Option<Handshake>,
    failures: u32,
    /// The localpart of the account that has logged in.
    account: Option<String>,
    /// The account was made for this session (ANONYMOUS) and goes with it.
    guest: bool,
    bind_failures: u32,
    bound: Option<Jid>,
}

impl Session {
    pub(crate) fn new(hub: Arc<Hub>) -> Session {
        Session {
            mailbox: Arc::new(Mailbox::new(hub.config().limits.unsent_bytes)),
            id: hub.next_id(),
            parser: parser(&hub),
            hub,
            out: Vec::new(),
            ending: Ending::Open,
            tail: Vec::new(),
            header: None,
            from_before_tls: None,
            first_id: None,
            broken: false,
            channel: None,
            starts_tls: false,
            handshake: None,
            failures: 0,
            account: None,
            guest: false,
            bind_failures: 0,
            bound: None,
        }
    }

    /// Where stanzas for the client are put.
    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Which sides have closed their streams.
    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether a resource is bound.
    pub(crate) fn is_bound(&self) -> bool {
        self.bound.is_some()
    }

    /// What is to be sent to the client.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Whether `<proceed/>` has been said: what follows it is a TLS handshake.
    pub(crate) fn starts_tls(&mut self) -> bool {
        std::mem::take(&mut self.starts_tls)
    }

    /// What came behind the request for TLS.
    pub(crate) fn take_unparsed(&mut self) -> Vec<u8> {
        self.parser.take_unparsed()
    }

    /// TLS protects the stream now: a new one begins, and nothing said before counts (RFC 6120 §5.4.3.3).
    pub(crate) fn protected(&mut self, channel: Channel) {
        self.channel = Some(channel);
        if self.fault(Fault::HeaderRemembersFrom) {
            let from = self.header.take().and_then(|header| header.from);
            self.from_before_tls = from.map(|from| from.to_string());
        }
        self.restart(Vec::new());
    }

    /// Bytes of the stream have come: they are read by `advance`.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        if self.ending == Ending::Open {
            self.parser.feed(bytes);
        } else {
            self.await_closing_tag(bytes);
        }
    }

    /// Handles what has been received, until nothing is left, TLS begins, or `PAUSE` bytes are to be sent first: what
    /// a client asks for with few bytes may be long. Whether there may be more to handle.
    pub(crate) fn advance(&mut self, now: Duration) -> bool {
        while self.ending == Ending::Open && !self.starts_tls {
            if self.out.len() >= PAUSE {
                return true;
            }
            let Some(event) = self.parser.next_event() else {
                return false;
            };
            self.event(event, now);
            // What the router has for this client comes in the order of what caused it.
            self.collect(now);
        }
        if self.ending == Ending::Ours {
            // The end of the client's stream may be here already, behind what is not read any more.
            let rest = self.parser.take_unparsed();
            self.await_closing_tag(&rest);
        }
        false
    }

    /// Moves letters from the mailbox to the output.
    pub(crate) fn collect(&mut self, now: Duration) {
        if self.mailbox.is_overflown() && self.ending != Ending::Both {
            self.lost(now);
            return;
        }
        if self.ending != Ending::Open {
            return;
        }
        while let Some(letter) = self.mailbox.take() {
            match letter {
                Letter::Stanza(xml) => self.out.extend_from_slice(xml.as_bytes()),
                Letter::End(condition) => return self.end(condition, now),
            }
        }
    }

    /// The client will say nothing more: it has closed TCP or TLS, or took too long to close its stream.
    pub(crate) fn end_of_input(&mut self, now: Duration) {
        self.close(now);
        self.ending = Ending::Both;
    }

    /// Ends the stream with an error (RFC 6120 §4.9.1.1).
    pub(crate) fn end(&mut self, condition: StreamCondition, now: Duration) {
        self.fail(condition, None, now);
    }

    /// The connection is gone, or is to be dropped without a word.
    pub(crate) fn lost(&mut self, now: Duration) {
        self.ending = Ending::Both;
        self.leave(now);
    }

    fn event(&mut self, event: Result<StreamEvent, XmlError>, now: Duration) {
        match event {
            Ok(StreamEvent::Opened(header)) => self.opened(&header, now),
            Ok(StreamEvent::Element(element)) => self.element(element, now),
            Ok(StreamEvent::Whitespace(_)) => {}
            Ok(StreamEvent::Text(_)) => {
                let text = "text stands between stanzas";
                self.fail(StreamCondition::BadFormat, Some(text), now);
            }
            Ok(StreamEvent::Closed) => {
                self.close(now);
                if self.fault(Fault::ClosingKeepsConnection) {
                    return;
                }
                self.ending = Ending::Both;
            }
            Err(error) => self.unreadable(error, now),
        }
    }

    /// What cannot be read ends the stream, also before it has begun (RFC 6120 §4.9.1.2).
    fn unreadable(&mut self, error: XmlError, now: Duration) {
        if self.fault(Fault::BrokenXmlDelivered) {
            self.hub.router().tell_everybody();
        }
        if self.is_silent_on(error.rule) {
            if self.header.is_none() {
                self.answer(&Header::default());
            }
            return self.lost(now);
        }
        let condition = StreamCondition::from_name(error.rule.condition())
            .unwrap_or(StreamCondition::NotWellFormed);
        self.fail(condition, Some(error.rule.sentence()), now);
    }

    fn opened(&mut self, header: &StreamHeader, now: Duration) {
        let mut header = Header::read(header, self.hub.config());
        self.spoil_header(&mut header);
        let error = header.error.or_else(|| self.contradiction(&header));
        if self.drops_opened(error) {
            return self.lost(now);
        }
        if error.is_none() || !self.fault(Fault::StreamErrorsBeforeHeader) {
            self.answer(&header);
        }
        self.header = Some(header);
        match error {
            Some(_) if self.fault(Fault::StreamErrorsInSetupUnsaid) => self.close(now),
            Some(condition) => self.end(condition, now),
            None if self.forgets_features() => self.close(now),
            None => self.offer(),
        }
    }

    /// A protected header must not name another user than the one who has logged in (RFC 6120 §4.9.3.9).
    fn contradiction(&self, header: &Header) -> Option<StreamCondition> {
        if self.fault(Fault::HeaderFromIgnored) {
            return None;
        }
        let (account, from) = (self.account.as_deref()?, header.from.as_ref()?);
        let same = from.local() == Some(account) && from.domain() == self.hub.config().domain;
        (!same).then_some(StreamCondition::InvalidFrom)
    }

    /// The response header (RFC 6120 §4.7).
    fn answer(&mut self, header: &Header) {
        let to = header.from.as_ref().map(|from| from.bare().to_string());
        let mut answer = Answer {
            from: Some(self.hub.config().domain.clone()),
            to,
            id: Some(random_id()),
            version: header.version.map(|version| version.to_string()),
            lang: Some(LANG.to_owned()),
        };
        self.first_id = self.first_id.take().or_else(|| answer.id.clone());
        self.spoil_answer(header, &mut answer);
        let xml = self.spoil_opening(answer.to_xml());
        self.out.extend_from_slice(xml.as_bytes());
    }

    /// Whether the server is to have this bug.
    fn fault(&self, fault: Fault) -> bool {
        self.hub.config().has(fault)
    }

    /// The same for a bug that is there from the second connection on, so that whoever looks at the server first finds
    /// one that can be tested.
    pub(crate) fn later_fault(&self, fault: Fault) -> bool {
        self.id > 0 && self.fault(fault)
    }

    /// A new stream begins on the same connection; `behind` is what came for it already.
    fn restart(&mut self, behind: Vec<u8>) {
        self.header = None;
        self.handshake = None;
        self.parser = parser(&self.hub);
        self.parser.feed(&behind);
    }

    fn element(&mut self, element: Element, now: Duration) {
        match (element.ns(), element.name()) {
            (ns::CLIENT, _)
                if element.prefix().is_some() && !self.fault(Fault::PrefixedStanzasAccepted) =>
            {
                self.end(StreamCondition::BadNamespacePrefix, now);
            }
            (ns::CLIENT, "message" | "presence" | "iq") => self.stanza(element, now),
            (ns::TLS, "starttls") => self.start_tls(now),
            (ns::SASL, name @ ("auth" | "response" | "abort")) if self.account.is_none() => {
                let name = name.to_owned();
                self.authenticate(&name, &element, now);
            }
            // RFC 6120 §4.9.1.1: whoever receives a stream error closes the stream.
            (ns::STREAMS, "error") if self.fault(Fault::StreamErrorsIgnored) => self.lost(now),
            (ns::STREAMS, "error") => self.close(now),
            // RFC 6120 §4.8.3
            (ns::SERVER, "message" | "presence" | "iq") => {
                self.end(StreamCondition::InvalidNamespace, now);
            }
            _ if self.fault(Fault::ForeignElementsAnswered) => {
                let answer = Element::new(ns::CLIENT, "message").with_attr("type", "error");
                self.send(&answer);
            }
            _ => {
                if self.fault(Fault::ForeignElementsDelivered) {
                    self.hub.router().deliver_anyway(&element);
                }
                self.end(StreamCondition::UnsupportedStanzaType, now);
            }
        }
    }

    fn stanza(&mut self, element: Element, now: Duration) {
        if self.bound.is_some() && self.fault(Fault::BindNeedsRestart) {
            return self.end(StreamCondition::NotAuthorized, now);
        }
        if self.bound.is_some() {
            let lang = self.header.as_ref().and_then(|header| header.lang.clone());
            if let Some(owner) = self.owner() {
                self.hub.stanza(owner, element, lang, now);
            }
            return;
        }
        self.early_stanza(&element, now);
    }

    /// Who this session is to the router.
    fn owner(&self) -> Option<Owner<'_>> {
        let jid = self.bound.as_ref()?;
        Some(Owner {
            session: self.id,
            account: self.account.as_deref()?,
            resource: jid.resource()?,
            jid,
        })
    }

    /// Ends the stream with an error; says hello first if that has not happened (RFC 6120 §4.9.1.2).
    fn fail(&mut self, condition: StreamCondition, text: Option<&str>, now: Duration) {
        if self.ending != Ending::Open {
            return;
        }
        let in_setup = self.header.is_none();
        if in_setup {
            let header = Header {
                version: Some(Version::OURS),
                ..Header::default()
            };
            if !self.fault(Fault::StreamErrorsBeforeHeader) {
                self.answer(&header);
            }
            self.header = Some(header);
        }
        self.leave(now);
        if self.fault(Fault::StreamErrorsUnsaid)
            || (in_setup && self.fault(Fault::StreamErrorsInSetupUnsaid))
        {
            return self.close(now);
        }
        let mut error = Element::new(ns::STREAMS, "error").with_child(self.condition(condition));
        if let Some(text) = text {
            let text = Element::new(ns::STREAM_ERRORS, "text")
                .with_attr_ns(ns::XML, "lang", LANG)
                .with_text(text);
            error = error.with_child(text);
        }
        self.spoil_error_text(&mut error);
        self.send(&error);
        if self.fault(Fault::StreamErrorsWithoutClosing) {
            return self.lost(now);
        }
        self.close(now);
    }

    /// Closes the server's stream.
    fn close(&mut self, now: Duration) {
        if self.ending != Ending::Open {
            return;
        }
        self.leave(now);
        if self.header.is_some() {
            self.out.extend_from_slice(b"</stream:stream>");
            self.ending = Ending::Ours;
        } else {
            self.ending = Ending::Both;
        }
    }

    /// Tells the router that the client is gone, and takes what it had for it until then.
    fn leave(&mut self, now: Duration) {
        if let Some(owner) = self.owner() {
            self.hub.left(owner, now);
            self.bound = None;
        }
        if let Some(account) = self.account.as_ref().filter(|_| self.guest) {
            self.hub.router().remove_account(account);
            self.guest = false;
        }
        while let Some(letter) = self.mailbox.take() {
            if let Letter::Stanza(xml) = letter {
                self.out.extend_from_slice(xml.as_bytes());
            }
        }
    }

    /// Looks for the client's closing tag in what is not parsed any more, as it may not be XML at all.
    fn await_closing_tag(&mut self, bytes: &[u8]) {
        const TAGS: [&[u8]; 2] = [b"</stream:stream", b"</stream"];
        let endless = self.fault(Fault::ClosingKeepsConnection)
            || self.fault(Fault::StarttlsFailureKeepsConnection);
        if self.ending != Ending::Ours || endless {
            return;
        }
        self.tail.extend_from_slice(bytes);
        let found = TAGS.iter().any(|tag| {
            let mut rest = &self.tail[..];
            while let Some(at) = find(rest, tag) {
                rest = &rest[at + tag.len()..];
                let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
                if rest.get(blank) == Some(&b'>') {
                    return true;
                }
            }
            false
        });
        if found {
            self.ending = Ending::Both;
        }
        let keep = self.tail.len().saturating_sub(64);
        self.tail.drain(..keep);
    }

    fn send(&mut self, element: &Element) {
        let xml = element.to_xml(ns::CLIENT);
        self.out.extend_from_slice(xml.as_bytes());
    }
}

fn parser(hub: &Hub) -> StreamParser {
    let limits = &hub.config().limits;
    let small = hub.config().has(Fault::StanzasSmall);
    StreamParser::new(Limits {
        element_bytes: if small { 5000 } else { limits.stanza_bytes },
        depth: limits.depth,
        ..Limits::default()
    })
}

/// 128 random bits: unique, and not to be guessed (RFC 6120 §4.7.3).
pub(crate) fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
