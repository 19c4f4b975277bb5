//! Connections to a target: TCP, TLS, and the XML streams on them, with every byte in the transcript.
//!
//! Nothing here waits. A [`Connection`] is polled: it writes what is to be written, reads what has come, and queues what it
//! has read; who waits for what is decided in [`crate::actor`].

mod capture;
mod connection;
mod io;
mod tls;
mod transcript;

pub use capture::Capture;
pub use connection::{Connection, Ending, Item, TcpEnd};
pub use tls::{Tls, TlsInfo, TlsVersion};
pub use transcript::{Direction, Entry, Layer, Transcript};
