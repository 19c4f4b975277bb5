//! SCRAM (RFC 5802, RFC 7677): messages and keys.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;

use super::SaslError;

/// The hash function of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-1 (RFC 5802).
    Sha1,
    /// SHA-256 (RFC 7677).
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => sha1::Sha1::digest(data).to_vec(),
            Hash::Sha256 => sha2::Sha256::digest(data).to_vec(),
            Hash::Sha512 => sha2::Sha512::digest(data).to_vec(),
        }
    }

    pub(super) fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        macro_rules! mac {
            ($hash:ty) => {{
                let mut mac =
                    Hmac::<$hash>::new_from_slice(key).expect("HMAC takes a key of any length");
                mac.update(data);
                mac.finalize().into_bytes().to_vec()
            }};
        }
        match self {
            Hash::Sha1 => mac!(sha1::Sha1),
            Hash::Sha256 => mac!(sha2::Sha256),
            Hash::Sha512 => mac!(sha2::Sha512),
        }
    }

    /// `Hi(password, salt, iterations)`, the expensive step; prepare the password with [`prepare`] first.
    pub fn salted_password(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut out = vec![0; self.digest(b"").len()];
        match self {
            Hash::Sha1 => {
                pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password.as_bytes(), salt, iterations, &mut out)
            }
            Hash::Sha256 => {
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password.as_bytes(), salt, iterations, &mut out)
            }
            Hash::Sha512 => {
                pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password.as_bytes(), salt, iterations, &mut out)
            }
        }
        out
    }
}

/// What a server stores of a password (RFC 5802 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The hash function.
    pub hash: Hash,
    /// `H(HMAC(SaltedPassword, "Client Key"))`
    pub stored_key: Vec<u8>,
    /// `HMAC(SaltedPassword, "Server Key")`
    pub server_key: Vec<u8>,
}

impl Keys {
    /// The keys of a salted password.
    pub fn new(hash: Hash, salted_password: &[u8]) -> Keys {
        let client_key = hash.hmac(salted_password, b"Client Key");
        Keys {
            hash,
            stored_key: hash.digest(&client_key),
            server_key: hash.hmac(salted_password, b"Server Key"),
        }
    }

    /// Whether a proof shows knowledge of the password.
    pub fn check_proof(&self, auth_message: &str, proof: &[u8]) -> bool {
        let signature = self.hash.hmac(&self.stored_key, auth_message.as_bytes());
        proof.len() == signature.len()
            && self.hash.digest(&xor(&signature, proof)) == self.stored_key
    }

    /// What proves to the client that the server knows the keys.
    pub fn server_signature(&self, auth_message: &str) -> Vec<u8> {
        self.hash.hmac(&self.server_key, auth_message.as_bytes())
    }
}

/// The client's proof (RFC 5802 §3).
pub fn client_proof(hash: Hash, salted_password: &[u8], auth_message: &str) -> Vec<u8> {
    let client_key = hash.hmac(salted_password, b"Client Key");
    let signature = hash.hmac(&hash.digest(&client_key), auth_message.as_bytes());
    xor(&client_key, &signature)
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// SASLprep (RFC 4013) of a name or password.
pub fn prepare(text: &str) -> Result<String, SaslError> {
    stringprep::saslprep(text)
        .map(|text| text.into_owned())
        .map_err(|_| SaslError::Prepare)
}

/// The head of a client's first message (RFC 5802 §7): channel binding and authorization identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gs2Header {
    /// `n`, `y` or `p=NAME`
    pub flag: String,
    /// Whom to act as.
    pub authzid: Option<String>,
}

impl fmt::Display for Gs2Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.authzid {
            Some(authzid) => write!(f, "{},a={},", self.flag, escape(authzid)),
            None => write!(f, "{},,", self.flag),
        }
    }
}

/// The client's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    /// Its head.
    pub gs2: Gs2Header,
    /// The user name, unescaped.
    pub username: String,
    /// The client's nonce.
    pub nonce: String,
}

