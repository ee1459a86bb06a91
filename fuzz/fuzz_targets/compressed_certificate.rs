//! `CompressedCertificate`: the algorithm and the claimed length come first.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls::compression::{Algorithm, MAX_CERTIFICATE_MESSAGE_LEN, decompress};
use wire::Reader;

fuzz_target!(|input: &[u8]| {
    let mut reader = Reader::new(input);
    let (Ok(algorithm), Ok(len)) = (reader.u16(), reader.u24()) else { return };
    let max = MAX_CERTIFICATE_MESSAGE_LEN;
    if let Ok(message) = decompress(Algorithm(algorithm), len, reader.rest(), max) {
        assert!(message.len() <= max);
        assert_eq!(u32::try_from(message.len()), Ok(len));
    }
});
