//! What a stage for peers is made of: addresses, names, listeners, the target.

use tokio::net::TcpListener;
use xmppspec_protocol::dns::Name;
use xmppspec_reference::peer::PeerConfig;
use xmppspec_scenarios::Bindings;

use super::{PeerSource, Peers};
use crate::actor::{Problem, StepError};
use crate::peer::{Place, Site};
use crate::target::{RunningPeer, TargetError};
use crate::world::{Addresses, HostError};

pub(super) fn host_failed(error: &HostError) -> StepError {
    StepError::new(Problem::Script, format!("cannot make a host: {error}"))
}

pub(super) fn io_failed(what: &str, error: &std::io::Error) -> StepError {
    StepError::new(Problem::Script, format!("cannot {what}: {error}"))
}

pub(super) fn addresses(text: Option<&str>, default: Addresses) -> Result<Addresses, StepError> {
    match text {
        None => Ok(default),
        Some("IPv4") => Ok(Addresses::V4),
        Some("IPv6") => Ok(Addresses::V6),
        Some("both") => Ok(Addresses::Both),
        Some(other) => Err(StepError::new(
            Problem::Script,
            format!("addresses are `IPv4`, `IPv6` or `both`, not `{other}`"),
        )),
    }
}

/// The first word of an actor's name, as a user name.
pub(super) fn user(name: &str) -> String {
    let word = name.split([' ', '\'']).next().unwrap_or(name);
    word.to_lowercase()
}

/// Gives an actor's names their values.
pub(super) fn bind(
    bindings: &mut Bindings,
    actor: &str,
    instance: &str,
    place: &Place,
    port: Option<u16>,
) {
    let (user, machine) = instance.split_once('@').unwrap_or((instance, ""));
    let name = Name::from_labels([instance.as_bytes(), b"_presence", b"_tcp", b"local"]);
    let mut set = |what: &str, value: String| bindings.set(format!("{actor}'s {what}"), value);
    set("instance", instance.to_owned());
    set("name", name.unwrap_or_default().to_string());
    set("user", user.to_owned());
    set("machine", machine.to_owned());
    set("host", format!("{machine}.local."));
    set(
        "address",
        place.v4.map(|a| a.to_string()).unwrap_or_default(),
    );
    set(
        "IPv6 address",
        place.v6.map(|a| a.to_string()).unwrap_or_default(),
    );
    if let Some(port) = port {
        set("port", port.to_string());
    }
}

pub(super) fn listen(site: &Site) -> std::io::Result<TcpListener> {
    // A socket that was not bound listens on a port of the system's choice.
    site.tcp_socket(site.place.v4.is_none())?.listen(16)
}

pub(super) async fn start(
    peers: &Peers,
    site: &Site,
    user: &str,
    seed: u64,
) -> Result<RunningPeer, TargetError> {
    match &peers.source {
        PeerSource::Profile(profile) => {
            let host = site.host.as_ref().ok_or(TargetError::NeedsWorld {
                target: profile.name.clone(),
            })?;
            RunningPeer::start(profile, &peers.entered, host, user).await
        }
        PeerSource::Reference(faults) => {
            let place = &site.place;
            let mut config = PeerConfig::new(user, &site.machine, &place.interface, place.index);
            (config.v4, config.v6, config.only_near) = (place.v4, place.v6, place.only_near);
            config.faults.extend(faults);
            config.seed = seed;
            RunningPeer::reference(config, site.host.as_ref()).await
        }
    }
}
