//! An embedded XMPP server in memory: correct by default, with faults by name.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use xmppspec_reference::{Config, Server};
//! let server = Server::start(Config::new("localhost").account("romeo", "secret")).await?;
//! println!("{} is at {}", server.domain(), server.c2s());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod account;
mod bind;
mod config;
mod connection;
mod fault;
mod header;
mod hub;
mod iq;
mod mailbox;
mod message;
mod net;
pub mod peer;
mod presence;
mod register;
mod roster;
mod router;
mod sasl;
mod session;
mod spoil;
mod subscription;
mod time;
mod tls;

pub use config::{Config, Conflict, Limits};
pub use fault::Fault;
pub use net::Server;
