//! A packet capture of a run, for Wireshark: what went over TCP, byte for byte, with the keys of TLS beside it, and the packets of
//! multicast DNS.
//!
//! The bytes are those that passed our sockets; the TCP around them is of our own making, because a run needs no right to see that
//! of the network: retransmissions and the like are not in it.

mod packet;
mod pcapng;

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use packet::Flags;

/// The most that a capture keeps, in bytes: it is in memory until the run has ended, because the keys come first in the file.
const MAX_BYTES: usize = 256 << 20;

/// Payload of one packet, in bytes: below what the length fields of IPv4 and IPv6 can say.
const SEGMENT: usize = 32 << 10;

/// Everything that the connections of a run exchange. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Capture(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// Blocks of the file, each with its time in microseconds since 1970.
    packets: Vec<(u64, Vec<u8>)>,
    /// Their size.
    size: usize,
    /// Lines as NSS writes them (`SSLKEYLOGFILE`, RFC 9850).
    keys: String,
    full: bool,
}

impl Capture {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that has just been opened; `comment` tells whose it is.
    /// `ours`: we opened it.
    pub(super) fn open(
        &self,
        local: SocketAddr,
        peer: SocketAddr,
        ours: bool,
        comment: &str,
    ) -> Tap {
        let mut tap = Tap {
            capture: self.clone(),
            local,
            peer,
            sent: 0,
            received: 0,
            over: false,
        };
        tap.write(ours, Flags::SYN, &[], comment);
        tap.write(!ours, Flags::SYN.and(Flags::ACK), &[], "");
        tap.write(ours, Flags::ACK, &[], "");
        tap
    }

    /// A UDP packet as it was at `at`; `comment` tells who sent or heard it.
    pub(crate) fn datagram(
        &self,
        (from, to): (SocketAddr, SocketAddr),
        ttl: u8,
        at: SystemTime,
        payload: &[u8],
        comment: &str,
    ) {
        if let Some(packet) = packet::udp(from, to, ttl, payload) {
            self.keep(at, &packet, comment);
        }
    }

    fn keep(&self, at: SystemTime, packet: &[u8], comment: &str) {
        let since = at.duration_since(UNIX_EPOCH);
        let micros = since.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(0));
        let mut kept = self.kept();
        if kept.size + packet.len() > MAX_BYTES {
            kept.full = true;
            return;
        }
        let block = pcapng::packet(micros, packet, comment);
        kept.size += block.len();
        kept.packets.push((micros, block));
    }

    /// The file: pcapng, keys first, so that Wireshark and tshark decrypt without being told anything.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_to(&self, out: &mut impl io::Write) -> io::Result<()> {
        let mut kept = self.kept();
        out.write_all(&pcapng::head(concat!(
            "xmppspec ",
            env!("CARGO_PKG_VERSION")
        )))?;
        if !kept.keys.is_empty() {
            out.write_all(&pcapng::secrets(kept.keys.as_bytes()))?;
        }
        // A packet is heard of some time after it came.
        kept.packets.sort_by_key(|(micros, _)| *micros);
        for (_, block) in &kept.packets {
            out.write_all(block)?;
        }
        Ok(())
    }

    /// Whether there was more than a capture keeps.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kept().full
    }
}

impl rustls::KeyLog for Capture {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        self.kept().keys.push_str(&line);
    }
}

/// One connection, as the capture sees it. Dropping it ends the connection from our side.
#[derive(Debug)]
pub(super) struct Tap {
    capture: Capture,
    local: SocketAddr,
    peer: SocketAddr,
    /// The next sequence numbers.
    sent: u32,
    received: u32,
    over: bool,
}

