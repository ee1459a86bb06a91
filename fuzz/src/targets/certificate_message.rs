//! The `Certificate` message of all versions.

use tls::handshake::CertificateList;

/// Parses the input as the body of a `Certificate` message of either form.
pub fn certificate_message(input: &[u8]) {
    for list in
        [CertificateList::parse(input), CertificateList::parse_tls13(input)].iter().flatten()
    {
        let der_len: usize = list.iter().map(|entry| entry.der.len()).sum();
        assert!(der_len <= input.len());
        std::hint::black_box((list.is_whole(), list.is_empty()));
    }
}
