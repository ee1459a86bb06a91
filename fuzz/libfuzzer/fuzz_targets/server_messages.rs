//! The smaller messages of a server, each from the same bytes. A version and a cipher suite, which
//! some depend on, come first.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::server_messages(input));
