//! The commands: one module each, which turns arguments into calls of the library and what comes out into text.

mod browse;
mod check;
mod compare;
mod completions;
mod doap;
mod doctor;
mod explain;
mod features;
mod fuzz;
mod init;
mod list;
pub mod output;
mod parse;
pub mod report;
pub mod run;
pub mod run_args;
mod selftest;
mod serve;
mod targets;
mod values;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xmppspec_reports::RequirementInfo;
use xmppspec_scenarios::catalogue;

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
    /// Write a profile of a server that runs, by asking it what it offers
    Init(init::InitArgs),
    /// List cases or requirements
    List(list::ListArgs),
    /// Tell what a requirement, a section, an error condition or a case is about
    Explain(explain::ExplainArgs),
    /// Find mistakes in scripts without running them
    Check(check::CheckArgs),
    /// Print the XML events of bytes, or why they are refused
    Parse(parse::ParseArgs),
    /// Prove that the scenarios can fail: run them against each fault of the reference server
    Selftest(selftest::SelftestArgs),
    /// Run the reference server, for those who write clients
    Serve(serve::ServeArgs),
    /// List the built-in targets and what is missing for them here
    Targets(targets::TargetsArgs),
    /// Make reports from the results of a run
    Report(report::ReportArgs),
    /// Compare the results of runs or of targets
    Compare(compare::CompareArgs),
    /// Set what a project claims to implement (DOAP, XEP-0453) beside what was seen of it
    Doap(doap::DoapArgs),
    /// Show which serverless peers (XEP-0174) are on a link, with all their records and what is wrong with them
    Browse(browse::BrowseArgs),
    /// Look for what parsers and servers do wrong with generated input
    Fuzz(fuzz::FuzzArgs),
    /// Find out whether this machine can make closed worlds
    Doctor(doctor::DoctorArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print a manual page
    Man(completions::ManArgs),
}

/// The program: parses the arguments and does what they say. Nothing before it may have started a thread.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Run(args) => run::main(&args),
        Command::Init(args) => init::main(&args),
        Command::List(args) => list::main(&args),
        Command::Explain(args) => explain::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Parse(args) => parse::main(&args),
        Command::Selftest(args) => selftest::main(&args),
        Command::Serve(args) => serve::main(&args),
        Command::Targets(args) => targets::main(&args),
        Command::Report(args) => report::main(&args),
        Command::Compare(args) => compare::main(&args),
        Command::Doap(args) => doap::main(&args),
        Command::Browse(args) => browse::main(&args),
        Command::Fuzz(args) => fuzz::main(&args),
        Command::Doctor(args) => doctor::main(&args),
        Command::Completions(args) => completions::main(&args),
        Command::Man(args) => completions::man(&args),
    };
    let exit = outcome.unwrap_or_else(|failed| {
        ui::failed(&failed);
        failed.exit
    });
    ui::finish(exit).into()
}

/// What commands wait in. It starts threads: a world must have been entered before.
fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::usage(format!("cannot start threads: {error}")))
}

/// What reports say about a requirement.
#[must_use]
pub fn texts(id: &str) -> Option<RequirementInfo<'_>> {
    let requirement = catalogue::get(id)?;
    Some(RequirementInfo {
        spec: requirement.spec,
        section: requirement.section,
        level: requirement.level.name(),
        text: requirement.text,
        quote: catalogue::quote(requirement.id),
    })
}

/// Prints a value as JSON.
fn json(value: &impl serde::Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failed::usage(format!("cannot write JSON: {error}")))?;
    ui::line(&text);
    Ok(Exit::Conformant)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
