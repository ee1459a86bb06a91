//! Datagrams of DTLS: records, fragments and the reassembly of messages.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::dtls(input));
