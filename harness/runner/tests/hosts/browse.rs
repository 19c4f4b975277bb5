//! `xmppspec browse` on a link with peers.

use std::process::{Command, Output};

use xmppspec::world::{Entered, Host, Segment};

use super::instruments::runtime;
use super::reference::reference;

pub(super) fn browse(host: &Host, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xmppspec"));
    command.arg("browse").args(args);
    host.enter(&mut command, std::path::Path::new("/"));
    command.output().unwrap()
}

pub(super) fn shows_who_is_there(entered: &Entered) {
    let segment = Segment::new(entered, 0).unwrap();
    let [pronto, observer] = ["pronto", "observer"].map(|n| segment.host(n).unwrap());
    let output = browse(&observer, &["eth0", "--for", "0.2"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(4),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        text,
        "0 peers on eth0, 0 packets from 0 addresses in 0.2 s\n"
    );

    let output = runtime().block_on(async {
        let juliet = reference(&pronto, "juliet").await;
        juliet.hook("announce", &[]).await.unwrap();
        let output =
            tokio::task::spawn_blocking(move || browse(&observer, &["eth0", "--for", "2"]))
                .await
                .unwrap();
        juliet.stop().await;
        output
    });
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("juliet@pronto  avail\n  _presence._tcp.local. 4500 IN PTR juliet@pronto._presence._tcp.local.\n"), "{text}");
    for piece in [
        "FLUSH IN SRV 0 0 ",
        "FLUSH IN TXT \"txtvers=1\"",
        "pronto.local. 120 FLUSH IN A 10.174.0.1\n",
        "pronto.local. 120 FLUSH IN AAAA fe80::1\n",
        "\n1 peer on eth0, ",
    ] {
        assert!(text.contains(piece), "no {piece:?} in {text}");
    }
    assert!(!text.contains("wrong"), "{text}");

    let output = browse(&pronto, &["eth7"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there are: lo, eth0"));
}
