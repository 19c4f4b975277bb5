//! UDP sockets that tell all that the kernel knows about a packet, and send what they are told to.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrIn,
    SockaddrIn6, SockaddrStorage, bind, recvmsg, sendmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;
use tokio::io::Interest;

/// Room for a storm of small packets while the harness does something else.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The largest UDP packet.
pub(super) const LARGEST: usize = 65_535;

/// A packet as the kernel gave it.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) ttl: u8,
    pub(super) interface: u32,
    pub(super) bytes: Vec<u8>,
    /// How long before now it came.
    pub(super) age: Duration,
    /// Packets that this socket has lost since it was made, because its buffer was full.
    pub(super) lost: u32,
}

/// A socket of one family on one interface, not yet known to the runtime: it is made on threads that know none.
#[derive(Debug)]
pub(super) struct Opened {
    udp: std::net::UdpSocket,
    port: u16,
    interface: u32,
}

/// The same, in use.
#[derive(Debug)]
pub(super) struct Socket {
    udp: tokio::net::UdpSocket,
    pub(super) port: u16,
    interface: u32,
}

/// Makes a socket bound to `address` (a group, or an own address) on the interface. Several may be bound to the same.
pub(super) fn open(address: SocketAddr, interface: (&str, u32)) -> io::Result<Opened> {
    let family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(family, SockType::Datagram, flags, None)?;
    // Other responders of the machine listen on 5353 too (RFC 6762 §15).
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    setsockopt(&fd, sockopt::ReusePort, &true)?;
    setsockopt(&fd, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    setsockopt(&fd, sockopt::BindToDevice, &interface.0.into())?;
    setsockopt(&fd, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(&fd, sockopt::RxqOvfl, &1)?;
    match address {
        SocketAddr::V4(a) => {
            setsockopt(&fd, sockopt::Ipv4PacketInfo, &true)?;
            setsockopt(&fd, sockopt::Ipv4RecvTtl, &true)?;
            bind(fd.as_raw_fd(), &SockaddrIn::from(a))?;
        }
        SocketAddr::V6(a) => {
            setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
            setsockopt(&fd, sockopt::Ipv6RecvPacketInfo, &true)?;
            setsockopt(&fd, sockopt::Ipv6RecvHopLimit, &true)?;
            bind(fd.as_raw_fd(), &SockaddrIn6::from(a))?;
        }
    }
    let udp = std::net::UdpSocket::from(fd);
    let port = udp.local_addr()?.port();
    Ok(Opened {
        udp,
        port,
        interface: interface.1,
    })
}

impl Opened {
    /// Joins an IPv4 group on the interface that has the address `own`.
    pub(super) fn join_v4(&self, group: Ipv4Addr, own: Ipv4Addr) -> io::Result<()> {
        self.udp.join_multicast_v4(&group, &own)
    }

    /// Joins an IPv6 group on its interface.
    pub(super) fn join_v6(&self, group: Ipv6Addr) -> io::Result<()> {
        self.udp.join_multicast_v6(&group, self.interface)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Makes it known to the runtime.
    pub(super) fn register(self) -> io::Result<Socket> {
        Ok(Socket {
            udp: tokio::net::UdpSocket::from_std(self.udp)?,
            port: self.port,
            interface: self.interface,
        })
    }
}

impl Socket {
    /// The next packet. Cancel-safe.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        self.udp
            .async_io(Interest::READABLE, || self.try_receive(buffer))
            .await
    }

    /// Sends a packet from the own address `from` with this TTL.
    pub(super) async fn send(
        &self,
        bytes: &[u8],
        from: IpAddr,
        to: SocketAddr,
        ttl: u8,
    ) -> io::Result<()> {
        self.udp
            .async_io(Interest::WRITABLE, || self.try_send(bytes, from, to, ttl))
            .await
    }

    fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut control =
            nix::cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo, i32, i32, u32, TimeSpec);
        let mut parts = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrStorage>(
            self.udp.as_raw_fd(),
            &mut parts,
            Some(&mut control),
            MsgFlags::empty(),
        )?;
        let mut received = Received {
            source: message.address.as_ref().map_or(NOWHERE, address),
            destination: NOWHERE,
            ttl: 0,
            interface: self.interface,
            bytes: Vec::new(),
            age: Duration::ZERO,
            lost: 0,
        };
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let to = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                    received.destination = SocketAddrV4::new(to, self.port).into();
                    received.interface = u32::try_from(info.ipi_ifindex).unwrap_or_default();
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    let to = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    received.interface = info.ipi6_ifindex;
                    received.destination =
                        SocketAddrV6::new(to, self.port, 0, received.interface).into();
                }
                ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                    received.ttl = u8::try_from(ttl).unwrap_or_default();
                }
                ControlMessageOwned::ScmTimestampns(time) => {
                    let came = UNIX_EPOCH.checked_add(Duration::from(time));
                    received.age = came
                        .and_then(|came| SystemTime::now().duration_since(came).ok())
                        .unwrap_or_default();
                }
                ControlMessageOwned::RxqOvfl(lost) => received.lost = lost,
                _ => {}
            }
        }
        let length = message.bytes;
        received.bytes = buffer[..length].to_vec();
        Ok(received)
    }

    fn try_send(&self, bytes: &[u8], from: IpAddr, to: SocketAddr, ttl: u8) -> io::Result<()> {
        let parts = [IoSlice::new(bytes)];
        let (fd, flags, ttl) = (self.udp.as_raw_fd(), MsgFlags::empty(), i32::from(ttl));
        let sent = match (from, to) {
            (IpAddr::V4(from), SocketAddr::V4(to)) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: i32::try_from(self.interface).unwrap_or_default(),
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from(from).to_be(),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                let control = [
                    ControlMessage::Ipv4PacketInfo(&info),
                    ControlMessage::Ipv4Ttl(&ttl),
                ];
                sendmsg(fd, &parts, &control, flags, Some(&SockaddrIn::from(to)))
            }
            (IpAddr::V6(from), SocketAddr::V6(mut to)) => {
                to.set_scope_id(self.interface);
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: from.octets(),
                    },
                    ipi6_ifindex: self.interface,
                };
                let control = [
                    ControlMessage::Ipv6PacketInfo(&info),
                    ControlMessage::Ipv6HopLimit(&ttl),
                ];
                sendmsg(fd, &parts, &control, flags, Some(&SockaddrIn6::from(to)))
            }
            _ => return Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        sent.map(drop).map_err(io::Error::from)
    }
}

const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

fn address(storage: &SockaddrStorage) -> SocketAddr {
    let v4 = storage
        .as_sockaddr_in()
        .map(|a| SocketAddr::V4((*a).into()));
    let v6 = || {
        storage
            .as_sockaddr_in6()
            .map(|a| SocketAddr::V6((*a).into()))
    };
    v4.or_else(v6).unwrap_or(NOWHERE)
}
