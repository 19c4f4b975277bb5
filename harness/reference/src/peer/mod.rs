//! An embedded serverless peer (XEP-0174): correct by default, with faults by name.
//!
//! It has a responder of its own (RFC 6762, RFC 6763), because nearly every rule of multicast DNS must be there to be broken
//! on purpose. The state machines (`responder`, `browser`, `stream`) know neither sockets nor clocks; `net` has both.

mod browser;
mod config;
mod fault;
mod net;
mod packet;
mod records;
mod responder;
mod stream;

pub use config::PeerConfig;
pub use fault::PeerFault;
pub use net::Peer;
pub use records::Status;

/// What the user of a peer sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// The peer itself is online, under this name.
    SelfOnline {
        /// `user@machine`.
        peer: String,
    },
    /// The peer itself is offline.
    SelfOffline,
    /// Another peer is there.
    Online {
        /// Its instance name.
        peer: String,
        /// How available it is.
        status: Status,
        /// The text of its status.
        text: String,
    },
    /// Another peer has another status.
    Status {
        /// Its instance name.
        peer: String,
        /// How available it is.
        status: Status,
        /// The text of its status.
        text: String,
    },
    /// Another peer has gone.
    Offline {
        /// Its instance name.
        peer: String,
    },
    /// A message has come.
    Message {
        /// From whom.
        peer: String,
        /// What it says.
        text: String,
    },
    /// Something did not work.
    Error {
        /// What.
        text: String,
    },
}
