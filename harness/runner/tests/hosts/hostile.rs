//! Hostile multicast DNS: nothing that somebody on the link says makes the instrument, `browse` or the embedded peer crash, hang,
//! forget their limits, or believe what must not be believed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use xmppspec::peer::{Instrument, MDNS_TTL, Survey, To};
use xmppspec::target::RunningPeer;
use xmppspec::world::{Entered, Host, Segment};
use xmppspec_protocol::dns::{Data, Flags, Kind, Message, Name, Record, Writer};
use xmppspec_protocol::mdns::PORT;

use super::browse::browse;
use super::instruments::runtime;
use super::reference::reference;

/// What a machine that has something else to do may be late.
const SLACK: Duration = Duration::from_secs(4);

/// How many instances, and how many goodbyes.
const STORM: usize = 10_000;

/// What the whole test, with instruments, a survey and a peer in it, may take at any time, in KiB.
const MOST_MEMORY: u64 = 700 << 10;

/// The peer, the observer, and who attacks.
struct Stage {
    juliet: RunningPeer,
    observer: Instrument,
    tybalt: Instrument,
    at_observer: Host,
}

impl Stage {
    async fn new(segment: &Segment) -> Self {
        let [pronto, at_observer, verona] =
            ["pronto", "observer", "verona"].map(|n| segment.host(n).unwrap());
        let [observer, tybalt] = [&at_observer, &verona].map(|h| Instrument::on_host(h).unwrap());
        let juliet = reference(&pronto, "juliet").await;
        juliet.hook("announce", &[]).await.unwrap();
        let stage = Self {
            juliet,
            observer,
            tybalt,
            at_observer,
        };
        stage.hears("status=avail", 0).await;
        stage
    }

    async fn say(&self, bytes: &[u8]) {
        let from = self.tybalt.mdns();
        self.tybalt
            .send(bytes, To::V4, from, MDNS_TTL)
            .await
            .unwrap();
    }

    /// Waits for Juliet's TXT record with this string.
    async fn hears(&self, string: &str, from: usize) {
        let look = |packet: &xmppspec::peer::Packet| {
            let seen = packet.read().ok()?;
            let mut answers = seen.message.answers.iter();
            let says = |record: &Record| match &record.data {
                Data::Txt(strings) => {
                    record.name.first() == b"juliet@pronto"
                        && strings.iter().any(|s| s == string.as_bytes())
                }
                _ => false,
            };
            answers.any(says).then_some(())
        };
        let heard = tokio::time::timeout(SLACK, self.observer.until(from, look)).await;
        heard.unwrap_or_else(|_| panic!("{string} was not heard, {} lost", self.observer.lost()));
    }

    /// A change of Juliet's status is heard, and in time.
    async fn still_works(&self, status: &str) {
        let from = self.observer.len();
        let given = [("status", status), ("text", "")];
        self.juliet.hook("status", &given).await.unwrap();
        self.hears(&format!("status={status}"), from).await;
    }

    /// Who is there, found out in the time that there is for it.
    async fn peers(&self) -> Vec<String> {
        let length = Duration::from_secs(1);
        let began = Instant::now();
        let survey = Survey::of_link(&self.observer, length).await.unwrap();
        let took = began.elapsed();
        assert!(took < length + SLACK, "{took:?}");
        survey.peers.into_iter().map(|p| p.instance).collect()
    }
}

fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    peak.parse().unwrap()
}

/// The records of an instance whose label is any bytes.
fn records(label: &[u8], ttl: u32) -> Vec<Record> {
    let presence: Name = "_presence._tcp.local.".parse().unwrap();
    let instance = [label, b"_presence", b"_tcp", b"local"];
    let instance = Name::from_labels(instance).unwrap();
    let target: Name = "verona.local.".parse().unwrap();
    let srv = Data::Srv {
        priority: 0,
        weight: 0,
        port: 5298,
        target: target.clone(),
    };
    let txt = Data::Txt(vec![b"txtvers=1".to_vec(), b"status=dnd".to_vec()]);
    vec![
        Record::new(presence, ttl.min(4500), Data::Ptr(instance.clone())),
        Record::new(instance.clone(), ttl.min(120), srv).with_flush(),
        Record::new(instance, ttl.min(4500), txt).with_flush(),
        Record::new(target, 120, Data::A(Ipv4Addr::new(10, 174, 0, 99))).with_flush(),
    ]
}

