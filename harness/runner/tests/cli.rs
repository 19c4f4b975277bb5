//! The program as users meet it: what it prints, where, and the code it ends with. The files that it is given are in
//! `tests/cli`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[path = "cli/doap.rs"]
mod doap;

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli")
}

fn xmppspec(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xmppspec"));
    command.args(args).current_dir(files()).stdin(Stdio::null());
    for name in ["COLUMNS", "CLICOLOR_FORCE", "CLICOLOR", "NO_COLOR"] {
        command.env_remove(name);
    }
    command
}

fn run(args: &[&str]) -> Output {
    xmppspec(args).output().expect("the program")
}

fn run_with_input(args: &[&str], input: &[u8]) -> Output {
    let mut command = xmppspec(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let mut pipe = child.stdin.take().expect("its input");
    // Beside the reading: pipes hold little, and it may end before it has read all.
    std::thread::scope(|scope| {
        scope.spawn(move || pipe.write_all(input));
        child.wait_with_output().expect("its end")
    })
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// Everything that came out, as one text.
fn shown(output: &Output) -> String {
    let code = code(output).map_or("a signal".to_owned(), |code| code.to_string());
    format!(
        "exit {code}\n-- stdout\n{}-- stderr\n{}",
        stdout(output),
        stderr(output)
    )
}

/// Compares with the snapshot; what differs from run to run is left out.
fn check(name: &str, output: &Output) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("cli/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"\(\d+(\.\d+)? m?s, seed \d+\)", "(TIME, seed SEED)");
    settings.add_filter(r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:PORT");
    settings.add_filter(r"(?m)^ +[0-9.]+ ms ", "  TIME ms ");
    settings.add_filter(r"\(os error \d+\)", "(os error)");
    settings.bind(|| insta::assert_snapshot!(name, shown(output)));
}

#[test]
fn the_version() {
    let output = run(&["--version"]);
    assert_eq!(
        shown(&output),
        format!(
            "exit 0\n-- stdout\nxmppspec {}\n-- stderr\n",
            env!("CARGO_PKG_VERSION")
        )
    );
}

#[test]
fn without_arguments_it_tells_what_it_is() {
    let output = run(&[]);
    assert_eq!((code(&output), stdout(&output).as_str()), (Some(2), ""));
    for word in [
        "Tells whether",
        "run",
        "explain",
        "Examples:",
        "Exit codes:",
    ] {
        assert!(stderr(&output).contains(word), "{word}");
    }
}

#[test]
fn every_command_has_help_with_examples_where_needed() {
    for command in [
        "run", "list", "explain", "check", "parse", "serve", "targets", "report", "compare",
        "doap", "doctor",
    ] {
        for flag in ["-h", "--help"] {
            let output = run(&[command, flag]);
            assert_eq!(
                (code(&output), stderr(&output).as_str()),
                (Some(0), ""),
                "{command}"
            );
            let text = stdout(&output);
            assert!(
                text.contains(&format!("Usage: xmppspec {command}")),
                "{text}"
            );
            assert!(
                ["targets", "doctor"].contains(&command) || text.contains("Example"),
                "{text}"
            );
            // The width of what is no terminal.
            assert!(
                text.lines().all(|line| line.chars().count() <= 100),
                "{text}"
            );
        }
    }
    let faults = stdout(&run(&["serve", "--help"]));
    for fault in xmppspec_reference::Fault::ALL {
        assert!(faults.contains(fault.name()), "{fault}");
    }
}

#[test]
fn words_that_nobody_knows() {
    check("unknown-command", &run(&["rnu"]));
    check("unknown-option", &run(&["run", "--targt", "prosody"]));
    check(
        "unknown-fault",
        &run(&["run", "--fault", "header-without-idd"]),
    );
    let format = run(&["run", "--report", "junitt=x.xml"]);
    assert_eq!(code(&format), Some(2));
    assert!(stderr(&format).contains("there is no report format `junitt`; there are "));
    check(
        "account-without-password",
        &run(&[
            "run",
            "--connect",
            "localhost",
            "--domain",
            "a",
            "--account",
            "romeo",
        ]),
    );
    check(
        "connect-without-domain",
        &run(&["run", "--connect", "localhost"]),
    );
    check(
        "fault-of-another-target",
        &run(&["run", "--target", "prosody", "--fault", "header-without-id"]),
    );
}

#[test]
fn lists() {
    check("list", &run(&["list", "rows.scs", "host-unknown.scs"]));
    check("list-json", &run(&["list", "rows.scs", "--format", "json"]));
    check(
        "list-requirements",
        &run(&["list", "host-unknown.scs", "--requirements"]),
    );
    check("list-nothing", &run(&["list", "--role", "client"]));

    let all = run(&["list"]);
    assert_eq!(code(&all), Some(0));
    assert!(stdout(&all).lines().count() > 200);
    let covered = stdout(&run(&["list", "--requirements", "--format", "json"]));
    let covered: serde_json::Value = serde_json::from_str(&covered).expect("JSON");
    let uncovered = stdout(&run(&["list", "--uncovered", "--format", "json"]));
    let uncovered: serde_json::Value = serde_json::from_str(&uncovered).expect("JSON");
    let rows = |value: &serde_json::Value| value.as_array().expect("a list").clone();
    let without: Vec<_> = rows(&covered)
        .into_iter()
        .filter(|row| row["cases"] == 0)
        .collect();
    assert!(!without.is_empty());
    assert_eq!(rows(&uncovered), without);
}

#[test]
fn selectors_that_select_nothing() {
    check(
        "selector-misspelt",
        &run(&["list", "rfc6120/4.9.3.6-host-unkown"]),
    );
    check("selector-nonsense", &run(&["run", "nonsense"]));
    check(
        "selector-unknown-requirement",
        &run(&["run", "RFC6120-4.9.3.6-99"]),
    );
    check(
        "selector-uncovered-requirement",
        &run(&["run", "XEP0174-DISC-06"]),
    );
    check("selector-missing-file", &run(&["run", "missing.scs"]));
    check("selector-other-role", &run(&["run", "foreign.scs"]));
}

#[test]
fn explains() {
    let requirement = run(&["explain", "rfc6120-4.9.3.6-1"]);
    assert_eq!(
        (code(&requirement), stderr(&requirement).as_str()),
        (Some(0), "")
    );
    for words in [
        "RFC6120-4.9.3.6-1  SHOULD",
        "RFC 6120, section 4.9.3.6  https://www.rfc-editor.org/rfc/rfc6120#section-4.9.3.6",
        "host-unknown: initial 'to' is not an FQDN",
        "binds     server-c2s, server-s2s",
        "the level is a judgement",
        "rfc6120/4.9.3.6-host-unknown  An unknown host is answered with host-unknown",
    ] {
        assert!(
            stdout(&requirement).contains(words),
            "{words}\n{}",
            stdout(&requirement)
        );
    }
    let condition = stdout(&run(&["explain", "not-authorized"]));
    for kind in ["stream error", "SASL failure", "stanza error"] {
        assert!(
            condition.contains(&format!("not-authorized  {kind}")),
            "{condition}"
        );
    }
    assert!(stdout(&run(&["explain", "RFC6120-4.9.3.6"])).contains("RFC6120-4.9.3.6-1  SHOULD"));
    check("explain-case", &run(&["explain", "rows.scs"]));
    check(
        "explain-unknown-id",
        &run(&["explain", "RFC6120-4.9.3.6-1", "RFC6120-4.9.3.6-99"]),
    );
    check(
        "explain-unknown-condition",
        &run(&["explain", "host-unkown"]),
    );
    check("explain-nonsense", &run(&["explain", "nonsense"]));
}

#[test]
fn checks() {
    check(
        "check-good",
        &run(&["check", "host-unknown.scs", "rows.scs"]),
    );
    check("check-mistakes", &run(&["check", "mistakes.scs"]));
    check("check-doubtful", &run(&["check", "doubtful.scs"]));
    assert_eq!(
        code(&run(&["check", "doubtful.scs", "--deny-warnings"])),
        Some(2)
    );
    check(
        "check-stdin",
        &run_with_input(&["check", "-"], b"# A title\nno actor\n"),
    );
    check("check-missing", &run(&["check", "missing.scs"]));
    check(
        "check-not-text",
        &run_with_input(&["check", "-"], b"# \xff"),
    );
    let empty = tempfile::tempdir().expect("a folder");
    let output = run(&["check", empty.path().to_str().expect("a path")]);
    assert_eq!(code(&output), Some(4));
    assert!(stderr(&output).contains("there is no .scs file in"));
}

#[test]
fn parses() {
    check("parse-good", &run(&["parse", "good.xml"]));
    check(
        "parse-comment",
        &run(&["parse", "--element", "comment.xml"]),
    );
    check(
        "parse-incomplete",
        &run_with_input(&["parse", "--stream", "-"], b"<s:s xmlns:s='x'><a/>"),
    );
    check(
        "parse-not-utf-8",
        &run_with_input(&["parse", "-"], b"<a>\xff</a>"),
    );
    check(
        "parse-too-deep",
        &run_with_input(&["parse", "--depth", "2", "-"], b"<a><b><c/></b></a>"),
    );
    check("parse-missing", &run(&["parse", "missing.xml"]));
    assert_eq!(code(&run_with_input(&["parse", "-"], b"")), Some(1));
    let deep = "<a>".repeat(100_000) + &"</a>".repeat(100_000);
    let output = run_with_input(&["parse", "-"], deep.as_bytes());
    assert_eq!(code(&output), Some(0));
    assert_eq!(stdout(&output).lines().count(), 200_000);
}

#[test]
fn nobody_reads_the_rest() {
    for args in [
        &["list"][..],
        &["explain", "RFC6120-4.9.3.6-1"],
        &["run", "rows.scs"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = xmppspec(args).stdout(writer).output().expect("the program");
        assert_eq!(
            (code(&output), stderr(&output).as_str()),
            (Some(0), ""),
            "{args:?}"
        );
    }
    // More than a pipe holds, and it ends before all is read.
    let big = "<r>".to_owned() + &"<a>text</a>".repeat(100_000) + "</r>";
    let mut command = xmppspec(&["parse", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut input = child.stdin.take().expect("its input");
    let feeder = std::thread::spawn(move || input.write_all(big.as_bytes()));
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().expect("its output"))
        .read_line(&mut line)
        .expect("a line");
    assert_eq!(line, "start {}r\n");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
    let _ = feeder.join().expect("the feeder");
}

#[test]
fn a_full_disk_is_told() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let output = xmppspec(&["list"])
        .stdout(full)
        .output()
        .expect("the program");
    assert_eq!(code(&output), Some(2));
    assert!(stderr(&output).starts_with("error: cannot write to standard output: "));
}

#[test]
fn colours_only_where_they_are_wanted() {
    let is_colored = |output: &Output| stdout(output).contains('\x1b');
    let args = &["explain", "RFC6120-4.9.3.6-1"];
    assert!(!is_colored(&run(args)));
    let forced = xmppspec(args)
        .env("CLICOLOR_FORCE", "1")
        .output()
        .expect("the program");
    assert!(is_colored(&forced));
}

#[test]
fn targets_and_what_they_lack() {
    let output = run(&["targets"]);
    assert_eq!((code(&output), stderr(&output).as_str()), (Some(0), ""));
    let text = stdout(&output);
    for name in ["reference", "prosody", "ejabberd", "jabberd2"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&run(&["targets", "--format", "json"]))).expect("JSON");
    for row in json.as_array().expect("a list") {
        let missing = row["missing"].as_array().expect("a list");
        assert_eq!(row["installed"], missing.is_empty());
        assert_eq!(row["install"].is_null(), missing.is_empty());
        // What is missing is said to people too, with the command that installs it.
        if let Some(install) = row["install"].as_str() {
            assert!(text.contains(install), "{text}");
        }
    }
}

#[test]
fn the_doctor_agrees_with_itself() {
    let output = run(&["doctor"]);
    let text = stdout(&output);
    match code(&output) {
        Some(0) => {
            assert!(
                text.starts_with("Closed worlds can be made here."),
                "{text}"
            );
            assert!(
                text.contains("ok    no address outside can be reached"),
                "{text}"
            );
            assert!(!text.contains("  no  "), "{text}");
        }
        Some(3) => {
            assert!(text.contains("  no  "), "{text}");
            assert!(
                stderr(&output).contains("--no-world"),
                "{}",
                stderr(&output)
            );
        }
        other => panic!("{other:?}\n{text}"),
    }
}

#[test]
fn targets_that_cannot_be_tested() {
    check("target-unknown", &run(&["run", "--target", "prosodi"]));
    check("target-typo", &run(&["run", "--target", "./typo.toml"]));
    check(
        "target-missing-profile",
        &run(&["run", "--target", "./no/such/folder"]),
    );
    check(
        "target-not-installed",
        &run(&["run", "--target", "./absent.toml"]),
    );
    check(
        "target-dies",
        &run(&["run", "--target", "./dying.toml", "--no-world"]),
    );
    check(
        "target-port-closed",
        &run(&["run", "--connect", "127.0.0.1:1", "--domain", "example.org"]),
    );
}

#[test]
fn a_server_that_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let server = std::thread::spawn(move || {
        // Whoever connects gets this and no more.
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let mut first = [0; 1];
            if stream
                .read(&mut first)
                .is_ok_and(|n| n == 1 && first == *b"q")
            {
                return;
            }
        }
    });
    let output = run(&[
        "run",
        "--connect",
        &address,
        "--domain",
        "example.org",
        "rfc6120/4.1",
    ]);
    assert_eq!(code(&output), Some(3), "{}", shown(&output));
    assert!(
        stderr(&output).starts_with("error: the target cannot be tested: "),
        "{}",
        stderr(&output)
    );
    let _ = TcpStream::connect(&address).and_then(|mut stream| stream.write_all(b"q"));
    server.join().expect("the server");
}

#[test]
fn scripts_that_are_wrong() {
    check("run-mistakes", &run(&["run", "mistakes.scs"]));
    let is_listed = |args: &[&str]| code(&run(args));
    assert_eq!(is_listed(&["list", "mistakes.scs"]), Some(2));
}

#[test]
fn reports_that_cannot_be_written() {
    check(
        "report-no-folder",
        &run(&["run", "rows.scs", "--report", "junit=no/such/results.xml"]),
    );
    check(
        "report-is-folder",
        &run(&["run", "rows.scs", "--results", "."]),
    );
    check(
        "report-twice",
        &run(&[
            "run",
            "rows.scs",
            "--results",
            "x.json",
            "--report",
            "json=x.json",
        ]),
    );
}

#[test]
fn runs() {
    check("run-quiet", &run(&["run", "rows.scs", "-q"]));
    check("run-dry", &run(&["run", "rows.scs", "--dry-run"]));
    let good = run(&["run", "rows.scs"]);
    assert_eq!((code(&good), stderr(&good).as_str()), (Some(0), ""));
    assert!(
        stdout(&good).contains("conformant. 2 cases: 2 pass"),
        "{}",
        stdout(&good)
    );

    let bad = run(&["run", "rows.scs", "--fault", "header-without-id"]);
    assert_eq!((code(&bad), stderr(&bad).as_str()), (Some(1), ""));
    for words in [
        "FAIL rows[ours]",
        "RFC6120-4.7.3-6 (MUST)",
        "there is no attribute `id`",
        "NOT CONFORMANT",
    ] {
        assert!(stdout(&bad).contains(words), "{words}\n{}", stdout(&bad));
    }
}

#[test]
fn results_become_reports() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    let (results, junit) = (path("results.json"), path("results.xml"));
    let report = format!("junit={junit}");
    let output = run(&[
        "run",
        "rows.scs",
        "--fault",
        "header-without-id",
        "--results",
        &results,
        "--report",
        &report,
        "-q",
    ]);
    assert_eq!(code(&output), Some(1));
    let json = std::fs::read(&results).expect("results");
    let read = xmppspec_reports::Results::from_json(&json).expect("results");
    assert_eq!(
        (read.schema, read.summary.fail, read.cases.len()),
        (1, 2, 2)
    );
    let all = xmppspec_scenarios::catalogue::for_role(xmppspec_scenarios::Role::Server).count();
    assert_eq!(read.requirements.len(), all);
    let xml = std::fs::read_to_string(&junit).expect("a report");
    assert!(
        xml.contains("rows[ours]") && xml.contains("RFC6120-4.7.3-6"),
        "{xml}"
    );

    let again = run(&["report", &results]);
    assert_eq!(code(&again), Some(0));
    assert!(
        stdout(&again).contains("FAIL rows[ours]"),
        "{}",
        stdout(&again)
    );
    assert_eq!(code(&run(&["report", &results, "--gate", "-q"])), Some(1));
    let tap = run(&["report", &results, "--report", "tap=-"]);
    assert!(stdout(&tap).contains("not ok 1"), "{}", stdout(&tap));
    let from_stdin = run_with_input(&["report", "-", "--report", "json=-"], &json);
    assert_eq!(from_stdin.stdout, json);

    let other = path("other.json");
    run(&["run", "host-unknown.scs", "--results", &other, "-q"]);
    let merged = run(&["report", &results, &other, "--report", "json=-"]);
    let merged = xmppspec_reports::Results::from_json(&merged.stdout).expect("results");
    assert_eq!((merged.cases.len(), merged.summary.pass), (3, 1));
}

