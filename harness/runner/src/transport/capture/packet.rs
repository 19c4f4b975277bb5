//! TCP segments and UDP datagrams in IPv4 and IPv6 packets, with the checksums that readers check.

use std::net::{IpAddr, SocketAddr};

const TCP: u8 = 6;
const UDP: u8 = 17;
/// The headers without options, in bytes.
const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const HOPS: u8 = 64;

/// The flags of a segment (RFC 9293 §3.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const FIN: Self = Self(0x01);
    pub(super) const SYN: Self = Self(0x02);
    pub(super) const RST: Self = Self(0x04);
    pub(super) const PSH: Self = Self(0x08);
    pub(super) const ACK: Self = Self(0x10);

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// SYN and FIN take a sequence number of their own.
    pub(super) fn counts(self) -> bool {
        self.0 & (Self::SYN.0 | Self::FIN.0) != 0
    }
}

/// The checksum of the internet (RFC 1071) over pieces, of which only the last may have an odd length.
fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for pair in pieces.iter().flat_map(|piece| piece.chunks(2)) {
        sum += u64::from(u16::from_be_bytes([
            pair[0],
            pair.get(1).copied().unwrap_or(0),
        ]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// A packet with one segment; `numbers` are its own sequence number and the one that it acknowledges. `None` if the addresses
/// are of two kinds.
pub(super) fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    numbers: (u32, u32),
    flags: Flags,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let mut segment = Vec::with_capacity(TCP_HEADER + payload.len());
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(numbers.0.to_be_bytes());
    let acknowledges = flags.0 & Flags::ACK.0 != 0;
    segment.extend(if acknowledges { numbers.1 } else { 0 }.to_be_bytes());
    segment.extend([0x50, flags.0]);
    // The window, and room for the checksum and the urgent pointer.
    segment.extend(u16::MAX.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(payload);
    ip((from.ip(), to.ip()), TCP, HOPS, segment, 16)
}

/// A packet with one UDP datagram.
pub(super) fn udp(from: SocketAddr, to: SocketAddr, hops: u8, payload: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(UDP_HEADER + payload.len()).ok()?;
    let mut datagram = Vec::with_capacity(UDP_HEADER + payload.len());
    for number in [from.port(), to.port(), length, 0] {
        datagram.extend(number.to_be_bytes());
    }
    datagram.extend(payload);
    ip((from.ip(), to.ip()), UDP, hops, datagram, 6)
}

/// A packet with what `protocol` made, whose checksum has its place at `sum_at`. `None` if the addresses are of two kinds, or it is
/// too long.
fn ip(
    (from, to): (IpAddr, IpAddr),
    protocol: u8,
    hops: u8,
    mut segment: Vec<u8>,
    sum_at: usize,
) -> Option<Vec<u8>> {
    let length = u16::try_from(segment.len()).ok()?;
    let (header, pseudo) = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let (from, to) = (from.octets(), to.octets());
            let total = length.checked_add(20)?.to_be_bytes();
            let mut header = vec![
                0x45, 0, total[0], total[1], 0, 0, 0x40, 0, hops, protocol, 0, 0,
            ];
            header.extend(from);
            header.extend(to);
            let sum = checksum(&[&header]).to_be_bytes();
            header[10..12].copy_from_slice(&sum);
            (
                header,
                [&from[..], &to, &[0, protocol], &length.to_be_bytes()].concat(),
            )
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let (from, to) = (from.octets(), to.octets());
            let size = length.to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, size[0], size[1], protocol, hops];
            header.extend(from);
            header.extend(to);
            let size = u32::from(length).to_be_bytes();
            (
                header,
                [&from[..], &to, &size, &[0, 0, 0, protocol]].concat(),
            )
        }
        _ => return None,
    };
    let sum = match checksum(&[&pseudo, &segment]) {
        // 0 would say that there is no checksum (RFC 768).
        0 if protocol == UDP => u16::MAX,
        sum => sum,
    };
    segment[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
    Some([header, segment].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_add_up() {
        for (from, to) in [
            ("127.0.0.1:1", "127.0.0.2:5222"),
            ("[::1]:1", "[fe80::2]:5222"),
        ] {
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            let packet = tcp(from, to, (7, 9), Flags::PSH.and(Flags::ACK), b"odd").unwrap();
            let (header, addresses) = if from.is_ipv4() {
                (20, 12..20)
            } else {
                (40, 8..40)
            };
            if from.is_ipv4() {
                assert_eq!(checksum(&[&packet[..20]]), 0);
                assert_eq!(packet[3] as usize, packet.len());
            }
            let segment = &packet[header..];
            let length = u32::try_from(segment.len()).unwrap().to_be_bytes();
            let sum = checksum(&[&packet[addresses], &length, &[0, 0, 0, TCP], segment]);
            assert_eq!(sum, 0, "{from}");
            assert!(segment.ends_with(b"odd"));
        }
        let (from, to) = ("10.174.0.1:5353", "224.0.0.251:5353");
        let packet = udp(from.parse().unwrap(), to.parse().unwrap(), 255, b"odd").unwrap();
        let length = [0, UDP, 0, 11];
        assert_eq!(checksum(&[&packet[12..20], &length, &packet[20..]]), 0);
        assert_eq!((packet[8], packet[9], packet.len()), (255, UDP, 31));
        let mixed = tcp(
            "127.0.0.1:1".parse().unwrap(),
            "[::1]:1".parse().unwrap(),
            (0, 0),
            Flags::SYN,
            b"",
        );
        assert_eq!(mixed, None);
    }
}
