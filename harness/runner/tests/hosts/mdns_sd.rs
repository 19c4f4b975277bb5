//! Our instrument and our peer beside `mdns-sd`, a responder and browser that we did not write.

use std::net::IpAddr;
use std::time::Duration;

use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo};
use xmppspec::peer::{Instrument, Packet};
use xmppspec::world::{Entered, Host, Segment};
use xmppspec_protocol::dns::{Data, Name, Record};
use xmppspec_protocol::mdns::{goodbyes, keys, probes};

use super::instruments::runtime;
use super::reference::reference;

const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon on a host: it binds its sockets, and starts its thread, in the namespace of who makes it. Elsewhere it would join the
/// groups on every interface.
fn daemon(host: &Host) -> ServiceDaemon {
    host.run_in(ServiceDaemon::new).unwrap().unwrap()
}

/// The first packet in which a record looks like this.
async fn hears(instrument: &Instrument, wanted: impl Fn(&Record) -> bool) -> Packet {
    let look = |packet: &Packet| {
        let seen = packet.read().ok()?;
        seen.message
            .answers
            .iter()
            .any(&wanted)
            .then(|| packet.clone())
    };
    let found = tokio::time::timeout(PATIENCE, instrument.until(0, look)).await;
    found.expect("a packet with the record")
}

/// The instrument hears another implementation probe, announce and say goodbye, as it is.
pub(super) fn is_heard(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    let [forza, observer] = ["forza", "observer"].map(|n| segment.host(n).unwrap());
    let own = IpAddr::V4(forza.links[0].v4.unwrap());
    runtime().block_on(async {
        let instrument = Instrument::on_host(&observer).unwrap();
        let daemon = daemon(&forza);
        let properties = [("txtvers", "1"), ("status", "avail")];
        let info = ServiceInfo::new(
            "_presence._tcp.local.",
            "romeo@forza",
            "forza.local.",
            own,
            5298,
            &properties[..],
        )
        .unwrap();
        let instance = info.get_fullname().to_owned();
        daemon.register(info).unwrap();
        let text = |record: &Record| record.to_string();
        hears(&instrument, |r| {
            text(r).contains("IN SRV 0 0 5298 forza.local.")
        })
        .await;
        hears(&instrument, |r| {
            text(r).contains("IN PTR romeo@forza._presence._tcp.local.")
        })
        .await;
        let txt = hears(&instrument, |r| text(r).contains("IN TXT")).await;
        let seen = txt.read().unwrap();
        let strings: Vec<_> = seen
            .message
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                Data::Txt(strings) => Some(strings.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let names: Vec<&[u8]> = keys(&strings).map(|(key, _)| key).collect();
        assert!(
            names.contains(&&b"txtvers"[..]) && names.contains(&&b"status"[..]),
            "{names:?}"
        );

        daemon.unregister(&instance).unwrap();
        hears(&instrument, |r| {
            r.ttl == 0 && text(r).contains("PTR romeo@forza")
        })
        .await;
        let log: Vec<_> = instrument
            .packets(0)
            .iter()
            .filter_map(|p| p.read().ok())
            .collect();
        assert!(!goodbyes(&log).is_empty());
        let name: Name = instance.parse().unwrap();
        assert!(
            !probes(&log, &name).is_empty(),
            "it probes (RFC 6762 section 8.1)"
        );
        daemon.shutdown().unwrap();
    });
}

/// Another implementation finds the embedded peer, and sees it go.
pub(super) fn sees_the_reference(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    let [pronto, observer] = ["pronto", "observer"].map(|n| segment.host(n).unwrap());
    runtime().block_on(async {
        let daemon = daemon(&observer);
        let events = daemon.browse("_presence._tcp.local.").unwrap();
        let juliet = reference(&pronto, "juliet").await;
        juliet.hook("announce", &[]).await.unwrap();
        let resolved = async {
            loop {
                if let ServiceEvent::ServiceResolved(service) = events.recv_async().await.unwrap() {
                    return service;
                }
            }
        };
        let service = tokio::time::timeout(PATIENCE, resolved)
            .await
            .expect("resolved");
        assert_eq!(service.fullname, "juliet@pronto._presence._tcp.local.");
        assert_eq!(service.host, "pronto.local.");
        assert_eq!(
            service.txt_properties.get_property_val_str("txtvers"),
            Some("1")
        );
        juliet.hook("withdraw", &[]).await.unwrap();
        let removed = async {
            loop {
                if let ServiceEvent::ServiceRemoved(_, name) = events.recv_async().await.unwrap() {
                    return name;
                }
            }
        };
        let name = tokio::time::timeout(PATIENCE, removed)
            .await
            .expect("removed");
        assert_eq!(name, "juliet@pronto._presence._tcp.local.");
        juliet.stop().await;
        daemon.shutdown().unwrap();
    });
}
