//! `xmppspec fuzz`: campaigns against parsers and servers.

mod parser;

use super::Outcome;

/// What to fuzz.
#[derive(Debug, Clone, clap::Args)]
pub struct FuzzArgs {
    /// What to fuzz
    #[command(subcommand)]
    what: What,
}

/// What to fuzz.
#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// XML parsers: what they say of generated documents, beside what ours and others say
    Parser(Box<parser::ParserArgs>),
}

/// Runs the campaign.
pub(super) fn main(args: &FuzzArgs) -> Outcome {
    match &args.what {
        What::Parser(args) => parser::main(args),
    }
}
