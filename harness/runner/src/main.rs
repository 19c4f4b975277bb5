//! The program `xmppspec`. Everything is in the library, because a world is entered before any thread starts, and tests do
//! so too.

use std::process::ExitCode;

fn main() -> ExitCode {
    xmppspec::commands::main()
}
