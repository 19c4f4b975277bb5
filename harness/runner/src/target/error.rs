//! Why a target could not be started or reached.

use std::fmt;
use std::io;

use super::REFERENCE_PEER;
use crate::peer::taken_hint;

/// Why a target could not be started, reached or kept alive.
#[derive(Debug)]
pub enum TargetError {
    /// The profile itself is wrong; the text is a rendered diagnostic with file, line and caret.
    Profile(String),
    /// Programs of the target are not installed here.
    Missing {
        /// The target's name.
        target: String,
        /// The programs or files that were not found.
        programs: Vec<String>,
        /// What to do about it, for example an `apt-get install` line.
        hint: String,
    },
    /// Its processes are machines of their own, which there are only in a closed world.
    NeedsWorld {
        /// The target's name.
        target: String,
    },
    /// Peers cannot stand on the machine's loopback.
    Loopback(io::Error),
    /// A process ended before the target was ready, or while it was used.
    Exited {
        /// The process, its exit and its last words.
        death: super::Death,
    },
    /// The processes run, but a service did not answer in time.
    NotReady {
        /// The target's name.
        target: String,
        /// The address that was tried.
        address: String,
        /// How long, in seconds.
        seconds: f64,
        /// The last lines of the target's logs.
        log: String,
    },
    /// The address of a target that should be running already does not accept connections.
    Unreachable {
        /// The address that was tried.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// A command of the profile (for accounts, or for the version) failed.
    Command {
        /// The command line.
        command: String,
        /// Its output, or why it could not be run.
        output: String,
    },
    /// A file of the run could not be written, read or removed.
    Io {
        /// What was being done, with the path.
        what: String,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(text) => f.write_str(text),
            Self::Missing {
                target,
                programs,
                hint,
            } => {
                write!(
                    f,
                    "{target} is not installed here: {} not found\n{hint}",
                    programs.join(", ")
                )
            }
            Self::NeedsWorld { target } => write!(
                f,
                "{target} cannot be judged without a closed world: its processes need a host of their own\n\
                 drop --no-world; without a world there is only --target {REFERENCE_PEER}"
            ),
            Self::Loopback(error) => write!(
                f,
                "serverless peers cannot be judged on loopback: {error}{}",
                taken_hint(error)
            ),
            Self::Exited { death } => death.fmt(f),
            Self::NotReady {
                target,
                address,
                seconds,
                log,
            } => write!(
                f,
                "{target} runs, but {address} did not answer within {seconds} s; its last lines:\n{log}"
            ),
            Self::Unreachable { address, error } => {
                write!(
                    f,
                    "nothing answers at {address}: {error}\nIs the server running, and is this its client port?"
                )
            }
            Self::Command { command, output } => write!(f, "`{command}` failed: {output}"),
            Self::Io { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for TargetError {}
