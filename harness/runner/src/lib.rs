//! The runner: everything that waits. Worlds, targets, transports, actors, runs and commands.
#![deny(unsafe_code)]

pub mod target;
pub mod world;
