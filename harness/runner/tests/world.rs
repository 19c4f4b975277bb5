//! Worlds from outside: this program runs itself in a world and looks at what comes out. Its own main, because a world is
//! entered before any thread starts.
//!
//! Where the kernel refuses worlds nothing can be tested: that is said aloud, and is a failure if `XMPPSPEC_REQUIRE_WORLD` is
//! set.

#[path = "world/inside.rs"]
mod inside;
#[path = "world/outside.rs"]
mod outside;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

/// How a test ends that did not fail.
pub(crate) enum Done {
    /// All was as it should be.
    Passed,
    /// It could not be tried here; the reason.
    Skipped(String),
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == inside::WORD) {
        return inside::main(&args[1..]);
    }
    if args.iter().any(|arg| arg == "--list") {
        for (name, _) in outside::TESTS {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.contains(*w));
    if let Err(why) = outside::probe() {
        println!(
            "SKIPPED: no world can be made here, so none of the tests of worlds was run:\n{why}"
        );
        let required = std::env::var_os("XMPPSPEC_REQUIRE_WORLD").is_some();
        return ExitCode::from(u8::from(required));
    }
    let mut failed = 0;
    for (name, test) in outside::TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        let began = Instant::now();
        let outcome = match catch_unwind(*test) {
            Ok(Done::Passed) => "ok".to_owned(),
            Ok(Done::Skipped(why)) => format!("SKIPPED: {why}"),
            Err(_) => {
                failed += 1;
                "FAILED".to_owned()
            }
        };
        println!(
            "test {name} ... {outcome} ({} ms)",
            began.elapsed().as_millis()
        );
    }
    println!(
        "{}",
        if failed == 0 {
            "all of them passed"
        } else {
            "some of them failed"
        }
    );
    ExitCode::from(u8::from(failed > 0))
}
