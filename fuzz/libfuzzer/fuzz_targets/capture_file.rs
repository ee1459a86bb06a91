//! Capture files: pcap, pcapng, and both compressed.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::capture_file(input));
