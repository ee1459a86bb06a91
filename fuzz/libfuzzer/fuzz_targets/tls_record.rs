//! TLS records and the headers of the messages in them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::tls_record(input));
