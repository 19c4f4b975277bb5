//! Who hears whom.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use xmppspec::world::{Addresses, Entered, Host, HostError, Link, Segment};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// Stands in every packet that a test sends, to be looked for where it must not be.
const MARK: &[u8] = b"xmppspec says this to its own hosts only";

/// How long packets are waited for that must come.
const PATIENCE: Duration = Duration::from_secs(5);

fn hear(link: &Link, port: u16) -> (UdpSocket, UdpSocket) {
    let v4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
    v4.join_multicast_v4(&GROUP, &link.v4.unwrap()).unwrap();
    let v6 =
        UdpSocket::bind((Ipv6Addr::UNSPECIFIED, if port == 0 { 0 } else { port + 1 })).unwrap();
    v6.join_multicast_v6(&GROUP6, link.index).unwrap();
    for socket in [&v4, &v6] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    (v4, v6)
}

fn on(host: &Host, port: u16) -> (UdpSocket, UdpSocket) {
    host.run_in(|| hear(&host.links[0], port)).unwrap()
}

fn receives(socket: &UdpSocket) -> IpAddr {
    let mut buffer = [0; 100];
    let (n, from) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..n], MARK);
    from.ip()
}

fn is_silent(socket: &UdpSocket) {
    socket.set_nonblocking(true).unwrap();
    let error = socket.recv(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

/// Sees every packet of every interface of a network namespace, if it may: root, or anybody inside a world.
fn tap() -> Result<OwnedFd, Errno> {
    let fd = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::EthAll,
    )?;
    setsockopt(&fd, sockopt::RcvBuf, &(16 << 20))?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(2000))?;
    Ok(fd)
}

fn has(packet: &[u8], what: &[u8]) -> bool {
    packet.windows(what.len()).any(|w| w == what)
}

/// Ends a tap; it goes over loopback, which shows that the tap hears.
const LAST_WORD: &[u8] = b"the last word of this test";

fn say_last_word() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket
        .send_to(LAST_WORD, socket.local_addr().unwrap())
        .unwrap();
}

/// The number of packets with the mark, up to the last word.
fn marked(tap: &OwnedFd) -> usize {
    let mut buffer = vec![0; 64 * 1024];
    let mut count = 0;
    loop {
        match recv(tap.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(n) if has(&buffer[..n], LAST_WORD) => return count,
            Ok(n) => count += usize::from(has(&buffer[..n], MARK)),
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENETDOWN) => {}
            Err(errno) => panic!("{errno}"),
        }
    }
}

/// The network of the machine, in which no packet of a world may be.
pub(super) struct Outside(Option<mpsc::Receiver<usize>>);

impl Outside {
    pub(super) fn watch() -> Self {
        match tap() {
            Ok(fd) => {
                let (sender, receiver) = mpsc::channel();
                std::thread::spawn(move || sender.send(marked(&fd)));
                Self(Some(receiver))
            }
            Err(errno) => {
                println!(
                    "SKIPPED looking at the interfaces of the machine: {errno:?} (needs root)"
                );
                Self(None)
            }
        }
    }

    pub(super) fn saw_nothing(&self) {
        let Some(count) = &self.0 else { return };
        // Said again, should the tap have been too slow for what else the machine says.
        for _ in 0..20 {
            say_last_word();
            if let Ok(count) = count.recv_timeout(Duration::from_millis(500)) {
                assert_eq!(count, 0, "packets of a world on the machine's interfaces");
                println!("ok      the machine's interfaces saw none of it");
                return;
            }
        }
        panic!("the tap hears nothing");
    }
}

pub(super) fn multicast_stays_on_its_segment(entered: &Entered) {
    let own = tap().unwrap();
    let segment = Segment::new(entered, 0).unwrap();
    let [capulet, montague] = ["capulet", "montague"].map(|n| segment.host(n).unwrap());
    // Another segment with the same addresses.
    let elsewhere = Segment::new(entered, 0).unwrap();
    let forza = elsewhere.host("forza").unwrap();
    assert_eq!(forza.links[0].v4, capulet.links[0].v4);

    let (listening, listening6) = on(&montague, 5353);
    let (far, far6) = on(&forza, 5353);
    let (own_v4, own_v6) = {
        let v4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353)).unwrap();
        v4.join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST).unwrap();
        (v4, UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 5354)).unwrap())
    };
    let (speaking, speaking6) = on(&capulet, 0);
    speaking.send_to(MARK, (GROUP, 5353)).unwrap();
    assert_eq!(receives(&listening), capulet.links[0].v4.unwrap());
    let group = std::net::SocketAddrV6::new(GROUP6, 5354, 0, capulet.links[0].index);
    speaking6.send_to(MARK, group).unwrap();
    assert_eq!(receives(&listening6), capulet.links[0].v6.unwrap());
    // Unicast, and back.
    let to = SocketAddr::from((montague.links[0].v4.unwrap(), 5353));
    speaking.send_to(MARK, to).unwrap();
    assert_eq!(receives(&listening), capulet.links[0].v4.unwrap());
    listening
        .send_to(
            MARK,
            speaking
                .local_addr()
                .map(|a| (capulet.links[0].v4.unwrap(), a.port()))
                .unwrap(),
        )
        .unwrap();
    assert_eq!(receives(&speaking), montague.links[0].v4.unwrap());

    for socket in [&far, &far6, &own_v4, &own_v6] {
        is_silent(socket);
    }
    say_last_word();
    assert_eq!(
        marked(&own),
        0,
        "packets of a segment in the run's own network"
    );
}

