//! What an escrow keeps: entries, sealed records, and what is in them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::escrow_records(input));