#[test]
fn results_beside_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    let (good, bad) = (path("good.json"), path("bad.json"));
    let fault = ["--fault", "header-without-id"];
    assert_eq!(
        code(&run(&["run", "rows.scs", "--results", &good, "-q"])),
        Some(0)
    );
    assert_eq!(
        code(&run(&[
            &["run", "rows.scs", "--results", &bad, "-q"][..],
            &fault
        ]
        .concat())),
        Some(1)
    );

    // What the baseline has does not count.
    let again = [&["run", "rows.scs", "--baseline", &bad, "-q"][..], &fault].concat();
    assert_eq!(code(&run(&again)), Some(0));
    let worse = run(&["report", &bad, "--baseline", &good, "--gate", "-q"]);
    assert_eq!(code(&worse), Some(1));
    assert!(
        stdout(&worse).contains("rows[ours]: fail (was pass)"),
        "{}",
        stdout(&worse)
    );
    let early = run(&["run", "rows.scs", "--baseline", "missing.json"]);
    assert_eq!(code(&early), Some(2));
    assert!(
        stderr(&early).contains("missing.json"),
        "{}",
        stderr(&early)
    );

    let broken = run(&["compare", &good, &bad, "--gate"]);
    assert_eq!(code(&broken), Some(1));
    assert!(
        stdout(&broken).contains("Broken 2 cases"),
        "{}",
        stdout(&broken)
    );
    assert_eq!(code(&run(&["compare", &bad, &good, "--gate"])), Some(0));
    let matrix = run(&["compare", &good, &bad, &good, "--report", "markdown=-"]);
    assert!(
        stdout(&matrix).contains("| pass | fail | pass |"),
        "{}",
        stdout(&matrix)
    );
    assert_eq!(code(&run(&["compare", &good])), Some(2));

    // Two attempts of one run: what changed is flaky.
    let merged = run(&["report", &bad, &good, "--gate", "-q"]);
    assert_eq!(code(&merged), Some(1));
    assert!(
        stdout(&merged).contains("rows[ours] is flaky: fail, then pass"),
        "{}",
        stdout(&merged)
    );
}

