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

mod config;
mod fault;
mod net;

pub use config::{Config, Conflict, Limits};
pub use fault::Fault;
pub use net::Server;
