//! A small client: it sends what it is given, and gives what it receives.
#![allow(dead_code)] // Each test file uses a part of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme, crypto};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::sasl::{self, ChannelBinding, Credentials, Mechanism};
use xmppspec_protocol::stream::{StreamEvent, StreamParser};
use xmppspec_protocol::xml::Limits;
use xmppspec_reference::Server;

/// The domain of the tests.
pub(crate) const DOMAIN: &str = "example.org";
/// A header as clients send it.
pub(crate) const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
/// How long a test waits for what must come: only to give up.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

enum Channel {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Gone,
}

pub(crate) struct Client {
    channel: Channel,
    parser: StreamParser,
    waiting: VecDeque<StreamEvent>,
    /// The full JID, once bound.
    pub(crate) jid: String,
}

impl Client {
    pub(crate) async fn connect(server: &Server) -> Client {
        let socket = TcpStream::connect(server.c2s()).await.unwrap();
        Client::over(Channel::Plain(socket))
    }

    pub(crate) async fn connect_tls(server: &Server) -> Client {
        let socket = TcpStream::connect(server.c2s_tls().unwrap()).await.unwrap();
        Client::over(Channel::Tls(Box::new(handshake(socket).await)))
    }

    fn over(channel: Channel) -> Client {
        Client {
            channel,
            parser: StreamParser::new(Limits::default()),
            waiting: VecDeque::new(),
            jid: String::new(),
        }
    }

    /// A stream with TLS and features.
    pub(crate) async fn secured(server: &Server) -> Client {
        let mut client = Client::connect(server).await;
        client.open().await;
        client.start_tls().await;
        client.open().await;
        client
    }

    /// Logged in and bound.
    pub(crate) async fn login(server: &Server, user: &str, resource: &str) -> Client {
        let mut client = Client::secured(server).await;
        client
            .authenticate(Mechanism::ScramSha1, user, "secret")
            .await
            .unwrap();
        client.open().await;
        client.bind(resource).await;
        client
    }

    /// Logged in, bound, and available.
    pub(crate) async fn online(server: &Server, user: &str, resource: &str) -> Client {
        let mut client = Client::login(server, user, resource).await;
        client.send("<presence/>").await;
        let echo = client.element().await;
        assert_eq!(echo.attr("from"), Some(&*client.jid));
        client
    }

