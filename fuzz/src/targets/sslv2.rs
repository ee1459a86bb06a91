//! SSL 2.0 records and messages.

use std::hint::black_box;

use tls::sslv2::{ClientHello, ErrorMessage, RecordHeader, ServerHello};

/// Parses the input as an SSL 2.0 record's header and as each of its messages.
pub fn sslv2(input: &[u8]) {
    if let Ok(Some(header)) = RecordHeader::parse(input) {
        assert!(u16::from(header.padding_len) < header.len);
    }
    black_box(ErrorMessage::parse(input).map(|error| error.name()).ok());
    if let Ok(hello) = ClientHello::parse(input) {
        black_box((hello.offers_tls(), hello.cipher_kinds.names().count()));
        black_box(hello.cipher_kinds.cipher_suites().count());
    }
    if let Ok(hello) = ServerHello::parse(input) {
        black_box(hello.cipher_kinds.names().count());
    }
}
