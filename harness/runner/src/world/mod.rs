//! The world: a closed network of a run's own, in which target and actors meet and which no packet leaves.
//!
//! The caller (P0) clones a copy of itself (W) into new user, mount, network, pid, ipc and uts namespaces and waits. W is
//! pid 1 there; when it ends, the kernel ends whatever else lives in the world. Everything happens before the first thread
//! starts. Not Linux, or a kernel that refuses: an error with a hint, never a silent way around.

mod check;
pub mod dns;
mod error;
mod host;
mod inside;
mod netlink;
mod outside;
mod segment;
mod signals;
mod sys;

use std::path::PathBuf;

pub use check::{Check, check};
pub use error::{Step, WorldError};
pub use host::Host;
pub use segment::{Addresses, HostError, Link, Segment};
pub use signals::{Interrupt, Interrupts};
pub(crate) use sys::{Confinement, confine, limit_memory};

/// What of the caller's file system the run needs. Everything can be read, except what lies below `/run`, `/tmp` and
/// `/dev/shm`; nothing can be written.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Needs {
    /// Files that the run writes (results, reports), existing or not, or folders that it writes into. Their folders become
    /// writable for the harness.
    pub write: Vec<PathBuf>,
    /// Files and folders that the run reads (scripts, profiles). The current folder is always among them.
    pub read: Vec<PathBuf>,
}

/// Where the run is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// The kind of world, as results tell it: [`Entered::NAMESPACES`] or [`Entered::NONE`].
    pub world: &'static str,
    /// Where the targets of this run keep their files; on a file system that goes with the world. `None` outside.
    pub run_dir: Option<PathBuf>,
    /// What had to be left out on this machine though the world is closed, each in a sentence.
    pub notes: Vec<String>,
    pub(crate) confinement: Confinement,
}

impl Entered {
    /// A world of namespaces: closed.
    pub const NAMESPACES: &'static str = "namespaces";
    /// No world: the machine's own network.
    pub const NONE: &'static str = "none";

    /// No world: targets run on high loopback ports and see the network of the machine.
    #[must_use]
    pub fn none() -> Self {
        Self {
            world: Self::NONE,
            run_dir: None,
            notes: Vec::new(),
            confinement: Confinement::default(),
        }
    }

    /// Whether the run is in a closed world.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.world != Self::NONE
    }
}

/// Enters a new world. Call it first thing in `main`, before any thread starts.
///
/// In the process that was called it does not return, but waits for its copy in the world and exits with its exit code. In
/// the copy it returns. Signals for a graceful end (INT, TERM, HUP) stay blocked there until [`Interrupts::listen`].
///
/// # Errors
/// [`WorldError`] in the process that was called, with the step that failed; nothing is left of the attempt.
pub fn enter(needs: &Needs) -> Result<Entered, WorldError> {
    match inside::handed_over() {
        Some(handover) => Ok(handover.set_up()),
        None => match outside::run(needs)? {},
    }
}

/// Whether this process already is the copy in a world, which the first lines of `main` may want to know.
#[must_use]
pub fn is_inside() -> bool {
    inside::is_inside()
}
