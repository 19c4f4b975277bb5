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
        assert!(bad.is_empty(), "{bad:?}");
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
