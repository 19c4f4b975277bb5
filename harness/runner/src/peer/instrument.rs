//! The instrument: a raw observer and injector of multicast DNS (RFC 6762) on one link.
//!
//! It keeps every packet as it came, with what IP says about it, and sends whatever it is told to. It knows nothing of records:
//! nothing that arrives can confuse it, and a wrong packet is kept like a right one.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use tokio::task::JoinHandle;
use xmppspec_protocol::dns::DnsError;
use xmppspec_protocol::mdns::{GROUP_V4, GROUP_V6, PORT as MDNS_PORT, Seen, is_near};

use super::journal::Journal;
use super::socket::{self, LARGEST, Opened, Socket};
use crate::transport::Capture;
use crate::world::{Host, Link};

/// The IP TTL that senders should use (RFC 6762 §11).
pub const MDNS_TTL: u8 = 255;

/// How much is kept. A link that says more in one case is under attack; the rest is counted. Nobody gets more than is left
/// for all others, so that whoever floods the log is not the last to be heard.
const MOST_PACKETS: usize = 200_000;
const MOST_BYTES: usize = 64 << 20;

/// How many of our own packets may be waited for to come back over multicast loopback.
const MOST_ECHOES: usize = 4096;

/// Whether a packet came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It came.
    Received,
    /// We sent it.
    Sent,
}

/// A packet on the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// When the kernel saw it, since the instrument was made.
    pub at: Duration,
    /// Whether it came or went.
    pub direction: Direction,
    /// The address and port it came from.
    pub source: SocketAddr,
    /// The group or address, and the port, it went to.
    pub destination: SocketAddr,
    /// The IP TTL or hop limit that it had.
    pub ttl: u8,
    /// The index of the interface.
    pub interface: u32,
    /// The UDP payload.
    pub bytes: Arc<[u8]>,
}

impl Packet {
    /// The packet with its message.
    ///
    /// # Errors
    /// Why there is none in it.
    pub fn read(&self) -> Result<Seen, DnsError> {
        let Packet {
            at,
            source,
            destination,
            ttl,
            bytes,
            ..
        } = self;
        Seen::read(*at, *source, *destination, *ttl, bytes)
    }

    /// Whether it went to a group, and not to one address.
    #[must_use]
    pub fn is_multicast(&self) -> bool {
        self.destination.ip().is_multicast()
    }
}

/// An interface, and the addresses to use on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the interface.
    pub interface: String,
    /// Its index.
    pub index: u32,
    /// The IPv4 address to send from.
    pub v4: Option<Ipv4Addr>,
    /// The link-local IPv6 address to send from.
    pub v6: Option<Ipv6Addr>,
    /// Hears only those whose IPv4 address differs from the own one in the last number alone: many share loopback.
    pub only_near: bool,
}

impl Place {
    /// Loopback, for runs without a world. IPv4 only: Linux carries no IPv6 multicast there. The address, any in 127/8, tells
    /// instruments and peers on one machine apart; [`super::Stretch`] has some that nobody else uses.
    #[must_use]
    pub fn loopback(own: Ipv4Addr) -> Self {
        Self {
            interface: "lo".to_owned(),
            index: 1,
            v4: Some(own),
            v6: None,
            only_near: true,
        }
    }
}

impl From<&Link> for Place {
    fn from(link: &Link) -> Self {
        Self {
            interface: link.name.clone(),
            index: link.index,
            v4: link.v4,
            v6: link.v6,
            only_near: false,
        }
    }
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The IPv4 group, port 5353.
    V4,
    /// The IPv6 group, port 5353.
    V6,
    /// This address and port.
    Address(SocketAddr),
}

/// A port to send from. What comes to it goes into the log as well, as long as the instrument is there.
#[derive(Debug, Clone)]
pub struct Source {
    v4: Option<Arc<Socket>>,
    v6: Option<Arc<Socket>>,
}

impl Source {
    /// Its number.
    #[must_use]
    pub fn port(&self) -> u16 {
        let first = self.v4.as_ref().or(self.v6.as_ref());
        first.map_or(0, |s| s.port)
    }
}

/// An observer and injector on one link. Clones see the same log.
#[derive(Debug, Clone)]
pub struct Instrument {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    host: Option<Host>,
    mdns: Source,
    shared: Arc<Shared>,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    packets: Journal<Packet>,
    count: Mutex<Count>,
    tap: OnceLock<(Capture, String)>,
}

#[derive(Debug, Default)]
struct Count {
    all: Share,
    each: HashMap<IpAddr, Share>,
    lost: u64,
    /// What we sent to a group and the kernel will hand back to us, with its source.
    echoes: VecDeque<(SocketAddr, Arc<[u8]>)>,
}

