//! SASL, both sides: no panic, no success without the password, and success with it.

use xmppspec_protocol::conditions::SaslCondition;
use xmppspec_protocol::sasl::scram::{Hash, ServerFirst, prepare};
use xmppspec_protocol::sasl::server::{Accounts, Channel, Decoy, Step, Stored};
use xmppspec_protocol::sasl::{
    ChannelBinding, Client, Credentials, Fault, Mechanism, Server, decode, encode,
};

use super::digest;

/// The rounds of our own accounts; challenges that ask for more than this are not answered, because answering is slow on purpose.
const ROUNDS: u32 = 2;
const MOST_ROUNDS: u32 = 64;

const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";
const SERVER_NONCE: &str = "3rfcNHYJY1ZVvWVs7j";

/// Who has an account.
struct Known {
    user: String,
    password: String,
}

impl Known {
    fn is(&self, username: &str) -> bool {
        prepare(&self.user).is_ok_and(|user| user == username)
    }
}

impl Accounts for Known {
    fn password(&self, username: &str) -> Option<String> {
        self.is(username).then(|| self.password.clone())
    }

    fn stored(&self, username: &str, hash: Hash) -> Option<Stored> {
        if !self.is(username) {
            return None;
        }
        Stored::new(hash, &self.password, &[7; Stored::SALT], ROUNDS).ok()
    }

    fn decoy(&self) -> Decoy<'_> {
        Decoy {
            secret: b"secret",
            iterations: ROUNDS,
        }
    }

    fn authorize(&self, username: &str, authzid: Option<&str>) -> Result<(), SaslCondition> {
        match authzid {
            None => Ok(()),
            Some(id) if id == username => Ok(()),
            Some(_) => Err(SaslCondition::InvalidAuthzid),
        }
    }
}

/// The first line is the name of a mechanism (another choice if it is none), the others are messages of the other side,
/// or the name and password of an account.
pub fn sasl(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let named = lines.next().unwrap_or_default();
    let named = std::str::from_utf8(named)
        .ok()
        .and_then(Mechanism::from_name);
    let all = Mechanism::ALL;
    let mechanism = named.unwrap_or(all[digest(data) as usize % all.len()]);
    let messages: Vec<&[u8]> = lines.collect();
    server(mechanism, &messages);
    client(mechanism, &messages);
    round_trip(mechanism, &messages);
    for message in messages {
        let text = String::from_utf8_lossy(message);
        if let Ok(bytes) = decode(&text)
            && text != "="
        {
            let again = if bytes.is_empty() {
                String::new()
            } else {
                encode(&bytes)
            };
            assert_eq!(again, text, "base64 has one spelling (RFC 6120 §13.9.1)");
        }
    }
}

fn channel() -> Channel {
    Channel {
        bindings: vec![("tls-exporter".to_owned(), vec![1; 32])],
        plus_offered: true,
        external: Some("tim@example.org".to_owned()),
    }
}

fn server(mechanism: Mechanism, messages: &[&[u8]]) {
    let known = Known {
        user: "user".to_owned(),
        password: "pencil".to_owned(),
    };
    let mut server = Server::new(mechanism, channel(), SERVER_NONCE.to_owned());
    let mut over = false;
    for (at, message) in messages.iter().enumerate() {
        let step = if at == 0 {
            server.start(Some(message), &known)
        } else {
            server.respond(message, &known)
        };
        assert!(
            !over || matches!(step, Step::Failure(..)),
            "an exchange that is over goes on: {step:?}"
        );
        match step {
            Step::Challenge(_) => {}
            Step::Failure(..) => over = true,
            Step::Success(success) => {
                over = true;
                if let Some(name) = success.username
                    && mechanism != Mechanism::External
                {
                    assert_eq!(name, "user", "nobody else has an account");
                    let all = messages[..=at].concat();
                    assert!(
                        mechanism != Mechanism::Plain || all.ends_with(b"\0pencil"),
                        "success without the password"
                    );
                }
            }
        }
    }
}

fn new_client(mechanism: Mechanism, user: &str, password: &str, fault: Option<Fault>) -> Client {
    let binding = if mechanism.is_plus() {
        ChannelBinding::Data {
            kind: "tls-exporter".to_owned(),
            data: vec![1; 32],
        }
    } else {
        ChannelBinding::Unsupported
    };
    let credentials = Credentials {
        username: user.to_owned(),
        password: password.to_owned(),
        authzid: None,
    };
    Client::new(mechanism, credentials, binding, NONCE.to_owned(), fault)
}

fn client(mechanism: Mechanism, messages: &[&[u8]]) {
    let mut client = new_client(mechanism, "user", "pencil", None);
    if client.initial().is_err() {
        return;
    }
    for message in messages {
        if ServerFirst::parse(message).is_ok_and(|first| first.iterations > MOST_ROUNDS) {
            return;
        }
        let _ = client.respond(message);
    }
    let _ = client.finish(messages.last().copied());
}

/// Whoever has this name and this password gets in, and with another password does not.
fn round_trip(mechanism: Mechanism, messages: &[&[u8]]) {
    let &[user, password, ..] = messages else {
        return;
    };
    let user = String::from_utf8_lossy(user);
    let password = String::from_utf8_lossy(password);
    let usable = |text: &str| !text.contains('\0') && prepare(text).is_ok_and(|t| !t.is_empty());
    if !usable(&user) || !usable(&password) || mechanism == Mechanism::External {
        return;
    }
    let known = Known {
        user: user.clone().into_owned(),
        password: password.clone().into_owned(),
    };
    for fault in [None, Some(Fault::BadProof)] {
        let mut client = new_client(mechanism, &user, &password, fault);
        let mut server = Server::new(
            mechanism,
            Channel {
                plus_offered: mechanism.is_plus(),
                ..channel()
            },
            SERVER_NONCE.to_owned(),
        );
        let initial = client.initial().expect("the name can be prepared");
        let mut step = server.start(Some(&initial), &known);
        while let Step::Challenge(challenge) = step {
            let response = client.respond(&challenge).expect("our own challenge");
            step = server.respond(&response, &known);
        }
        let is_checked = mechanism != Mechanism::Anonymous;
        match step {
            Step::Success(success) => {
                assert!(
                    fault.is_none() || !is_checked,
                    "success with a wrong password: {user:?} {password:?}"
                );
                assert_eq!(client.finish(success.data.as_deref()), Ok(()));
            }
            step => assert!(fault.is_some(), "{user:?} {password:?}: {step:?}"),
        }
    }
}