impl ClientFirst {
    /// The message without its head, a part of the signed message.
    pub fn bare(&self) -> String {
        format!("n={},r={}", escape(&self.username), self.nonce)
    }

    /// Reads the message. Unknown extensions behind the nonce are allowed, a mandatory one (`m=`) is refused (§5.1).
    pub fn parse(bytes: &[u8]) -> Result<ClientFirst, SaslError> {
        let text = utf8(bytes)?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(SaslError::Syntax("no GS2 header"));
        };
        let named = flag.strip_prefix("p=").is_some_and(|name| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        });
        if !(flag == "n" || flag == "y" || named) {
            return Err(SaslError::Syntax("no channel-binding flag"));
        }
        let authzid = match authzid {
            "" => None,
            text => Some(unescape(
                text.strip_prefix("a=")
                    .ok_or(SaslError::Syntax("no authzid"))?,
            )?),
        };
        let mut fields = bare.split(',');
        let username = field(fields.next(), "n=")?;
        let nonce = printable(field(fields.next(), "r=")?)?;
        if username.is_empty() {
            return Err(SaslError::Syntax("an empty user name"));
        }
        Ok(ClientFirst {
            gs2: Gs2Header {
                flag: flag.to_owned(),
                authzid,
            },
            username: unescape(username)?,
            nonce: nonce.to_owned(),
        })
    }
}

impl fmt::Display for ClientFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.gs2, self.bare())
    }
}

/// The server's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFirst {
    /// The client's nonce with the server's behind it.
    pub nonce: String,
    /// The salt.
    pub salt: Vec<u8>,
    /// Rounds of the key derivation.
    pub iterations: u32,
}

impl ServerFirst {
    /// Reads the message.
    pub fn parse(bytes: &[u8]) -> Result<ServerFirst, SaslError> {
        let text = utf8(bytes)?;
        let mut fields = text.split(',');
        let nonce = printable(field(fields.next(), "r=")?)?.to_owned();
        let salt = decode(field(fields.next(), "s=")?)?;
        let iterations = field(fields.next(), "i=")?;
        let iterations = iterations
            .parse()
            .map_err(|_| SaslError::Syntax("the iteration count is no number"))?;
        Ok(ServerFirst {
            nonce,
            salt,
            iterations,
        })
    }
}

impl fmt::Display for ServerFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "r={},s={},i={}",
            self.nonce,
            encode(&self.salt),
            self.iterations
        )
    }
}

/// The client's last message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFinal {
    /// The GS2 header and the channel-binding data.
    pub channel: Vec<u8>,
    /// The nonce of both sides.
    pub nonce: String,
    /// The proof.
    pub proof: Vec<u8>,
}

impl ClientFinal {
    /// The message without the proof, a part of the signed message.
    pub fn without_proof(&self) -> String {
        format!("c={},r={}", encode(&self.channel), self.nonce)
    }

    /// Reads the message.
    pub fn parse(bytes: &[u8]) -> Result<ClientFinal, SaslError> {
        let text = utf8(bytes)?;
        let (rest, proof) = text
            .rsplit_once(",p=")
            .ok_or(SaslError::Syntax("no proof"))?;
        let mut fields = rest.split(',');
        let channel = decode(field(fields.next(), "c=")?)?;
        let nonce = printable(field(fields.next(), "r=")?)?.to_owned();
        Ok(ClientFinal {
            channel,
            nonce,
            proof: decode(proof)?,
        })
    }
}

impl fmt::Display for ClientFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},p={}", self.without_proof(), encode(&self.proof))
    }
}

/// The server's last message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerFinal {
    /// `v=`: the server's signature.
    Signature(Vec<u8>),
    /// `e=`: an error.
    Error(String),
}

