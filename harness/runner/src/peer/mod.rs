//! Serverless messaging (XEP-0174): what the harness needs to be a peer, and to look at one.

mod instrument;
pub(crate) mod journal;
mod site;
mod socket;
mod survey;

pub use instrument::{Direction, Instrument, MDNS_TTL, Packet, Place, Source, To};
pub(crate) use site::{Ground, Site};
pub use site::{Stretch, check_loopback, taken_hint};
pub use survey::{FoundPeer, Speaker, Survey};
