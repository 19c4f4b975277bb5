//! XML readers that say what they see in the words of [`xmppspec_protocol::xml::canonical`], so that they can be compared.

use xmppspec_protocol::xml::{Limits, Mode, canonical};

pub mod adapters;
pub mod child;
pub mod library;
mod lines;
#[cfg(feature = "native-parsers")]
mod native;
mod roxmltree;
mod rxml;

/// What a reader makes of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Well-formed: its canonical lines.
    Read(Vec<String>),
    /// Refused, with an error of this class. A class never holds bytes of the document.
    Refused(String),
    /// It gave no answer that counts.
    Failed(Failure),
}

/// How a reader in another process can fail to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// Its process ended.
    Crash,
    /// No answer came in time.
    Hang,
    /// The answer is not what the pipe protocol asks for.
    Garbage,
    /// Its process needs more memory than it may.
    Memory,
}

impl Failure {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Failure::Crash => "crash",
            Failure::Hang => "hang",
            Failure::Garbage => "garbage",
            Failure::Memory => "memory",
        }
    }
}

/// A reader in this process.
#[derive(Clone, Copy)]
pub struct InProcess {
    name: &'static str,
    read: fn(&[u8]) -> Reading,
}

impl InProcess {
    /// Its name in the table of known differences and in findings.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Reads a whole document.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> Reading {
        (self.read)(bytes)
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The name of our own reader.
pub const OURS: &str = "xmppspec";

/// The readers in this process, ours first.
#[must_use]
pub fn in_process() -> &'static [InProcess] {
    &[
        InProcess {
            name: OURS,
            read: ours,
        },
        InProcess {
            name: "rxml",
            read: rxml::read,
        },
        InProcess {
            name: "roxmltree",
            read: roxmltree::read,
        },
        #[cfg(feature = "native-parsers")]
        InProcess {
            name: "libexpat",
            read: native::expat::read,
        },
        #[cfg(feature = "native-parsers")]
        InProcess {
            name: "libxml2",
            read: native::libxml2::read,
        },
    ]
}

fn ours(bytes: &[u8]) -> Reading {
    match canonical(bytes, Mode::Element, Limits::NONE) {
        (lines, None) => Reading::Read(lines),
        (_, Some(error)) => Reading::Refused(error.rule.name().to_owned()),
    }
}

/// The name of a variant of an enum of errors.
fn variant(error: impl std::fmt::Debug) -> String {
    let shown = format!("{error:?}");
    let end = shown
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(shown.len());
    shown[..end].to_owned()
}