impl ServerFinal {
    /// Reads the message.
    pub fn parse(bytes: &[u8]) -> Result<ServerFinal, SaslError> {
        let text = utf8(bytes)?;
        let first = text.split(',').next().unwrap_or_default();
        if let Some(error) = first.strip_prefix("e=") {
            return Ok(ServerFinal::Error(error.to_owned()));
        }
        Ok(ServerFinal::Signature(decode(field(Some(first), "v=")?)?))
    }
}

impl fmt::Display for ServerFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerFinal::Signature(signature) => write!(f, "v={}", encode(signature)),
            ServerFinal::Error(error) => write!(f, "e={error}"),
        }
    }
}

/// The message that both sides sign (RFC 5802 §3).
pub fn auth_message(
    client_first_bare: &str,
    server_first: &str,
    client_final_without_proof: &str,
) -> String {
    format!("{client_first_bare},{server_first},{client_final_without_proof}")
}

/// Base64 as these messages have it: data of no length is no text, where RFC 6120 §6.4.2 has `=`.
fn encode(data: &[u8]) -> String {
    STANDARD.encode(data)
}

fn decode(text: &str) -> Result<Vec<u8>, SaslError> {
    STANDARD.decode(text).map_err(|_| SaslError::Encoding)
}

fn utf8(bytes: &[u8]) -> Result<&str, SaslError> {
    std::str::from_utf8(bytes).map_err(|_| SaslError::Syntax("not UTF-8"))
}

fn field<'a>(part: Option<&'a str>, name: &'static str) -> Result<&'a str, SaslError> {
    part.and_then(|part| part.strip_prefix(name))
        .ok_or(SaslError::Syntax(name))
}

fn printable(nonce: &str) -> Result<&str, SaslError> {
    if !nonce.is_empty() && nonce.bytes().all(|b| b.is_ascii_graphic() && b != b',') {
        Ok(nonce)
    } else {
        Err(SaslError::Syntax("the nonce is empty or not printable"))
    }
}

fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn unescape(name: &str) -> Result<String, SaslError> {
    let mut out = String::with_capacity(name.len());
    let mut pieces = name.split('=');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (letter, rest) = if let Some(rest) = piece.strip_prefix("2C") {
            (',', rest)
        } else if let Some(rest) = piece.strip_prefix("3D") {
            ('=', rest)
        } else {
            return Err(SaslError::Syntax("'=' in a name is neither =2C nor =3D"));
        };
        out.push(letter);
        out.push_str(rest);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(escape("a,b=c"), "a=2Cb=3Dc");
        assert_eq!(unescape("a=2Cb=3Dc"), Ok("a,b=c".into()));
        assert!(unescape("a=b").is_err());
    }

    #[test]
    fn malformed_messages_are_refused() {
        for bad in [
            "garbage",
            "n,,n=romeo",
            "n,,r=x,n=romeo",
            "x,,n=a,r=b",
            "p=,,n=a,r=b",
            "n,b,n=a,r=b",
            "n,,n=,r=b",
            "n,,n=a,r=",
            "n,,m=1,n=a,r=b",
        ] {
            assert!(ClientFirst::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in [
            "",
            "r=a",
            "r=a,s=*,i=1",
            "r=a,s=AAAA,i=x",
            "r=a,s=AAAA,i=-1",
            "m=x,r=a,s=AAAA,i=1",
        ] {
            assert!(ServerFirst::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["", "c=biws,r=a", "c=*,r=a,p=AAAA", "c=biws,p=AAAA"] {
            assert!(ClientFinal::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(name in "\\PC{1,9}", nonce in "[!-+\\--~]{1,20}", authzid in proptest::option::of("\\PC{1,9}")) {
            let message = ClientFirst { gs2: Gs2Header { flag: "n".into(), authzid }, username: name, nonce };
            prop_assert_eq!(ClientFirst::parse(message.to_string().as_bytes()), Ok(message));
        }

        #[test]
        fn no_message_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = ClientFirst::parse(&bytes);
            let _ = ServerFirst::parse(&bytes);
            let _ = ClientFinal::parse(&bytes);
            let _ = ServerFinal::parse(&bytes);
        }
    }
}