/// What is kept of somebody's.
#[derive(Debug, Default, Clone, Copy)]
struct Share {
    packets: usize,
    bytes: usize,
}

impl Share {
    fn with(self, bytes: usize) -> Self {
        Self {
            packets: self.packets + 1,
            bytes: self.bytes + bytes,
        }
    }
}

impl Instrument {
    /// An instrument on the first link of a host.
    ///
    /// # Errors
    /// Those of making sockets.
    pub fn on_host(host: &Host) -> io::Result<Self> {
        let link = host.links.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Self::new(link.into(), Some(host))
    }

    /// An instrument on a place of this process's own network. Whoever calls it decides that multicast may go out there:
    /// only loopback, or an interface that the user named.
    ///
    /// # Errors
    /// Those of making sockets.
    pub fn at(place: Place) -> io::Result<Self> {
        Self::new(place, None)
    }

    /// An instrument on a place of a host. Call it within a tokio runtime.
    fn new(place: Place, host: Option<&Host>) -> io::Result<Self> {
        let groups = in_network(host, || groups(&place))?;
        let mdns = in_network(host, || own(&place, MDNS_PORT))?;
        let shared = Arc::new(Shared {
            began: Instant::now(),
            packets: Journal::default(),
            count: Mutex::default(),
            tap: OnceLock::new(),
        });
        let me = Self {
            inner: Arc::new(Inner {
                place,
                host: host.cloned(),
                mdns: register(mdns)?,
                shared,
                readers: Mutex::default(),
            }),
        };
        for socket in groups {
            me.read(&Arc::new(socket.register()?));
        }
        me.read_source(&me.inner.mdns);
        Ok(me)
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.inner.place
    }

    /// Port 5353 of its host.
    #[must_use]
    pub fn mdns(&self) -> &Source {
        &self.inner.mdns
    }

    /// The time since it was made, on the clock of [`Packet::at`].
    #[must_use]
    pub fn now(&self) -> Duration {
        self.inner.shared.began.elapsed()
    }

    /// Opens another port to send from, 0 for any that is free: for legacy unicast queries (RFC 6762 §6.7), or to be wrong.
    ///
    /// # Errors
    /// Those of making sockets.
    pub fn open(&self, port: u16) -> io::Result<Source> {
        let place = &self.inner.place;
        let sockets = in_network(self.inner.host.as_ref(), || own(place, port))?;
        let source = register(sockets)?;
        self.read_source(&source);
        Ok(source)
    }

    /// Sends a packet with this IP TTL. It is in the log as sent when this returns.
    ///
    /// # Errors
    /// `AddrNotAvailable` where the place has no address of that family, else those of the system.
    pub async fn send(&self, bytes: &[u8], to: To, from: &Source, ttl: u8) -> io::Result<()> {
        let place = &self.inner.place;
        let to = match to {
            To::V4 => SocketAddrV4::new(GROUP_V4, MDNS_PORT).into(),
            To::V6 => SocketAddrV6::new(GROUP_V6, MDNS_PORT, 0, place.index).into(),
            To::Address(address) => address,
        };
        let missing = || io::Error::from(io::ErrorKind::AddrNotAvailable);
        let (socket, ip): (_, IpAddr) = if to.is_ipv4() {
            (&from.v4, place.v4.ok_or_else(missing)?.into())
        } else {
            (&from.v6, place.v6.ok_or_else(missing)?.into())
        };
        let socket = socket.as_ref().ok_or_else(missing)?;
        let mut source = SocketAddr::new(ip, socket.port);
        if let SocketAddr::V6(a) = &mut source {
            a.set_scope_id(place.index);
        }
        let bytes: Arc<[u8]> = bytes.into();
        let echoed = to.port() == MDNS_PORT && (to.ip() == GROUP_V4 || to.ip() == GROUP_V6);
        if echoed {
            // Before it is sent, because it may be back at once.
            let mut count = self.inner.shared.count();
            if count.echoes.len() == MOST_ECHOES {
                count.echoes.pop_front();
            }
            count.echoes.push_back((source, Arc::clone(&bytes)));
        }
        let at = self.now();
        let sent = socket.send(&bytes, ip, to, ttl).await;
        if let Err(error) = sent {
            let mut count = self.inner.shared.count();
            if echoed {
                count.take_echo(source, &bytes);
            }
            return Err(error);
        }
        self.inner.shared.keep(Packet {
            at,
            direction: Direction::Sent,
            source,
            destination: to,
            ttl,
            interface: place.index,
            bytes,
        });
        Ok(())
    }

