//! What runs in a world.

use std::io::{BufRead, Write};
use std::net::{TcpListener, ToSocketAddrs, UdpSocket};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::timeout;
use xmppspec::target::{Profile, Running};
use xmppspec::world::dns::{Dns, STANDARD, Zone};
use xmppspec::world::{self, Entered, Interrupts, Needs};

/// The first argument of a process that is to go inside.
pub(crate) const WORD: &str = "inside";

/// The exit code where no world can be made.
pub(crate) const REFUSED: i32 = 99;

/// The folder that the world may write.
pub(crate) const WRITE: &str = "XMPPSPEC_TEST_WRITE";

pub(crate) fn main(args: &[String]) -> ExitCode {
    let needs = Needs {
        write: std::env::var_os(WRITE)
            .into_iter()
            .map(Into::into)
            .collect(),
        read: Vec::new(),
    };
    let entered = match world::enter(&needs) {
        Ok(entered) => entered,
        Err(error) => {
            println!("{error}\n{}", error.hint());
            return ExitCode::from(u8::try_from(REFUSED).expect("a small number"));
        }
    };
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["exit", code] => return ExitCode::from(code.parse::<u8>().expect("a number")),
        ["facts"] => facts(&entered),
        ["write", elsewhere] => write(elsewhere),
        ["check"] => check(&entered),
        ["lookups"] => runtime().block_on(lookups()),
        ["listen", port] => listen(port),
        ["hold", marker] => hold(marker),
        ["interrupted"] => return runtime().block_on(interrupted()),
        ["stubborn"] => stubborn(),
        ["target", name] => runtime().block_on(target(name, &entered)),
        _ => panic!("unknown {args:?}"),
    }
    ExitCode::SUCCESS
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Tells the outside that the next thing may happen.
fn ready() {
    println!("ready");
    std::io::stdout().flush().expect("stdout");
}

/// Waits until the outside closes its end.
fn wait() {
    let _ = std::io::stdin().lock().read_line(&mut String::new());
}

/// `key value` lines.
fn facts(entered: &Entered) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_else(|e| e.to_string());
    for line in read("/proc/net/dev").lines() {
        if let Some((name, _)) = line.split_once(':') {
            println!("interface {}", name.trim());
        }
    }
    for line in read("/etc/resolv.conf").lines() {
        println!("resolv {line}");
    }
    println!("host {}", read("/proc/sys/kernel/hostname").trim());
    println!("pid {}", std::process::id());
    println!("world {}", entered.world);
    println!(
        "run_dir {}",
        entered.run_dir.as_ref().expect("a folder").display()
    );
    for fd in std::fs::read_dir("/proc/self/fd").expect("/proc").flatten() {
        let end = std::fs::read_link(fd.path()).unwrap_or_default();
        println!("open {}", end.display());
    }
    for (name, _) in std::env::vars_os() {
        println!("variable {}", name.display());
    }
    for address in ["192.0.2.1:9", "[2001:db8::1]:9"] {
        let any = if address.starts_with('[') {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        };
        // Connecting a UDP socket asks for a route and sends nothing.
        let route = UdpSocket::bind(any).and_then(|socket| socket.connect(address));
        println!(
            "route {address} {}",
            if route.is_ok() { "there" } else { "none" }
        );
    }
}

/// Tries to write where it may and where it may not.
fn write(elsewhere: &str) {
    let allowed = std::env::var(WRITE).expect("a folder");
    for path in [
        format!("{allowed}/mine"),
        format!("{elsewhere}/outside"),
        "/tmp/private".to_owned(),
    ] {
        let outcome = std::fs::write(&path, "x")
            .map_or_else(|e| e.kind().to_string(), |()| "written".to_owned());
        println!("{path} {outcome}");
    }
}

fn check(entered: &Entered) {
    for check in runtime().block_on(world::check(entered)) {
        println!(
            "{}: {}",
            check.what,
            check.wrong.unwrap_or_else(|| "ok".to_owned())
        );
    }
}

/// Provokes questions in every way that programs have, and tells what the run's DNS was asked.
async fn lookups() {
    let dns = Dns::start(
        STANDARD,
        Zone::new().with_a("there.example", [127, 0, 0, 9].into()),
    )
    .await
    .expect("port 53");
    let look_up = tokio::task::spawn_blocking(|| {
        for name in ["there.example", "nx.example", "world-of-its-own"] {
            let found: Vec<_> = (name, 5222)
                .to_socket_addrs()
                .map(Iterator::collect)
                .unwrap_or_default();
            println!("std {name} {found:?}");
        }
        match Command::new("getent")
            .args(["hosts", "getent.example"])
            .stdin(Stdio::null())
            .output()
        {
            Ok(output) => println!("getent {}", output.status.success()),
            Err(_) => println!("getent missing"),
        }
    });
    look_up.await.expect("lookups");
    for asked in dns.asked() {
        println!("asked {asked}");
    }
}

/// Takes a standard port and keeps it until the outside has seen it.
fn listen(port: &str) {
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("a port of its own");
    ready();
    wait();
    drop(listener);
}

/// Leaves processes behind that would outlive it: a child, and a daemon that has left its session.
fn hold(marker: &str) {
    let spawn = |command: &mut Command| command.stdin(Stdio::null()).spawn().expect("a child");
    let mut children = [
        spawn(Command::new("sleep").arg(marker)),
        spawn(Command::new("setsid").args(["sleep", marker])),
    ];
    ready();
    wait();
    for child in &mut children {
        assert!(matches!(child.try_wait(), Ok(None)), "it lives");
    }
}

/// Ends gracefully, though the request came before anybody listened.
async fn interrupted() -> ExitCode {
    ready();
    wait();
    let mut interrupts = Interrupts::listen().expect("signals");
    let interrupt = interrupts.next().await;
    println!("asked to end: {interrupt:?}");
    ExitCode::from(u8::try_from(interrupt.exit_code()).expect("a small number"))
}

/// Does not listen.
fn stubborn() {
    ready();
    loop {
        std::thread::park();
    }
}

/// A real server starts, is seen to die, starts again and stops.
async fn target(name: &str, entered: &Entered) {
    let profile = Profile::load(name).expect("a profile");
    let mut running = Running::start(&profile, entered)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    println!("started {}", running.target.services.c2s);
    assert!(running.alive());
    for pid in others() {
        let _ = kill(pid, Signal::SIGKILL);
    }
    let death = timeout(Duration::from_secs(10), running.died())
        .await
        .expect("its death is noticed");
    println!("died {}", death.status);
    running.restart().await.unwrap_or_else(|e| panic!("{e}"));
    println!("restarted {}", running.alive());
    running.stop().await;
    println!("left {}", others().len());
}

/// The processes in this world but this one; those that have ended and are only to be waited for are not counted.
fn others() -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != 1)
        .filter(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| !rest.starts_with('Z'))
        })
        .map(Pid::from_raw)
        .collect()
}
