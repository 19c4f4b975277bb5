//! SASL on the server's side: the exchange, and the accounts that it asks (RFC 6120 §6).

use xmppspec_protocol::conditions::SaslCondition;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::sasl::scram::{ClientFirst, Hash};
use xmppspec_protocol::sasl::server::{Accounts, Channel, Decoy, Step, Stored, Success};
use xmppspec_protocol::sasl::{Mechanism, Plain, Server};

use crate::Fault;
use crate::hub::Hub;
use crate::router::Router;
use crate::session::random_id;

/// One exchange.
#[derive(Debug)]
pub(crate) struct Handshake {
    server: Server,
    mechanism: Mechanism,
    /// What a server with a fault remembers: the first message, and a success that comes later.
    first: Vec<u8>,
    late: Option<Success>,
}

impl Handshake {
    pub(crate) fn new(mechanism: Mechanism, channel: Channel) -> Handshake {
        Handshake {
            server: Server::new(mechanism, channel, random_id()),
            mechanism,
            first: Vec::new(),
            late: None,
        }
    }

    /// The answer to `<auth/>`.
    pub(crate) fn start(&mut self, initial: Option<&[u8]>, hub: &Hub) -> Step {
        let step = self.server.start(initial, hub);
        self.first = initial.unwrap_or_default().to_vec();
        self.spoil(step, hub)
    }

    /// The answer to `<response/>`.
    pub(crate) fn respond(&mut self, message: &[u8], hub: &Hub) -> Step {
        if let Some(success) = self.late.take() {
            return Step::Success(success);
        }
        let step = self.server.respond(message, hub);
        self.spoil(step, hub)
    }

    /// What a server with faults does otherwise.
    fn spoil(&mut self, step: Step, hub: &Hub) -> Step {
        let config = hub.config();
        match step {
            Step::Success(mut success) if config.has(Fault::SuccessWithoutData) => {
                let Some(data) = success.data.take() else {
                    return Step::Success(success);
                };
                self.late = Some(success);
                Step::Challenge(data)
            }
            Step::Failure(..)
                if config.has(Fault::ChannelBindingIgnored) && self.mechanism.is_plus() =>
            {
                let first = ClientFirst::parse(&self.first);
                Step::Success(Success {
                    username: first.ok().map(|first| first.username),
                    ..Success::default()
                })
            }
            Step::Failure(_, text) if config.has(Fault::UnknownUserTold) => {
                let plain = Plain::parse(&self.first);
                let known = plain.is_ok_and(|plain| hub.password(&plain.authcid).is_some());
                match known {
                    true => Step::Failure(SaslCondition::NotAuthorized, text),
                    false => Step::Failure(SaslCondition::AccountDisabled, text),
                }
            }
            step => step,
        }
    }
}

impl Accounts for Hub {
    fn password(&self, username: &str) -> Option<String> {
        let local = self.localpart(username)?;
        self.router().password(&local)
    }

    /// The keys are derived when they are first asked for, and without the lock: that takes milliseconds.
    fn stored(&self, username: &str, hash: Hash) -> Option<Stored> {
        let local = self.localpart(username)?;
        let password = {
            let router = self.router();
            if let Some(stored) = router.stored(&local, hash) {
                return Some(stored);
            }
            router.password(&local)?
        };
        let salt: [u8; Stored::SALT] = rand::random();
        let stored = Stored::new(hash, &password, &salt, self.config().scram_iterations).ok()?;
        self.router().remember(&local, &password, stored.clone());
        Some(stored)
    }

    fn decoy(&self) -> Decoy<'_> {
        Decoy {
            secret: self.secret(),
            iterations: self.config().scram_iterations,
        }
    }

    /// Users act as themselves only (RFC 6120 §6.3.8).
    fn authorize(&self, username: &str, authzid: Option<&str>) -> Result<(), SaslCondition> {
        let Some(authzid) = authzid.filter(|_| !self.config().has(Fault::AuthzidIgnored)) else {
            return Ok(());
        };
        let asked = Jid::parse(authzid).map_err(|_| SaslCondition::InvalidAuthzid)?;
        let own = asked.is_bare()
            && asked.domain() == self.config().domain
            && asked.local() == self.localpart(username).as_deref();
        own.then_some(()).ok_or(SaslCondition::InvalidAuthzid)
    }
}

impl Router {
    /// The password of an account.
    pub(crate) fn password(&self, local: &str) -> Option<String> {
        self.accounts.get(local)?.password.clone()
    }

    /// The keys for a hash, if they have been derived already.
    pub(crate) fn stored(&self, local: &str, hash: Hash) -> Option<Stored> {
        let keys = &self.accounts.get(local)?.keys;
        keys.iter().find(|stored| stored.keys.hash == hash).cloned()
    }

    /// Remembers keys, if the password is still the one that they were derived from.
    pub(crate) fn remember(&mut self, local: &str, password: &str, stored: Stored) {
        if let Some(account) = self.accounts.get_mut(local)
            && account.password.as_deref() == Some(password)
        {
            account
                .keys
                .retain(|known| known.keys.hash != stored.keys.hash);
            account.keys.push(stored);
        }
    }
}
