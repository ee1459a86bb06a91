//! What a process tells its agent.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::handover(input));
