//! What is seen of worlds from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use xmppspec::target::Profile;

use super::Done;
use super::inside::{REFUSED, WORD, WRITE};

/// A user that no machine has.
const NOBODYS_ID: &str = "1234";

/// When a world that should have gone is taken to be there for ever.
const PATIENCE: Duration = Duration::from_secs(20);

type Test = fn() -> Done;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("exit_codes_pass_through", exit_codes_pass_through),
    (
        "inside_there_is_nothing_of_the_outside",
        inside_there_is_nothing_of_the_outside,
    ),
    (
        "every_lookup_is_answered_by_the_run",
        every_lookup_is_answered_by_the_run,
    ),
    (
        "all_checks_of_the_doctor_hold",
        all_checks_of_the_doctor_hold,
    ),
    ("only_results_can_be_written", only_results_can_be_written),
    (
        "ports_of_two_worlds_do_not_collide",
        ports_of_two_worlds_do_not_collide,
    ),
    ("nothing_outlives_kill_9", nothing_outlives_kill_9),
    (
        "nothing_outlives_a_normal_end",
        nothing_outlives_a_normal_end,
    ),
    (
        "ctrl_c_is_passed_on_and_never_lost",
        ctrl_c_is_passed_on_and_never_lost,
    ),
    ("a_second_ctrl_c_ends_at_once", a_second_ctrl_c_ends_at_once),
    (
        "users_without_rights_have_worlds_too",
        users_without_rights_have_worlds_too,
    ),
    ("prosody_starts_dies_and_stops", || target("prosody")),
    ("ejabberd_starts_dies_and_stops", || target("ejabberd")),
    ("jabberd2_starts_dies_and_stops", || target("jabberd2")),
];

/// Whether worlds can be made here at all.
pub(crate) fn probe() -> Result<(), String> {
    let output = output(&mut world(&["exit", "0"]));
    match output.status.code() {
        Some(REFUSED) => Err(text(&output)),
        _ => Ok(()),
    }
}

fn world(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command.arg(WORD).args(args).stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("a process")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The lines that begin with `key`, without it.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let key = format!("{key} ");
    text.lines()
        .filter_map(|line| line.strip_prefix(key.as_str()))
        .collect()
}

fn exit_codes_pass_through() -> Done {
    for code in [0, 1, 4, 7, 130, 255] {
        let output = output(&mut world(&["exit", &code.to_string()]));
        assert_eq!(output.status.code(), Some(code));
    }
    Done::Passed
}

fn inside_there_is_nothing_of_the_outside() -> Done {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    // Handed down over exec on purpose: a socket of the outer network must not come along.
    fcntl(&socket, FcntlArg::F_SETFD(FdFlag::empty())).expect("fcntl");
    let mut command = world(&["facts"]);
    let outside = [
        "DBUS_SESSION_BUS_ADDRESS",
        "https_proxy",
        "SSH_AUTH_SOCK",
        "XDG_RUNTIME_DIR",
        "DISPLAY",
    ];
    for name in outside {
        command.env(name, "/outside");
    }
    let output = output(&mut command);
    drop(socket);
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    let is = |key: &str, expected: &[&str]| assert_eq!(values(&text, key), expected, "{text}");
    is("interface", &["lo"]);
    is("host", &["world"]);
    is("pid", &["1"]);
    is("world", &["namespaces"]);
    is("run_dir", &["/run/xmppspec"]);
    is("route", &["192.0.2.1:9 none", "[2001:db8::1]:9 none"]);
    assert_eq!(
        values(&text, "resolv").first(),
        Some(&"nameserver 127.0.0.1"),
        "{text}"
    );
    let open = values(&text, "open");
    assert!(
        open.len() >= 3 && !open.iter().any(|end| end.starts_with("socket:")),
        "{text}"
    );
    for name in outside {
        assert!(!values(&text, "variable").contains(&name), "{text}");
    }
    Done::Passed
}

