//! The server's side. Faults are made by whoever sends what it says: the messages are plain structs in [`scram`].

use super::scram::{self, ClientFinal, ClientFirst, Hash, Keys, ServerFinal, ServerFirst};
use super::{Mechanism, Plain, SaslError};
use crate::conditions::SaslCondition;

/// What is known of users. Names come as SASLprep leaves them; mapping them to localparts is up to the implementor.
pub trait Accounts {
    /// The password for PLAIN; `None`: there is no such user.
    fn password(&self, username: &str) -> Option<String>;

    /// What is stored for SCRAM; `None`: there is no such user.
    fn stored(&self, username: &str, hash: Hash) -> Option<Stored>;

    /// What unknown users look like. They must not be told from others (RFC 6120 §6.5.10), so their salt must be the
    /// same every time.
    fn decoy(&self) -> Decoy<'_>;

    /// Asked once the password or certificate is known to be right, for every mechanism but ANONYMOUS.
    ///
    /// # Errors
    /// Why the user cannot log in all the same: `invalid-authzid` (RFC 6120 §6.5.6) if `authzid` is not an address
    /// that this user may act as, `account-disabled`, `credentials-expired`, `temporary-auth-failure`.
    fn authorize(&self, username: &str, authzid: Option<&str>) -> Result<(), SaslCondition>;
}

/// What a server stores instead of a password (RFC 5802 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The salt, of [`Stored::SALT`] bytes if decoys are to look the same.
    pub salt: Vec<u8>,
    /// Rounds of the key derivation.
    pub iterations: u32,
    /// The keys derived.
    pub keys: Keys,
}

impl Stored {
    /// The length of the salt of a decoy, in bytes.
    pub const SALT: usize = 16;

    /// What to store for a password. Slow on purpose: its cost is proportional to `iterations`.
    ///
    /// # Errors
    /// [`SaslError::Prepare`]
    pub fn new(
        hash: Hash,
        password: &str,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Stored, SaslError> {
        let password = scram::prepare(password)?;
        let salted = hash.salted_password(&password, salt, iterations);
        Ok(Stored {
            salt: salt.to_vec(),
            iterations,
            keys: Keys::new(hash, &salted),
        })
    }
}

/// From what unknown users are made.
#[derive(Clone, Copy, Debug)]
pub struct Decoy<'a> {
    /// A secret of this server; it decides the salt for each name.
    pub secret: &'a [u8],
    /// As many rounds as real users have.
    pub iterations: u32,
}

impl Decoy<'_> {
    /// What an unknown user looks like. No proof fits.
    fn stored(&self, username: &str, hash: Hash) -> Stored {
        let part = |what: &str| hash.hmac(self.secret, format!("{what}\0{username}").as_bytes());
        let mut salt = part("salt");
        salt.truncate(Stored::SALT);
        Stored {
            salt,
            iterations: self.iterations,
            keys: Keys {
                hash,
                stored_key: part("stored key"),
                server_key: part("server key"),
            },
        }
    }
}

/// What the connection adds to an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// Channel-binding data by registered name: `tls-exporter` (RFC 9266), `tls-server-end-point` (RFC 5929). Empty
    /// without TLS.
    pub bindings: Vec<(String, Vec<u8>)>,
    /// Whether mechanisms with channel binding were offered: a client that thinks otherwise has been lied to.
    pub plus_offered: bool,
    /// Whom the client's certificate stands for (EXTERNAL).
    pub external: Option<String>,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The content of a challenge, before base64.
    Challenge(Vec<u8>),
    /// The exchange has succeeded.
    Success(Success),
    /// The exchange has failed. The text is for people, and tells nothing about who has an account.
    Failure(SaslCondition, &'static str),
}

/// Who has logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Success {
    /// What goes with `<success/>`, before base64.
    pub data: Option<Vec<u8>>,
    /// Whose password or certificate it was; `None`: ANONYMOUS.
    pub username: Option<String>,
    /// Whom to act as, if the client said so.
    pub authzid: Option<String>,
}

