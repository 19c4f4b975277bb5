//! `xmppspec fuzz`: campaigns against parsers and servers.

mod overnight;
mod parser;
mod properties;
mod server;

use std::path::PathBuf;

use super::Outcome;
use crate::exit::{Exit, Failed};

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
    /// A server: generated streams and stanzas, before login and after it
    Server(Box<server::ServerArgs>),
    /// Our own code: what must hold for any bytes
    Properties(properties::PropertiesArgs),
    /// Answers documents on standard input by the pipe protocol with what a shared library says
    #[command(hide = true)]
    Library {
        /// It has the function `xmppspec_read`
        path: PathBuf,
    },
    /// Everything in turn, for a night
    Overnight(overnight::OvernightArgs),
}

/// Runs the campaign.
pub(super) fn main(args: &FuzzArgs) -> Outcome {
    match &args.what {
        What::Parser(args) => parser::main(args),
        What::Server(args) => server::main(args),
        What::Properties(args) => properties::main(args),
        What::Library { path } => xmppspec_fuzz::readers::library::serve(path)
            .map(|()| Exit::Conformant)
            .map_err(|error| Failed::usage(error.to_string())),
        What::Overnight(args) => overnight::main(args),
    }
}
