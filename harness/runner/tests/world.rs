//! Worlds from outside: this program runs itself in a world and looks at what comes out. Its own main, because a world is
//! entered before any thread starts.

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use xmppspec::target::{Profile, Running};
use xmppspec::world::{self, Entered, Needs};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("inside") => inside(&args.collect::<Vec<_>>()),
        _ => outside(),
    }
}

fn enter() -> Result<Entered, ExitCode> {
    let needs = Needs {
        write: std::env::var_os("TEST_WRITE")
            .into_iter()
            .map(Into::into)
            .collect(),
        read: Vec::new(),
    };
    world::enter(&needs).map_err(|error| {
        eprintln!("{error}\n{}", error.hint());
        ExitCode::from(99)
    })
}

/// What runs in a world.
fn inside(args: &[String]) -> ExitCode {
    let entered = match enter() {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    match args.first().map(String::as_str) {
        Some("facts") => {
            println!("notes {:?}", entered.notes);
            for path in [
                "/proc/net/dev",
                "/etc/resolv.conf",
                "/proc/sys/kernel/hostname",
                "/proc/mounts",
            ] {
                println!(
                    "== {path}\n{}",
                    std::fs::read_to_string(path).unwrap_or_else(|e| e.to_string())
                );
            }
            ExitCode::SUCCESS
        }
        Some("exit") => ExitCode::from(args[1].parse::<u8>().expect("a number")),
        Some("start") => runtime().block_on(start(&args[1], &entered, &args[2..])),
        other => panic!("unknown test {other:?}"),
    }
}

fn outside() -> ExitCode {
    let start = Instant::now();
    let status = Command::new("/proc/self/exe")
        .args(["inside", "exit", "7"])
        .stdin(Stdio::null())
        .status();
    eprintln!("{status:?} {:?}", start.elapsed());
    ExitCode::SUCCESS
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn start(name: &str, entered: &Entered, exec: &[String]) -> ExitCode {
    let profile = Profile::load(name).expect("a profile");
    match Running::start(&profile, entered).await {
        Ok(mut running) => {
            println!(
                "started {} {:?} in {:?}",
                name, running.target.version, running.start_time
            );
            println!("{}", running.log_tail());
            if let Some((program, args)) = exec.split_first() {
                println!("{:?}", Command::new(program).args(args).status());
            }
            for asked in running.asked() {
                println!("asked {asked}");
            }
            let stopping = Instant::now();
            running.stop().await;
            println!("stopped in {:?}", stopping.elapsed());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
