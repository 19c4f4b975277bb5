//! What is said to the kernel over rtnetlink: links, addresses, routes. A few messages, written by hand, so that no program
//! has to be installed for it.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// The index of `lo` in every network namespace.
const LOOPBACK: u32 = 1;

/// Sizes of `nlmsghdr` and `ifinfomsg`.
const HEADER: usize = 16;
const LINK: usize = 16;

// What libc lacks of linux/veth.h, linux/if_link.h and linux/if_addr.h.
const VETH_INFO_PEER: u16 = 1;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;
const IFA_F_NODAD: u8 = 2;

/// A link may come up a second late, because the kernel looks at the state of most links once a second only.
const UP_WITHIN: Duration = Duration::from_secs(5);

/// A conversation with the network namespace of the thread that opened it; other threads may go on with it.
#[derive(Debug)]
pub(super) struct Netlink(OwnedFd);

/// Both ends of a new virtual cable.
#[derive(Debug)]
pub(super) struct Veth<'a> {
    /// The end here: its name and index.
    pub(super) here: (&'a str, u32),
    /// The end there. Its index must be another one: of links with equal indexes the kernel learns a second late that they
    /// are up (it takes them for one that is not stacked on another).
    pub(super) there: (&'a str, u32),
    /// The network namespace of that end.
    pub(super) namespace: BorrowedFd<'a>,
}

impl Netlink {
    /// Opens one to the network namespace of this thread.
    pub(super) fn open() -> Result<Self, Errno> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        let patience = TimeVal::milliseconds(i64::try_from(UP_WITHIN.as_millis()).unwrap_or(5000));
        setsockopt(&fd, sockopt::ReceiveTimeout, &patience)?;
        Ok(Self(fd))
    }

    /// Brings `lo` up; the kernel then gives it 127.0.0.1/8 and ::1.
    pub(super) fn loopback_up(&self) -> Result<(), Errno> {
        self.up(LOOPBACK)
    }

    /// Brings the link `index` up.
    pub(super) fn up(&self, index: u32) -> Result<(), Errno> {
        let up = u32::try_from(libc::IFF_UP).unwrap_or_default();
        self.ask(Message::link(libc::RTM_NEWLINK, 0, index, up))
    }

    /// Lays a cable from here to another namespace.
    pub(super) fn add_veth(&self, veth: &Veth<'_>) -> Result<(), Errno> {
        let mut m = Message::link(libc::RTM_NEWLINK, CREATE, veth.here.1, 0);
        m.name(veth.here.0);
        m.nest(libc::IFLA_LINKINFO, |m| {
            m.attribute(libc::IFLA_INFO_KIND, b"veth");
            m.nest(libc::IFLA_INFO_DATA, |m| {
                m.nest(VETH_INFO_PEER, |m| {
                    m.ifinfo(veth.there.1, 0);
                    m.name(veth.there.0);
                    m.attribute(
                        libc::IFLA_NET_NS_FD,
                        &veth.namespace.as_raw_fd().to_ne_bytes(),
                    );
                });
            });
        });
        self.ask(m)
    }

    /// Makes a switch that passes every multicast packet to every port: without the snooping that real switches do.
    pub(super) fn add_bridge(&self, name: &str, index: u32) -> Result<(), Errno> {
        let mut m = Message::link(libc::RTM_NEWLINK, CREATE, index, 0);
        m.name(name);
        m.nest(libc::IFLA_LINKINFO, |m| {
            m.attribute(libc::IFLA_INFO_KIND, b"bridge");
            m.nest(libc::IFLA_INFO_DATA, |m| {
                m.attribute(IFLA_BR_MCAST_SNOOPING, &[0]);
            });
        });
        self.ask(m)
    }

    /// Plugs the link `index` into the switch `bridge`.
    pub(super) fn plug(&self, index: u32, bridge: u32) -> Result<(), Errno> {
        let mut m = Message::link(libc::RTM_NEWLINK, 0, index, 0);
        m.attribute(libc::IFLA_MASTER, &bridge.to_ne_bytes());
        self.ask(m)
    }

    /// Keeps the kernel from giving the link an IPv6 address of its own choice, which it would first spend a second on.
    pub(super) fn no_automatic_address(&self, index: u32) -> Result<(), Errno> {
        let mut m = Message::link(libc::RTM_NEWLINK, 0, index, 0);
        m.nest(libc::IFLA_AF_SPEC, |m| {
            m.nest(libc::AF_INET6 as u16, |m| {
                m.attribute(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE]);
            });
        });
        self.ask(m)
    }

    /// Gives the link an address, valid at once.
    pub(super) fn add_address(&self, index: u32, address: IpAddr, prefix: u8) -> Result<(), Errno> {
        let mut m = Message::new(libc::RTM_NEWADDR, CREATE);
        let (family, octets) = match address {
            IpAddr::V4(a) => (libc::AF_INET as u8, a.octets().to_vec()),
            IpAddr::V6(a) => (libc::AF_INET6 as u8, a.octets().to_vec()),
        };
        // ifaddrmsg: family, prefix length, flags, scope, index.
        m.0.extend([family, prefix, IFA_F_NODAD, 0]);
        m.0.extend(index.to_ne_bytes());
        m.attribute(libc::IFA_LOCAL, &octets);
        m.attribute(libc::IFA_ADDRESS, &octets);
        self.ask(m)
    }

    /// Sends what goes to `network` out of the link.
    pub(super) fn add_route(&self, network: Ipv4Addr, prefix: u8, index: u32) -> Result<(), Errno> {
        let mut m = Message::new(libc::RTM_NEWROUTE, CREATE);
        // rtmsg: family, lengths of destination and source, TOS, table, protocol, scope, type, flags.
        m.0.extend([
            libc::AF_INET as u8,
            prefix,
            0,
            0,
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            libc::RT_SCOPE_LINK,
            libc::RTN_UNICAST,
        ]);
        m.0.extend(0u32.to_ne_bytes());
        m.attribute(libc::RTA_DST, &network.octets());
        m.attribute(libc::RTA_OIF, &index.to_ne_bytes());
        self.ask(m)
    }

    /// Sends a request and waits for what the kernel says to it.
    fn ask(&self, message: Message) -> Result<(), Errno> {
        send(
            self.0.as_raw_fd(),
            &message.finish(libc::NLM_F_ACK),
            MsgFlags::empty(),
        )?;
        let mut reply = [0u8; 1024];
        let n = recv(self.0.as_raw_fd(), &mut reply, MsgFlags::empty())?;
        // nlmsghdr, then an nlmsgerr that begins with the negated errno; 0 means done.
        let code = reply[..n]
            .get(HEADER..HEADER + 4)
            .and_then(|b| b.try_into().ok())
            .map_or(-libc::EPROTO, i32::from_ne_bytes);
        if code == 0 {
            Ok(())
        } else {
            Err(Errno::from_raw(-code))
        }
    }
}

