//! The results of a run: the model that the runner fills, the frame that other programs read, the gate that
//! decides over the exit code, and everything that people look at, made from it.
//!
//! Sans-IO: no files, no clock, no environment. What a renderer needs to know about the outside (colours, width, the
//! texts of requirements) are its parameters.
//!
//! ```
//! use xmppspec_reports::{Case, Format, GateOptions, Judged, Options, Results, Run, Verdict, render};
//!
//! let case = Case {
//!     judged: vec![Judged::new("RFC6120-4.7.3-6", "MUST", Verdict::Pass)],
//!     ..Case::new("rfc6120/4.7.3-id", "The response header has an id", Verdict::Pass)
//! };
//! let results = Results::assemble(Run::default(), vec![case], [("RFC6120-4.7.3-6", "MUST")], &[]);
//! assert!(results.gate(&GateOptions::default()).is_conformant());
//! let text = render(Format::Json, &results, &Options::default()).unwrap();
//! assert_eq!(Results::from_json(text.as_bytes()).unwrap(), results);
//! ```

#![forbid(unsafe_code)]

mod assemble;
mod chapters;
mod claims;
mod compare;
mod doap;
mod documents;
mod error;
mod features;
mod gate;
mod glob;
mod known;
mod merge;
mod model;
mod render;
mod requirement;
mod text;
mod verdict;

pub use assemble::Run;
pub use claims::{ClaimState, Claims, Standing};
pub use compare::{Change, Comparison, Difference, Matrix, Row};
pub use doap::{Claim, ClaimStatus, Doap, DoapError};
pub use error::ReportError;
pub use features::{Feature, FeatureState, Support};
pub use gate::{Gate, GateOptions, Objection};
pub use glob::glob_matches;
pub use known::{Known, KnownState, KnownStatus};
pub use model::{
    At, Case, Content, DECIDED, Direction, Entry, Judged, Layer, NotRun, Packet, RequirementState,
    Results, SCHEMA, Summary, Target, Tool,
};
pub use render::{Format, Options, Verbosity, render, render_claims, render_comparison};
pub use requirement::{RequirementInfo, RequirementTexts};
pub use verdict::{State, Verdict};