fn announcement(label: &[u8], ttl: u32) -> Vec<u8> {
    Message::response(records(label, ttl)).encode(true)
}

/// A response with one answer, written by hand from its name on.
fn answer(rest: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(false);
    writer.header(0, Flags::ANSWER, [0, 1, 0, 0]);
    writer.raw(rest);
    writer.into_bytes()
}

/// A record of the root with this type and data, and a length that need not be true.
fn lying(kind: u16, length: u16, data: &[u8]) -> Vec<u8> {
    let [a, b] = kind.to_be_bytes();
    let [c, d] = length.to_be_bytes();
    let head = [0, a, b, 0x80, 1, 0, 0, 0, 120, c, d];
    answer(&[&head, data].concat())
}

/// Packets that cannot be read.
fn malformed() -> Vec<Vec<u8>> {
    let whole = announcement(b"tybalt@verona", 120);
    let mut all: Vec<Vec<u8>> = (0..whole.len()).map(|n| whole[..n].to_vec()).collect();
    // Pointers: to itself, to each other, forward, beyond the end, and a long way down.
    all.push(answer(b"\xc0\x0c\0\x0c\0\x01\0\0\0\x78\0\0"));
    all.push(answer(b"\xc0\x0e\xc0\x0c\0\x0c\0\x01\0\0\0\x78\0\0"));
    all.push(answer(b"\x01a\xc0\x0c\0\x0c\0\x01\0\0\0\x78\0\0"));
    all.push(answer(b"\xc0\x16\0\x0c\0\x01\0\0\0\x78\0\x02\x01a\0"));
    all.push(answer(b"\xff\xff\0\x0c\0\x01\0\0\0\x78\0\0"));
    let stairs: Vec<u8> = (0..8000u16)
        .flat_map(|n| (0xc000 | (10 + 2 * n)).to_be_bytes())
        .collect();
    all.push(answer(&stairs));
    // Labels that are none, names that are too long.
    all.push(answer(b"\x40aaaa\0\0\x0c\0\x01"));
    all.push(answer(b"\x80aaaa\0\0\x0c\0\x01"));
    all.push(answer(
        &b"\x3faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".repeat(5),
    ));
    // Lengths of data that are not true.
    for (kind, data) in [
        (1, &[10, 174, 0, 1][..]),
        (12, b"\x06romeo2\0"),
        (33, b"\0\0\0\0\x15\xba\0"),
        (28, &[0; 16]),
    ] {
        let length = u16::try_from(data.len()).unwrap();
        for wrong in [0, length - 1, length + 1, u16::MAX] {
            all.push(lying(kind, wrong, data));
        }
    }
    all.push(lying(16, 3, b"\x09ab"));
    // NSEC: a block without a byte, with too many, blocks in a wrong order, half a block.
    for bitmap in [
        &b"\0\0"[..],
        b"\0\x21",
        b"\x01\x01\x40\0\x01\x40",
        b"\0\x04\x40",
    ] {
        let data = [b"\0", bitmap].concat();
        all.push(lying(47, u16::try_from(data.len()).unwrap(), &data));
    }
    // Counts of what is not there.
    let mut liar = Writer::new(false);
    liar.header(0, Flags::ANSWER, [u16::MAX; 4]);
    all.push(liar.into_bytes());
    all
}

