//! One connection and the XML stream on it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_protocol::stream::{StreamEvent, StreamParser};
use xmppspec_protocol::xml::{Limits, XmlError};
use xmppspec_scenarios::pattern::Received;

use super::capture::Capture;
use super::io::{Io, Read, Rewound};
use super::tls::{Tls, TlsInfo, TlsVersion};
use super::transcript::{Direction, Layer, Transcript};

/// What one stanza of a target may cost. Twice the largest stanza that a scenario sends; servers announce limits of 256 kB.
const LIMITS: Limits = Limits {
    element_bytes: 512 << 10,
    depth: 512,
    attributes: 256,
    namespaces: 64,
};

/// So much XML may wait to be looked at before reading stops, in bytes. TCP then holds the target back.
const MAX_QUEUED: usize = 512 << 10;

/// Bytes read at a time, and how often before others get their turn.
const CHUNK: usize = 16 << 10;
const CHUNKS_A_TURN: usize = 4;

/// So many of the last bytes are kept, to be quoted when they turn out not to be XML.
const RECENT: usize = 8 << 10;

/// Something received, in the order of its arrival.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is.
    pub received: Received,
    /// When it was complete.
    pub at: Instant,
    bytes: usize,
}

/// How TCP ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpEnd {
    /// The other side sends no more.
    Fin,
    /// The other side refuses everything.
    Rst,
    /// TLS broke.
    Broken(String),
}

/// What has ended so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// `</stream:stream>` was received.
    pub stream: bool,
    /// close_notify was received.
    pub close_notify: bool,
    /// TCP has ended.
    pub tcp: Option<TcpEnd>,
}

impl Ending {
    /// Nothing more can come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.close_notify || self.tcp.is_some()
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.stream {
            parts.push("</stream:stream>");
        }
        if self.close_notify {
            parts.push("TLS close_notify");
        }
        match &self.tcp {
            Some(TcpEnd::Fin) => parts.push("TCP FIN"),
            Some(TcpEnd::Rst) => parts.push("TCP RST"),
            Some(TcpEnd::Broken(error)) => parts.push(error),
            None => {}
        }
        if parts.is_empty() {
            f.write_str("the connection is open")
        } else {
            f.write_str(&parts.join(", "))
        }
    }
}

/// Reading XML, or not.
#[derive(Debug)]
enum Reading {
    Xml(Box<StreamParser>),
    /// Behind `<success/>`: what comes is kept for the parser of the restarted stream.
    Restart(Vec<u8>),
    /// Behind `<proceed/>`: what comes belongs to TLS.
    Tls(Vec<u8>),
    /// It was no XML, or the stream is closed.
    Over,
}

/// One connection to a target.
#[derive(Debug)]
pub struct Connection {
    actor: String,
    io: Io,
    layer: Layer,
    log: Transcript,
    out: Vec<u8>,
    written: usize,
    flushed: bool,
    shut: bool,
    reading: Reading,
    /// What was received and not yet looked at.
    queue: VecDeque<Item>,
    queued: usize,
    recent: Vec<u8>,
    /// The last stream features.
    pub features: Option<Element>,
    /// Why what came could not be read as XML.
    pub broken: Option<XmlError>,
    /// What has ended.
    pub ending: Ending,
    /// Our `</stream:stream>` was sent.
    pub sent_close: bool,
    /// What the TLS handshake agreed on.
    pub tls: Option<TlsInfo>,
}

impl Connection {
    /// Connects over TCP.
    ///
    /// # Errors
    /// Those of the system: refused, unreachable, no such name.
    pub async fn open(address: &str, actor: &str, log: Transcript) -> io::Result<Self> {
        Self::on(TcpStream::connect(address).await?, actor, log)
    }