    /// When it was made.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.inner.shared.began
    }

    /// Lets a capture hear of every packet from now on; `comment` tells who is here.
    pub fn tap(&self, capture: &Capture, comment: String) {
        let _ = self.inner.shared.tap.set((capture.clone(), comment));
    }

    /// How many packets there are by now, sent ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.shared.packets.len()
    }

    /// Whether there is no packet yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The packets from number `from` on, in the order in which they came and went.
    #[must_use]
    pub fn packets(&self, from: usize) -> Vec<Packet> {
        self.inner.shared.packets.since(from)
    }

    /// How many packets came that are not in the log: it was full, or the harness was too slow.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.inner.shared.count().lost
    }

    /// Shows the packets from number `from` on to `look`, each once, those to come too, until it returns something.
    /// Cancel-safe; wrap it in a timeout.
    pub async fn until<T>(&self, from: usize, look: impl FnMut(&Packet) -> Option<T>) -> T {
        self.inner.shared.packets.until(from, look).await
    }

    fn read_source(&self, source: &Source) {
        for socket in source.v4.iter().chain(&source.v6) {
            self.read(socket);
        }
    }

    fn read(&self, socket: &Arc<Socket>) {
        let place = &self.inner.place;
        let near = place.v4.filter(|_| place.only_near);
        let reader = tokio::spawn(read(
            Arc::clone(socket),
            near,
            Arc::clone(&self.inner.shared),
        ));
        let readers = self.inner.readers.lock();
        readers.unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let readers = self.readers.get_mut();
        for reader in readers.unwrap_or_else(PoisonError::into_inner) {
            reader.abort();
        }
    }
}

impl Shared {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, packet: Packet) {
        let mut count = self.count();
        let source = packet.source.ip();
        let all = count.all.with(packet.bytes.len());
        let own = count.each.get(&source).copied().unwrap_or_default();
        let own = own.with(packet.bytes.len());
        let full = all.packets + own.packets > MOST_PACKETS;
        if full || all.bytes + own.bytes > MOST_BYTES {
            count.lost += 1;
            return;
        }
        count.all = all;
        count.each.insert(source, own);
        drop(count);
        if let Some((capture, comment)) = self.tap.get() {
            let ago = self.began.elapsed().saturating_sub(packet.at);
            let at = SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH);
            let way = (packet.source, packet.destination);
            capture.datagram(way, packet.ttl, at, &packet.bytes, comment);
        }
        self.packets.push(packet);
    }
}

impl Count {
    /// Whether this is a packet of our own that came back; each comes back once.
    fn take_echo(&mut self, source: SocketAddr, bytes: &[u8]) -> bool {
        let found = self
            .echoes
            .iter()
            .position(|(from, sent)| *from == source && **sent == *bytes);
        found.is_some_and(|at| self.echoes.remove(at).is_some())
    }
}

/// Reads a socket as long as it lives.
async fn read(socket: Arc<Socket>, near: Option<Ipv4Addr>, shared: Arc<Shared>) {
    let mut buffer = vec![0; LARGEST];
    let mut lost_before = 0;
    loop {
        let received = socket.receive(&mut buffer).await;
        let received = match received {
            Ok(received) => received,
            // A host that does not take what we sent it: told to the sender's socket, and no end of it.
            Err(e) if is_told_about_others(&e) => continue,
            Err(_) => {
                shared.count().lost += 1;
                return;
            }
        };
        let lost = received.lost.wrapping_sub(lost_before);
        lost_before = received.lost;
        if lost > 0 {
            shared.count().lost += u64::from(lost);
        }
        if near.is_some_and(|own| !is_near(own, received.source.ip())) {
            continue;
        }
        if shared.count().take_echo(received.source, &received.bytes) {
            continue;
        }
        shared.keep(Packet {
            at: shared.began.elapsed().saturating_sub(received.age),
            direction: Direction::Received,
            source: received.source,
            destination: received.destination,
            ttl: received.ttl,
            interface: received.interface,
            bytes: received.bytes.into(),
        });
    }
}

fn is_told_about_others(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(
            Errno::ECONNREFUSED
                | Errno::EHOSTUNREACH
                | Errno::ENETUNREACH
                | Errno::ENETDOWN
                | Errno::EMSGSIZE
        )
    )
}

fn in_network<T: Send>(
    host: Option<&Host>,
    make: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    match host {
        Some(host) => host.run_in(make)?,
        None => make(),
    }
}

