//! `CompressedCertificate`: the algorithm and the claimed length come first.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::compressed_certificate(input));
