//! The embedded reference peer, beside itself and beside libpurple.

use std::time::Duration;

use xmppspec::peer::{Direction, Instrument, Packet};
use xmppspec::target::{PeerEvent, Profile, RunningPeer, Seen};
use xmppspec::world::{Entered, Host, Segment};
use xmppspec_protocol::dns::Message;
use xmppspec_protocol::mdns::complaints;
use xmppspec_reference::peer::PeerConfig;

use super::instruments::runtime;

const PATIENCE: Duration = Duration::from_secs(20);

fn config(host: &Host, user: &str) -> PeerConfig {
    let link = &host.links[0];
    let mut config = PeerConfig::new(user, &host.name, &link.name, link.index);
    (config.v4, config.v6) = (link.v4, link.v6);
    config
}

pub(super) async fn reference(host: &Host, user: &str) -> RunningPeer {
    RunningPeer::reference(config(host, user), Some(host))
        .await
        .unwrap()
}

async fn sees(peer: &RunningPeer, from: usize, wanted: impl Fn(&PeerEvent) -> bool) -> usize {
    let mut number = from;
    let look = |seen: &Seen| {
        number += 1;
        wanted(&seen.event).then_some(())
    };
    if tokio::time::timeout(PATIENCE, peer.until(from, look))
        .await
        .is_err()
    {
        panic!(
            "not seen by {}: {:#?}\n{}",
            peer.instance,
            peer.events(0),
            peer.log_tail()
        );
    }
    number
}

fn print(packets: &[Packet]) {
    for packet in packets {
        println!(
            "{:.3} {} -> {} ttl {}",
            packet.at.as_secs_f64(),
            packet.source,
            packet.destination,
            packet.ttl
        );
        match Message::decode(&packet.bytes) {
            Ok(message) => {
                for question in &message.questions {
                    println!("    ? {question}");
                }
                for (sign, records) in [
                    ("=", &message.answers),
                    ("~", &message.authorities),
                    ("+", &message.additionals),
                ] {
                    for record in records {
                        println!("    {sign} {record}");
                    }
                }
            }
            Err(error) => println!("    {error}"),
        }
    }
}

async fn talk(juliet: &mut RunningPeer, romeo: &mut RunningPeer) {
    for peer in [&*juliet, &*romeo] {
        peer.hook("announce", &[]).await.unwrap();
    }
    let online =
        |name: String| move |e: &PeerEvent| matches!(e, PeerEvent::Online(c) if c.peer == name);
    let offline = |name: String| move |e: &PeerEvent| matches!(e, PeerEvent::Offline { peer } if *peer == name);
    let mut at = sees(juliet, 0, online(romeo.instance.clone())).await;
    let mut at_romeo = sees(romeo, 0, online(juliet.instance.clone())).await;

    let text = "on the balcony & <alone> jülia";
    juliet
        .hook("status", &[("status", "away"), ("text", text)])
        .await
        .unwrap();
    at_romeo = sees(
        romeo,
        at_romeo,
        |e| matches!(e, PeerEvent::Status(c) if c.text == text),
    )
    .await;
    // No tags: libpurple takes the text of a plain <body/> for HTML.
    let words = "Wherefore art thou & why? \"jülia\" 🎭";
    juliet
        .hook("message", &[("to", &romeo.instance), ("text", words)])
        .await
        .unwrap();
    at_romeo = sees(romeo, at_romeo, |e| {
        matches!(e, PeerEvent::Message { peer, text } if *peer == juliet.instance && text == words)
    })
    .await;
    romeo
        .hook("message", &[("to", &juliet.instance), ("text", words)])
        .await
        .unwrap();
    at = sees(juliet, at, |e| {
        matches!(e, PeerEvent::Message { peer, text } if *peer == romeo.instance && text == words)
    })
    .await;
    juliet
        .hook("close", &[("to", &romeo.instance)])
        .await
        .unwrap();
    romeo.hook("withdraw", &[]).await.unwrap();
    at = sees(juliet, at, offline(romeo.instance.clone())).await;
    romeo.hook("announce", &[]).await.unwrap();
    at = sees(juliet, at, online(romeo.instance.clone())).await;
    romeo.end(false).await;
    at = sees(juliet, at, offline(romeo.instance.clone())).await;
    romeo.restart().await.unwrap();
    romeo.hook("announce", &[]).await.unwrap();
    sees(juliet, at, online(romeo.instance.clone())).await;
    let list = romeo.list().await.unwrap();
    assert!(list.len() <= 1);
    let _ = at_romeo;
}

pub(super) fn beside_itself(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    let hosts = ["pronto", "forza"].map(|n| segment.host(n).unwrap());
    let observer = segment.host("observer").unwrap();
    runtime().block_on(async {
        let instrument = Instrument::on_host(&observer).unwrap();
        let mut juliet = reference(&hosts[0], "juliet").await;
        let mut romeo = reference(&hosts[1], "romeo").await;
        talk(&mut juliet, &mut romeo).await;
        juliet.stop().await;
        romeo.stop().await;
        if std::env::var_os("SHOW_PACKETS").is_some() {
            print(&instrument.packets(0));
        }
        for packet in instrument.packets(0) {
            let complaints = complaints(&packet.read().unwrap());
            assert!(complaints.is_empty(), "{complaints:?}");
            assert_eq!((packet.ttl, packet.direction), (255, Direction::Received));
        }
    });
}

pub(super) fn beside_libpurple(entered: &Entered) {
    let profile = Profile::load("libpurple").unwrap();
    if !profile.missing().is_empty() {
        println!("        SKIPPED: {}", profile.install_hint());
        return;
    }
    for libpurple_first in [false, true] {
        let segment = Segment::new(entered, 0).unwrap();
        let hosts = ["pronto", "forza"].map(|n| segment.host(n).unwrap());
        runtime().block_on(async {
            let mut juliet = reference(&hosts[0], "juliet").await;
            let mut romeo = RunningPeer::start(&profile, entered, &hosts[1], "romeo")
                .await
                .unwrap();
            if libpurple_first {
                talk(&mut romeo, &mut juliet).await;
            } else {
                talk(&mut juliet, &mut romeo).await;
            }
            juliet.stop().await;
            romeo.stop().await;
        });
    }
}