    fn transport(&mut self) -> &mut dyn Transport {
        match &mut self.channel {
            Channel::Plain(socket) => socket,
            Channel::Tls(stream) => stream,
            Channel::Gone => panic!("the connection is gone"),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let transport = self.transport();
        // A server that has closed already is judged by what it said.
        let _ = transport.write_all(bytes).await;
        let _ = transport.flush().await;
    }

    /// What comes next; `None`: the connection is closed.
    pub(crate) async fn event(&mut self) -> Option<StreamEvent> {
        if let Some(event) = self.waiting.pop_front() {
            return Some(event);
        }
        let mut buffer = [0; 4096];
        loop {
            if let Some(event) = self.parser.next_event() {
                return Some(event.expect("the server sends XML"));
            }
            let read = self.transport().read(&mut buffer);
            match timeout(PATIENCE, read).await.expect("an answer in time") {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.parser.feed(&buffer[..count]),
            }
        }
    }

    /// The next thing, which must be an element.
    pub(crate) async fn element(&mut self) -> Element {
        match self.event().await {
            Some(StreamEvent::Element(element)) => element,
            other => panic!("{other:?}"),
        }
    }

    /// The first element of this name.
    pub(crate) async fn until(&mut self, name: &str) -> Element {
        loop {
            let element = self.element().await;
            if element.name() == name {
                return element;
            }
        }
    }

    /// The next thing, which must be a header.
    pub(crate) async fn header(&mut self) -> Element {
        match self.event().await {
            Some(StreamEvent::Opened(header)) => header.element,
            other => panic!("{other:?}"),
        }
    }

    /// Expects this stream error, the closing tag, and the end.
    pub(crate) async fn stream_error(&mut self, condition: &str) {
        let error = self.until("error").await;
        assert!(
            error.child(ns::STREAM_ERRORS, condition).is_some(),
            "{condition}: {error}"
        );
        assert_eq!(self.event().await, Some(StreamEvent::Closed));
        self.send("</stream:stream>").await;
        assert_eq!(self.end().await, 0);
    }

    /// Reads to the end of the connection; how many bytes still came.
    pub(crate) async fn end(&mut self) -> usize {
        let mut rest = Vec::new();
        let read = self.transport().read_to_end(&mut rest);
        let _ = timeout(PATIENCE, read).await.expect("the end in time");
        rest.len()
    }

    pub(crate) async fn open(&mut self) -> (Element, Element) {
        self.parser = StreamParser::new(Limits::default());
        self.send(HEADER).await;
        (self.header().await, self.element().await)
    }

    /// The same connection, with a new stream behind what has been read.
    pub(crate) fn restart(&mut self) {
        let rest = self.parser.take_unparsed();
        self.parser = StreamParser::new(Limits::default());
        self.parser.feed(&rest);
    }

    pub(crate) async fn start_tls(&mut self) {
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            .await;
        assert!(self.element().await.is(ns::TLS, "proceed"));
        self.secure().await;
    }

    /// The handshake alone.
    pub(crate) async fn secure(&mut self) {
        let Channel::Plain(socket) = std::mem::replace(&mut self.channel, Channel::Gone) else {
            panic!("TLS in TLS");
        };
        self.channel = Channel::Tls(Box::new(handshake(socket).await));
    }

    fn binding(&self, kind: &str) -> ChannelBinding {
        let Channel::Tls(stream) = &self.channel else {
            panic!("no TLS");
        };
        let (_, tls) = stream.get_ref();
        let data = match kind {
            "tls-exporter" => tls
                .export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b""))
                .unwrap(),
            _ => {
                use sha2::Digest;
                let certificate = &tls.peer_certificates().unwrap()[0];
                sha2::Sha256::digest(certificate).to_vec()
            }
        };
        ChannelBinding::Data {
            kind: kind.to_owned(),
            data,
        }
    }

    /// SASL until success or the name of the failure.
    pub(crate) async fn authenticate(
        &mut self,
        mechanism: Mechanism,
        user: &str,
        password: &str,
    ) -> Result<(), String> {
        self.authenticate_with(mechanism, user, password, "tls-exporter")
            .await
    }

    pub(crate) async fn authenticate_with(
        &mut self,
        mechanism: Mechanism,
        user: &str,
        password: &str,
        kind: &str,
    ) -> Result<(), String> {
        let binding = match mechanism.is_plus() {
            true => self.binding(kind),
            false => ChannelBinding::Unsupported,
        };
        let credentials = Credentials {
            username: user.to_owned(),
            password: password.to_owned(),
            authzid: None,
        };
        let nonce = format!("nonce{}", rand::random::<u64>());
        let mut client = sasl::Client::new(mechanism, credentials, binding, nonce, None);
        let mut message = Element::new(ns::SASL, "auth")
            .with_attr("mechanism", mechanism.name())
            .with_text(&sasl::encode(&client.initial().unwrap()));
        loop {
            self.send(&message.to_xml(ns::CLIENT)).await;
            let answer = self.element().await;
            let data = sasl::decode(&answer.text()).unwrap();
            match answer.name() {
                "challenge" => {
                    let response = client.respond(&data).unwrap();
                    message =
                        Element::new(ns::SASL, "response").with_text(&sasl::encode(&response));
                }
                "success" => {
                    client.finish(Some(&data)).unwrap();
                    return Ok(());
                }
                _ => return Err(answer.elements().next().unwrap().name().to_owned()),
            }
        }
    }

    pub(crate) async fn bind(&mut self, resource: &str) {
        let bind = format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>"
        );
        self.send(&bind).await;
        let result = self.element().await;
        let jid = result
            .child(ns::BIND, "bind")
            .and_then(|bind| bind.child(ns::BIND, "jid"))
            .unwrap_or_else(|| panic!("{result}"));
        self.jid = jid.text().into_owned();
    }

    /// Everything that came before the answer to a ping of the server.
    pub(crate) async fn fence(&mut self) -> Vec<Element> {
        self.send("<iq type='get' id='fence' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
            .await;
        let mut before = Vec::new();
        loop {
            let element = self.element().await;
            if element.attr("id") == Some("fence") {
                return before;
            }
            before.push(element);
        }
    }

    /// Sends an iq and gives what answers it.
    pub(crate) async fn ask(&mut self, iq: &str) -> Element {
        self.send(iq).await;
        self.until("iq").await
    }
}

/// The condition of a stanza error.
pub(crate) fn condition(stanza: &Element) -> String {
    assert_eq!(stanza.attr("type"), Some("error"), "{stanza}");
    let error = stanza.child(ns::CLIENT, "error").unwrap();
    error.elements().next().unwrap().name().to_owned()
}

async fn handshake(socket: TcpStream) -> TlsStream<TcpStream> {
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from(DOMAIN).unwrap();
    timeout(PATIENCE, connector.connect(name, socket))
        .await
        .expect("a handshake in time")
        .unwrap()
}

#[derive(Debug)]
struct Anything(Arc<crypto::CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
