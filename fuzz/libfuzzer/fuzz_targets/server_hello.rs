//! `ServerHello`, its forerunners, and what is made of them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::server_hello(input));
