//! QUIC packets that secrets may open.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::quic_protected(input));