#[derive(Clone, Debug)]
enum State {
    Start,
    /// SCRAM: the server has said which salt to use.
    Challenged(Box<Challenged>),
    Done,
}

#[derive(Clone, Debug)]
struct Challenged {
    username: String,
    authzid: Option<String>,
    /// What the client's last message must repeat: its GS2 header and the channel-binding data.
    channel: Vec<u8>,
    /// The beginning of the signed message, as it was sent: client-first-bare and server-first.
    sent: String,
    nonce: String,
    stored: Stored,
    known: bool,
}

/// Why an exchange fails.
type Refusal = (SaslCondition, &'static str);

const WRONG: Refusal = (
    SaslCondition::NotAuthorized,
    "the user name or password is wrong",
);

/// One exchange.
#[derive(Clone, Debug)]
pub struct Server {
    mechanism: Mechanism,
    channel: Channel,
    nonce: String,
    state: State,
}

impl Server {
    /// An exchange with this mechanism; `nonce` is fresh, printable and without comma (RFC 5802 §5.1).
    pub fn new(mechanism: Mechanism, channel: Channel, nonce: String) -> Server {
        Server {
            mechanism,
            channel,
            nonce,
            state: State::Start,
        }
    }

    /// The answer to `<auth/>`. `None`: it has no initial response, which an empty challenge asks for (RFC 6120
    /// §6.4.2); one of no length (`=`) is something else.
    pub fn start(&mut self, initial: Option<&[u8]>, accounts: &dyn Accounts) -> Step {
        match initial {
            None => Step::Challenge(Vec::new()),
            Some(message) => self.respond(message, accounts),
        }
    }

    /// The answer to a `<response/>`.
    pub fn respond(&mut self, message: &[u8], accounts: &dyn Accounts) -> Step {
        let step = match std::mem::replace(&mut self.state, State::Done) {
            State::Start => self.first(message, accounts),
            State::Challenged(challenged) => last(&challenged, message, accounts),
            State::Done => Err((SaslCondition::MalformedRequest, "the exchange is over")),
        };
        step.unwrap_or_else(|(condition, text)| Step::Failure(condition, text))
    }

    fn first(&mut self, message: &[u8], accounts: &dyn Accounts) -> Result<Step, Refusal> {
        match self.mechanism {
            Mechanism::Anonymous => {
                utf8(message)?;
                Ok(Step::Success(Success::default()))
            }
            Mechanism::External => {
                let authzid = utf8(message)?;
                if authzid.contains('\0') {
                    return Err(malformed("an authorization identity holds no NUL"));
                }
                let username = self.channel.external.clone().ok_or((
                    SaslCondition::NotAuthorized,
                    "no certificate that stands for an account",
                ))?;
                succeed(username, authzid, None, accounts)
            }
            Mechanism::Plain => {
                let plain = Plain::parse(message).map_err(syntax)?;
                let username = scram::prepare(&plain.authcid).map_err(|_| WRONG)?;
                let given = scram::prepare(&plain.password).map_err(|_| WRONG)?;
                let stored = accounts.password(&username).ok_or(WRONG)?;
                if username.is_empty() || scram::prepare(&stored) != Ok(given) {
                    return Err(WRONG);
                }
                succeed(username, &plain.authzid, None, accounts)
            }
            _ => self.challenge(message, accounts),
        }
    }

    /// Reads the first message of SCRAM and gives the salt.
    fn challenge(&mut self, message: &[u8], accounts: &dyn Accounts) -> Result<Step, Refusal> {
        let first = ClientFirst::parse(message).map_err(syntax)?;
        let hash = self.mechanism.hash().unwrap_or(Hash::Sha1);
        let mut channel = first.gs2.to_string().into_bytes();
        channel.extend(self.binding(&first.gs2.flag)?);

        // A name that cannot be anyone's is refused where any other unknown one is.
        let prepared = scram::prepare(&first.username).unwrap_or_default();
        let found = (!prepared.is_empty()).then(|| accounts.stored(&prepared, hash));
        let found = found.flatten().filter(|stored| stored.keys.hash == hash);
        let known = found.is_some();
        let stored = found.unwrap_or_else(|| {
            // Accounts whose names differ in case only are one account, so decoys must be too.
            let name = if prepared.is_empty() {
                &first.username
            } else {
                &prepared
            };
            accounts.decoy().stored(&name.to_lowercase(), hash)
        });

        let answer = ServerFirst {
            nonce: format!("{}{}", first.nonce, self.nonce),
            salt: stored.salt.clone(),
            iterations: stored.iterations,
        };
        let text = answer.to_string();
        // What is signed is what was sent, extensions included, not what we would have sent.
        let bare = utf8(message)?.splitn(3, ',').nth(2).unwrap_or_default();
        self.state = State::Challenged(Box::new(Challenged {
            username: prepared,
            authzid: first.gs2.authzid,
            channel,
            sent: format!("{bare},{text}"),
            nonce: answer.nonce,
            stored,
            known,
        }));
        Ok(Step::Challenge(text.into_bytes()))
    }

    /// The channel-binding data that the client's flag asks for (RFC 5802 §6).
    fn binding(&self, flag: &str) -> Result<&[u8], Refusal> {
        match (flag.strip_prefix("p="), self.mechanism.is_plus()) {
            (Some(kind), true) => self
                .channel
                .bindings
                .iter()
                .find(|(name, _)| name == kind)
                .map(|(_, data)| &data[..])
                .ok_or((
                    SaslCondition::NotAuthorized,
                    "this channel-binding type is not supported",
                )),
            (Some(_), false) => Err(malformed("channel binding needs a mechanism with -PLUS")),
            (None, true) => Err(malformed("a mechanism with -PLUS needs channel binding")),
            (None, false) if flag == "y" && self.channel.plus_offered => Err((
                SaslCondition::NotAuthorized,
                "channel binding was offered; somebody hid that from the client",
            )),
            (None, false) => Ok(&[]),
        }
    }
}

/// Reads the last message of SCRAM.
fn last(challenged: &Challenged, message: &[u8], accounts: &dyn Accounts) -> Result<Step, Refusal> {
    let last = ClientFinal::parse(message).map_err(syntax)?;
    if last.nonce != challenged.nonce {
        return Err((SaslCondition::NotAuthorized, "the nonce is another"));
    }
    if last.channel != challenged.channel {
        return Err((
            SaslCondition::NotAuthorized,
            "the channel binding or the GS2 header is another",
        ));
    }
    let (signed, _) = utf8(message)?.rsplit_once(",p=").unwrap_or_default();
    let signed = format!("{},{signed}", challenged.sent);
    let keys = &challenged.stored.keys;
    if !keys.check_proof(&signed, &last.proof) || !challenged.known {
        return Err(WRONG);
    }
    let data = ServerFinal::Signature(keys.server_signature(&signed)).to_string();
    succeed(
        challenged.username.clone(),
        challenged.authzid.as_deref().unwrap_or_default(),
        Some(data.into_bytes()),
        accounts,
    )
}

fn succeed(
    username: String,
    authzid: &str,
    data: Option<Vec<u8>>,
    accounts: &dyn Accounts,
) -> Result<Step, Refusal> {
    let authzid = (!authzid.is_empty()).then(|| authzid.to_owned());
    accounts
        .authorize(&username, authzid.as_deref())
        .map_err(|condition| (condition, "the credentials are right, but are not enough"))?;
    Ok(Step::Success(Success {
        data,
        username: Some(username),
        authzid,
    }))
}

fn utf8(message: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(message).map_err(|_| malformed("the message is not UTF-8"))
}

fn malformed(text: &'static str) -> Refusal {
    (SaslCondition::MalformedRequest, text)
}

/// What the client wrote is not the mechanism's (RFC 6120 §6.5.8), or base64 inside it is not base64.
fn syntax(error: SaslError) -> Refusal {
    match error {
        SaslError::Syntax(text) => malformed(text),
        _ => malformed("the message does not follow the mechanism's syntax"),
    }
}

#[cfg(test)]
mod tests {
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
}
