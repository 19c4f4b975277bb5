//! What quick-xml alone costs on the same bytes: the measure for the speed of the other fuzz targets.
#![cfg_attr(fuzzing, no_main)]

xmppspec_fuzz::fuzz_target!(quick_xml);
