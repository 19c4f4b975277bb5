//! The DNS of a world: answers what the run's zone holds, NXDOMAIN for everything else, and keeps every question.
//!
//! It reads questions itself instead of with the record codec, because it must log and answer whatever a server asks:
//! names that no host may have, types that nobody knows.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

const A: u16 = 1;
const SRV: u16 = 33;

/// Where a world asks: the standard port, on loopback.
pub const STANDARD: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// The names that exist. Names are compared without case, as DNS does.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    a: BTreeMap<String, Ipv4Addr>,
    srv: BTreeMap<String, (u16, String)>,
}

impl Zone {
    /// A zone without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an address record.
    #[must_use]
    pub fn with_a(mut self, name: &str, address: Ipv4Addr) -> Self {
        self.a.insert(name.to_ascii_lowercase(), address);
        self
    }

    /// Adds a service record (RFC 6120 §3.2.1) for `_service._tcp.domain`, priority and weight 0.
    #[must_use]
    pub fn with_srv(mut self, service: &str, domain: &str, port: u16, target: &str) -> Self {
        let name = format!("_{service}._tcp.{domain}").to_ascii_lowercase();
        self.srv.insert(name, (port, target.to_ascii_lowercase()));
        self
    }

    fn answer(&self, name: &str, kind: u16) -> (Answer, Option<Vec<u8>>) {
        let (a, srv) = (self.a.get(name), self.srv.get(name));
        let data = match (kind, a, srv) {
            (A, Some(address), _) => Some(address.octets().to_vec()),
            (SRV, _, Some((port, target))) => {
                let mut data = vec![0, 0, 0, 0];
                data.extend(port.to_be_bytes());
                for label in target.split('.').filter(|l| !l.is_empty()) {
                    data.push(u8::try_from(label.len()).unwrap_or(63).min(63));
                    data.extend(label.bytes().take(63));
                }
                data.push(0);
                Some(data)
            }
            _ => None,
        };
        // A name below which others exist, exists itself (RFC 8020): no data, but no NXDOMAIN.
        let suffix = format!(".{name}");
        let above = || {
            self.a
                .keys()
                .chain(self.srv.keys())
                .any(|n| n.ends_with(&suffix))
        };
        match data {
            Some(data) => (Answer::Data, Some(data)),
            None if a.is_some() || srv.is_some() || above() => (Answer::NoData, None),
            None => (Answer::NxDomain, None),
        }
    }
}

/// How a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With a record of the zone.
    Data,
    /// The name exists, but not with this type.
    NoData,
    /// There is no such name.
    NxDomain,
    /// The question could not be read: FORMERR.
    Malformed,
}

/// A question that somebody in the world asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The name in lower case, without the last dot; bytes that are not printable ASCII and dots inside labels as `\DDD`.
    pub name: String,
    /// The type, as its number: 1 A, 28 AAAA, 33 SRV.
    pub kind: u16,
    /// What it was answered.
    pub answer: Answer,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            A => "A",
            12 => "PTR",
            16 => "TXT",
            28 => "AAAA",
            SRV => "SRV",
            other => return write!(f, "{} TYPE{other} {:?}", self.name, self.answer),
        };
        write!(f, "{} {kind} {:?}", self.name, self.answer)
    }
}

/// The name and type of the first question, and where it ends.
fn question(packet: &[u8]) -> Option<(String, u16, usize)> {
    // A query with at least one question.
    if packet.len() < 12 || packet[2] & 0x80 != 0 || u16::from_be_bytes([packet[4], packet[5]]) == 0
    {
        return None;
    }
    let (mut name, mut at) = (String::new(), 12);
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        match length {
            0 => break,
            // Compression has nothing to point to in a question.
            64.. => return None,
            _ => {
                if !name.is_empty() {
                    name.push('.');
                }
                for &b in packet.get(at..at + length)? {
                    match b.to_ascii_lowercase() {
                        b'.' | b'\\' => name.push_str(&format!("\\{:03}", b)),
                        c @ b'!'..=b'~' => name.push(char::from(c)),
                        _ => name.push_str(&format!("\\{b:03}")),
                    }
                }
                at += length;
            }
        }
    }
    let kind = packet.get(at..at + 2)?;
    packet.get(at + 2..at + 4)?;
    Some((name, u16::from_be_bytes([kind[0], kind[1]]), at + 4))
}

/// Answers one packet; `None` for what is too short to be answered.
fn respond(zone: &Zone, packet: &[u8]) -> Option<(Vec<u8>, Asked)> {
    let id = packet.get(..2)?;
    let Some((name, kind, end)) = question(packet) else {
        let reply = [id, &[0x84, 1, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
        return Some((
            reply,
            Asked {
                name: String::new(),
                kind: 0,
                answer: Answer::Malformed,
            },
        ));
    };
    let (answer, data) = zone.answer(&name, kind);
    let rcode = if answer == Answer::NxDomain { 3 } else { 0 };
    // Response, authoritative, recursion desired as asked and available.
    let flags = [0x84 | (packet[2] & 1), 0x80 | rcode];
    let mut reply = [
        id,
        &flags,
        &[0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0],
        &packet[12..end],
    ]
    .concat();
    if let Some(data) = data {
        // The name by reference to the question, class IN, 5 seconds to live: restarts may move ports.
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 5]);
        reply.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
        reply.extend(data);
    }
    Some((reply, Asked { name, kind, answer }))
}

/// What was asked, in order.
type Log = Arc<Mutex<Vec<Asked>>>;

