//! What agents, monitors and an escrow service say to each other.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::escrow_frames(input));
