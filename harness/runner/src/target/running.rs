//! A target that is up.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;
use xmppspec_reference::{Config, Server};

use super::external;
use super::process::{Processes, tail};
use super::profile::Profile;
use super::started::Started;
use super::{AccountPolicy, Role, Services, Target, TargetError};
use crate::peer::check_loopback;
use crate::run::{PeerSource, Peers};
use crate::world::Entered;
use crate::world::dns::{Asked, Dns};

/// How long an expectation waits where no profile says otherwise. Servers on loopback answer within milliseconds; the
/// slowest legal answers (to a failed login, to a stanza for a dead domain) stay below this.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server that should be running already may take to accept a connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

/// The port of client connections (RFC 6120 §14.7).
const C2S_PORT: u16 = 5222;

/// How a process of a target ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The process: its name in the profile.
    pub process: String,
    /// Its end: `exit status 1`, `signal 11, SIGSEGV`.
    pub status: String,
    /// The last lines of the target's logs.
    pub log: String,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ended ({}); its last lines:\n{}",
            self.process, self.status, self.log
        )
    }
}

/// A target that is up: one that the run started, or one that was running already.
///
/// Dropping it ends its processes at once and removes its files; [`Running::stop`] is kinder.
#[derive(Debug)]
pub struct Running {
    /// What a run needs to know about it.
    pub target: Target,
    /// How long the start took.
    pub start_time: Duration,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Somebody else's.
    External,
    /// In this process.
    Embedded {
        config: Box<Config>,
        server: Option<Server>,
    },
    /// Processes of the run.
    Started(Box<Started>),
    /// Peers: every case starts one of its own.
    Peers(Arc<Peers>),
    Stopped,
}

impl Running {
    /// A target that runs already and is nobody's to stop. It is not asked whether it does.
    #[must_use]
    pub fn connected(target: Target) -> Self {
        Self {
            target,
            start_time: Duration::ZERO,
            kind: Kind::External,
        }
    }

    /// A server that runs already at `address`: `host`, `host:port` or `[v6]:port`; without port 5222.
    ///
    /// # Errors
    /// [`TargetError::Unreachable`] if it does not accept connections.
    pub async fn connect(
        address: &str,
        domain: &str,
        accounts: AccountPolicy,
    ) -> Result<Self, TargetError> {
        let address = with_port(address);
        let start_time = answers(&address).await?;
        let target = Target {
            name: address.clone(),
            version: None,
            role: Role::Server,
            domain: domain.to_owned(),
            services: Services {
                c2s: address,
                c2s_tls: None,
            },
            accounts,
            timeout: DEFAULT_TIMEOUT,
            connect_retries: 0,
            lacks: Vec::new(),
            known: Vec::new(),
        };
        Ok(Self {
            start_time,
            ..Self::connected(target)
        })
    }

    /// A server that somebody else starts, as its profile describes it.
    ///
    /// # Errors
    /// [`TargetError::Unreachable`] if it does not accept connections, [`TargetError::Profile`] if an account is written wrong.
    pub async fn reach(profile: &Profile) -> Result<Self, TargetError> {
        let target = external::target(profile)?;
        let start_time = answers(&target.services.c2s).await?;
        Ok(Self {
            start_time,
            ..Self::connected(target)
        })
    }

    /// The embedded reference server.
    ///
    /// # Errors
    /// [`TargetError::Io`] if it cannot bind its addresses.
    pub async fn reference(config: Config) -> Result<Self, TargetError> {
        let began = Instant::now();
        let server = start_embedded(&config).await?;
        let accounts = if config.registration {
            AccountPolicy::Register
        } else if config.accounts.is_empty() {
            AccountPolicy::None
        } else {
            AccountPolicy::List(config.accounts.clone())
        };
        let target = Target {
            name: "reference".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            role: Role::Server,
            domain: config.domain.clone(),
            services: services(&server),
            accounts,
            timeout: DEFAULT_TIMEOUT,
            connect_retries: 0,
            lacks: Vec::new(),
            known: Vec::new(),
        };
        let kind = Kind::Embedded {
            config: Box::new(config),
            server: Some(server),
        };
        Ok(Self {
            target,
            start_time: began.elapsed(),
            kind,
        })
    }

