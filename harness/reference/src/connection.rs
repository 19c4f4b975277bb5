//! One connection without its socket: the TLS layer, and the stream in it.

use std::sync::Arc;
use std::time::Duration;

use xmppspec_protocol::conditions::StreamCondition;

use crate::Fault;
use crate::hub::Hub;
use crate::session::{Ending, Session};
use crate::tls::Layer;

/// How far a connection is, which decides how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No resource is bound yet.
    Negotiating,
    /// A resource is bound: no hurry.
    Established,
    /// The server has closed its stream and waits for the client to do so (RFC 6120 §4.4).
    Closing,
    /// Nothing more will be said: what is left is to be sent, then TCP closed.
    Finished,
}

/// One connection. Bytes go in, bytes come out with `output`.
#[derive(Debug)]
pub(crate) struct Connection {
    hub: Arc<Hub>,
    tls: Option<Layer>,
    session: Session,
    out: Vec<u8>,
    /// Something that was received may not be handled yet.
    paused: bool,
    finished: bool,
}

impl Connection {
    /// A connection that has just been accepted; `direct_tls`: it begins with a TLS handshake (XEP-0368).
    pub(crate) fn new(hub: Arc<Hub>, direct_tls: bool) -> Connection {
        let mut connection = Connection {
            tls: None,
            session: Session::new(hub.clone()),
            hub,
            out: Vec::new(),
            paused: false,
            finished: false,
        };
        if direct_tls {
            connection.begin_tls();
        }
        connection
    }

    /// The stream.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// How far it is.
    pub(crate) fn stage(&self) -> Stage {
        match self.session.ending() {
            _ if self.finished => Stage::Finished,
            Ending::Ours => Stage::Closing,
            _ if self.session.is_bound() => Stage::Established,
            _ => Stage::Negotiating,
        }
    }

    /// Bytes for the client.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Bytes have come; `now` is the time since the Unix epoch.
    pub(crate) fn received(&mut self, bytes: &[u8], now: Duration) {
        if self.finished {
            return;
        }
        let Some(tls) = &mut self.tls else {
            self.session.received(bytes);
            return self.advance(now);
        };
        let handshaking = tls.is_handshaking();
        let Ok(opened) = tls.read(bytes) else {
            // RFC 6120 §5.4.3.2: no closing tag, only the end of the connection.
            if self
                .hub
                .config()
                .has(Fault::HandshakeFailureKeepsConnection)
            {
                return;
            }
            tls.write_to(&mut self.out);
            self.session.lost(now);
            self.finished = true;
            return;
        };
        if handshaking && !tls.is_handshaking() {
            self.session.protected(tls.channel());
        }
        if !opened.plain.is_empty() {
            self.session.received(&opened.plain);
        }
        self.advance(now);
        if opened.closed {
            self.end_of_input(now);
        }
    }

    /// Whether something that was received may not be handled yet, because too much was waiting to be sent.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Handles what has been received.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.paused = self.session.advance(now);
        if self.session.starts_tls() {
            self.out.append(self.session.output());
            // What a client sent too early is no TLS, or the handshake: never part of the protected stream.
            let early = self.session.take_unparsed();
            self.begin_tls();
            return self.received(&early, now);
        }
        self.settle(now);
    }

    /// The client has ended its half of the connection.
    pub(crate) fn end_of_input(&mut self, now: Duration) {
        self.session.end_of_input(now);
        self.settle(now);
    }

    /// Letters have arrived in the mailbox.
    pub(crate) fn collect(&mut self, now: Duration) {
        self.settle(now);
    }

    /// The stage has lasted too long.
    pub(crate) fn give_up(&mut self, now: Duration) {
        match self.stage() {
            Stage::Negotiating => self.session.end(StreamCondition::ConnectionTimeout, now),
            Stage::Closing => self.session.end_of_input(now),
            Stage::Established | Stage::Finished => {}
        }
        self.settle(now);
    }

    /// The server goes down.
    pub(crate) fn shut_down(&mut self, now: Duration) {
        self.session.end(StreamCondition::SystemShutdown, now);
        self.settle(now);
    }

    /// The connection is gone: whoever saw it available is told.
    pub(crate) fn lost(&mut self, now: Duration) {
        self.session.lost(now);
        self.finished = true;
    }

    fn begin_tls(&mut self) {
        match Layer::new(self.hub.identity()) {
            Ok(layer) => self.tls = Some(layer),
            Err(_) => self.finished = true,
        }
    }

    /// Moves what the session says to the output, and ends what has ended.
    fn settle(&mut self, now: Duration) {
        self.session.collect(now);
        let over = self.session.ending() == Ending::Both && !self.finished;
        match &mut self.tls {
            Some(tls) => {
                let unprotected = self.session.later_fault(Fault::PlainAfterTls);
                let plain = self.session.output();
                if unprotected {
                    self.out.append(plain);
                }
                if !plain.is_empty() {
                    tls.write(plain);
                    plain.clear();
                }
                if over && !self.hub.config().has(Fault::CloseNotifyMissing) {
                    tls.close();
                }
                tls.write_to(&mut self.out);
            }
            None => self.out.append(self.session.output()),
        }
        self.finished |= over;
    }
}