impl Tap {
    /// Bytes that were handed to the system.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        for segment in bytes.chunks(SEGMENT) {
            self.write(true, Flags::PSH.and(Flags::ACK), segment, "");
        }
    }

    /// Bytes that came from it.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        for segment in bytes.chunks(SEGMENT) {
            self.write(false, Flags::PSH.and(Flags::ACK), segment, "");
        }
    }

    /// We send no more.
    pub(super) fn finished(&mut self) {
        self.write(true, Flags::FIN.and(Flags::ACK), &[], "");
        self.over = true;
    }

    /// The other side sends no more.
    pub(super) fn was_finished(&mut self) {
        self.write(false, Flags::FIN.and(Flags::ACK), &[], "");
    }

    /// The other side refuses everything.
    pub(super) fn was_reset(&mut self) {
        self.write(false, Flags::RST.and(Flags::ACK), &[], "");
        self.over = true;
    }

    fn write(&mut self, ours: bool, flags: Flags, payload: &[u8], comment: &str) {
        let (from, to) = if ours {
            (self.local, self.peer)
        } else {
            (self.peer, self.local)
        };
        let (next, other) = if ours {
            (&mut self.sent, self.received)
        } else {
            (&mut self.received, self.sent)
        };
        let Some(packet) = packet::tcp(from, to, (*next, other), flags, payload) else {
            return;
        };
        let length = u32::try_from(payload.len()).unwrap_or(0) + u32::from(flags.counts());
        *next = next.wrapping_add(length);
        self.capture.keep(SystemTime::now(), &packet, comment);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if !self.over {
            self.finished();
        }
    }
}

#[cfg(test)]
mod tests {
    use rustls::KeyLog as _;

    use super::*;

    /// The blocks of a file: type and body.
    fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
        let mut blocks = Vec::new();
        while !file.is_empty() {
            let length = number(&file[4..]) as usize;
            assert_eq!(number(&file[length - 4..]) as usize, length);
            blocks.push((number(file), file[8..length - 4].to_vec()));
            file = &file[length..];
        }
        blocks
    }

    fn contains(body: &[u8], what: &[u8]) -> bool {
        body.windows(what.len()).any(|window| window == what)
    }

    #[test]
    fn a_connection_becomes_packets() {
        let capture = Capture::default();
        let local: SocketAddr = "127.0.0.1:40000".parse().unwrap();
        let peer: SocketAddr = "127.0.0.1:5222".parse().unwrap();
        let mut tap = capture.open(local, peer, true, "a case: Romeo");
        tap.sent(b"<presence/>");
        tap.received(&vec![b'x'; SEGMENT + 1]);
        capture.log("CLIENT_RANDOM", &[0xab; 2], &[1]);
        tap.was_finished();
        drop(tap);
        let mut file = Vec::new();
        capture.write_to(&mut file).unwrap();
        let blocks = blocks(&file);
        let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
        // Section, interface, secrets; SYN three times, one sent, two received, both FIN.
        assert_eq!(kinds, [[0x0a0d_0d0a, 1, 10].as_slice(), &[6; 8]].concat());
        assert!(contains(&blocks[2].1, b"CLIENT_RANDOM abab 01\n"));
        assert!(contains(&blocks[3].1, b"a case: Romeo"));
        assert!(contains(&blocks[6].1, b"<presence/>"));
        assert!(!capture.is_full());
    }

    #[test]
    fn packets_stand_in_the_order_of_time() {
        let capture = Capture::default();
        let way = |from: &str, to: &str| (from.parse().unwrap(), to.parse().unwrap());
        let v4 = way("10.174.0.1:5353", "224.0.0.251:5353");
        let v6 = way("[fe80::1]:5353", "[ff02::fb]:5353");
        let at = |seconds| UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        capture.datagram(v4, 255, at(9), b"later", "a case: Romeo");
        capture.datagram(v6, 1, at(5), b"earlier", "");
        capture.datagram(way("10.174.0.1:1", "[::1]:1"), 1, at(1), b"never", "");
        let mut file = Vec::new();
        capture.write_to(&mut file).unwrap();
        let blocks = blocks(&file);
        assert_eq!(blocks.len(), 4);
        assert!(contains(&blocks[2].1, b"earlier") && contains(&blocks[3].1, b"later"));
        assert!(contains(&blocks[3].1, b"a case: Romeo"));
    }
}
