//! The one thing said to the kernel over rtnetlink: bring an interface up.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use std::os::fd::AsRawFd;

/// The index of `lo` in every network namespace.
const LOOPBACK: i32 = 1;

/// Brings `lo` of this network namespace up; the kernel then gives it 127.0.0.1/8 and ::1.
pub(super) fn loopback_up() -> Result<(), Errno> {
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    sendto(
        fd.as_raw_fd(),
        &link_up(LOOPBACK),
        &NetlinkAddr::new(0, 0),
        MsgFlags::empty(),
    )?;
    let mut reply = [0u8; 1024];
    let n = recv(fd.as_raw_fd(), &mut reply, MsgFlags::empty())?;
    // nlmsghdr, then an nlmsgerr that begins with the negated errno; 0 means done.
    let code = reply[..n]
        .get(16..20)
        .and_then(|b| b.try_into().ok())
        .map_or(-libc::EPROTO, i32::from_ne_bytes);
    if code == 0 {
        Ok(())
    } else {
        Err(Errno::from_raw(-code))
    }
}

/// An `RTM_NEWLINK` that sets `IFF_UP` on the interface `index`: nlmsghdr (16 bytes) and ifinfomsg (16 bytes).
fn link_up(index: i32) -> [u8; 32] {
    let mut m = [0u8; 32];
    m[0..4].copy_from_slice(&32u32.to_ne_bytes());
    m[4..6].copy_from_slice(&libc::RTM_NEWLINK.to_ne_bytes());
    let flags = u16::try_from(libc::NLM_F_REQUEST | libc::NLM_F_ACK).unwrap_or_default();
    m[6..8].copy_from_slice(&flags.to_ne_bytes());
    m[8..12].copy_from_slice(&1u32.to_ne_bytes());
    m[20..24].copy_from_slice(&index.to_ne_bytes());
    let up = u32::try_from(libc::IFF_UP)
        .unwrap_or_default()
        .to_ne_bytes();
    m[24..28].copy_from_slice(&up);
    m[28..32].copy_from_slice(&up);
    m
}