    /// The same on a TCP connection that there is already.
    ///
    /// # Errors
    /// Those of the system.
    pub fn on(tcp: TcpStream, actor: &str, log: Transcript) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        let shown = |a: io::Result<SocketAddr>| a.map_or("?".to_owned(), |a| a.to_string());
        log.note(
            actor,
            &format!(
                "TCP connection from {} to {}",
                shown(tcp.local_addr()),
                shown(tcp.peer_addr())
            ),
        );
        Ok(Self {
            actor: actor.to_owned(),
            io: Io::Plain(Rewound {
                read_before: Vec::new(),
                tcp,
                tap: None,
            }),
            layer: Layer::Plain,
            log,
            out: Vec::new(),
            written: 0,
            flushed: true,
            shut: false,
            reading: Reading::Xml(Box::new(StreamParser::new(LIMITS))),
            queue: VecDeque::new(),
            queued: 0,
            recent: Vec::new(),
            features: None,
            broken: None,
            ending: Ending::default(),
            sent_close: false,
            tls: None,
        })
    }

    /// Lets a capture hear of every byte from now on; `title` is what the connection is part of, `ours`: we opened it.
    pub fn tap(&mut self, capture: &Capture, title: &str, ours: bool) {
        if let Io::Plain(plain) = &mut self.io
            && let (Ok(local), Ok(peer)) = (plain.tcp.local_addr(), plain.tcp.peer_addr())
        {
            let comment = match title {
                "" => self.actor.clone(),
                title => format!("{title}: {}", self.actor),
            };
            plain.tap = Some(capture.open(local, peer, ours, &comment));
        }
    }

    /// Goes over to TLS, after `<proceed/>` or from the start. `domain` is the server name that is asked for.
    ///
    /// # Errors
    /// Those of the handshake; the connection is unusable then.
    pub async fn start_tls(
        &mut self,
        tls: &Tls,
        version: Option<TlsVersion>,
        domain: &str,
    ) -> io::Result<()> {
        let Io::Plain(mut plain) = std::mem::replace(&mut self.io, Io::None) else {
            return Err(io::Error::other(
                "there is no plain connection to start TLS on",
            ));
        };
        if let Reading::Tls(bytes) = std::mem::replace(&mut self.reading, Reading::Over) {
            plain.read_before = bytes;
        }
        let fallback = ServerName::from(plain.tcp.peer_addr()?.ip());
        let name = ServerName::try_from(domain.to_owned()).unwrap_or(fallback);
        let result = TlsConnector::from(tls.config(version))
            .connect(name, plain)
            .await;
        match result {
            Ok(stream) => {
                let info = TlsInfo::of(stream.get_ref().1);
                self.log.note(
                    &self.actor,
                    &format!("TLS handshake: {}, {}", info.version, info.cipher_suite),
                );
                self.tls = Some(info);
                self.layer = Layer::Tls;
                self.io = Io::Tls {
                    stream: Box::new(stream),
                    closed: false,
                };
                self.restart();
                Ok(())
            }
            Err(error) => {
                self.log
                    .note(&self.actor, &format!("TLS handshake failed: {error}"));
                self.ending.tcp = Some(TcpEnd::Broken(format!("TLS handshake failed: {error}")));
                Err(error)
            }
        }
    }

    /// Begins a new stream on the same connection (RFC 6120 §4.3.3); what was received behind the old one belongs to it.
    fn restart(&mut self) {
        let mut parser = Box::new(StreamParser::new(LIMITS));
        if let Reading::Restart(bytes) = std::mem::replace(&mut self.reading, Reading::Over) {
            parser.feed(&bytes);
        }
        self.recent.clear();
        self.reading = Reading::Xml(parser);
        self.parse();
    }

    /// Queues bytes to be sent. They go into the transcript now, in the order of the script.
    pub fn send(&mut self, bytes: &[u8]) {
        if self.shut || matches!(self.io, Io::None) {
            return;
        }
        if matches!(self.reading, Reading::Restart(_)) {
            self.restart();
        }
        self.log
            .bytes(&self.actor, self.layer, Direction::Sent, bytes);
        self.out.extend_from_slice(bytes);
        self.flushed = false;
    }

    /// Sends `</stream:stream>` once.
    pub fn close_stream(&mut self) {
        if !std::mem::replace(&mut self.sent_close, true) {
            self.send(b"</stream:stream>");
        }
    }

    /// Everything that was to be sent has gone to the system, or cannot go any more.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.flushed
    }

    /// Bytes can still be exchanged.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.io, Io::None) && !self.ending.is_over()
    }

    /// What is received and not yet taken.
    #[must_use]
    pub fn queue(&self) -> &VecDeque<Item> {
        &self.queue
    }

    /// Takes the first thing received.
    pub fn take(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        self.queued -= item.bytes;
        Some(item)
    }

    /// Takes the first element that `wanted` accepts, wherever it stands in the queue.
    pub fn take_element(&mut self, mut wanted: impl FnMut(&Element) -> bool) -> Option<Element> {
        let at = self.queue.iter().position(
            |item| matches!(&item.received, Received::Element(element) if wanted(element)),
        )?;
        let item = self.queue.remove(at)?;
        self.queued -= item.bytes;
        match item.received {
            Received::Element(element) => Some(element),
            _ => None,
        }
    }

    /// Forgets what was received and not taken.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.queued = 0;
    }

    /// Too much waits to be looked at.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queued > MAX_QUEUED
    }

    /// Drops the connection: without a word, as a lost network would.
    pub fn drop_connection(&mut self) {
        if !matches!(self.io, Io::None) {
            self.log.note(&self.actor, "drops the TCP connection");
        }
        self.io = Io::None;
        self.out.clear();
        self.flushed = true;
    }

    /// Says that nothing more will be sent (close_notify, FIN).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shut = true;
        match self.io.poll_shutdown(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    }

    /// The last bytes received, to be quoted.
    #[must_use]
    pub fn recent(&self) -> &[u8] {
        &self.recent
    }

    /// Writes what is to be written and reads what has come. Ready when something has changed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let wrote = self.poll_write(cx);
        let read = self.poll_read(cx);
        if wrote || read {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        while self.written < self.out.len() {
            match self.io.poll_write(cx, &self.out[self.written..]) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.written += n;
                    progress = true;
                }
                Poll::Ready(_) => {
                    // The other side is gone; reading will tell how.
                    self.log.note(
                        &self.actor,
                        &format!("{} bytes could not be sent", self.out.len() - self.written),
                    );
                    self.written = self.out.len();
                    progress = true;
                }
                Poll::Pending => return progress,
            }
        }
        if !self.flushed && self.io.poll_flush(cx).is_ready() {
            self.flushed = true;
            self.out.clear();
            self.written = 0;
            progress = true;
        }
        progress
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        let mut buffer = [0u8; CHUNK];
        for _ in 0..CHUNKS_A_TURN {
            if self.ending.tcp.is_some() || self.is_full() {
                break;
            }
            match self.io.poll_read(cx, &mut buffer) {
                Poll::Ready(Read::Bytes(n)) => self.received(&buffer[..n]),
                Poll::Ready(Read::CloseNotify) => {
                    self.log.note(&self.actor, "received TLS close_notify");
                    self.ending.close_notify = true;
                }
                Poll::Ready(Read::Fin) => self.ended(TcpEnd::Fin, "received TCP FIN"),
                Poll::Ready(Read::Rst) => self.ended(TcpEnd::Rst, "received TCP RST"),
                Poll::Ready(Read::Broken(error)) => {
                    let text = error.to_string();
                    self.ended(TcpEnd::Broken(text.clone()), &text);
                }
                Poll::Pending => break,
            }
            progress = true;
        }
        progress
    }

    fn ended(&mut self, how: TcpEnd, note: &str) {
        self.log.note(&self.actor, note);
        self.ending.tcp = Some(how);
    }

    fn received(&mut self, bytes: &[u8]) {
        // Behind close_notify there is nothing that belongs to the stream.
        if self.ending.close_notify {
            return;
        }
        self.log
            .bytes(&self.actor, self.layer, Direction::Received, bytes);
        self.recent.extend_from_slice(bytes);
        if self.recent.len() > 2 * RECENT {
            self.recent.drain(..self.recent.len() - RECENT);
        }
        match &mut self.reading {
            Reading::Xml(parser) => parser.feed(bytes),
            Reading::Restart(kept) | Reading::Tls(kept) => {
                if kept.len() < MAX_QUEUED {
                    kept.extend_from_slice(bytes);
                }
            }
            Reading::Over => {}
        }
        self.parse();
    }

    fn parse(&mut self) {
        while let Reading::Xml(parser) = &mut self.reading {
            let before = parser.offset();
            let event = match parser.next_event() {
                None => return,
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    self.log.note(
                        &self.actor,
                        &format!("not XML as RFC 6120 allows it: {error}"),
                    );
                    self.broken = Some(error);
                    self.reading = Reading::Over;
                    return;
                }
            };
            let bytes = usize::try_from(parser.offset() - before).unwrap_or(usize::MAX);
            match event {
                StreamEvent::Opened(header) => {
                    if let Some(declaration) = header.declaration.clone() {
                        self.push(Received::Declaration(declaration), 0);
                    }
                    self.push(Received::Header(Box::new(header)), bytes);
                }
                StreamEvent::Element(element) => {
                    if element.is(ns::TLS, "proceed") {
                        self.reading = Reading::Tls(parser.take_unparsed());
                    } else if element.is(ns::SASL, "success") {
                        self.reading = Reading::Restart(parser.take_unparsed());
                    } else if element.is(ns::STREAMS, "features") {
                        self.features = Some(element.clone());
                    }
                    self.push(Received::Element(element), bytes);
                }
                StreamEvent::Text(text) => self.push(Received::Text(text), bytes),
                StreamEvent::Whitespace(_) => {}
                StreamEvent::Closed => {
                    self.ending.stream = true;
                    self.reading = Reading::Over;
                    self.push(Received::Closed, bytes);
                }
            }
        }
    }

    fn push(&mut self, received: Received, bytes: usize) {
        // The size on the wire is a fair measure of the size in memory, but for the smallest things.
        let bytes = bytes.max(64);
        self.queued += bytes;
        self.queue.push_back(Item {
            received,
            at: Instant::now(),
            bytes,
        });
    }
}
