//! Packets that the kernel puts into a queue.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::queued_packets(input));
