//! Our client against our server, and both against the examples of the RFCs.

use super::super::{ChannelBinding, Client, Credentials, Fault};
use super::*;

struct One;

impl Accounts for One {
    fn password(&self, username: &str) -> Option<String> {
        (username == "user").then(|| "pencil".into())
    }

    fn stored(&self, username: &str, hash: Hash) -> Option<Stored> {
        let salt = b"sixteen bytes, yes";
        (username == "user").then(|| Stored::new(hash, "pencil", &salt[..16], 2).unwrap())
    }

    fn decoy(&self) -> Decoy<'_> {
        Decoy {
            secret: b"secret",
            iterations: 2,
        }
    }

    fn authorize(&self, _: &str, authzid: Option<&str>) -> Result<(), SaslCondition> {
        match authzid {
            None | Some("user@example.org") => Ok(()),
            Some(_) => Err(SaslCondition::InvalidAuthzid),
        }
    }
}

fn channel() -> Channel {
    Channel {
        bindings: vec![
            ("tls-exporter".into(), vec![7; 32]),
            ("tls-server-end-point".into(), vec![8; 32]),
        ],
        plus_offered: true,
        external: Some("user".into()),
    }
}

struct Login {
    mechanism: Mechanism,
    username: &'static str,
    password: &'static str,
    authzid: Option<&'static str>,
    binding: ChannelBinding,
    fault: Option<Fault>,
    channel: Channel,
}

impl Login {
    fn new(mechanism: Mechanism) -> Login {
        let binding = match mechanism.is_plus() {
            true => bound("tls-exporter", 7),
            false => ChannelBinding::Unsupported,
        };
        Login {
            mechanism,
            username: "user",
            password: "pencil",
            authzid: None,
            binding,
            fault: None,
            channel: channel(),
        }
    }

    /// Plays the exchange to its end; the client must accept what the server says of success.
    fn run(self) -> (Vec<Vec<u8>>, Step) {
        let credentials = Credentials {
            username: self.username.into(),
            password: self.password.into(),
            authzid: self.authzid.map(Into::into),
        };
        let mut client = Client::new(
            self.mechanism,
            credentials,
            self.binding,
            "abc".into(),
            self.fault,
        );
        let mut server = Server::new(self.mechanism, self.channel, "def".into());
        let mut said = Vec::new();
        let initial = client.initial().unwrap();
        let mut step = server.start(Some(&initial), &One);
        while let Step::Challenge(challenge) = step {
            let response = client.respond(&challenge).unwrap();
            said.push(challenge);
            step = server.respond(&response, &One);
        }
        if let Step::Success(success) = &step {
            assert_eq!(client.finish(success.data.as_deref()), Ok(()));
        }
        (said, step)
    }

    fn outcome(self) -> Result<Success, SaslCondition> {
        match self.run().1 {
            Step::Success(success) => Ok(success),
            Step::Failure(condition, _) => Err(condition),
            Step::Challenge(_) => unreachable!("run goes on after a challenge"),
        }
    }
}

fn bound(kind: &str, byte: u8) -> ChannelBinding {
    ChannelBinding::Data {
        kind: kind.into(),
        data: vec![byte; 32],
    }
}

#[test]
fn every_mechanism_succeeds() {
    for &mechanism in Mechanism::ALL {
        let success = Login::new(mechanism).outcome().unwrap();
        let anonymous = mechanism == Mechanism::Anonymous;
        assert_eq!(success.username, (!anonymous).then(|| "user".to_owned()));
        assert_eq!(success.data.is_some(), mechanism.hash().is_some());
        assert_eq!(success.authzid, None);
    }
}

#[test]
fn authorization_identities_are_asked_for() {
    for &mechanism in &Mechanism::ALL[1..] {
        let login = |authzid| Login {
            authzid: Some(authzid),
            ..Login::new(mechanism)
        };
        let own = login("user@example.org").outcome().unwrap();
        assert_eq!(own.authzid.as_deref(), Some("user@example.org"));
        let other = login("other@example.org").outcome();
        assert_eq!(other, Err(SaslCondition::InvalidAuthzid), "{mechanism:?}");
    }
}

#[test]
fn every_fault_is_refused() {
    use SaslCondition::{MalformedRequest, NotAuthorized};
    for &mechanism in &Mechanism::ALL[2..] {
        for &fault in Fault::ALL {
            let expected = match fault {
                Fault::MissingUsername | Fault::Garbage => Some(MalformedRequest),
                Fault::BadProof => Some(NotAuthorized),
                _ if mechanism == Mechanism::Plain => None,
                Fault::MissingNonce | Fault::MandatoryExtension | Fault::MissingProof => {
                    Some(MalformedRequest)
                }
                // A client that takes a mechanism with channel binding and does not bind is not the
                // victim of a downgrade but wrong.
                Fault::Downgrade if mechanism.is_plus() => Some(MalformedRequest),
                Fault::BadChannelBinding if !mechanism.is_plus() => None,
                Fault::BadNonce
                | Fault::BadGs2Header
                | Fault::BadChannelBinding
                | Fault::Downgrade => Some(NotAuthorized),
            };
            let login = Login {
                fault: Some(fault),
                ..Login::new(mechanism)
            };
            assert_eq!(login.outcome().err(), expected, "{mechanism:?} {fault:?}");
        }
    }
}

