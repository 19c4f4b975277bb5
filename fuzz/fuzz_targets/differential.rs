//! The fuzz target `differential`; see the property of this name.
#![cfg_attr(fuzzing, no_main)]

xmppspec_fuzz::fuzz_target!(differential: xml);
