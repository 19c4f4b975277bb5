//! The client's side, with faults on request.

use super::scram::{self, ClientFinal, ClientFirst, Gs2Header, Hash, ServerFinal, ServerFirst};
use super::{ChannelBinding, Mechanism, Plain, SaslError};

/// Rounds of key derivation that a client computes; more would let a hostile server stop it (RFC 5802 §9).
const MAX_ITERATIONS: u32 = 1_000_000;

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The simple user name, usually the localpart (RFC 6120 §6.3.7).
    pub username: String,
    /// The password.
    pub password: String,
    /// Whom to act as, if not oneself (RFC 6120 §6.3.8).
    pub authzid: Option<String>,
}

macro_rules! faults {
    ($($variant:ident $name:literal $description:literal,)+) => {
        /// Something that the client does wrong on purpose.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault {
            $(#[doc = $description] $variant,)+
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Fault] = &[$(Fault::$variant),+];

            /// Its name in scenarios.
            pub fn name(self) -> &'static str {
                match self { $(Fault::$variant => $name,)+ }
            }

            /// What it does.
            pub fn description(self) -> &'static str {
                match self { $(Fault::$variant => $description,)+ }
            }

            /// The fault with this name.
            pub fn from_name(name: &str) -> Option<Fault> {
                Self::ALL.iter().copied().find(|fault| fault.name() == name)
            }
        }
    };
}

faults! {
    BadProof "bad-proof" "SCRAM: a proof with one bit flipped; PLAIN: a wrong password",
    BadNonce "bad-nonce" "SCRAM: the last message has another nonce",
    BadChannelBinding "wrong-channel-binding" "SCRAM-PLUS: channel-binding data of another channel",
    BadGs2Header "bad-gs2-header" "SCRAM: the last message repeats another GS2 header than the first",
    MissingNonce "missing-nonce" "SCRAM: the first message has no nonce",
    MissingUsername "missing-username" "SCRAM, PLAIN: the user name is empty",
    MissingProof "missing-proof" "SCRAM: the last message has no proof",
    MandatoryExtension "mandatory-extension" "SCRAM: the first message has an extension that the server must refuse",
    Downgrade "downgrade" "SCRAM: the client says (y) that the server offers no channel binding, though it does",
    Garbage "garbage" "the first message is not the mechanism's",
}

#[derive(Clone, Debug)]
enum State {
    Start,
    First(ClientFirst),
    Final { expected: Vec<u8> },
    Done,
}

/// One exchange.
#[derive(Clone, Debug)]
pub struct Client {
    mechanism: Mechanism,
    credentials: Credentials,
    binding: ChannelBinding,
    nonce: String,
    fault: Option<Fault>,
    state: State,
}

impl Client {
    /// An exchange with this mechanism; `nonce` is fresh and printable (RFC 5802 §5.1).
    pub fn new(
        mechanism: Mechanism,
        credentials: Credentials,
        binding: ChannelBinding,
        nonce: String,
        fault: Option<Fault>,
    ) -> Client {
        Client {
            mechanism,
            credentials,
            binding,
            nonce,
            fault,
            state: State::Start,
        }
    }

    /// The initial response (RFC 6120 §6.4.2).
    pub fn initial(&mut self) -> Result<Vec<u8>, SaslError> {
        let has = |fault| self.fault == Some(fault);
        if has(Fault::Garbage) {
            self.state = State::Done;
            return Ok(b"garbage".to_vec());
        }
        let username = if has(Fault::MissingUsername) {
            String::new()
        } else {
            self.credentials.username.clone()
        };
        match self.mechanism {
            Mechanism::Anonymous => {
                self.state = State::Done;
                Ok(Vec::new())
            }
            Mechanism::External => {
                self.state = State::Done;
                Ok(self
                    .credentials
                    .authzid
                    .clone()
                    .unwrap_or_default()
                    .into_bytes())
            }
            Mechanism::Plain => {
                self.state = State::Done;
                let mut password = self.credentials.password.clone();
                if has(Fault::BadProof) {
                    password.push('x');
                }
                let authzid = self.credentials.authzid.clone().unwrap_or_default();
                Ok(Plain {
                    authzid,
                    authcid: username,
                    password,
                }
                .to_bytes())
            }
            _ => {
                let first = ClientFirst {
                    gs2: Gs2Header {
                        flag: self.flag(),
                        authzid: self.credentials.authzid.clone(),
                    },
                    username: if username.is_empty() {
                        username
                    } else {
                        scram::prepare(&username)?
                    },
                    nonce: self.nonce.clone(),
                };
                let text = match self.fault {
                    Some(Fault::MissingNonce) => format!("{}n={}", first.gs2, first.username),
                    Some(Fault::MandatoryExtension) => {
                        format!("{}m=unknown,{}", first.gs2, first.bare())
                    }
                    _ => first.to_string(),
                };
                self.state = State::First(first);
                Ok(text.into_bytes())
            }
        }
    }

