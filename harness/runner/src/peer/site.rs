//! Where peers stand: each on a host of a segment, or where there is no world, each at an address of its own on loopback.

use std::io;
use std::net::Ipv4Addr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::{Instrument, MDNS_TTL, Place, To};
use crate::world::{Addresses, Entered, Host, HostError, Segment};

/// How long a packet may take to come back over loopback.
const BACK_WITHIN: Duration = Duration::from_secs(2);

/// A link of the peers of one case.
#[derive(Debug)]
pub(crate) enum Ground {
    /// In a closed world.
    Segment(Segment),
    /// On the machine's loopback.
    Stretch(Stretch),
}

impl Ground {
    /// A segment in a closed world; without one, a stretch of loopback.
    pub(crate) fn new(entered: &Entered) -> Result<Self, HostError> {
        if entered.is_closed() {
            return Segment::new(entered, 0).map(Self::Segment);
        }
        let stretch = Stretch::take().map_err(|error| HostError::Kernel {
            what: "find free addresses on loopback",
            errno: Errno::from_raw(error.raw_os_error().unwrap_or_default()),
        });
        stretch.map(Self::Stretch)
    }

    /// A new site, which on loopback has IPv4 whatever is asked for.
    pub(crate) fn site(&self, machine: &str, addresses: Addresses) -> Result<Site, HostError> {
        let machine_name = machine.to_owned();
        match self {
            Self::Segment(segment) => {
                let host = segment.host_with(machine, addresses)?;
                let place = host.links.first().map(Place::from);
                Ok(Site {
                    machine: machine_name,
                    place: place.ok_or(HostError::Full)?,
                    host: Some(host),
                })
            }
            Self::Stretch(stretch) => Ok(Site {
                machine: machine_name,
                place: stretch.place().ok_or(HostError::Full)?,
                host: None,
            }),
        }
    }
}

/// Where one peer stands.
#[derive(Debug)]
pub(crate) struct Site {
    /// The name of its machine.
    pub(crate) machine: String,
    pub(crate) place: Place,
    /// Its host, in a world.
    pub(crate) host: Option<Host>,
}

impl Site {
    pub(crate) fn instrument(&self) -> io::Result<Instrument> {
        match &self.host {
            Some(host) => Instrument::on_host(host),
            None => Instrument::at(self.place.clone()),
        }
    }

    /// A TCP socket with its address, or any of its host, to listen or to connect with.
    pub(crate) fn tcp_socket(&self, ipv6: bool) -> io::Result<TcpSocket> {
        match (&self.host, self.place.v4) {
            (Some(host), _) => host.tcp_socket(ipv6),
            (None, own) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind((own.unwrap_or(Ipv4Addr::LOCALHOST), 0).into())?;
                Ok(socket)
            }
        }
    }
}

/// The addresses 127.a.b.1 to 127.a.b.254, which stand for a link: who keeps to them ([`Place::only_near`]) neither hears nor
/// disturbs the other stretches, nor who else uses loopback. No two on a machine are the same.
#[derive(Debug)]
pub struct Stretch {
    network: [u8; 2],
    taken: AtomicU8,
    _claim: UnixListener,
}

impl Stretch {
    /// Takes one that nobody has.
    ///
    /// # Errors
    /// Those of the system, among them that none is left.
    pub fn take() -> io::Result<Self> {
        let first: u16 = rand::random();
        for number in 0..=u16::MAX {
            let network @ [a, b] = first.wrapping_add(number).to_be_bytes();
            // Where programs of the machine listen.
            if a == 0 {
                continue;
            }
            // An abstract name is there once in a network, as the addresses are, and goes with its holder.
            let name = SocketAddr::from_abstract_name(format!("xmppspec 127.{a}.{b}"))?;
            match UnixListener::bind_addr(&name) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                claim => {
                    return Ok(Self {
                        network,
                        taken: AtomicU8::new(0),
                        _claim: claim?,
                    });
                }
            }
        }
        Err(Errno::EADDRINUSE.into())
    }

    /// The next address; `None` if there is none left.
    pub fn place(&self) -> Option<Place> {
        let [a, b] = self.network;
        let next = |n: u8| (n < 254).then_some(n + 1);
        let before = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let own = Ipv4Addr::new(127, a, b, before.ok()? + 1);
        Some(Place::loopback(own))
    }
}

/// What to do where port 5353 cannot be shared, if the error says that.
#[must_use]
pub fn taken_hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::AddrInUse {
        "\nanother program has UDP port 5353 for itself; `ss -ulpn sport = 5353` names it: end it, or let it share the port"
    } else {
        ""
    }
}

/// Whether peers can stand on loopback: whether its port 5353 can be shared, and a packet to the group comes back.
///
/// # Errors
/// Why not.
pub async fn check_loopback() -> io::Result<()> {
    let stretch = Stretch::take()?;
    let full = || io::Error::from(Errno::EADDRNOTAVAIL);
    let sender = Instrument::at(stretch.place().ok_or_else(full)?)?;
    let hearer = Instrument::at(stretch.place().ok_or_else(full)?)?;
    let word: &[u8] = b"does loopback carry multicast?";
    sender.send(word, To::V4, sender.mdns(), MDNS_TTL).await?;
    let back = hearer.until(0, |packet| (*packet.bytes == *word).then_some(()));
    timeout(BACK_WITHIN, back)
        .await
        .map_err(|_| io::Error::other("a packet to the group does not come back"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Direction;

    #[tokio::test]
    async fn stretches_do_not_hear_each_other() {
        let [here, there] = [Stretch::take().unwrap(), Stretch::take().unwrap()];
        assert_ne!(here.network, there.network);
        let place = |stretch: &Stretch| Instrument::at(stretch.place().unwrap()).unwrap();
        let [romeo, juliet, far] = [place(&here), place(&here), place(&there)];
        let say = async |who: &Instrument, word: &[u8]| {
            who.send(word, To::V4, who.mdns(), MDNS_TTL).await.unwrap();
        };
        say(&far, b"far").await;
        say(&romeo, b"near").await;
        let first = juliet.until(0, |packet| Some(packet.clone()));
        let first = timeout(BACK_WITHIN, first).await.unwrap();
        assert_eq!(
            (&*first.bytes, first.direction),
            (&b"near"[..], Direction::Received)
        );
        // By then it would have heard what was said before.
        assert!(far.packets(0).iter().all(|p| &*p.bytes == b"far"));
    }

    #[tokio::test]
    async fn a_stretch_is_used_up_and_given_back() {
        let stretch = Stretch::take().unwrap();
        let places = std::iter::from_fn(|| stretch.place()).count();
        assert_eq!(places, 254);
        let [a, b] = stretch.network;
        let name = || SocketAddr::from_abstract_name(format!("xmppspec 127.{a}.{b}")).unwrap();
        assert!(UnixListener::bind_addr(&name()).is_err());
        drop(stretch);
        assert!(UnixListener::bind_addr(&name()).is_ok());
    }
}
