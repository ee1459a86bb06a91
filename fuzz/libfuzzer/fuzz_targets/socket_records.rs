//! Records of the ring that the programs in the kernel fill.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::socket_records(input));