/// Packets that can be read and are as strange as they may be.
fn strange() -> Vec<Vec<u8>> {
    let presence: Name = "_presence._tcp.local.".parse().unwrap();
    let pointer = |to: Name| Record::new(presence.clone(), 4500, Data::Ptr(to));
    let response = |records: Vec<Record>| Message::response(records).encode(true);
    let root_srv = Data::Srv {
        priority: 0,
        weight: 0,
        port: 0,
        target: Name::ROOT,
    };
    let numbered = |n: u16| Name::from_labels([&n.to_be_bytes()[..], b"local"]).unwrap();
    let large = |n: u16| response((0..n).map(|n| pointer(numbered(n))).collect());
    vec![
        response(vec![pointer(Name::ROOT), pointer(presence.clone())]),
        response(vec![Record::new(presence.clone(), 120, root_srv)]),
        // TXT with no string, and with strings of no length around one that counts.
        response(vec![Record::new(
            presence.clone(),
            u32::MAX,
            Data::Txt(vec![]),
        )]),
        response(vec![Record::new(
            presence.clone(),
            4500,
            Data::Txt(vec![
                vec![],
                vec![],
                b"status=away".to_vec(),
                vec![],
                b"=".to_vec(),
            ]),
        )]),
        response(vec![Record::new(
            presence.clone(),
            4500,
            Data::Nsec {
                next: Name::ROOT,
                types: (0..u16::MAX).map(Kind).collect(),
            },
        )]),
        // Beyond what a packet may have, and as much as UDP carries.
        large(800),
        large(3500),
        answer(&vec![0; 65_000]),
    ]
}

/// None of it is believed; all of it is kept, and told.
pub(super) fn fools_nobody(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    runtime().block_on(async {
        let stage = Stage::new(&segment).await;
        let other_port = stage.tybalt.open(0).unwrap();
        let (own, from) = (stage.tybalt.mdns(), stage.observer.len());
        let fake = announcement(b"tybalt@verona", 4500);
        let far = announcement(b"mercutio@verona", 4500);
        let group =
            |last: u8, port: u16| To::Address((Ipv4Addr::new(224, 0, 0, last), port).into());
        // Another port, another group, another port of the group, another TTL.
        for (bytes, to, source, ttl) in [
            (&fake, To::V4, &other_port, MDNS_TTL),
            (&fake, To::V6, &other_port, MDNS_TTL),
            (&fake, group(252, PORT), own, MDNS_TTL),
            (&fake, group(251, 5354), own, MDNS_TTL),
            (&far, To::V4, own, 254),
            (&far, To::V4, own, 1),
            (&far, To::V6, own, 64),
        ] {
            stage.tybalt.send(bytes, to, source, ttl).await.unwrap();
        }
        // With an opcode, with a response code, as a query; and a goodbye for Juliet from another port.
        for flags in [0x8c00, 0x8403, 0] {
            let mut message = Message::response(records(b"tybalt@verona", 4500));
            message.flags = Flags(flags);
            stage.say(&message.encode(true)).await;
        }
        let goodbye = announcement(b"juliet@pronto", 0);
        let sent = stage.tybalt.send(&goodbye, To::V4, &other_port, MDNS_TTL);
        sent.await.unwrap();
        let (bad, odd) = (malformed(), strange());
        for bytes in &bad {
            assert!(Message::decode(bytes).is_err(), "{}", bytes.escape_ascii());
            stage.say(bytes).await;
        }
        for bytes in &odd {
            stage.say(bytes).await;
        }
        stage.say(b"that is all").await;
        let all = |p: &xmppspec::peer::Packet| (*p.bytes == *b"that is all").then_some(());
        let heard = tokio::time::timeout(SLACK, stage.observer.until(from, all));
        heard.await.expect("all that was said");
        let packets = stage.observer.packets(from);
        let tybalts = SocketAddr::from((stage.tybalt.place().v4.unwrap(), PORT));
        let kept = |bytes: &[u8]| {
            packets
                .iter()
                .any(|p| p.source == tybalts && *p.bytes == *bytes)
        };
        assert!(bad.iter().chain(&odd).all(|bytes| kept(bytes)));
        let group = |p: &&xmppspec::peer::Packet| {
            p.is_multicast() && p.destination.ip() == Ipv4Addr::new(224, 0, 0, 252)
        };
        assert_eq!(packets.iter().filter(group).count(), 0);

        stage.still_works("away").await;
        let peers = stage.peers().await;
        let named = |name: &str| peers.iter().any(|p| p == name);
        assert!(
            named("juliet@pronto") && !named("tybalt@verona"),
            "{peers:?}"
        );
        // The peer has not believed it either. What it does show is what may be read.
        let shown = stage.juliet.list().await.unwrap();
        assert!(
            !shown.iter().any(|c| c.peer == "tybalt@verona"),
            "{shown:?}"
        );

        // Names of any bytes are shown, and do nothing to a terminal.
        for label in [
            &b"\xff\xfe@verona"[..],
            b"\x1b[2J@verona",
            b"a.b\\ c@verona",
        ] {
            stage.say(&announcement(label, 120)).await;
        }
        let at_observer = stage.at_observer.clone();
        let look = move || browse(&at_observer, &["eth0", "--for", "1.5"]);
        let asked = stage.tybalt.len();
        let look = tokio::task::spawn_blocking(look);
        let question = |p: &xmppspec::peer::Packet| {
            let seen = p.read().ok()?;
            (!seen.message.is_response()).then_some(())
        };
        stage.tybalt.until(asked, question).await;
        for label in [
            &b"\xff\xfe@verona"[..],
            b"\x1b[2J@verona",
            b"a.b\\ c@verona",
        ] {
            stage.say(&announcement(label, 120)).await;
        }
        stage.say(&bad[0]).await;
        stage.tybalt.send(&far, To::V4, own, 1).await.unwrap();
        let output = look.await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{text}");
        for piece in [
            "\\255\\254@verona  dnd\n",
            "\\027[2J@verona  dnd\n",
            "juliet@pronto  away\n",
            "MDNS-RSP-03: the IP TTL is 1",
            "a packet cannot be read",
        ] {
            assert!(text.contains(piece), "no {piece:?} in {text}");
        }
        assert!(
            !text.contains('\x1b') && !text.contains("mercutio@verona  "),
            "{text}"
        );
        stage.juliet.stop().await;
    });
}

