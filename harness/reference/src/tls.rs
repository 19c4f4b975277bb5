//! TLS: the certificate of the server, and what a protected stream knows of its channel.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};
use sha2::{Digest, Sha256};
use xmppspec_protocol::sasl::server::Channel;

use crate::{Config, Fault};

/// The key, the certificate, and how TLS is spoken.
#[derive(Debug)]
pub(crate) struct Identity {
    config: Arc<ServerConfig>,
    /// The hash of the certificate, `tls-server-end-point` (RFC 5929 §4.1).
    end_point: Vec<u8>,
}

impl Identity {
    /// A fresh key (ECDSA on P-256) and a certificate for the domain, signed with SHA-256 by itself.
    ///
    /// # Errors
    /// When the domain does not fit into a certificate.
    pub(crate) fn generate(config: &Config) -> io::Result<Identity> {
        let domain = &config.domain;
        let ascii = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.clone());
        let all = [&rustls::version::TLS13, &rustls::version::TLS12];
        let versions = match config.has(Fault::Tls12Refused) {
            true => &all[..1],
            false => &all[..],
        };
        let made = rcgen::generate_simple_self_signed([ascii]).map_err(io::Error::other)?;
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let end_point = Sha256::digest(&certificate).to_vec();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
            .map_err(io::Error::other)?;
        // XEP-0368 §2; clients that name no protocol are served all the same.
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        // Nobody comes back to resume a session: tickets would only be bytes.
        config.send_tls13_tickets = 0;
        Ok(Identity {
            config: Arc::new(config),
            end_point,
        })
    }
}

/// The TLS layer of one connection: bytes of the network on one side, bytes of the stream on the other.
#[derive(Debug)]
pub(crate) struct Layer {
    tls: ServerConnection,
    end_point: Vec<u8>,
}

/// What came out of bytes of the network.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Bytes of the stream.
    pub(crate) plain: Vec<u8>,
    /// The other side has sent close_notify.
    pub(crate) closed: bool,
}

impl Layer {
    pub(crate) fn new(identity: &Identity) -> Result<Layer, rustls::Error> {
        let mut tls = ServerConnection::new(identity.config.clone())?;
        // What a client lets pile up is limited by whoever writes, see `Limits::unsent_bytes`.
        tls.set_buffer_limit(None);
        Ok(Layer {
            tls,
            end_point: identity.end_point.clone(),
        })
    }

    /// Whether the handshake is still going on.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// What the handshake has made known to both sides (RFC 9266, RFC 5929).
    pub(crate) fn channel(&self) -> Channel {
        let mut bindings = vec![("tls-server-end-point".to_owned(), self.end_point.clone())];
        let exported =
            self.tls
                .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
        if let Ok(data) = exported {
            bindings.insert(0, ("tls-exporter".to_owned(), data.to_vec()));
        }
        Channel {
            bindings,
            plus_offered: true,
            external: None,
        }
    }

    /// Reads bytes of the network.
    ///
    /// # Errors
    /// When they are not TLS, or not acceptable; `write_to` gives the alert.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> io::Result<Opened> {
        let mut opened = Opened::default();
        while !bytes.is_empty() && !opened.closed {
            self.tls.read_tls(&mut bytes)?;
            let state = self.tls.process_new_packets().map_err(io::Error::other)?;
            opened.closed = state.peer_has_closed();
            let waiting = state.plaintext_bytes_to_read();
            if waiting > 0 {
                let start = opened.plain.len();
                opened.plain.resize(start + waiting, 0);
                self.tls.reader().read_exact(&mut opened.plain[start..])?;
            }
        }
        Ok(opened)
    }

    /// Protects bytes of the stream.
    pub(crate) fn write(&mut self, plain: &[u8]) {
        // Writing to memory without limit does not fail.
        let _ = self.tls.writer().write_all(plain);
    }

    /// Announces the end (RFC 6120 §4.4).
    pub(crate) fn close(&mut self) {
        self.tls.send_close_notify();
    }

    /// Moves what is to be sent to `out`.
    pub(crate) fn write_to(&mut self, out: &mut Vec<u8>) {
        while self.tls.wants_write() {
            if self.tls.write_tls(out).is_err() {
                return;
            }
        }
    }
}