fn every_lookup_is_answered_by_the_run() -> Done {
    let output = output(&mut world(&["lookups"]));
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    let asked = values(&text, "asked");
    for (name, kind, answer) in [
        ("there.example", "A", "Data"),
        ("there.example", "AAAA", "NoData"),
        ("nx.example", "A", "NxDomain"),
        ("nx.example", "AAAA", "NxDomain"),
        ("world-of-its-own", "A", "NxDomain"),
    ] {
        let question = format!("{name} {kind} {answer}");
        assert!(
            asked.contains(&question.as_str()),
            "{question} was not asked\n{text}"
        );
    }
    let found = values(&text, "std");
    assert!(found.contains(&"there.example [127.0.0.9:5222]"), "{text}");
    assert!(found.contains(&"nx.example []"), "{text}");
    // Another program, with a resolver of its own.
    if values(&text, "getent") != ["missing"] {
        assert_eq!(values(&text, "getent"), ["false"], "{text}");
        assert!(
            asked.iter().any(|q| q.starts_with("getent.example ")),
            "{text}"
        );
    }
    Done::Passed
}

fn all_checks_of_the_doctor_hold() -> Done {
    let output = output(&mut world(&["check"]));
    let text = text(&output);
    assert!(
        output.status.success() && text.lines().count() >= 5,
        "{text}"
    );
    assert!(text.lines().all(|line| line.ends_with(": ok")), "{text}");
    Done::Passed
}

fn only_results_can_be_written() -> Done {
    let allowed = tempfile::tempdir().expect("a folder");
    let forbidden = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let elsewhere = forbidden.path().to_str().expect("a path");
    let output = output(world(&["write", elsewhere]).env(WRITE, allowed.path()));
    let text = text(&output);
    let outcome = |path: &Path| values(&text, path.to_str().expect("a path"));
    assert_eq!(outcome(&allowed.path().join("mine")), ["written"], "{text}");
    assert!(allowed.path().join("mine").exists());
    assert_ne!(
        outcome(&forbidden.path().join("outside")),
        ["written"],
        "{text}"
    );
    assert!(!forbidden.path().join("outside").exists());
    assert_eq!(values(&text, "/tmp/private"), ["written"], "{text}");
    assert!(
        !Path::new("/tmp/private").exists(),
        "the private /tmp is the one outside"
    );
    Done::Passed
}

fn ports_of_two_worlds_do_not_collide() -> Done {
    let mut worlds = [
        Held::new(&["listen", "5222"]),
        Held::new(&["listen", "5222"]),
    ];
    for world in &mut worlds {
        world.expect("ready");
    }
    for world in worlds {
        assert_eq!(world.end(), Some(0));
    }
    Done::Passed
}

fn nothing_outlives_kill_9() -> Done {
    // Of the process that was called, and of the first one inside.
    for inner in [false, true] {
        let marker = marker(if inner { 2 } else { 1 });
        let mut world = Held::new(&["hold", &marker]);
        world.expect("ready");
        await_processes(&marker, 2);
        let outer = world.pid();
        let pid = if inner { only_child(outer) } else { outer };
        kill(pid, Signal::SIGKILL).expect("kill");
        // Who holds the pipe is alive.
        world.expect_end();
        assert_eq!(processes(&marker), 0);
        let code = world.end();
        assert_eq!(code, inner.then_some(128 + 9));
    }
    Done::Passed
}

fn nothing_outlives_a_normal_end() -> Done {
    let marker = marker(3);
    let mut world = Held::new(&["hold", &marker]);
    world.expect("ready");
    await_processes(&marker, 2);
    assert_eq!(world.end(), Some(0));
    assert_eq!(processes(&marker), 0);
    Done::Passed
}

fn ctrl_c_is_passed_on_and_never_lost() -> Done {
    for (signal, name, code) in [
        (Signal::SIGINT, "Int", 130),
        (Signal::SIGTERM, "Term", 143),
        (Signal::SIGHUP, "Hup", 129),
    ] {
        let mut world = Held::new(&["interrupted"]);
        world.expect("ready");
        kill(world.pid(), signal).expect("kill");
        world.go_on();
        world.expect(&format!("asked to end: {name}"));
        assert_eq!(world.end(), Some(code));
    }
    Done::Passed
}

fn a_second_ctrl_c_ends_at_once() -> Done {
    let mut world = Held::new(&["stubborn"]);
    world.expect("ready");
    let pid = world.pid();
    kill(pid, Signal::SIGINT).expect("kill");
    // Two that are not yet taken are one: the second must be another signal.
    kill(pid, Signal::SIGTERM).expect("kill");
    world.expect_end();
    assert_eq!(world.end(), Some(128 + 9));
    Done::Passed
}

