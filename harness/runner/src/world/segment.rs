//! Network segments inside a world: several hosts on one link, as on the Ethernet of a small office. Multicast reaches
//! all of them and nobody else.
//!
//! The switch of a segment stands in a network namespace of its own, to which nothing but its hosts is connected: not the
//! namespace of the run, not another segment. So segments use the same addresses side by side, and go with their last handle.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

use nix::errno::Errno;
use nix::sched::CloneFlags;

use super::host::{self, Host};
use super::netlink::{Netlink, Veth, Watch};
use super::{Confinement, Entered};

/// The index of the switch in its namespace.
const BRIDGE: u32 = 2;

/// The first index of its ports: above all indexes of links of hosts, see [`Veth::there`].
const FIRST_PORT: u32 = 101;

/// The first index of links of a host.
const FIRST_LINK: u32 = 11;

/// How many hosts a segment can have: an IPv4 /24, the switch has no address.
const MOST_HOSTS: u8 = 254;

/// Why a segment or a host could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// There is no world to make hosts in.
    NoWorld,
    /// The name cannot be that of a host.
    Name(String),
    /// The segment has no address left.
    Full,
    /// The kernel refused a step.
    Kernel {
        /// What was being done.
        what: &'static str,
        /// What it said.
        errno: Errno,
    },
}

impl HostError {
    pub(super) fn kernel(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::Kernel { what, errno }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWorld => {
                f.write_str("hosts of their own need a closed world (drop --no-world)")
            }
            Self::Name(name) => write!(
                f,
                "{name:?} cannot be the name of a host: 1 to 63 ASCII letters, digits and hyphens"
            ),
            Self::Full => f.write_str("the segment has no address left"),
            Self::Kernel { what, errno } => {
                write!(f, "could not {what}: {} ({errno:?})", errno.desc())
            }
        }
    }
}

impl std::error::Error for HostError {}

/// The kinds of addresses that a host has on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addresses {
    /// IPv4 only.
    V4,
    /// IPv6 only: link-local.
    V6,
    /// IPv4 and link-local IPv6.
    #[default]
    Both,
}

/// Where a host is on a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The name of the interface on the host.
    pub name: String,
    /// Its index there; the scope of link-local addresses.
    pub index: u32,
    /// Its IPv4 address, in a /24.
    pub v4: Option<Ipv4Addr>,
    /// Its link-local IPv6 address, in a /64.
    pub v6: Option<Ipv6Addr>,
}

/// A link that several hosts share.
#[derive(Debug)]
pub struct Segment {
    network: u8,
    switch: OwnedFd,
    netlink: Netlink,
    confinement: Confinement,
    hosts: AtomicU8,
}

impl Segment {
    /// Makes a segment without hosts; its addresses are 10.174.`network`.0/24 and fe80::`network`:0/112. Takes about a
    /// millisecond, as each host does.
    ///
    /// # Errors
    /// [`HostError`]; always so outside a closed world.
    pub fn new(entered: &Entered, network: u8) -> Result<Self, HostError> {
        if !entered.is_closed() {
            return Err(HostError::NoWorld);
        }
        let (switch, netlink) = host::in_thread(|| {
            nix::sched::unshare(CloneFlags::CLONE_NEWNET)?;
            let netlink = Netlink::open()?;
            netlink.add_bridge("switch", BRIDGE)?;
            netlink.no_automatic_address(BRIDGE)?;
            netlink.up(BRIDGE)?;
            Ok((host::own_namespace("net")?, netlink))
        })
        .map_err(HostError::kernel("make the switch of a segment"))?;
        Ok(Self {
            network,
            switch,
            netlink,
            confinement: entered.confinement,
            hosts: AtomicU8::new(0),
        })
    }

    /// A new host on this segment with IPv4 and IPv6; see [`Host`].
    ///
    /// # Errors
    /// [`HostError`].
    pub fn host(&self, name: &str) -> Result<Host, HostError> {
        self.host_with(name, Addresses::Both)
    }

    /// A new host on this segment.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn host_with(&self, name: &str, addresses: Addresses) -> Result<Host, HostError> {
        let number = self.next_number()?;
        let link = self.link(number, 0, addresses);
        let mut host = Host::new(name, link.v4, self.confinement)?;
        self.connect(&host, number, &link)?;
        host.links.push(link);
        Ok(host)
    }

    /// Connects a host of another segment to this one too; both must differ in their `network`.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn join(&self, host: &mut Host, addresses: Addresses) -> Result<(), HostError> {
        let number = self.next_number()?;
        let link = self.link(number, host.links.len(), addresses);
        self.connect(host, number, &link)?;
        host.links.push(link);
        Ok(())
    }

    fn next_number(&self) -> Result<u8, HostError> {
        self.hosts
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                (n < MOST_HOSTS).then(|| n + 1)
            })
            .map(|n| n + 1)
            .map_err(|_| HostError::Full)
    }

    fn link(&self, number: u8, nth: usize, addresses: Addresses) -> Link {
        let v4 = Ipv4Addr::new(10, 174, self.network, number);
        let v6 = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, self.network.into(), number.into());
        Link {
            name: format!("eth{nth}"),
            index: FIRST_LINK + u32::try_from(nth).unwrap_or(u32::MAX - FIRST_LINK),
            v4: (addresses != Addresses::V6).then_some(v4),
            v6: (addresses != Addresses::V4).then_some(v6),
        }
    }

    /// Lays the cable, and returns when it carries packets in both directions.
    fn connect(&self, host: &Host, number: u8, link: &Link) -> Result<(), HostError> {
        let port = FIRST_PORT + u32::from(number);
        let name = format!("port{number}");
        self.netlink
            .add_veth(&Veth {
                here: (&name, port),
                there: (&link.name, link.index),
                namespace: host.namespaces.net.as_fd(),
            })
            .and_then(|()| self.netlink.no_automatic_address(port))
            .and_then(|()| self.netlink.plug(port, BRIDGE))
            .and_then(|()| self.netlink.up(port))
            .map_err(HostError::kernel("connect a host to its segment"))?;
        let netlink = &host.namespaces.netlink;
        let configure = || {
            netlink.no_automatic_address(link.index)?;
            netlink.up(link.index)?;
            if let Some(v4) = link.v4 {
                netlink.add_address(link.index, IpAddr::V4(v4), 24)?;
                // Only the first link: what is sent without naming an interface must go somewhere.
                if link.index == FIRST_LINK {
                    netlink.add_route(Ipv4Addr::new(224, 0, 0, 0), 4, link.index)?;
                }
            }
            if let Some(v6) = link.v6 {
                netlink.add_address(link.index, IpAddr::V6(v6), 64)?;
            }
            Ok(())
        };
        configure().map_err(HostError::kernel("give a host its addresses"))?;
        let up = HostError::kernel("see a link come up");
        let watched = host
            .run_in(|| Watch::open().and_then(|w| w.running(link.index)))
            .and_then(|seen| seen)
            .and_then(|()| {
                host::in_namespace(&self.switch, || Watch::open().and_then(|w| w.running(port)))?
            });
        watched.map_err(up)
    }
}
