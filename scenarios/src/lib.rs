//! The scenario language, the catalogue of requirements, and all scenarios.
//!
//! Nothing here touches a socket, a clock or a file: scripts come in as text, and come out as
//! [`Script`]s; received events are compared with [`pattern`]s. `README.md` beside this crate is
//! the reference of the language.
#![forbid(unsafe_code)]

pub mod bindings;
pub mod builtin;
pub mod catalogue;
mod check;
pub mod diagnostic;
pub mod names;
mod parser;
pub mod pattern;
pub mod script;
pub mod text;

pub use bindings::{Bindings, ExpandError};
pub use check::check;
pub use diagnostic::{Diagnostic, Severity};
pub use parser::parse;
pub use script::{
    Action, Actor, ActorKind, Hearing, Mode, Piece, Property, Props, Role, Script, Source, Step,
};
pub use text::Template;

/// A range of bytes in the text of a [`Source`].
pub type Span = std::ops::Range<usize>;