    /// The answer to a challenge.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Start => {
                // an empty challenge asks for the initial response (RFC 6120 §6.3.10)
                if challenge.is_empty() {
                    self.initial()
                } else {
                    Err(SaslError::Unexpected)
                }
            }
            State::First(first) => self.last(&first, challenge),
            State::Final { expected } => {
                // the server's last message came as a challenge, the less efficient way (RFC 6120 §6.3.10)
                self.state = State::Final { expected };
                self.finish(Some(challenge))?;
                Ok(Vec::new())
            }
            State::Done => Err(SaslError::Unexpected),
        }
    }

    /// Checks what came with success.
    pub fn finish(&mut self, data: Option<&[u8]>) -> Result<(), SaslError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Final { expected } => match ServerFinal::parse(data.unwrap_or_default())? {
                ServerFinal::Signature(signature) if signature == expected => Ok(()),
                ServerFinal::Signature(_) => Err(SaslError::ServerSignature),
                ServerFinal::Error(error) => Err(SaslError::Server(error)),
            },
            State::Done => Ok(()),
            State::Start | State::First(_) => Err(SaslError::Unexpected),
        }
    }

    fn last(&mut self, first: &ClientFirst, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        let hash = self.mechanism.hash().unwrap_or(Hash::Sha1);
        let server_text = String::from_utf8_lossy(challenge).into_owned();
        let server = ServerFirst::parse(challenge)?;
        if !server.nonce.starts_with(&first.nonce) || server.nonce.len() == first.nonce.len() {
            return Err(SaslError::Nonce);
        }
        if server.iterations == 0 || server.iterations > MAX_ITERATIONS {
            return Err(SaslError::Iterations(server.iterations));
        }
        let mut channel = first.gs2.to_string().into_bytes();
        if self.fault == Some(Fault::BadGs2Header) {
            channel = b"y,,".to_vec();
            if first.gs2.flag == "y" {
                channel = b"n,,".to_vec();
            }
        }
        if let (ChannelBinding::Data { data, .. }, true) = (&self.binding, self.mechanism.is_plus())
        {
            let mut data = data.clone();
            if self.fault == Some(Fault::BadChannelBinding) {
                data.iter_mut().for_each(|byte| *byte ^= 0x55);
            }
            channel.extend(data);
        }
        let mut last = ClientFinal {
            channel,
            nonce: server.nonce.clone(),
            proof: Vec::new(),
        };
        if self.fault == Some(Fault::BadNonce) {
            last.nonce.push('x');
        }
        let password = scram::prepare(&self.credentials.password)?;
        let salted = hash.salted_password(&password, &server.salt, server.iterations);
        let message = scram::auth_message(&first.bare(), &server_text, &last.without_proof());
        last.proof = scram::client_proof(hash, &salted, &message);
        if self.fault == Some(Fault::BadProof) {
            last.proof[0] ^= 1;
        }
        let expected = scram::Keys::new(hash, &salted).server_signature(&message);
        self.state = State::Final { expected };
        Ok(match self.fault {
            Some(Fault::MissingProof) => last.without_proof().into_bytes(),
            _ => last.to_string().into_bytes(),
        })
    }

    fn flag(&self) -> String {
        match &self.binding {
            _ if self.fault == Some(Fault::Downgrade) => "y".to_owned(),
            ChannelBinding::Data { kind, .. } if self.mechanism.is_plus() => format!("p={kind}"),
            ChannelBinding::NotOffered => "y".to_owned(),
            ChannelBinding::Data { .. } | ChannelBinding::Unsupported => "n".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(mechanism: Mechanism, password: &str, nonce: &str) -> Client {
        let credentials = Credentials {
            username: "user".into(),
            password: password.into(),
            authzid: None,
        };
        Client::new(
            mechanism,
            credentials,
            ChannelBinding::Unsupported,
            nonce.into(),
            None,
        )
    }

    /// RFC 5802 §5 and RFC 7677 §3, to the letter.
    #[test]
    fn the_examples_of_the_rfcs() {
        for (mechanism, nonce, server_first, last, server_final) in [
            (
                Mechanism::ScramSha1,
                "fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                Mechanism::ScramSha256,
                "rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ] {
            let mut client = client(mechanism, "pencil", nonce);
            assert_eq!(
                client.initial().unwrap(),
                format!("n,,n=user,r={nonce}").into_bytes()
            );
            assert_eq!(
                String::from_utf8(client.respond(server_first.as_bytes()).unwrap()).unwrap(),
                last
            );
            let mut liar = client.clone();
            assert_eq!(client.finish(Some(server_final.as_bytes())), Ok(()));
            assert_eq!(
                liar.finish(Some(b"v=AAAA")),
                Err(SaslError::ServerSignature)
            );
        }
    }

    #[test]
    fn a_server_that_lies_is_noticed() {
        let mut lied = client(Mechanism::ScramSha1, "pencil", "abc");
        lied.initial().unwrap();
        assert_eq!(
            lied.clone().respond(b"r=xyz,s=QSXCR+Q6sek8bf92,i=4096"),
            Err(SaslError::Nonce)
        );
        assert_eq!(
            lied.clone().respond(b"r=abc,s=QSXCR+Q6sek8bf92,i=4096"),
            Err(SaslError::Nonce)
        );
        assert_eq!(
            lied.clone()
                .respond(b"r=abcd,s=QSXCR+Q6sek8bf92,i=100000000"),
            Err(SaslError::Iterations(100_000_000))
        );
        assert_eq!(lied.clone().finish(None), Err(SaslError::Unexpected));
        lied.respond(b"r=abcd,s=QSXCR+Q6sek8bf92,i=2").unwrap();
        assert!(lied.finish(None).is_err());
    }

    #[test]
    fn each_fault_changes_the_exchange() {
        let server_first = b"r=abcd,s=QSXCR+Q6sek8bf92,i=2";
        let binding = ChannelBinding::Data {
            kind: "tls-exporter".into(),
            data: vec![7; 32],
        };
        let run = |fault| {
            let credentials = Credentials {
                username: "user".into(),
                password: "pencil".into(),
                authzid: None,
            };
            let mut client = Client::new(
                Mechanism::ScramSha1Plus,
                credentials,
                binding.clone(),
                "abc".into(),
                fault,
            );
            (client.initial(), client.respond(server_first))
        };
        let right = run(None);
        for fault in Fault::ALL {
            assert_ne!(run(Some(*fault)), right, "{}", fault.name());
            assert_eq!(Fault::from_name(fault.name()), Some(*fault));
        }
    }
}
