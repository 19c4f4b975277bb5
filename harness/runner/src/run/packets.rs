//! Packets of multicast DNS, as people read them and as transcripts keep them.

use std::time::Duration;

use xmppspec_protocol::mdns::Seen;
use xmppspec_reports as reports;

use crate::peer::{Direction, Packet};

/// A packet in words; `began` is when its instrument began, in the time of the transcript.
pub(super) fn told(packet: &Packet, began: Duration) -> String {
    let (way, other) = match packet.direction {
        Direction::Sent => ("to", packet.destination),
        Direction::Received => ("from", packet.source),
    };
    format!(
        "{:.3} s, {way} {other}, IP TTL {}\n{}",
        (began + packet.at).as_secs_f64(),
        packet.ttl,
        text(packet)
    )
}

/// A packet beside its bytes.
pub(super) fn kept(packet: &Packet) -> reports::Packet {
    reports::Packet {
        source: packet.source.to_string(),
        destination: packet.destination.to_string(),
        ttl: packet.ttl,
        text: text(packet),
    }
}

/// The message in it, in zone-file form; why there is none, and its bytes.
fn text(packet: &Packet) -> String {
    match packet.read() {
        Ok(seen) => lines(&seen),
        Err(error) => format!("{error}\n{}", packet.bytes.escape_ascii()),
    }
}

fn lines(seen: &Seen) -> String {
    let message = &seen.message;
    let mut lines = vec![format!("id {} flags 0x{:04x}", message.id, message.flags.0)];
    lines.extend(message.questions.iter().map(|q| format!("? {q}")));
    for (sign, records) in [
        ("=", &message.answers),
        ("~", &message.authorities),
        ("+", &message.additionals),
    ] {
        lines.extend(records.iter().map(|r| format!("{sign} {r}")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmppspec_protocol::dns::Message;

    #[test]
    fn what_was_heard_and_what_cannot_be_read() {
        let record = "pronto.local. 120 FLUSH IN A 10.174.0.1".parse().unwrap();
        let mut packet = Packet {
            at: Duration::from_millis(250),
            direction: Direction::Received,
            source: "10.174.0.1:5353".parse().unwrap(),
            destination: "224.0.0.251:5353".parse().unwrap(),
            ttl: 255,
            interface: 1,
            bytes: Message::response(vec![record]).encode(true).into(),
        };
        assert_eq!(
            told(&packet, Duration::from_secs(1)),
            "1.250 s, from 10.174.0.1:5353, IP TTL 255\n\
             id 0 flags 0x8400\n= pronto.local. 120 FLUSH IN A 10.174.0.1"
        );
        packet.bytes = b"\x00\xff"[..].into();
        packet.direction = Direction::Sent;
        let text = told(&packet, Duration::ZERO);
        assert!(
            text.starts_with("0.250 s, to 224.0.0.251:5353, IP TTL 255\n"),
            "{text}"
        );
        assert!(text.ends_with("\n\\x00\\xff"), "{text}");
        assert!(text.ends_with(&kept(&packet).text));
    }
}