/// The server; it stops when this is dropped.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    log: Log,
    tasks: Vec<JoinHandle<()>>,
}

impl Dns {
    /// Answers on `address`, over UDP and TCP; with port 0 on a free one.
    ///
    /// # Errors
    /// Those of binding.
    pub async fn start(address: SocketAddr, zone: Zone) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        let address = tcp.local_addr()?;
        let udp = UdpSocket::bind(address).await?;
        let (zone, log) = (Arc::new(zone), Log::default());
        let tasks = vec![
            tokio::spawn(serve_udp(udp, zone.clone(), log.clone())),
            tokio::spawn(serve_tcp(tcp, zone, log.clone())),
        ];
        Ok(Self {
            address,
            log,
            tasks,
        })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything asked so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn note(log: &Log, asked: Asked) {
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(asked);
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Zone>, log: Log) {
    let mut packet = [0u8; 4096];
    loop {
        // Errors are those of single answers (the asker has gone): the next question may be fine.
        let Ok((n, from)) = socket.recv_from(&mut packet).await else {
            continue;
        };
        if let Some((reply, asked)) = respond(&zone, &packet[..n]) {
            note(&log, asked);
            let _ = socket.send_to(&reply, from).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>, log: Log) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_connection(stream, zone.clone(), log.clone()));
    }
}

async fn serve_connection(mut stream: TcpStream, zone: Arc<Zone>, log: Log) {
    while let Ok(length) = stream.read_u16().await {
        let mut packet = vec![0; usize::from(length)];
        if stream.read_exact(&mut packet).await.is_err() {
            return;
        }
        let Some((reply, asked)) = respond(&zone, &packet) else {
            return;
        };
        note(&log, asked);
        let framed = [
            &u16::try_from(reply.len()).unwrap_or(0).to_be_bytes()[..],
            &reply,
        ]
        .concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::rdata::RData;
    use simple_dns::{CLASS, Name, Packet, QCLASS, QTYPE, Question, RCODE, TYPE};

    fn zone() -> Zone {
        Zone::new()
            .with_a("capulet.example", Ipv4Addr::LOCALHOST)
            .with_srv("xmpp-client", "capulet.example", 5222, "capulet.example")
    }

    fn ask(name: &str, kind: TYPE) -> (Vec<u8>, Asked) {
        let mut query = Packet::new_query(7);
        let name = Name::new_unchecked(name).into_owned();
        query.questions.push(Question::new(
            name,
            QTYPE::TYPE(kind),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        respond(&zone(), &query.build_bytes_vec().unwrap()).unwrap()
    }

    #[test]
    fn answers_from_the_zone_in_a_form_that_another_codec_reads() {
        let (bytes, asked) = ask("Capulet.example", TYPE::A);
        let reply = Packet::parse(&bytes).unwrap();
        assert_eq!(
            (reply.id(), reply.rcode(), reply.questions.len()),
            (7, RCODE::NoError, 1)
        );
        assert!(matches!(&reply.answers[0].rdata, RData::A(a) if a.address == 0x7f00_0001));
        assert_eq!(asked.to_string(), "capulet.example A Data");

        let (bytes, _) = ask("_xmpp-client._tcp.capulet.example", TYPE::SRV);
        let reply = Packet::parse(&bytes).unwrap();
        let RData::SRV(srv) = &reply.answers[0].rdata else {
            panic!("no SRV: {reply:?}")
        };
        assert_eq!(
            (srv.port, srv.target.to_string()),
            (5222, "capulet.example".to_owned())
        );
    }

    #[test]
    fn tells_no_data_from_no_name() {
        let cases = [
            (
                "capulet.example",
                TYPE::AAAA,
                Answer::NoData,
                RCODE::NoError,
            ),
            (
                "_tcp.capulet.example",
                TYPE::A,
                Answer::NoData,
                RCODE::NoError,
            ),
            (
                "_xmpps-client._tcp.capulet.example",
                TYPE::SRV,
                Answer::NxDomain,
                RCODE::NameError,
            ),
            ("nx.example", TYPE::A, Answer::NxDomain, RCODE::NameError),
            (
                "notcapulet.example",
                TYPE::A,
                Answer::NxDomain,
                RCODE::NameError,
            ),
        ];
        for (name, kind, answer, rcode) in cases {
            let (bytes, asked) = ask(name, kind);
            let reply = Packet::parse(&bytes).unwrap();
            assert_eq!(
                (asked.answer, reply.rcode(), reply.answers.len()),
                (answer, rcode, 0),
                "{name}"
            );
        }
    }

    #[test]
    fn logs_what_no_codec_would_read() {
        // Label "a@b c.", unknown type 65280.
        let packet = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x06a@b c.\x07example\0\xff\0\0\x01";
        let (reply, asked) = respond(&zone(), packet).unwrap();
        assert_eq!(
            asked.to_string(),
            "a@b\\032c\\046.example TYPE65280 NxDomain"
        );
        assert_eq!(reply[3] & 15, 3);
    }

    #[test]
    fn survives_garbage() {
        assert!(respond(&zone(), b"").is_none());
        assert!(respond(&zone(), b"x").is_none());
        let good = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x03abc\0\0\x01\0\x01";
        for n in 2..good.len() {
            let (reply, asked) = respond(&zone(), &good[..n]).unwrap();
            assert_eq!(
                (reply.len(), reply[3], asked.answer),
                (12, 1, Answer::Malformed),
                "{n}"
            );
        }
        let pointer = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01";
        assert_eq!(
            respond(&zone(), pointer).unwrap().1.answer,
            Answer::Malformed
        );
    }
}
