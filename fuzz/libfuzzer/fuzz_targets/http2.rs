//! HTTP/2 connections to HTTP/1.1 messages.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::http2(input));
