//! Datagrams that carry sealed secrets past a monitor.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::escrow_beacon(input));
