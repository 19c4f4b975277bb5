//! Every report, made from one hand-made run with nasty content, and the rules that results follow.

mod assembling;
mod comparing;
mod doap;
mod features;
mod formats;
mod gating;
mod hostile;
mod html;
mod sample;
mod schema;
mod terminal;