/// Waits for links of the network namespace of the thread that opened it.
#[derive(Debug)]
pub(super) struct Watch(Netlink);

impl Watch {
    /// Begins to listen for changes of links.
    pub(super) fn open() -> Result<Self, Errno> {
        let netlink = Netlink::open()?;
        let groups = u32::try_from(libc::RTMGRP_LINK).unwrap_or(1);
        bind(netlink.0.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        Ok(Self(netlink))
    }

    /// Returns when the link `index` carries packets; `EAGAIN` when it does not after five seconds.
    pub(super) fn running(&self, index: u32) -> Result<(), Errno> {
        let ask = Message::link(libc::RTM_GETLINK, 0, index, 0);
        send(self.0.0.as_raw_fd(), &ask.finish(0), MsgFlags::empty())?;
        let mut buffer = vec![0u8; 64 * 1024];
        loop {
            let n = recv(self.0.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            if messages(&buffer[..n]).any(|m| is_running(m, index)) {
                return Ok(());
            }
        }
    }
}

/// The messages of one datagram, headers included.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32_at(bytes, 0).filter(|l| *l as usize >= HEADER)? as usize;
        let message = bytes.get(..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

fn is_running(message: &[u8], index: u32) -> bool {
    let running = u32::try_from(libc::IFF_RUNNING).unwrap_or_default();
    message.get(4..6) == Some(&libc::RTM_NEWLINK.to_ne_bytes()[..])
        && u32_at(message, HEADER + 4) == Some(index)
        && u32_at(message, HEADER + 8).is_some_and(|flags| flags & running != 0)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)?
        .try_into()
        .ok()
        .map(u32::from_ne_bytes)
}

/// Flags of a request that makes something new.
const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;

/// A request being written: `nlmsghdr`, a body, attributes.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: i32) -> Self {
        let mut bytes = vec![0u8; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        let flags = u16::try_from(flags | libc::NLM_F_REQUEST).unwrap_or_default();
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self(bytes)
    }

    /// A message about a link; the interface flags in `set` are switched on.
    fn link(kind: u16, flags: i32, index: u32, set: u32) -> Self {
        let mut m = Self::new(kind, flags);
        m.ifinfo(index, set);
        m
    }

    /// ifinfomsg: family, type, index, flags, which of them change.
    fn ifinfo(&mut self, index: u32, set: u32) {
        let start = self.0.len();
        self.0.resize(start + 4, 0);
        for word in [index, set, set] {
            self.0.extend(word.to_ne_bytes());
        }
        debug_assert_eq!(self.0.len() - start, LINK);
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nest(kind, |m| m.0.extend(value));
    }

    fn name(&mut self, name: &str) {
        self.attribute(libc::IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
    }

    /// An attribute made of what `fill` writes, which may be attributes.
    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0, 0]);
        self.0.extend(kind.to_ne_bytes());
        fill(self);
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn finish(mut self, flags: i32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or_default();
        self.0[0..4].copy_from_slice(&length.to_ne_bytes());
        let flags =
            u16::from_ne_bytes([self.0[6], self.0[7]]) | u16::try_from(flags).unwrap_or_default();
        self.0[6..8].copy_from_slice(&flags.to_ne_bytes());
        self.0[8..12].copy_from_slice(&1u32.to_ne_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_but_not_counted_so() {
        let mut m = Message::new(libc::RTM_NEWLINK, 0);
        m.nest(18, |m| m.attribute(1, b"veth!"));
        let bytes = m.finish(0);
        assert_eq!(bytes.len(), HEADER + 4 + 4 + 8);
        assert_eq!(u32_at(&bytes, 0), Some(32));
        assert_eq!(bytes[HEADER..HEADER + 4], [16, 0, 18, 0]);
        assert_eq!(bytes[HEADER + 4..HEADER + 8], [9, 0, 1, 0]);
    }

    #[test]
    fn finds_the_link_that_is_up_among_others() {
        let running = u32::try_from(libc::IFF_RUNNING).unwrap();
        let mut bytes = Message::link(libc::RTM_NEWLINK, 0, 7, 0).finish(0);
        bytes.extend(Message::link(libc::RTM_NEWLINK, 0, 8, running).finish(0));
        let up = |index| messages(&bytes).any(|m| is_running(m, index));
        assert!(up(8) && !up(7) && !up(9));
        assert_eq!(messages(&bytes[..40]).count(), 1);
        assert_eq!(messages(&[0; 64]).count(), 0);
    }
}
