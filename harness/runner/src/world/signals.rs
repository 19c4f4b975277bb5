//! Ctrl-C and its like, as a stream.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Ctrl-C.
    Int,
    /// `kill`, or a CI that gives up.
    Term,
    /// The terminal has gone.
    Hup,
}

impl Interrupt {
    /// The exit code of a program that ends because of it: 128 and the number of the signal.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        128 + match self {
            Self::Int => libc::SIGINT,
            Self::Term => libc::SIGTERM,
            Self::Hup => libc::SIGHUP,
        }
    }
}

/// The requests to end. In a world the second request ends the run at once, whoever listens.
#[derive(Debug)]
pub struct Interrupts {
    int: Stream,
    term: Stream,
    hup: Stream,
}

impl Interrupts {
    /// Begins to listen; call it on the main thread, inside the runtime. Requests made before, in a world, are not lost.
    ///
    /// # Errors
    /// Those of registering signal handlers.
    pub fn listen() -> io::Result<Self> {
        let me = Self {
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
        };
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGINT);
        mask.add(Signal::SIGTERM);
        mask.add(Signal::SIGHUP);
        mask.thread_unblock()?;
        Ok(me)
    }

    /// The next request. Cancel-safe.
    pub async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.int.recv() => Interrupt::Int,
            _ = self.term.recv() => Interrupt::Term,
            _ = self.hup.recv() => Interrupt::Hup,
        }
    }
}