    /// Starts a target, and returns when it offers stream features.
    ///
    /// # Errors
    /// Everything in [`TargetError`]. Nothing is left then.
    pub async fn start(profile: &Profile, entered: &Entered) -> Result<Self, TargetError> {
        let began = Instant::now();
        let missing = profile.missing();
        if !missing.is_empty() {
            return Err(TargetError::Missing {
                target: profile.name.clone(),
                programs: missing,
                hint: profile.install_hint(),
            });
        }
        let mut started = Started::prepare(profile, entered).await?;
        started.start_all().await?;
        let accounts = started.accounts().await?;
        let address = |service: &str| {
            profile
                .services
                .contains_key(service)
                .then(|| started.address(service))
        };
        let target = Target {
            name: profile.name.clone(),
            version: profile.find_version(),
            role: profile.role,
            domain: profile.domain.clone(),
            services: Services {
                c2s: address("c2s").unwrap_or_default(),
                c2s_tls: address("c2s_tls"),
            },
            accounts,
            timeout: Duration::from_secs_f64(profile.timeout_s),
            connect_retries: profile.connect_retries,
            lacks: profile.lacks.clone(),
            known: profile.known.clone(),
        };
        Ok(Self {
            target,
            start_time: began.elapsed(),
            kind: Kind::Started(Box::new(started)),
        })
    }

    /// A peer that every case starts anew, on a segment of its own; without a world, on loopback.
    ///
    /// # Errors
    /// [`TargetError::NeedsWorld`], [`TargetError::Loopback`].
    pub async fn peer(source: PeerSource, entered: &Entered) -> Result<Self, TargetError> {
        if !entered.is_closed() {
            if let PeerSource::Profile(profile) = source {
                return Err(TargetError::NeedsWorld {
                    target: profile.name,
                });
            }
            check_loopback().await.map_err(TargetError::Loopback)?;
        }
        let (name, version, timeout, known) = match &source {
            PeerSource::Reference(_) => (
                super::REFERENCE_PEER.to_owned(),
                Some(env!("CARGO_PKG_VERSION").to_owned()),
                DEFAULT_TIMEOUT,
                Vec::new(),
            ),
            PeerSource::Profile(profile) => (
                profile.name.clone(),
                profile.find_version(),
                Duration::from_secs_f64(profile.timeout_s),
                profile.known.clone(),
            ),
        };
        let target = Target {
            name,
            version,
            role: Role::Peer,
            domain: "local".to_owned(),
            services: Services::default(),
            accounts: AccountPolicy::None,
            timeout,
            connect_retries: 0,
            lacks: Vec::new(),
            known,
        };
        let peers = Peers {
            source,
            entered: entered.clone(),
        };
        Ok(Self {
            target,
            start_time: Duration::ZERO,
            kind: Kind::Peers(Arc::new(peers)),
        })
    }

    /// What the cases start, where they are about peers.
    pub(crate) fn peers(&self) -> Option<Arc<Peers>> {
        if let Kind::Peers(peers) = &self.kind {
            Some(Arc::clone(peers))
        } else {
            None
        }
    }

    fn started(&self) -> Option<&Started> {
        if let Kind::Started(started) = &self.kind {
            Some(started)
        } else {
            None
        }
    }

    /// Whether it was running before the run, and stays.
    #[must_use]
    pub fn is_external(&self) -> bool {
        matches!(self.kind, Kind::External)
    }