pub(super) fn hosts_are_machines(entered: &Entered) {
    let segment = Segment::new(entered, 7).unwrap();
    let host = segment.host("pronto").unwrap();
    assert_eq!(host.links[0].v4, Some(Ipv4Addr::new(10, 174, 7, 1)));
    let script = "hostname; pwd; grep pronto /etc/hosts; grep CapEff /proc/self/status; cat /proc/net/dev; \
                  touch /run/avahi-daemon/x /run/dbus/x && ls -A /run/avahi-daemon; touch /etc/x 2>&1; id -un";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).stdin(Stdio::null());
    host.enter(&mut command, std::path::Path::new("/var"));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for line in [
        "pronto",
        "/var",
        "10.174.7.1 pronto",
        "CapEff:\t0000000000000000",
        "x",
    ] {
        assert!(
            text.lines().any(|l| l == line),
            "no {line:?} in {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let interfaces = text
        .lines()
        .filter_map(|l| l.split_once(':'))
        .map(|(name, _)| name.trim());
    let interfaces: Vec<_> = interfaces
        .filter(|n| ["lo", "eth0", "eth1"].contains(n))
        .collect();
    assert_eq!(interfaces, ["lo", "eth0"]);
    assert!(text.contains("ead-only"), "{text}");
    // None of it is seen by its neighbour, nor by the run.
    assert!(!std::path::Path::new("/run/avahi-daemon/x").exists());
    let mut command = Command::new("/bin/ls");
    command.arg("/run/avahi-daemon");
    segment
        .host("forza")
        .unwrap()
        .enter(&mut command, std::path::Path::new("/"));
    assert_eq!(command.output().unwrap().stdout, b"");
    assert_eq!(nix::unistd::gethostname().unwrap(), "world");
}

pub(super) fn side_by_side(entered: &Entered) {
    const SEGMENTS: usize = 24;
    let began = Instant::now();
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..SEGMENTS)
            .map(|_| {
                scope.spawn(|| {
                    let segment = Segment::new(entered, 0).unwrap();
                    let hosts = ["a", "b", "c"].map(|n| segment.host(n).unwrap());
                    let (heard, _) = on(&hosts[2], 5353);
                    on(&hosts[0], 0).0.send_to(MARK, (GROUP, 5353)).unwrap();
                    assert_eq!(receives(&heard), hosts[0].links[0].v4.unwrap());
                })
            })
            .collect();
        for one in all {
            one.join().unwrap();
        }
    });
    println!(
        "        {SEGMENTS} segments of 3 hosts in {:?}",
        began.elapsed()
    );
    let began = Instant::now();
    for _ in 0..20 {
        let segment = Segment::new(entered, 0).unwrap();
        for name in ["a", "b"] {
            segment.host(name).unwrap();
        }
    }
    println!("        a segment of 2 hosts in {:?}", began.elapsed() / 20);
}

pub(super) fn on_two_segments(entered: &Entered) {
    let [first, second] = [1, 2].map(|n| Segment::new(entered, n).unwrap());
    let mut host = first.host("pronto").unwrap();
    second.join(&mut host, Addresses::V4).unwrap();
    assert_eq!(host.links[1].v6, None);
    let neighbours = [first.host("left").unwrap(), second.host("right").unwrap()];
    for (link, neighbour) in host.links.iter().zip(&neighbours) {
        let heard = host
            .run_in(|| {
                let socket = UdpSocket::bind((link.v4.unwrap(), 6000)).unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                socket
            })
            .unwrap();
        on(neighbour, 0)
            .0
            .send_to(MARK, (link.v4.unwrap(), 6000))
            .unwrap();
        assert_eq!(receives(&heard), neighbour.links[0].v4.unwrap());
    }
}

pub(super) fn refusals(entered: &Entered) {
    assert_eq!(
        Segment::new(&Entered::none(), 0).unwrap_err(),
        HostError::NoWorld
    );
    let segment = Segment::new(entered, 0).unwrap();
    for name in ["", "-a", "a.b", "jülia", &"a".repeat(64)] {
        assert_eq!(
            segment.host(name).unwrap_err(),
            HostError::Name(name.to_owned())
        );
    }
    let only6 = segment.host_with("six", Addresses::V6).unwrap();
    assert!(only6.links[0].v4.is_none() && only6.links[0].v6.is_some());
}
