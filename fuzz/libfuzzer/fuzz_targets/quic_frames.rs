//! What is inside Initial packets: the input is sealed as an endpoint would do it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::quic_frames(input));
