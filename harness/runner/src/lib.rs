//! The runner: everything that waits. Worlds, targets, transports, actors, runs and commands.
#![deny(unsafe_code)]

pub mod actor;
pub mod commands;
pub mod exit;
pub mod live;
pub mod peer;
pub mod run;
pub mod select;
pub mod target;
pub mod transport;
pub mod ui;
pub mod world;