fn users_without_rights_have_worlds_too() -> Done {
    if !geteuid().is_root() {
        return Done::Skipped("all these tests were run by such a user".to_owned());
    }
    let setpriv = |program: &Path| {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid",
            NOBODYS_ID,
            "--regid",
            NOBODYS_ID,
            "--clear-groups",
        ]);
        command.arg(program).current_dir("/").stdin(Stdio::null());
        command
    };
    let here = std::env::current_exe().expect("a program");
    if let Err(error) = setpriv(Path::new("true")).status() {
        return Done::Skipped(format!("there is no setpriv: {error}"));
    }
    // The build folder may be in root's home.
    let folder = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .expect("a folder");
    let program = folder.path().join("world");
    std::fs::copy(&here, &program).expect("a copy");
    let run = |args: &[&str]| output(setpriv(&program).arg(WORD).args(args));

    let refused = run(&["exit", "0"]);
    if refused.status.code() == Some(REFUSED) {
        return Done::Skipped(text(&refused));
    }
    let checks = run(&["check"]);
    let checks = text(&checks);
    assert!(checks.lines().count() >= 5, "{checks}");
    assert!(
        checks.lines().all(|line| line.ends_with(": ok")),
        "{checks}"
    );
    let facts = text(&run(&["facts"]));
    assert_eq!(values(&facts, "interface"), ["lo"], "{facts}");
    Done::Passed
}

fn target(name: &str) -> Done {
    let profile = Profile::load(name).expect("a profile");
    let missing = profile.missing();
    if !missing.is_empty() {
        return Done::Skipped(format!("{} is not installed", missing.join(", ")));
    }
    let before = files_of_targets();
    let output = output(&mut world(&["target", name]));
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    assert_eq!(values(&text, "started"), ["127.0.0.1:5222"], "{text}");
    assert_eq!(values(&text, "died").len(), 1, "{text}");
    assert_eq!(values(&text, "restarted"), ["true"], "{text}");
    assert_eq!(values(&text, "left"), ["0"], "{text}");
    assert_eq!(files_of_targets(), before);
    Done::Passed
}

/// What runs may have left in the folders for temporary files.
fn files_of_targets() -> Vec<PathBuf> {
    let folders = ["/tmp", "/var/tmp", "/run"].iter();
    let entries = folders
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains("xmppspec"))
        .collect()
}

/// The argument of a `sleep` that is nobody else's.
fn marker(n: u32) -> String {
    format!("100000.{}{n}", std::process::id())
}

/// How many processes of this machine have the marker as an argument.
fn processes(marker: &str) -> usize {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let mut args = line.split(|byte| *byte == 0);
            args.next()
                .is_some_and(|program| program.ends_with(b"sleep"))
                && args.any(|arg| arg == marker.as_bytes())
        })
        .count()
}

/// Waits until so many of them are there: programs have their arguments a moment after `exec` has succeeded.
fn await_processes(marker: &str, count: usize) {
    let began = Instant::now();
    while processes(marker) < count {
        assert!(began.elapsed() < PATIENCE, "they do not start");
        std::thread::yield_now();
    }
}

fn only_child(pid: Pid) -> Pid {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).expect("children");
    Pid::from_raw(children.trim().parse().expect("one child"))
}

/// A world that waits for its test.
struct Held {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Held {
    fn new(args: &[&str]) -> Self {
        let mut child = world(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        Self {
            input: child.stdin.take(),
            output: child.stdout.take().map(BufReader::new),
            child,
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"))
    }

    /// Reads the next line.
    fn expect(&mut self, line: &str) {
        let mut read = String::new();
        let output = self.output.as_mut().expect("its output");
        output.read_line(&mut read).expect("a line");
        assert_eq!(read.trim_end(), line);
    }

    /// Waits until nobody in the world can write any more.
    fn expect_end(&mut self) {
        let mut output = self.output.take().expect("its output");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = tell.send(output.read_to_string(&mut rest).map(|_| rest));
        });
        let rest = told
            .recv_timeout(PATIENCE)
            .expect("somebody of the world is still there");
        assert_eq!(rest.expect("text"), "");
    }

    fn go_on(&mut self) {
        let input = self.input.as_mut().expect("its input");
        input.write_all(b"\n").expect("it listens");
    }

    /// Lets it end; its exit code.
    fn end(mut self) -> Option<i32> {
        self.input = None;
        self.child.wait().expect("its end").code()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
