//! Instruments on hosts.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xmppspec::peer::{Direction, Instrument, MDNS_TTL, Packet, To};
use xmppspec::world::{Addresses, Entered, Segment};
use xmppspec_protocol::mdns::{GROUP_V4, GROUP_V6, PORT as MDNS_PORT};

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

async fn heard(instrument: &Instrument, bytes: &[u8]) -> Packet {
    let look = |p: &Packet| (*p.bytes == *bytes).then(|| p.clone());
    let found = tokio::time::timeout(Duration::from_secs(5), instrument.until(0, look));
    found.await.expect("a packet")
}

pub(super) fn keep_everything(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    let hosts = ["capulet", "montague"].map(|n| segment.host(n).unwrap());
    let six = segment.host_with("six", Addresses::V6).unwrap();
    runtime().block_on(async {
        let [capulet, montague] = [0, 1].map(|n| Instrument::on_host(&hosts[n]).unwrap());
        let six = Instrument::on_host(&six).unwrap();
        let before = montague.now();
        capulet
            .send(b"over four", To::V4, capulet.mdns(), MDNS_TTL)
            .await
            .unwrap();
        capulet
            .send(b"over six", To::V6, capulet.mdns(), 17)
            .await
            .unwrap();
        let four = heard(&montague, b"over four").await;
        assert!(
            four.at >= before.saturating_sub(Duration::from_millis(5)) && four.at <= montague.now()
        );
        let own = hosts[0].links[0].clone();
        assert_eq!(four.source, SocketAddr::from((own.v4.unwrap(), MDNS_PORT)));
        assert_eq!(four.destination, SocketAddr::from((GROUP_V4, MDNS_PORT)));
        assert_eq!(
            (four.ttl, four.interface),
            (MDNS_TTL, hosts[1].links[0].index)
        );
        for hearer in [&montague, &six] {
            let packet = heard(hearer, b"over six").await;
            assert_eq!(
                (packet.source.ip(), packet.source.port()),
                (IpAddr::V6(own.v6.unwrap()), MDNS_PORT)
            );
            assert_eq!(packet.destination.ip(), IpAddr::V6(GROUP_V6));
            assert_eq!((packet.ttl, packet.direction), (17, Direction::Received));
        }
        // A legacy question and its answer, which comes back to where it was asked from.
        let legacy = capulet.open(0).unwrap();
        assert!(![0, MDNS_PORT].contains(&legacy.port()));
        capulet
            .send(b"legacy?", To::V4, &legacy, MDNS_TTL)
            .await
            .unwrap();
        let question = heard(&montague, b"legacy?").await;
        assert_eq!(question.source.port(), legacy.port());
        montague
            .send(
                b"yes",
                To::Address(question.source),
                montague.mdns(),
                MDNS_TTL,
            )
            .await
            .unwrap();
        let answer = heard(&capulet, b"yes").await;
        assert_eq!(answer.destination, question.source);
        assert!(!answer.is_multicast());
        // Link-local unicast over IPv6.
        let source = heard(&six, b"over six").await.source;
        six.send(b"dear", To::Address(source), six.mdns(), MDNS_TTL)
            .await
            .unwrap();
        assert_eq!(heard(&capulet, b"dear").await.destination.ip(), source.ip());
        // The same words from another are not taken for our own that come back.
        montague
            .send(b"over four", To::V4, montague.mdns(), MDNS_TTL)
            .await
            .unwrap();
        let look = |p: &Packet| {
            (p.direction == Direction::Received && *p.bytes == *b"over four").then_some(())
        };
        tokio::time::timeout(Duration::from_secs(5), capulet.until(0, look))
            .await
            .unwrap();
        // Any bytes, of any size.
        for size in [0, 1, 12, 1472, 1473, 9000, 65_507] {
            let bytes = vec![0xc0; size];
            capulet
                .send(&bytes, To::V4, capulet.mdns(), MDNS_TTL)
                .await
                .unwrap();
            assert_eq!(heard(&montague, &bytes).await.bytes.len(), size);
        }
        assert!(
            capulet
                .send(&vec![0; 65_508], To::V4, capulet.mdns(), MDNS_TTL)
                .await
                .is_err()
        );
        let (sent, received) = (capulet.packets(0), montague.packets(0));
        let count = |packets: &[Packet], d| packets.iter().filter(|p| p.direction == d).count();
        assert_eq!(count(&sent, Direction::Sent), 10);
        assert_eq!(count(&received, Direction::Received), 10);
        assert_eq!((capulet.lost(), montague.lost()), (0, 0));
    });
}

pub(super) fn in_a_storm(entered: &Entered) {
    const PACKETS: usize = 20_000;
    let segment = Segment::new(entered, 0).unwrap();
    let hosts = ["capulet", "montague"].map(|n| segment.host(n).unwrap());
    runtime().block_on(async {
        let [capulet, montague] = [0, 1].map(|n| Instrument::on_host(&hosts[n]).unwrap());
        for n in 0..PACKETS {
            capulet
                .send(&n.to_be_bytes(), To::V4, capulet.mdns(), MDNS_TTL)
                .await
                .unwrap();
        }
        let last = |p: &Packet| (*p.bytes == (PACKETS - 1).to_be_bytes()).then_some(());
        let _ = tokio::time::timeout(Duration::from_secs(5), montague.until(0, last)).await;
        capulet
            .send(b"calm", To::V4, capulet.mdns(), MDNS_TTL)
            .await
            .unwrap();
        heard(&montague, b"calm").await;
        let lost = usize::try_from(montague.lost()).unwrap();
        println!(
            "        {PACKETS} packets, {lost} lost, in {:?}",
            montague.now()
        );
        assert_eq!(montague.len() + lost, PACKETS + 1);
    });
}
