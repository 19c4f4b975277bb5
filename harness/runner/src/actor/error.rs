//! Why a step of an actor failed.

use std::fmt;

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The target accepts no connection.
    Unreachable,
    /// The actor has no connection.
    NotConnected,
    /// The target answered, but not with what was asked for.
    Refused,
    /// The connection ended.
    Ended,
    /// What came is not XML.
    NotXml,
    /// The target sent too much.
    Flood,
    /// Nothing came in time.
    TimedOut,
    /// The script asks for something that cannot be done.
    Script,
}

/// Why a step failed, in words, and what was received instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// The kind.
    pub problem: Problem,
    /// One sentence without a full stop.
    pub message: String,
    /// What came instead, as XML; may be empty.
    pub received: String,
}

impl StepError {
    /// An error without anything received.
    pub fn new(problem: Problem, message: impl Into<String>) -> Self {
        Self {
            problem,
            message: message.into(),
            received: String::new(),
        }
    }

    /// Adds what was received.
    #[must_use]
    pub fn with_received(mut self, received: impl Into<String>) -> Self {
        self.received = received.into();
        self
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StepError {}