/// The sockets that hear the groups, on this interface only.
fn groups(place: &Place) -> io::Result<Vec<Opened>> {
    let interface = (place.interface.as_str(), place.index);
    let mut sockets = Vec::new();
    if let Some(own) = place.v4 {
        let socket = socket::open(SocketAddrV4::new(GROUP_V4, MDNS_PORT).into(), interface)?;
        socket.join_v4(GROUP_V4, own)?;
        sockets.push(socket);
    }
    if place.v6.is_some() {
        let group = SocketAddrV6::new(GROUP_V6, MDNS_PORT, 0, place.index);
        let socket = socket::open(group.into(), interface)?;
        socket.join_v6(GROUP_V6)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// The sockets of the own addresses with this port; the same number for both families.
fn own(place: &Place, port: u16) -> io::Result<(Option<Opened>, Option<Opened>)> {
    let interface = (place.interface.as_str(), place.index);
    let v4 = place
        .v4
        .map(|a| socket::open(SocketAddrV4::new(a, port).into(), interface))
        .transpose()?;
    let port = v4.as_ref().map_or(port, Opened::port);
    let v6 = place
        .v6
        .map(|a| socket::open(SocketAddrV6::new(a, port, 0, place.index).into(), interface))
        .transpose()?;
    Ok((v4, v6))
}

fn register((v4, v6): (Option<Opened>, Option<Opened>)) -> io::Result<Source> {
    let register = |s: Option<Opened>| s.map(Opened::register).transpose();
    Ok(Source {
        v4: register(v4)?.map(Arc::new),
        v6: register(v6)?.map(Arc::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the loopback of the machine, where other tests may be heard too: each has addresses and words of its own.
    fn place(number: u8) -> Place {
        let [.., a, b] = std::process::id().to_be_bytes();
        Place::loopback(Ipv4Addr::new(127, a, b, number))
    }

    async fn heard(instrument: &Instrument, bytes: &[u8]) -> Packet {
        let look = |p: &Packet| (*p.bytes == *bytes).then(|| p.clone());
        let found = tokio::time::timeout(Duration::from_secs(5), instrument.until(0, look));
        found.await.expect("a packet")
    }

    #[tokio::test]
    async fn loopback_carries_multicast_without_a_world() {
        let [romeo, juliet] = [2, 3].map(|n| Instrument::at(place(n)).unwrap());
        let word = format!("are you there? {}", std::process::id());
        for _ in 0..2 {
            romeo
                .send(word.as_bytes(), To::V4, romeo.mdns(), 9)
                .await
                .unwrap();
        }
        let packet = heard(&juliet, word.as_bytes()).await;
        assert_eq!(
            packet.source,
            SocketAddr::from((romeo.place().v4.unwrap(), MDNS_PORT))
        );
        assert_eq!(packet.destination, SocketAddr::from((GROUP_V4, MDNS_PORT)));
        assert!(packet.is_multicast() && packet.ttl == 9 && packet.interface == 1);
        assert_eq!(packet.direction, Direction::Received);

        let answer = format!("I am. {}", std::process::id());
        juliet
            .send(
                answer.as_bytes(),
                To::Address(packet.source),
                juliet.mdns(),
                255,
            )
            .await
            .unwrap();
        assert_eq!(
            heard(&romeo, answer.as_bytes()).await.destination,
            packet.source
        );
        // What Romeo said is in his log once for each time, as sent, though the kernel gave it back to him.
        let own = romeo
            .packets(0)
            .into_iter()
            .filter(|p| *p.bytes == *word.as_bytes());
        let own: Vec<_> = own.map(|p| p.direction).collect();
        assert_eq!(own, [Direction::Sent; 2]);
        assert!(romeo.send(b"x", To::V6, romeo.mdns(), 255).await.is_err());
    }

    #[test]
    fn echoes_are_taken_once_and_only_from_oneself() {
        let mut count = Count::default();
        let me = SocketAddr::from((Ipv4Addr::LOCALHOST, MDNS_PORT));
        count.echoes.push_back((me, b"x"[..].into()));
        assert!(!count.take_echo(SocketAddr::from((GROUP_V4, MDNS_PORT)), b"x"));
        assert!(!count.take_echo(me, b"y"));
        assert!(count.take_echo(me, b"x"));
        assert!(!count.take_echo(me, b"x"));
    }

    #[tokio::test]
    async fn the_log_has_an_end() {
        let shared = Shared {
            began: Instant::now(),
            packets: Journal::default(),
            count: Mutex::default(),
            tap: OnceLock::new(),
        };
        let bytes: Arc<[u8]> = vec![0; MOST_BYTES / 4].into();
        let hear = |last: u8| {
            let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), MDNS_PORT));
            shared.keep(Packet {
                at: Duration::ZERO,
                direction: Direction::Received,
                source: address,
                destination: address,
                ttl: 255,
                interface: 1,
                bytes: Arc::clone(&bytes),
            });
            (shared.packets.len(), shared.count().lost)
        };
        assert_eq!([1; 4].map(hear), [(1, 0), (2, 0), (2, 1), (2, 2)]);
        // Somebody else is heard all the same, once: then that is half of what is left.
        assert_eq!([2; 2].map(hear), [(3, 2), (3, 3)]);
    }
}
