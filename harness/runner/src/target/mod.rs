//! The implementation under test: its profile, how it is started, reached, watched and stopped.

mod certs;
mod error;
mod external;
mod peer;
mod process;
mod profile;
mod ready;
mod running;
mod started;
mod template;

use std::time::Duration;

pub use error::TargetError;
pub use peer::{Contact, HookError, PeerEvent, REFERENCE as REFERENCE_PEER, RunningPeer, Seen};
pub use profile::{Accounts, HOOK_PARAMETERS, ProcessSpec, Profile, Ready, TemplateFile};
pub use running::{Death, Running};
pub use template::{Template, TemplateError};
/// A finding that the profile expects.
pub use xmppspec_reports::Known;
/// What the implementation under test is.
pub use xmppspec_scenarios::Role;

/// What a run needs to know about an implementation that is up.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name of its profile, or the address it was reached at.
    pub name: String,
    /// Its version, where it can be found out without asking over XMPP.
    pub version: Option<String>,
    /// What it is.
    pub role: Role,
    /// The XMPP domain that it serves.
    pub domain: String,
    /// Where it listens.
    pub services: Services,
    /// Where accounts come from.
    pub accounts: AccountPolicy,
    /// The default time after which an expectation is given up.
    pub timeout: Duration,
    /// How often a connection that is refused, or closed before the first byte, is tried again.
    pub connect_retries: u32,
    /// Capabilities that the profile denies, whatever the target advertises.
    pub lacks: Vec<String>,
    /// Findings that are known and do not fail a run.
    pub known: Vec<Known>,
}

/// The addresses of a target's services, each `host:port`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services {
    /// Client connections, with STARTTLS (RFC 6120 §3.2.1).
    pub c2s: String,
    /// Client connections that begin with TLS (XEP-0368).
    pub c2s_tls: Option<String>,
}

/// Where the accounts of actors come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountPolicy {
    /// In-band registration (XEP-0077): a fresh account for every case.
    Register,
    /// These pairs of localpart (or bare JID) and password; a case that needs more of them is a skip.
    List(Vec<(String, String)>),
    /// None: every case that logs in is a skip.
    None,
}
