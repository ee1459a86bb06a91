//! What an agent sends to a sensor.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::tunnel_frames(input));