/// Ten thousand instances come and go, then somebody does not stop: what is normal works beside it and after it.
pub(super) fn storms(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    runtime().block_on(async {
        let stage = Stage::new(&segment).await;
        let label = |n: usize| format!("{n}@verona").into_bytes();
        for n in 0..STORM {
            stage.say(&announcement(&label(n), 4500)).await;
        }
        stage.still_works("away").await;
        let found = stage.peers().await;
        let heard = stage.observer.len();
        println!(
            "        {} peers in {heard} packets, {} lost",
            found.len(),
            stage.observer.lost()
        );
        assert!(found.iter().any(|p| p == "juliet@pronto"));
        assert!(found.len() > 1000, "{}", found.len());

        for n in 0..STORM {
            stage.say(&announcement(&label(n), 0)).await;
        }
        stage.still_works("dnd").await;

        // Large packets, full of records, as fast as they can be sent, until told otherwise.
        let calm = Arc::new(AtomicBool::new(false));
        let attacker = tokio::spawn({
            let (calm, tybalt) = (Arc::clone(&calm), stage.tybalt.clone());
            async move {
                let many = |n: usize| (0..200).map(move |m| format!("{}@verona", n * 200 + m));
                let mut n = 0;
                while !calm.load(Ordering::Relaxed) {
                    let all = many(n).flat_map(|l| records(l.as_bytes(), 4500));
                    let bytes = Message::response(all.collect()).encode(true);
                    tybalt
                        .send(&bytes, To::V4, tybalt.mdns(), MDNS_TTL)
                        .await
                        .unwrap();
                    n += 1;
                }
                n
            }
        });
        let found = stage.peers().await;
        let at_observer = stage.at_observer.clone();
        let began = Instant::now();
        let look = move || browse(&at_observer, &["eth0", "--for", "1", "--format", "json"]);
        let output = tokio::task::spawn_blocking(look).await.unwrap();
        let took = began.elapsed();
        assert_eq!(output.status.code(), Some(0));
        assert!(took < Duration::from_secs(1) + 2 * SLACK, "{took:?}");
        calm.store(true, Ordering::Relaxed);
        let sent = attacker.await.unwrap();
        println!(
            "        {} peers in a storm of {sent} large packets",
            found.len()
        );
        stage.still_works("avail").await;
        let shown = stage.juliet.list().await.unwrap();
        assert!(shown.len() <= 2048, "{}", shown.len());
        stage.juliet.stop().await;
        println!("        at most {} MiB of memory", memory() >> 10);
        assert!(memory() < MOST_MEMORY, "{} KiB", memory());
    });
}
