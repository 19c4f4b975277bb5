//! libpurple with avahi, as a target.

use std::time::{Duration, Instant};

use xmppspec::peer::{Instrument, Packet};
use xmppspec::target::{HookError, PeerEvent, Profile, RunningPeer, Seen};
use xmppspec::world::{Entered, Segment};

use super::instruments::runtime;

const PATIENCE: Duration = Duration::from_secs(20);

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

fn says(packet: &Packet, what: &str) -> bool {
    packet
        .bytes
        .windows(what.len())
        .any(|w| w == what.as_bytes())
}

pub(super) fn two_peers(entered: &Entered) {
    let profile = Profile::load("libpurple").unwrap();
    if !profile.missing().is_empty() {
        println!("        SKIPPED: {}", profile.install_hint());
        return;
    }
    let segment = Segment::new(entered, 0).unwrap();
    let hosts = ["pronto", "forza"].map(|n| segment.host(n).unwrap());
    let observer = segment.host("observer").unwrap();
    runtime().block_on(async {
        let instrument = Instrument::on_host(&observer).unwrap();
        let (juliet, romeo) = tokio::join!(
            RunningPeer::start(&profile, entered, &hosts[0], "juliet"),
            RunningPeer::start(&profile, entered, &hosts[1], "romeo"),
        );
        let (mut juliet, mut romeo) = (juliet.unwrap(), romeo.unwrap());
        println!("        started in {:?}", juliet.start_time);
        assert_eq!((juliet.instance.as_str(), juliet.is_watched()), ("juliet@pronto", true));
        assert!(!instrument.packets(0).iter().any(|p| says(p, "juliet")), "online before it was asked to be");

        for peer in [&juliet, &romeo] {
            peer.hook("announce", &[]).await.unwrap();
        }
        let online = |name: &'static str| move |e: &PeerEvent| matches!(e, PeerEvent::Online(c) if c.peer == name);
        let mut at = sees(&juliet, 0, online("romeo@forza")).await;
        let mut at_romeo = sees(&romeo, 0, online("juliet@pronto")).await;
        let look = |p: &Packet| (says(p, "juliet@pronto") && says(p, "txtvers=1")).then(|| p.clone());
        let packet = tokio::time::timeout(PATIENCE, instrument.until(0, look)).await.unwrap();
        assert_eq!((packet.ttl, packet.source.port()), (255, 5353));

        let began = Instant::now();
        let text = [("status", "away"), ("text", "on the balcony & <alone> jülia")];
        juliet.hook("status", &text).await.unwrap();
        println!("        a hook in {:?}", began.elapsed());
        at_romeo = sees(&romeo, at_romeo, |e| {
            matches!(e, PeerEvent::Status(c) if c.status == "away" && c.text == text[1].1)
        })
        .await;
        let list = romeo.list().await.unwrap();
        assert_eq!((list.len(), list[0].peer.as_str(), list[0].status.as_str()), (1, "juliet@pronto", "away"));

        let words = "Wherefore art thou & <b>why</b>? \"jülia\" 🎭";
        juliet.hook("message", &[("to", "romeo@forza"), ("text", words)]).await.unwrap();
        at_romeo = sees(&romeo, at_romeo, |e| {
            matches!(e, PeerEvent::Message { peer, text } if peer == "juliet@pronto" && text == words)
        })
        .await;
        juliet.hook("close", &[("to", "romeo@forza")]).await.unwrap();

        romeo.hook("withdraw", &[]).await.unwrap();
        let offline = |name: &'static str| move |e: &PeerEvent| matches!(e, PeerEvent::Offline { peer } if peer == name);
        at = sees(&juliet, at, offline("romeo@forza")).await;
        romeo.hook("announce", &[]).await.unwrap();
        at = sees(&juliet, at, online("romeo@forza")).await;
        // The end of the program is a goodbye too.
        romeo.end(false).await;
        at = sees(&juliet, at, offline("romeo@forza")).await;
        romeo.restart().await.unwrap();
        romeo.hook("announce", &[]).await.unwrap();
        at = sees(&juliet, at, online("romeo@forza")).await;
        assert!(romeo.alive());
        romeo.end(true).await;
        sees(&juliet, at, offline("romeo@forza")).await;
        let _ = at_romeo;

        // What a profile cannot do is told from what failed.
        assert!(matches!(juliet.hook("dance", &[]).await, Err(HookError::Missing(_))));
        let dnd = juliet.hook("status", &[("status", "dnd")]).await;
        assert!(matches!(dnd, Err(HookError::Unavailable(_))), "{dnd:?}");
        let error = juliet.hook("close", &[("to", "nobody@nowhere")]).await.unwrap_err().to_string();
        assert!(error.contains("there is no conversation with nobody@nowhere"), "{error}");
        romeo.stop().await;
        let began = Instant::now();
        juliet.end(true).await;
        juliet.stop().await;
        println!("        stopped in {:?}; {} packets", began.elapsed(), instrument.len());
    });
}

pub(super) fn a_crash(entered: &Entered) {
    let profile = Profile::load("libpurple").unwrap();
    if !profile.missing().is_empty() {
        println!("        SKIPPED: {}", profile.install_hint());
        return;
    }
    let segment = Segment::new(entered, 0).unwrap();
    let host = segment.host("pronto").unwrap();
    runtime().block_on(async {
        let juliet = RunningPeer::start(&profile, entered, &host, "juliet")
            .await
            .unwrap();
        let mut kill = std::process::Command::new("/usr/bin/pkill");
        kill.args(["-SEGV", "-f", "driver.py serve"]);
        assert!(kill.status().unwrap().success());
        let death = tokio::time::timeout(PATIENCE, juliet.died()).await.unwrap();
        assert_eq!(
            (death.process.as_str(), death.status.as_str()),
            ("libpurple", "signal 11, SIGSEGV")
        );
        assert!(!juliet.alive());
    });
}
