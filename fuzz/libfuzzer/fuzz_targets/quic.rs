//! Datagrams of QUIC as they come over the wire.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::quic(input));
