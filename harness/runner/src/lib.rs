//! The runner: everything that waits. Worlds, targets, transports, actors, runs and commands.

pub mod target;
