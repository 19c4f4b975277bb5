//! A target that is up.

use std::fmt;

use super::{Target, TargetError};

/// How a process of a target ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The process: its name in the profile.
    pub process: String,
    /// Its end: "exit status 1", "signal 11 (SIGSEGV)".
    pub status: String,
    /// The last lines of the target's logs.
    pub log: String,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ended ({}); its last lines:\n{}",
            self.process, self.status, self.log
        )
    }
}

/// A target that is up: one that the run started, or one that was running already.
#[derive(Debug)]
pub struct Running {
    /// What a run needs to know about it.
    pub target: Target,
}

impl Running {
    /// A target that runs already and is nobody's to stop.
    #[must_use]
    pub fn connected(target: Target) -> Self {
        Self { target }
    }

    /// Whether all processes that the run started are up.
    #[must_use]
    pub fn alive(&self) -> bool {
        true
    }

    /// Resolves as soon as a process of the target ends, without waiting for any timeout; never for a target without
    /// processes. Cancel-safe.
    pub async fn died(&self) -> Death {
        std::future::pending().await
    }

    /// Starts the target again after its death, with the data and the configuration it had.
    ///
    /// # Errors
    /// As for a start.
    pub async fn restart(&mut self) -> Result<(), TargetError> {
        Ok(())
    }

    /// Stops the target and removes everything that it left.
    pub async fn stop(&mut self) {}
}