#[test]
fn results_that_are_none() {
    check("results-missing", &run(&["report", "missing.json"]));
    check("results-not-json", &run(&["report", "bad.json"]));
    check("results-other-json", &run(&["report", "other.json"]));
    check("results-newer", &run(&["report", "newer.json"]));
}

/// A reference server, and what it said.
struct Served {
    child: Child,
    said: String,
    address: String,
}

impl Served {
    fn new(args: &[&str]) -> Self {
        let mut command = xmppspec(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        while !said.contains("Ctrl-C") {
            assert_ne!(lines.read_line(&mut said).expect("a line"), 0, "{said}");
        }
        let word = said
            .split_whitespace()
            .find(|word| word.starts_with("127.0.0.1:"));
        let address = word.expect("an address").to_owned();
        Self {
            child,
            said,
            address,
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serves_until_it_is_interrupted() {
    let mut served = Served::new(&[
        "--domain",
        "capulet.example",
        "--account",
        "romeo:secret",
        "--fault",
        "header-without-lang",
    ]);
    for words in [
        "capulet.example is served at",
        "romeo@capulet.example",
        "header-without-lang",
        "xmppspec run --connect",
    ] {
        assert!(served.said.contains(words), "{words}\n{}", served.said);
    }
    let args = [
        "run",
        "--connect",
        &served.address,
        "--domain",
        "capulet.example",
        "--register",
        "-q",
    ];
    let judged = |selector| code(&run(&[&args[..], &[selector]].concat()));
    assert_eq!(judged("rows.scs"), Some(0));
    assert_eq!(judged("rfc6120/4.7.4-lang"), Some(1));

    let taken = run(&["serve", "--listen", &served.address]);
    assert_eq!(code(&taken), Some(3));
    assert!(stderr(&taken).contains("--listen"), "{}", stderr(&taken));

    let pid = Pid::from_raw(i32::try_from(served.child.id()).expect("a pid"));
    kill(pid, Signal::SIGINT).expect("kill");
    assert_eq!(served.child.wait().expect("its end").code(), Some(0));
    assert!(TcpStream::connect(&served.address).is_err());
}

#[test]
fn a_run_that_is_interrupted_ends_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    for (signal, expected) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut command = xmppspec(&["run", "--connect", &address, "--domain", "example.org"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program");
        // Once to see whether somebody is there, once to talk to it.
        let first = listener.accept().expect("a connection");
        let second = listener.accept().expect("a connection");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        kill(pid, signal).expect("kill");
        assert_eq!(child.wait().expect("its end").code(), Some(expected));
        drop((first, second));
    }
}

#[test]
fn cases_without_accounts_are_skipped() {
    let served = Served::new(&[]);
    let args = [
        "run",
        "--connect",
        &served.address,
        "--domain",
        "localhost",
        "rfc6121/2.1.4",
        "-q",
    ];
    let output = run(&args);
    assert_eq!(code(&output), Some(4), "{}", shown(&output));
}

#[test]
fn a_profile_is_made_by_asking_the_server() {
    let server = Served::new(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("mine").display().to_string();
    let init = [
        "init",
        &folder,
        "--connect",
        &server.address,
        "--domain",
        "localhost",
    ];
    let output = run(&init);
    assert_eq!(code(&output), Some(0), "{}", shown(&output));
    assert!(
        stdout(&output).contains("in-band registration"),
        "{}",
        shown(&output)
    );
    let profile = std::fs::read_to_string(format!("{folder}/target.toml")).expect("a profile");
    assert!(
        profile.contains(&format!("c2s = \"{}\"", server.address)),
        "{profile}"
    );
    assert!(profile.contains("#   starttls\n"), "{profile}");

    let again = run(&init);
    assert_eq!(code(&again), Some(2));
    assert!(stderr(&again).contains("--force"), "{}", shown(&again));

    let output = run(&["run", "--target", &folder, "host-unknown.scs"]);
    assert_eq!(code(&output), Some(0), "{}", shown(&output));
}

#[test]
fn parts_of_a_run_become_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let parts = ["1/2", "2/2"].map(|shard| {
        let results = file(&shard.replace('/', "-of-"));
        let output = run(&[
            "run",
            "rows.scs",
            "host-unknown.scs",
            "--shard",
            shard,
            "--results",
            &results,
        ]);
        assert!(matches!(code(&output), Some(0 | 4)), "{}", shown(&output));
        results
    });
    let whole = file("whole");
    let output = run(&[
        "report",
        &parts[0],
        &parts[1],
        "--gate",
        "--report",
        &format!("json={whole}"),
    ]);
    assert_eq!(code(&output), Some(0), "{}", shown(&output));
    let names = |file: &str| -> Vec<String> {
        let text = std::fs::read(file).expect("results");
        let results = xmppspec_reports::Results::from_json(&text).expect("results");
        results.cases.into_iter().map(|case| case.name).collect()
    };
    let all = run(&[
        "run",
        "rows.scs",
        "host-unknown.scs",
        "--results",
        &file("all"),
    ]);
    assert_eq!(code(&all), Some(0), "{}", shown(&all));
    let mut expected = names(&file("all"));
    expected.sort();
    assert_eq!(names(&whole), expected);
    assert!(names(&parts[0]).len() < expected.len());
}

#[test]
fn completions_and_manual_pages() {
    let output = run(&["completions", "bash"]);
    assert!(
        stdout(&output).contains("_xmppspec()"),
        "{}",
        shown(&output)
    );
    let output = run(&["man", "run"]);
    assert!(
        stdout(&output).contains(".TH xmppspec-run 1"),
        "{}",
        shown(&output)
    );
}

/// A server whose stream header has no id on one connection, counted from 0.
fn forgetful(bad: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        for (n, connection) in listener.incoming().flatten().enumerate() {
            std::thread::spawn(move || {
                // The other side may go away at any time.
                let _ = forget(connection, n == bad);
            });
        }
    });
    address
}

fn forget(mut connection: TcpStream, bad: bool) -> std::io::Result<()> {
    let (mut said, mut chunk, mut opened) = (String::new(), [0; 1024], false);
    loop {
        let n = connection.read(&mut chunk)?;
        if n == 0 {
            return Ok(());
        }
        said.push_str(&String::from_utf8_lossy(&chunk[..n]));
        if !opened && said.contains("<stream:stream") && said.ends_with('>') {
            opened = true;
            let id = if bad { "" } else { " id='x'" };
            write!(
                connection,
                "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='localhost' \
                 version='1.0'{id}><stream:features/>"
            )?;
        } else if said.ends_with("</stream:stream>") {
            return connection.write_all(b"</stream:stream>");
        }
    }
}

#[test]
fn a_case_that_changes_its_verdict_is_flaky() {
    let judge = |bad: usize, more: &[&str]| {
        let address = forgetful(bad);
        let args = [
            "run",
            "--connect",
            &address,
            "--domain",
            "localhost",
            "-j1",
            "rows.scs",
        ];
        run(&[&args[..], more].concat())
    };
    // The first connection only knocks, the second looks at the features, the third is the first case.
    let output = judge(2, &[]);
    assert_eq!(code(&output), Some(1), "{}", shown(&output));
    assert!(!stdout(&output).contains("flaky"), "{}", shown(&output));
    let output = judge(2, &["--retries", "2"]);
    assert_eq!(code(&output), Some(1), "{}", shown(&output));
    assert!(
        stdout(&output).contains("flaky: fail, then pass"),
        "{}",
        shown(&output)
    );
    let output = judge(99, &["--retries", "2"]);
    assert_eq!(code(&output), Some(0), "{}", shown(&output));
}

#[test]
fn a_saved_script_runs_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("mine.scs");
    let text = std::fs::read_to_string(files().join("host-unknown.scs")).expect("a script");
    std::fs::write(&script, &text).expect("a copy");
    let mut child = xmppspec(&["run", "--watch", &script.display().to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut verdict = || {
        lines
            .find_map(|line| line.ok().filter(|line| line.contains("conformant.")))
            .expect("a verdict")
    };
    assert!(verdict().contains("1 pass"));
    let wrong = text.replace("<host-unknown/>", "<host-gone/>");
    // The folder is watched since before the first run.
    std::fs::write(&script, wrong).expect("a change");
    assert!(verdict().contains("1 warn"));
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    kill(pid, Signal::SIGTERM).expect("kill");
    assert_eq!(child.wait().expect("its end").code(), Some(143));

    let nothing = run(&["run", "--watch", "rfc6120/4.9"]);
    assert_eq!(code(&nothing), Some(2));
}

#[test]
fn programs_read_json() {
    let parse = |args: &[&str]| -> (Option<i32>, serde_json::Value) {
        let output = run(args);
        let value = serde_json::from_slice(&output.stdout);
        (
            code(&output),
            value.unwrap_or_else(|error| panic!("{error}\n{}", shown(&output))),
        )
    };
    let (exit, found) = parse(&["check", "--format", "json", "mistakes.scs"]);
    assert_eq!(exit, Some(2));
    let first = &found["diagnostics"][0];
    assert_eq!(
        (&first["severity"], &first["file"]),
        (&"error".into(), &"mistakes.scs".into())
    );
    assert!(
        first["line"].as_u64() > Some(0) && first["column"].as_u64() > Some(0),
        "{first}"
    );
    assert_eq!(found["errors"].as_u64().map(|n| n > 0), Some(true));

    let (exit, found) = parse(&[
        "explain",
        "--format",
        "json",
        "RFC6120-4.9.3.6-1",
        "host-unknown",
    ]);
    assert_eq!(exit, Some(0));
    let requirement = &found["requirements"][0];
    let text = requirement["section_text"].as_str().expect("the section");
    assert!(text.starts_with("4.9.3.6.  host-unknown"), "{text}");
    assert!(
        requirement["covered_by"]
            .as_array()
            .is_some_and(|cases| !cases.is_empty())
    );
    assert_eq!(found["conditions"][0]["kind"], "stream");

    let (exit, found) = parse(&["doctor", "--format", "json"]);
    assert_eq!(exit == Some(0), found["closed"] == true, "{found}");
    assert!(
        found["checks"]
            .as_array()
            .is_some_and(|checks| !checks.is_empty()),
        "{found}"
    );
}

#[test]
fn packets_are_kept_with_the_keys_of_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.pcapng");
    let output = run(&[
        "run",
        "rfc6120/5.4.3.3",
        "--pcap",
        &file.display().to_string(),
    ]);
    assert_eq!(code(&output), Some(0), "{}", shown(&output));
    let bytes = std::fs::read(&file).expect("a capture");
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(bytes.starts_with(&0x0a0d_0d0a_u32.to_le_bytes()));
    assert!(has(b"CLIENT_TRAFFIC_SECRET_0 ") && has(b"<starttls") && has(b"rfc6120/5.4.3.3"));

    let output = run(&["run", "rfc6120/5.4.3.3", "--pcap", "-"]);
    assert_eq!(code(&output), Some(2), "{}", shown(&output));
    assert_eq!(stdout(&output), "");
}

#[test]
fn findings_of_today_can_be_excused() {
    let server = Served::new(&["--fault", "header-without-lang"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let profile = folder.path().display().to_string();
    let init = [
        "init",
        &profile,
        "--connect",
        &server.address,
        "--domain",
        "localhost",
    ];
    assert_eq!(code(&run(&init)), Some(0));
    let judge =
        |more: &[&str]| run(&[&["run", "--target", &profile, "rfc6120/4.7"], more].concat());
    let (results, known) = (file("results.json"), file("known.toml"));
    let output = judge(&["--results", &results]);
    assert_eq!(code(&output), Some(1), "{}", shown(&output));
    let output = run(&["report", &results, "--report", &format!("known={known}")]);
    assert_eq!(code(&output), Some(0), "{}", shown(&output));
    assert_eq!(code(&judge(&["--baseline", &results])), Some(0));

    let read = |file: &str| std::fs::read_to_string(file).expect("a file");
    let target = file("target.toml");
    std::fs::write(&target, read(&target) + &read(&known)).expect("a profile");
    let output = judge(&[]);
    assert_eq!(code(&output), Some(0), "{}", shown(&output));
    assert!(stdout(&output).contains("known"), "{}", shown(&output));
    drop(server);

    // The fault is repaired: the entries have to go.
    let server = Served::new(&[]);
    let moved = read(&target)
        .lines()
        .map(|line| match line.strip_prefix("c2s = ") {
            Some(_) => format!("c2s = \"{}\"\n", server.address),
            None => format!("{line}\n"),
        })
        .collect::<String>();
    std::fs::write(&target, moved).expect("a profile");
    let output = judge(&[]);
    assert_eq!(code(&output), Some(1), "{}", shown(&output));
    assert!(stdout(&output).contains("passes now"), "{}", shown(&output));
}
