//! The commands: one module each, which turns arguments into calls of the library and what comes out into text.

pub mod run;
pub mod run_args;
mod values;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::{Exit, Failed};
use crate::ui;

pub use run_args::RunArgs;

/// What a command ends with.
pub type Outcome = Result<Exit, Failed>;

/// Tells whether an XMPP implementation does what the specifications say, and shows the bytes.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    max_term_width = 120,
    after_help = "\
Examples:
  xmppspec run                                   the embedded reference server: everything passes
  xmppspec run --target prosody                  the installed prosody, in a closed world of its own
  xmppspec run --connect localhost:5222 --domain example.org --register
                                                 a server that runs already
  xmppspec explain RFC6120-4.9.3.6-1             what a requirement says, and what covers it

Exit codes:
  0  conformant (known findings aside); done
  1  not conformant, or a known finding passes now
  2  usage, profile or script error
  3  the target did not start, cannot be reached, or died
  4  nothing was selected, or everything was skipped
  128 and the number of the signal after Ctrl-C and its like"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios against a target and judge it
    Run(Box<RunArgs>),
}

/// The program: parses the arguments and does what they say. Nothing before it may have started a thread.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Run(args) => Ok(run::main(*args)),
    };
    let exit = outcome.unwrap_or_else(|failed| {
        ui::failed(&failed);
        failed.exit
    });
    ui::finish(exit).into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
