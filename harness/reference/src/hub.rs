//! What all connections share.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use xmppspec_protocol::conditions::StanzaCondition;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;

use crate::Config;
use crate::account::Account;
use crate::mailbox::Mailbox;
use crate::router::{Router, Source};
use crate::session::random_id;
use crate::tls::Identity;

/// The configuration, the certificate, and the router behind its lock.
#[derive(Debug)]
pub(crate) struct Hub {
    config: Arc<Config>,
    identity: Identity,
    router: Mutex<Router>,
    sessions: AtomicU64,
    /// Decides what unknown users look like.
    secret: [u8; 32],
}

/// Who a session is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) session: u64,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) jid: &'a Jid,
}

impl Owner<'_> {
    fn source(&self) -> Source {
        Source {
            account: self.account.to_owned(),
            resource: self.resource.to_owned(),
            jid: self.jid.clone(),
        }
    }
}

impl Hub {
    /// # Errors
    /// When the domain or an account is no address, or no certificate can be made.
    pub(crate) fn new(mut config: Config) -> io::Result<Hub> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
        let domain = Jid::parse(&config.domain)
            .ok()
            .filter(|jid| jid.is_bare() && jid.local().is_none())
            .ok_or_else(|| invalid("the domain is no domain"))?;
        config.domain = domain.domain().to_owned();
        for (local, _) in &mut config.accounts {
            let jid = Jid::parse(&format!("{local}@{}", config.domain));
            let prepared = jid.ok().and_then(|jid| jid.local().map(str::to_owned));
            *local = prepared.ok_or_else(|| invalid("an account's name is no localpart"))?;
        }
        let identity = Identity::generate(&config)?;
        let config = Arc::new(config);
        Ok(Hub {
            router: Mutex::new(Router::new(config.clone())),
            config,
            identity,
            sessions: AtomicU64::new(0),
            secret: rand::random(),
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// A number for a new session.
    pub(crate) fn next_id(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    /// The router. Nothing slow may be done while it is held: it is everybody's.
    pub(crate) fn router(&self) -> MutexGuard<'_, Router> {
        // A panic while it was held would be a bug; the others should go on all the same.
        self.router.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The localpart that a user name stands for (RFC 6120 §6.3.7).
    pub(crate) fn localpart(&self, username: &str) -> Option<String> {
        let jid = Jid::parse(&format!("{username}@{}", self.config.domain)).ok()?;
        jid.local().map(str::to_owned)
    }

    /// An account for a client that does not say who it is (ANONYMOUS). It goes with its session.
    pub(crate) fn make_guest(&self) -> String {
        let local = random_id();
        let mut router = self.router();
        router.accounts.insert(local.clone(), Account::default());
        local
    }

    /// See [`Router::register`].
    pub(crate) fn register(&self, iq: &Element, query: &Element) -> Element {
        self.router().register(iq, query)
    }

    /// See [`Router::bind`].
    pub(crate) fn bind(
        &self,
        session: u64,
        account: &str,
        wanted: Option<&str>,
        mailbox: &Arc<Mailbox>,
        now: Duration,
    ) -> Result<Jid, StanzaCondition> {
        let mut router = self.router();
        router.now = now;
        router.bind(session, account, wanted, mailbox)
    }

    /// See [`Router::stanza`].
    pub(crate) fn stanza(
        &self,
        owner: Owner<'_>,
        stanza: Element,
        lang: Option<String>,
        now: Duration,
    ) {
        let source = owner.source();
        let mut router = self.router();
        router.now = now;
        router.stanza(&source, stanza, lang.as_deref());
    }

    /// See [`Router::left`].
    pub(crate) fn left(&self, owner: Owner<'_>, now: Duration) {
        let mut router = self.router();
        router.now = now;
        router.left(owner.session, &owner.source());
    }
}
