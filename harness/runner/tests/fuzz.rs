//! Campaigns as users run them: with parsers that misbehave, and interrupted.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn xmppspec(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xmppspec"));
    command
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Refuses everything but the trial, and does something worse with four documents.
const BAD_PARSER: &str = r#"
import os, struct, sys
worse = dict(zip(map(bytes.fromhex, sys.argv[1:]), ["crash", "garbage", "memory", "hang"]))
pipe, out = sys.stdin.buffer, sys.stdout.buffer
def answer(bytes):
    out.write(struct.pack("<I", len(bytes)) + bytes)
    out.flush()
while len(head := pipe.read(4)) == 4:
    document = pipe.read(struct.unpack("<I", head)[0])
    what = worse.get(document)
    if what == "crash":
        os.abort()
    elif what == "garbage":
        answer(b"what?")
    elif what == "memory":
        hoard = b"x" * (400 << 20)
        pipe.read()
    elif what == "hang":
        pipe.read()
    elif document == b"<a/>":
        answer(b"start {}a\nend {}a")
    else:
        answer(b"error: no")
"#;

/// Seeds that campaigns begin with.
const FIRST: [&str; 4] = [
    "attribute-twice.xml",
    "bom.xml",
    "c1.xml",
    "cdata-end-split.xml",
];

#[test]
fn a_parser_that_misbehaves_is_reported_and_the_campaign_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("bad.py"), BAD_PARSER).expect("a program");
    // In a shell of its own, whose child is what hoards.
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/differential");
    let mut shell = String::from("python3 bad.py");
    for name in FIRST {
        let bytes = std::fs::read(seeds.join(name)).expect("a seed");
        shell.push(' ');
        shell.extend(bytes.iter().map(|byte| format!("{byte:02x}")));
    }
    std::fs::write(folder.path().join("bad.sh"), shell + "; exit\n").expect("a program");
    let output = xmppspec(
        &[
            "fuzz",
            "parser",
            "--exec",
            "sh bad.sh",
            "--for",
            "20s",
            "--timeout",
            "1",
            "--memory",
            "200",
            "--findings",
            "found",
        ],
        folder.path(),
    )
    .output()
    .expect("the program");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let found = json(&folder.path().join("found/findings.json"));
    let buckets: Vec<&str> = found
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|finding| finding["bucket"].as_str())
        .collect();
    for how in ["crash", "garbage", "memory", "hang"] {
        let expected = format!("sh bad.sh fails: {how}");
        assert!(buckets.contains(&&*expected), "{expected}: {buckets:?}");
    }
    assert!(
        buckets.contains(&"sh bad.sh refuses what xmppspec reads: no"),
        "{buckets:?}"
    );
    assert!(
        shown.contains(" documents in "),
        "it went on to its end: {shown}"
    );
}

#[test]
fn a_night_goes_on_after_an_interruption() {
    let folder = tempfile::tempdir().expect("a folder");
    let night = |time: &'static str| {
        let args = [
            "fuzz",
            "overnight",
            "--only",
            "properties",
            "--out",
            "night",
            "--for",
            time,
        ];
        xmppspec(&args, folder.path())
    };
    let mut child = night("10m")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let begun = lines
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains("properties seed"));
    assert!(begun.is_some(), "the campaign has begun");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("an id"));
    kill(pid, Signal::SIGINT).expect("kill");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("its end").code(), Some(130), "{rest:?}");
    let results = json(&folder.path().join("night/results.json"));
    assert_eq!(results["interrupted"], true);
    assert_eq!(results["cases"][0]["name"], "fuzz/properties");

    // A campaign gets no turn of less than five seconds.
    let output = night("9s").output().expect("the program");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.starts_with("goes on after "), "{shown}");
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let results = json(&folder.path().join("night/results.json"));
    assert_eq!(results["interrupted"], false);
    assert_eq!(results["summary"]["pass"], 1);
}
