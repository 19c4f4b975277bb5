//! SASL (RFC 4422) as XMPP uses it (RFC 6120 §6): both sides, sans-IO, with messages that a tester can spoil.

mod client;
pub mod scram;
pub mod server;

pub use client::{Client, Credentials, Fault};
pub use server::Server;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

macro_rules! mechanisms {
    ($($variant:ident $name:literal,)+) => {
        /// A mechanism, in ascending order of preference.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Mechanism {
            $(#[doc = $name] $variant,)+
        }

        impl Mechanism {
            /// Every mechanism, in ascending order of preference.
            pub const ALL: &'static [Mechanism] = &[$(Mechanism::$variant),+];

            /// The registered name.
            pub fn name(self) -> &'static str {
                match self { $(Mechanism::$variant => $name,)+ }
            }

            /// The mechanism with this registered name.
            pub fn from_name(name: &str) -> Option<Mechanism> {
                Self::ALL.iter().copied().find(|mechanism| mechanism.name() == name)
            }
        }
    };
}

mechanisms! {
    Anonymous "ANONYMOUS",
    External "EXTERNAL",
    Plain "PLAIN",
    ScramSha1 "SCRAM-SHA-1",
    ScramSha256 "SCRAM-SHA-256",
    ScramSha512 "SCRAM-SHA-512",
    ScramSha1Plus "SCRAM-SHA-1-PLUS",
    ScramSha256Plus "SCRAM-SHA-256-PLUS",
    ScramSha512Plus "SCRAM-SHA-512-PLUS",
}

impl Mechanism {
    /// The hash of a SCRAM mechanism.
    pub fn hash(self) -> Option<scram::Hash> {
        use Mechanism as M;
        match self {
            M::ScramSha1 | M::ScramSha1Plus => Some(scram::Hash::Sha1),
            M::ScramSha256 | M::ScramSha256Plus => Some(scram::Hash::Sha256),
            M::ScramSha512 | M::ScramSha512Plus => Some(scram::Hash::Sha512),
            M::Anonymous | M::External | M::Plain => None,
        }
    }

    /// Whether it binds to the TLS channel.
    pub fn is_plus(self) -> bool {
        matches!(
            self,
            Mechanism::ScramSha1Plus | Mechanism::ScramSha256Plus | Mechanism::ScramSha512Plus
        )
    }
}

/// What a client says about channel binding (RFC 5802 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// `n`: the client does not support it.
    Unsupported,
    /// `y`: the client supports it, and thinks that the server does not.
    NotOffered,
    /// `p`: this binding with its data.
    Data {
        /// The registered name: `tls-exporter` (RFC 9266) or `tls-server-end-point` (RFC 5929).
        kind: String,
        /// What both sides know of the channel.
        data: Vec<u8>,
    },
}

/// Why an exchange cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaslError {
    /// The text is not base64 as RFC 4648 §4 defines it.
    Encoding,
    /// A message does not follow the mechanism's syntax.
    Syntax(&'static str),
    /// The server's nonce does not begin with the client's (RFC 5802 §5.1).
    Nonce,
    /// The server asks for a number of iterations that is too small to be safe or too large to be computed.
    Iterations(u32),
    /// The server does not know the password: its signature is wrong (RFC 5802 §5.1).
    ServerSignature,
    /// The server reports an error of its own (`e=`, RFC 5802 §7).
    Server(String),
    /// A message came that the mechanism does not have at this point.
    Unexpected,
    /// The user name or password holds what SASLprep forbids (RFC 4013).
    Prepare,
}

impl fmt::Display for SaslError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SaslError::Encoding => f.write_str("not base64 (RFC 4648 §4)"),
            SaslError::Syntax(what) => write!(
                f,
                "the message does not follow the mechanism's syntax: {what}"
            ),
            SaslError::Nonce => {
                f.write_str("the server's nonce does not begin with the client's (RFC 5802 §5.1)")
            }
            SaslError::Iterations(n) => write!(f, "the server asks for {n} iterations"),
            SaslError::ServerSignature => {
                f.write_str("the server's signature is wrong (RFC 5802 §5.1)")
            }
            SaslError::Server(error) => write!(f, "the server reports {error:?}"),
            SaslError::Unexpected => f.write_str("the mechanism has no message at this point"),
            SaslError::Prepare => {
                f.write_str("the name or password holds what SASLprep forbids (RFC 4013)")
            }
        }
    }
}

impl std::error::Error for SaslError {}

/// The content of an `auth`, `challenge`, `response` or `success`: base64, `=` for data of no length (RFC 6120 §6.4.2).
pub fn encode(data: &[u8]) -> String {
    if data.is_empty() {
        "=".to_owned()
    } else {
        STANDARD.encode(data)
    }
}

/// Reads such a content strictly: no foreign letters, correct padding, padding bits zero (RFC 6120 §6.3.5, §13.9.1).
pub fn decode(text: &str) -> Result<Vec<u8>, SaslError> {
    if text == "=" {
        return Ok(Vec::new());
    }
    STANDARD.decode(text).map_err(|_| SaslError::Encoding)
}

/// The message of PLAIN (RFC 4616).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Whom to act as; empty for oneself.
    pub authzid: String,
    /// Whose password it is.
    pub authcid: String,
    /// The password.
    pub password: String,
}

impl Plain {
    /// The three parts with NUL between them.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{}\0{}\0{}", self.authzid, self.authcid, self.password).into_bytes()
    }

    /// Reads the message; names and passwords must not be empty (RFC 4616 §2).
    pub fn parse(bytes: &[u8]) -> Result<Plain, SaslError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SaslError::Syntax("not UTF-8"))?;
        let mut parts = text.split('\0');
        let (Some(authzid), Some(authcid), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SaslError::Syntax("not three parts with NUL between them"));
        };
        if authcid.is_empty() || password.is_empty() {
            return Err(SaslError::Syntax("an empty name or password"));
        }
        Ok(Plain {
            authzid: authzid.to_owned(),
            authcid: authcid.to_owned(),
            password: password.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict() {
        assert_eq!(decode("="), Ok(Vec::new()));
        assert_eq!(decode(""), Ok(Vec::new()));
        assert_eq!(decode("AGE="), Ok(vec![0, b'a']));
        for bad in [
            "AGE", "AG E=", "*AGE=", "=AGE", "AG=E", "AGF=", "AGE=\n", "AGE=AGE=", "_-_-",
        ] {
            assert_eq!(decode(bad), Err(SaslError::Encoding), "{bad:?}");
        }
    }

    #[test]
    fn plain_follows_rfc_4616() {
        let message = Plain {
            authzid: String::new(),
            authcid: "tim".into(),
            password: "tanstaaftanstaaf".into(),
        };
        assert_eq!(message.to_bytes(), b"\0tim\0tanstaaftanstaaf");
        assert_eq!(Plain::parse(b"\0tim\0tanstaaftanstaaf"), Ok(message));
        assert_eq!(
            Plain::parse(b"Ursel\0Kurt\0xipj3plmq").map(|m| m.authzid),
            Ok("Ursel".into())
        );
        for bad in [
            &b"tim"[..],
            b"tim\0x",
            b"\0tim\0a\0b",
            b"\0\0x",
            b"\0tim\0",
            b"\0\xff\0x",
        ] {
            assert!(Plain::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_mechanisms() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::from_name(mechanism.name()), Some(*mechanism));
            assert_eq!(mechanism.is_plus(), mechanism.name().ends_with("-PLUS"));
        }
    }
}
