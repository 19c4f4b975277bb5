//! What travels on the wire: XML streams, elements, JIDs, SASL, error conditions, DNS records.
//!
//! Sans-IO: bytes in, values out; no sockets, no clock, no environment. Fuzzers, property tests and benches call
//! the very functions that a run calls.
#![forbid(unsafe_code)]

pub mod caps;
pub mod conditions;
pub mod dns;
pub mod element;
pub mod jid;
pub mod mdns;
pub mod ns;
pub mod sasl;
pub mod stream;
pub mod xml;
