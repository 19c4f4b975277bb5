//! The scenarios that are part of this crate.

use std::sync::LazyLock;

use crate::script::Source;

const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

static SCRIPTS: LazyLock<Vec<Source>> = LazyLock::new(|| {
    EMBEDDED
        .iter()
        .map(|(name, text)| Source {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        })
        .collect()
});

/// Every scenario of this crate, sorted by path. Names are relative to the folder `scenarios`
/// (`rfc6120/4.9.3.6-host-unknown.scs`).
pub fn scripts() -> &'static [Source] {
    &SCRIPTS
}

/// The case name of a script: its path without `.scs`.
pub fn name_of(path: &str) -> &str {
    path.strip_suffix(".scs").unwrap_or(path)
}
