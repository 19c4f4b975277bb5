//! Hosts and segments of a world, and what stands on them. Its own main, because a world is entered before any thread starts:
//! each test is this program run again, inside a world of its own.

mod browse;
mod hostile;
mod instruments;
mod libpurple;
mod loopback;
mod mdns_sd;
mod reference;
mod segments;

use std::process::{Command, ExitCode, Stdio};

use xmppspec::world::{self, Entered, Needs};

type Test = (&'static str, fn(&Entered));

const TESTS: &[Test] = &[
    (
        "multicast stays on its segment",
        segments::multicast_stays_on_its_segment,
    ),
    ("hosts are machines", segments::hosts_are_machines),
    ("segments side by side", segments::side_by_side),
    ("a host on two segments", segments::on_two_segments),
    ("bad names and full segments", segments::refusals),
    ("instruments keep everything", instruments::keep_everything),
    ("instruments in a storm", instruments::in_a_storm),
    ("two libpurple peers", libpurple::two_peers),
    ("libpurple crashes", libpurple::a_crash),
    ("the reference peer beside itself", reference::beside_itself),
    (
        "the reference peer beside libpurple",
        reference::beside_libpurple,
    ),
    ("mdns-sd is heard", mdns_sd::is_heard),
    (
        "mdns-sd sees the reference peer",
        mdns_sd::sees_the_reference,
    ),
    ("browse shows who is there", browse::shows_who_is_there),
    (
        "runs without a world stay on loopback",
        loopback::stays_on_loopback,
    ),
    (
        "a port 5353 that is not shared",
        loopback::a_port_that_is_not_shared,
    ),
    ("hostile packets fool nobody", hostile::fools_nobody),
    ("hostile storms pass", hostile::storms),
];

/// What a test that is run again is told by.
const VARIABLE: &str = "XMPPSPEC_TEST_INSIDE";

/// The exit code where this machine refuses worlds.
const REFUSED: u8 = 99;

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(VARIABLE) {
        return inside(&name);
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let outside = segments::Outside::watch();
    let mut failed = Vec::new();
    for (name, _) in TESTS {
        if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str())) {
            continue;
        }
        let status = Command::new("/proc/self/exe")
            .env(VARIABLE, name)
            .stdin(Stdio::null())
            .status();
        match status.map(|s| s.code()) {
            Ok(Some(0)) => println!("ok      {name}"),
            Ok(Some(code)) if code == i32::from(REFUSED) => {
                println!("SKIPPED {name}: this machine makes no worlds");
            }
            status => {
                println!("FAILED  {name}: {status:?}");
                failed.push(name);
            }
        }
    }
    outside.saw_nothing();
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn inside(name: &str) -> ExitCode {
    // The program that tests run may lie below /tmp, of which a world has its own.
    let needs = Needs {
        read: vec![env!("CARGO_BIN_EXE_xmppspec").into()],
        ..Needs::default()
    };
    let entered = match world::enter(&needs) {
        Ok(entered) => entered,
        Err(error) => {
            eprintln!("{error}\n{}", error.hint());
            return ExitCode::from(REFUSED);
        }
    };
    match TESTS.iter().find(|(n, _)| *n == name) {
        Some((_, test)) => {
            test(&entered);
            ExitCode::SUCCESS
        }
        None => panic!("there is no test {name:?}"),
    }
}
