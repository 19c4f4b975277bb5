//! Runs without a world on a machine that has a network, here a host of a world.

use std::net::{IpAddr, UdpSocket};
use std::process::{Command, Output, Stdio};

use xmppspec::peer::Instrument;
use xmppspec::world::{Entered, Host, Segment};

use super::instruments::runtime;

fn run_on(machine: &Host, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xmppspec"));
    command.args(args).stdin(Stdio::null());
    machine.run_in(|| command.output()).unwrap().unwrap()
}

const RUN: [&str; 4] = ["run", "--role", "peer", "--no-world"];

pub(super) fn stays_on_loopback(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    let [machine, observer] = ["machine", "observer"].map(|name| segment.host(name).unwrap());
    let runtime = runtime();
    let _inside = runtime.enter();
    let instrument = Instrument::on_host(&observer).unwrap();
    // A responder of the machine that shares the port, and hears what the groups on its interfaces say.
    let _responder = Instrument::on_host(&machine).unwrap();
    let output = run_on(&machine, &[&RUN[..], &["xep0174/3-records"]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("conformant. 10 cases: 10 pass"), "{text}");
    // Said last, to see that everything before it would have been heard.
    let last = run_on(&machine, &["browse", "eth0", "--for", "0.1"]);
    assert_eq!(last.status.code(), Some(4), "{last:?}");
    runtime.block_on(instrument.until(0, |_| Some(())));
    let first = &instrument.packets(0)[0];
    let question = first.read().unwrap().message.questions[0].to_string();
    assert_eq!(question, "_presence._tcp.local. IN PTR");
    // It asks over IPv4 and IPv6; either may be heard first.
    let link = &machine.links[0];
    let own = [link.v4.map(IpAddr::from), link.v6.map(IpAddr::from)];
    assert!(
        own.contains(&Some(first.source.ip())),
        "{first:?}: something else was said on the network before"
    );
}

pub(super) fn a_port_that_is_not_shared(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    let machine = segment.host("machine").unwrap();
    let selfish = machine.run_in(|| UdpSocket::bind("0.0.0.0:5353")).unwrap();
    let _selfish = selfish.unwrap();
    for (args, code) in [(&RUN[..], 3), (&["browse", "lo"], 2)] {
        let output = run_on(&machine, args);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(
            text.contains("another program has UDP port 5353 for itself"),
            "{text}"
        );
    }
}
