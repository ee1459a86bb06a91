//! The `Certificate` message of all versions.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls::handshake::CertificateList;

fuzz_target!(|input: &[u8]| {
    for list in
        [CertificateList::parse(input), CertificateList::parse_tls13(input)].iter().flatten()
    {
        let der_len: usize = list.iter().map(|entry| entry.der.len()).sum();
        assert!(der_len <= input.len());
        std::hint::black_box((list.is_whole(), list.is_empty()));
    }
});
