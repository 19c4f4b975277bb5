//! Runs on serverless peers, as users start them: in a world and without one, beside each other.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn xmppspec(args: &[&str]) -> Command {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xmppspec"));
    command.args(args).current_dir(files).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    xmppspec(args).output().expect("the program")
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{:?}\n{out}{err}", output.status)
}

/// Whether this machine makes no worlds.
fn is_refused(output: &Output) -> bool {
    String::from_utf8_lossy(&output.stderr).contains("no closed world here")
}

/// The cases and their verdicts, from the results in JSON.
fn verdicts(output: &Output) -> Vec<(String, String)> {
    let results: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(output)));
    let word = |value: &serde_json::Value| value.as_str().expect("a word").to_owned();
    let cases = results["cases"].as_array().expect("cases");
    cases
        .iter()
        .map(|case| (word(&case["name"]), word(&case["verdict"])))
        .collect()
}

#[test]
fn two_runs_at_once_are_undisturbed() {
    // Names that are taken, conflicts, who is seen: what another peer would change first. All targets have the same name.
    let cases = [
        "xep0174/3-user-name-taken",
        "xep0174/3-records",
        "xep0174/4-shown",
        "xep0174/mdns-9-conflict",
    ];
    let spawn = |more: &[&str]| -> Child {
        let args = [&["run", "--role", "peer", "--format", "json"], more, &cases].concat();
        let mut command = xmppspec(&args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program")
    };
    let without = ["--no-world"];
    let children = [&[][..], &[], &without, &without].map(spawn);
    let outputs = children.map(|child| child.wait_with_output().expect("its end"));
    for output in &outputs {
        if is_refused(output) {
            println!("SKIPPED in a world: this machine makes none");
            continue;
        }
        let verdicts = verdicts(output);
        assert!(verdicts.len() > 15, "{verdicts:?}");
        let bad: Vec<_> = verdicts.iter().filter(|(_, v)| v != "pass").collect();
        assert!(bad.is_empty(), "{bad:?}: {}", text(output));
        assert_eq!(output.status.code(), Some(0), "{}", text(output));
    }
}

#[test]
fn what_loopback_cannot_give() {
    let ipv6 = ["run", "--role", "peer", "both-addresses.scs"];
    let output = run(&ipv6);
    if is_refused(&output) {
        println!("SKIPPED in a world: this machine makes none");
    } else {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    let output = run(&[&ipv6[..], &["--no-world", "-v"]].concat());
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    let reason = "loopback carries no IPv6 multicast, and this case needs it";
    assert!(text(&output).contains(reason), "{}", text(&output));

    let output = run(&["run", "--target", "./some-peer.toml", "--no-world"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let reason = "some-peer cannot be judged without a closed world";
    assert!(text(&output).contains(reason), "{}", text(&output));
}

#[test]
fn a_packet_of_ours_that_is_late_accuses_nobody() {
    let output = run(&["run", "--role", "peer", "--no-world", "late.scs"]);
    let shown = text(&output);
    assert!(shown.contains("1 blocked"), "{shown}");
    assert!(shown.contains("our own packet was late"), "{shown}");
}

#[test]
fn packets_are_in_results_and_captures() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (results, pcap, junit) = (file("r.json"), file("r.pcapng"), file("r.xml"));
    let output = run(&[
        "run",
        "--role",
        "peer",
        "--no-world",
        "xep0174/7-addresses",
        "-vv",
        "--results",
        &results,
        "--pcap",
        &pcap,
        "--report",
        &format!("junit={junit}"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let record = "= _presence._tcp.local. 4500 IN PTR juliet@pronto._presence._tcp.local.";
    let shown = "5353 > 224.0.0.251:5353, IP TTL 255";
    assert!(text(&output).contains(shown), "{}", text(&output));

    let results = std::fs::read(results).expect("results");
    let results: serde_json::Value = serde_json::from_slice(&results).expect("JSON");
    let transcript = results["cases"][0]["transcript"].as_array().expect("it");
    let times = transcript
        .iter()
        .map(|e| e["at_ms"].as_f64().expect("a time"));
    assert!(times.is_sorted(), "{transcript:#?}");
    let packets: Vec<_> = transcript.iter().filter(|e| e["layer"] == "mdns").collect();
    let announced = packets.iter().find(|e| {
        let text = e["packet"]["text"].as_str().expect("a text");
        e["direction"] == "received" && text.contains(record)
    });
    let announced = announced.expect("an announcement");
    assert!(announced["base64"].is_string(), "{announced:#}");
    assert_eq!(announced["packet"]["destination"], "224.0.0.251:5353");
    assert_eq!(announced["packet"]["ttl"], 255);
    assert!(packets.iter().any(|e| e["direction"] == "sent"));
    assert!(transcript.iter().any(|e| e["layer"] == "plain"));

    let bytes = std::fs::read(pcap).expect("a capture");
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    // TTL, UDP; the group, both ports; whose it is; and the stream.
    assert!(has(&[255, 17]) && has(&[224, 0, 0, 251, 0x14, 0xe9, 0x14, 0xe9]));
    assert!(has(b"xep0174/7-addresses: Romeo") && has(b"<stream:stream"));
    let junit = std::fs::read_to_string(junit).expect("a report");
    assert!(junit.contains("xep0174/7-addresses"), "{junit}");
}

#[test]
fn a_machine_without_user_namespaces_is_told_so() {
    let script = "echo 0 > /proc/sys/user/max_user_namespaces || exit 99; exec \"$@\"";
    let inside = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "sh", "-c", script, "sh"]);
        let command = command.arg(env!("CARGO_BIN_EXE_xmppspec")).args(args);
        command.stdin(Stdio::null()).output()
    };
    for args in [
        &["run", "--role", "peer"][..],
        &["doctor"],
        &["selftest", "--role", "peer"],
    ] {
        let output = match inside(args) {
            Ok(output) if matches!(output.status.code(), Some(0 | 3)) => output,
            other => {
                println!("SKIPPED: no user namespace can be made for this test: {other:?}");
                return;
            }
        };
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        for advice in [
            "sysctl -w user.max_user_namespaces=1000",
            "or pass --no-world",
        ] {
            assert!(text(&output).contains(advice), "{}", text(&output));
        }
    }
    let output = inside(&[
        "run",
        "--role",
        "peer",
        "--no-world",
        "xep0174/13.4-private",
    ]);
    let output = output.expect("the program");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}
