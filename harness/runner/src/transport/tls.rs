//! TLS as a client that accepts any server certificate (a case that is about certificates looks at it), and what channel
//! binding needs to know of it.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    SupportedProtocolVersion,
};
use xmppspec_protocol::sasl::ChannelBinding;

use super::capture::Capture;

/// A version of TLS to insist on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

impl TlsVersion {
    /// The version that a scenario means by `1.2` or `1.3`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "1.2" => Some(Self::V1_2),
            "1.3" => Some(Self::V1_3),
            _ => None,
        }
    }
}

/// What was agreed on in a handshake.
#[derive(Debug, Clone)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The registered name of the cipher suite.
    pub cipher_suite: String,
    /// The certificate of the target, as DER.
    pub certificate: Option<Vec<u8>>,
    /// `tls-exporter` (RFC 9266 §2), where this connection defines it.
    pub exporter: Option<Vec<u8>>,
}

impl TlsInfo {
    pub(super) fn of(connection: &rustls::ClientConnection) -> Self {
        let version = connection.protocol_version();
        // Under TLS 1.2 without the extended master secret the exporter does not bind (RFC 9266 §3).
        let exporter = (version == Some(ProtocolVersion::TLSv1_3))
            .then(|| {
                connection
                    .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
                    .ok()
            })
            .flatten();
        Self {
            version: version
                .and_then(|v| v.as_str())
                .unwrap_or("unknown version")
                .replace('_', "."),
            cipher_suite: connection
                .negotiated_cipher_suite()
                .and_then(|s| s.suite().as_str())
                .unwrap_or("unknown cipher suite")
                .to_owned(),
            certificate: connection
                .peer_certificates()
                .and_then(|c| c.first())
                .map(|c| c.to_vec()),
            exporter: exporter.map(|bytes| bytes.to_vec()),
        }
    }

    /// The binding of this kind (`tls-exporter`, `tls-server-end-point`), where this connection has it.
    #[must_use]
    pub fn binding(&self, kind: &str) -> Option<ChannelBinding> {
        let data = match kind {
            "tls-exporter" => self.exporter.clone(),
            "tls-server-end-point" => self.certificate.as_deref().and_then(end_point),
            _ => None,
        }?;
        Some(ChannelBinding::Data {
            kind: kind.to_owned(),
            data,
        })
    }
}

/// The hash of a certificate that RFC 5929 §4.1 defines: the one of its signature, but SHA-256 for MD5 and SHA-1.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    use ::ring::digest;
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let algorithm = match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        // sha384WithRSAEncryption, ecdsa-with-SHA384
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &digest::SHA384,
        // sha512WithRSAEncryption, ecdsa-with-SHA512
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &digest::SHA512,
        _ => &digest::SHA256,
    };
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// How connections of a run do TLS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tls {
    any: Arc<ClientConfig>,
    v1_2: Arc<ClientConfig>,
    v1_3: Arc<ClientConfig>,
    capture: Option<Capture>,
}

impl Tls {
    /// The clients of a run; a capture gets their keys, and the bytes of all connections.
    ///
    /// # Errors
    /// Those of the TLS library, if its own defaults contradict each other.
    pub fn new(capture: Option<Capture>) -> Result<Self, Error> {
        let config = |versions| config(versions, capture.clone());
        Ok(Self {
            any: config(rustls::ALL_VERSIONS)?,
            v1_2: config(&[&rustls::version::TLS12])?,
            v1_3: config(&[&rustls::version::TLS13])?,
            capture: capture.clone(),
        })
    }

    /// What hears of every byte.
    #[must_use]
    pub fn capture(&self) -> Option<&Capture> {
        self.capture.as_ref()
    }

    pub(super) fn config(&self, version: Option<TlsVersion>) -> Arc<ClientConfig> {
        match version {
            None => self.any.clone(),
            Some(TlsVersion::V1_2) => self.v1_2.clone(),
            Some(TlsVersion::V1_3) => self.v1_3.clone(),
        }
    }
}

fn config(
    versions: &[&'static SupportedProtocolVersion],
    capture: Option<Capture>,
) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    // Every handshake is a full one: what a case sees must not depend on the cases before it.
    config.resumption = Resumption::disabled();
    if let Some(capture) = capture {
        config.key_log = Arc::new(capture);
    }
    Ok(Arc::new(config))
}

/// Accepts every certificate; the proof that the target holds its key is checked as usual.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
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
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
