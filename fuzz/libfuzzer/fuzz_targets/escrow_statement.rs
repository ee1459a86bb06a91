//! Statements that somebody has signed, or says so.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::escrow_statement(input));