    /// Whether all processes that the run started are up.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.started().is_none_or(|s| s.processes.death().is_none())
    }

    /// How much memory its processes need, in bytes; `None` for a target without processes of the run.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        self.started().map(|s| s.processes.memory())
    }

    /// What its processes have computed for so far.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        self.started().map(|s| s.processes.cpu())
    }

    /// The most memory that each of its processes may ask for, in bytes.
    #[must_use]
    pub fn memory_limit(&self) -> Option<u64> {
        self.started().and_then(Started::memory_limit)
    }

    /// Resolves as soon as a process of the target ends, without waiting for any timeout; never for a target without
    /// processes. Cancel-safe.
    pub async fn died(&self) -> Death {
        match self.started() {
            Some(started) => started.processes.died().await,
            None => std::future::pending().await,
        }
    }

    /// Starts the target again, after its death or to have it fresh of connections, with the data and the configuration it
    /// had. The embedded reference begins empty; a target of somebody else is left alone.
    ///
    /// # Errors
    /// As for a start.
    pub async fn restart(&mut self) -> Result<(), TargetError> {
        match &mut self.kind {
            Kind::External | Kind::Peers(_) | Kind::Stopped => Ok(()),
            Kind::Embedded { config, server } => {
                if let Some(server) = server.take() {
                    server.shutdown().await;
                }
                let new = start_embedded(config).await?;
                self.target.services = services(&new);
                *server = Some(new);
                Ok(())
            }
            Kind::Started(started) => {
                started.processes.stop(started.patience()).await;
                started.processes = Processes::new();
                started.start_all().await
            }
        }
    }

    /// Stops the target and removes everything that it left.
    pub async fn stop(&mut self) {
        match std::mem::replace(&mut self.kind, Kind::Stopped) {
            Kind::External
            | Kind::Peers(_)
            | Kind::Stopped
            | Kind::Embedded { server: None, .. } => {}
            Kind::Embedded {
                server: Some(server),
                ..
            } => server.shutdown().await,
            Kind::Started(mut started) => {
                let patience = started.patience();
                started.processes.stop(patience).await;
            }
        }
    }

    /// The last lines of the target's logs; empty for a target without processes of the run.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.started()
            .map(|s| tail(&s.folder.0.join("log")))
            .unwrap_or_default()
    }

    /// What was asked of the world's DNS, in order; empty outside a world.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.started()
            .and_then(|s| s.dns.as_ref())
            .map(Dns::asked)
            .unwrap_or_default()
    }
}

/// How long a server took to accept a connection.
async fn answers(address: &str) -> Result<Duration, TargetError> {
    let began = Instant::now();
    let unreachable = |error| TargetError::Unreachable {
        address: address.to_owned(),
        error,
    };
    match timeout(REACH_TIMEOUT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(began.elapsed()),
        Ok(Err(error)) => Err(unreachable(error)),
        Err(_) => Err(unreachable(std::io::ErrorKind::TimedOut.into())),
    }
}

async fn start_embedded(config: &Config) -> Result<Server, TargetError> {
    Server::start(config.clone())
        .await
        .map_err(|error| TargetError::Io {
            what: "cannot start the reference server".to_owned(),
            error,
        })
}

fn services(server: &Server) -> Services {
    Services {
        c2s: server.c2s().to_string(),
        c2s_tls: server.c2s_tls().map(|a| a.to_string()),
    }
}

/// The address with the standard port where it has none.
pub(super) fn with_port(address: &str) -> String {
    let bare_v6 = address.parse::<std::net::Ipv6Addr>().is_ok();
    let has_port = !bare_v6
        && address
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match (has_port, bare_v6) {
        (true, _) => address.to_owned(),
        (false, true) => format!("[{address}]:{C2S_PORT}"),
        (false, false) => format!("{address}:{C2S_PORT}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_addresses() {
        for (given, meant) in [
            ("capulet.example", "capulet.example:5222"),
            ("capulet.example:1", "capulet.example:1"),
            ("127.0.0.1", "127.0.0.1:5222"),
            ("::1", "[::1]:5222"),
            ("[::1]", "[::1]:5222"),
            ("[::1]:99", "[::1]:99"),
        ] {
            assert_eq!(with_port(given), meant);
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_unreachable_and_says_so() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut running = Running::connect(&address, "capulet.example", AccountPolicy::None)
            .await
            .unwrap();
        assert!(running.alive() && running.target.name == address);
        running.restart().await.unwrap();
        running.stop().await;
        drop(listener);
        let error = Running::connect(&address, "capulet.example", AccountPolicy::None)
            .await
            .unwrap_err();
        assert!(matches!(error, TargetError::Unreachable { .. }));
        assert!(
            error
                .to_string()
                .starts_with(&format!("nothing answers at {address}: ")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn the_reference_starts_restarts_and_stops() {
        let mut running = Running::reference(Config::new("localhost")).await.unwrap();
        assert_eq!(
            (running.target.name.as_str(), &running.target.accounts),
            ("reference", &AccountPolicy::Register)
        );
        running.restart().await.unwrap();
        assert!(
            TcpStream::connect(&running.target.services.c2s)
                .await
                .is_ok()
        );
        running.stop().await;
        assert!(
            TcpStream::connect(&running.target.services.c2s)
                .await
                .is_err()
        );
    }
}
