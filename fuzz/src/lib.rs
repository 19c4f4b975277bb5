//! What fuzzers check, without a fuzzer: properties of the protocol and scenarios crates that hold for any bytes, XML
//! documents made from bytes, and readers beside each other.
//!
//! The targets in `fuzz_targets/` (libFuzzer), the tests (proptest, the corpus) and `xmppspec fuzz` call the same
//! functions. `README.md` beside this crate tells how to run them.

pub mod campaign;
pub mod differences;
pub mod document;
pub mod findings;
pub mod minimise;
pub mod mutate;
pub mod pieces;
pub mod properties;
pub mod readers;
pub mod sweep;

/// The seeds of XML in the corpus: documents, stanzas, payloads, streams.
pub const SEEDS: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/seeds.rs"));

#[doc(hidden)]
#[cfg(fuzzing)]
pub use libfuzzer_sys;

/// The main function of a fuzz target: libFuzzer's where cargo-fuzz builds it, else one that replays files. Behind the
/// property may stand that its inputs are `xml`, which is then changed as XML, too.
#[macro_export]
macro_rules! fuzz_target {
    ($property:ident: xml) => {
        $crate::fuzz_target!($property);

        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8],
                                              size: usize,
                                              max_size: usize,
                                              seed: u32| {
            match $crate::mutate::as_xml(seed, &data[..size]) {
                Some(mut changed) => {
                    changed.truncate(max_size);
                    data[..changed.len()].copy_from_slice(&changed);
                    changed.len()
                }
                None => $crate::libfuzzer_sys::fuzzer_mutate(data, size, max_size),
            }
        });
    };
    ($property:ident) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::properties::$property(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::properties::replay($crate::properties::$property)
        }
    };
}
