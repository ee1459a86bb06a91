//! `CompressedCertificate`: the algorithm and the claimed length come first.

use tls::compression::{Algorithm, MAX_CERTIFICATE_MESSAGE_LEN, decompress};
use wire::Reader;

/// Decompresses the input with the algorithm and to the length that it begins with.
pub fn compressed_certificate(input: &[u8]) {
    let mut reader = Reader::new(input);
    let (Ok(algorithm), Ok(len)) = (reader.u16(), reader.u24()) else { return };
    let max = MAX_CERTIFICATE_MESSAGE_LEN;
    if let Ok(message) = decompress(Algorithm(algorithm), len, reader.rest(), max) {
        assert!(message.len() <= max);
        assert_eq!(u32::try_from(message.len()), Ok(len));
    }
}
