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
mod tests;