#[test]
fn channel_binding_is_checked() {
    let plus = Mechanism::ScramSha256Plus;
    let with = |mechanism, binding| {
        let login = Login::new(mechanism);
        Login { binding, ..login }.outcome().err()
    };
    let refused = Some(SaslCondition::NotAuthorized);
    assert_eq!(with(plus, bound("tls-server-end-point", 8)), None);
    assert_eq!(with(plus, bound("tls-exporter", 9)), refused);
    assert_eq!(with(plus, bound("tls-server-end-point", 7)), refused);
    assert_eq!(with(plus, bound("tls-unique", 7)), refused);
    let plain = Mechanism::ScramSha256;
    assert_eq!(with(plain, ChannelBinding::NotOffered), refused);
    let without = Login {
        binding: ChannelBinding::NotOffered,
        channel: Channel::default(),
        ..Login::new(plain)
    };
    assert!(without.outcome().is_ok());
}

#[test]
fn unknown_users_look_like_others() {
    for &mechanism in &Mechanism::ALL[2..] {
        let run = |username, password| {
            Login {
                username,
                password,
                ..Login::new(mechanism)
            }
            .run()
        };
        let (wrong, refusal) = run("user", "pen");
        let (unknown, same) = run("nobody", "pen");
        assert_eq!(refusal, same);
        assert_eq!(
            refusal,
            Step::Failure(SaslCondition::NotAuthorized, WRONG.1)
        );
        assert_eq!(run("nobody", "pencil").0, unknown);
        assert_eq!(run("Nobody", "pencil").0, unknown);
        let shape = |said: &[Vec<u8>]| said.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(shape(&wrong), shape(&unknown));
        if mechanism.hash().is_some() {
            assert_ne!(run("somebody", "pencil").0, unknown);
        }
    }
}

#[test]
fn an_initial_response_may_come_later() {
    let mut server = Server::new(Mechanism::Plain, Channel::default(), "def".into());
    assert_eq!(server.start(None, &One), Step::Challenge(Vec::new()));
    let step = server.respond(b"\0user\0pencil", &One);
    assert!(matches!(step, Step::Success(_)), "{step:?}");
    let over = server.respond(b"\0user\0pencil", &One);
    assert!(matches!(
        over,
        Step::Failure(SaslCondition::MalformedRequest, _)
    ));
}

#[test]
fn messages_that_are_no_messages() {
    use Mechanism as M;
    for (mechanism, message) in [
        (M::Plain, &b""[..]),
        (M::Plain, b"user"),
        (M::Anonymous, b"\xff"),
        (M::External, b"\xff"),
        (M::External, b"a\0b"),
        (M::ScramSha1, b""),
        (M::ScramSha1, b"n,,n=user"),
        (M::ScramSha1, b"n,,n=us=er,r=abc"),
        (M::ScramSha1, b"p=tls-exporter,,n=user,r=abc"),
        (M::ScramSha1Plus, b"n,,n=user,r=abc"),
    ] {
        let step = Server::new(mechanism, channel(), "def".into()).start(Some(message), &One);
        assert!(
            matches!(step, Step::Failure(SaslCondition::MalformedRequest, _)),
            "{mechanism:?} {message:?} {step:?}"
        );
    }
    let none = Channel::default();
    let step = Server::new(M::External, none, "def".into()).start(Some(b""), &One);
    assert!(matches!(
        step,
        Step::Failure(SaslCondition::NotAuthorized, _)
    ));
}

#[test]
fn extensions_are_signed_as_they_came() {
    let mut server = Server::new(Mechanism::ScramSha1, Channel::default(), "def".into());
    let Step::Challenge(challenge) = server.start(Some(b"n,,n=user,r=abc,x=1"), &One) else {
        panic!("no challenge");
    };
    let challenge = String::from_utf8(challenge).unwrap();
    let first = ServerFirst::parse(challenge.as_bytes()).unwrap();
    let salted = Hash::Sha1.salted_password("pencil", &first.salt, first.iterations);
    let last = "c=biws,r=abcdef,y=2";
    let signed = format!("n=user,r=abc,x=1,{challenge},{last}");
    let proof = scram::client_proof(Hash::Sha1, &salted, &signed);
    let proof = super::super::encode(&proof);
    let step = server.respond(format!("{last},p={proof}").as_bytes(), &One);
    assert!(matches!(step, Step::Success(_)), "{step:?}");
}

struct Example(Stored);

impl Accounts for Example {
    fn password(&self, _: &str) -> Option<String> {
        None
    }

    fn stored(&self, username: &str, _: Hash) -> Option<Stored> {
        (username == "user").then(|| self.0.clone())
    }

    fn decoy(&self) -> Decoy<'_> {
        One.decoy()
    }

    fn authorize(&self, _: &str, _: Option<&str>) -> Result<(), SaslCondition> {
        Ok(())
    }
}

/// RFC 5802 §5 and RFC 7677 §3, to the letter.
#[test]
fn the_examples_of_the_rfcs() {
    for (mechanism, salt, nonce, client_first, server_first, client_final, server_final) in [
        (
            Mechanism::ScramSha1,
            "QSXCR+Q6sek8bf92",
            "3rfcNHYJY1ZVvWVs7j",
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (
            Mechanism::ScramSha256,
            "W22ZaJ0SNY7soEsUEjb6gQ==",
            "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ] {
        let hash = mechanism.hash().unwrap();
        let salt = super::super::decode(salt).unwrap();
        let accounts = Example(Stored::new(hash, "pencil", &salt, 4096).unwrap());
        let mut server = Server::new(mechanism, Channel::default(), nonce.into());
        assert_eq!(
            server.start(Some(client_first.as_bytes()), &accounts),
            Step::Challenge(server_first.into())
        );
        assert_eq!(
            server.respond(client_final.as_bytes(), &accounts),
            Step::Success(Success {
                data: Some(server_final.into()),
                username: Some("user".into()),
                authzid: None,
            })
        );
    }
}
