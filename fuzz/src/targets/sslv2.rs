//! SSL 2.0 records and messages.

use std::hint::black_box;

use tls::sslv2::{ClientHello, ErrorMessage, Judgement, RecordHeader, ServerHello, judge};

/// Parses the input as an SSL 2.0 record's header and as each of its messages.
pub fn sslv2(input: &[u8]) {
    if let Ok(Some(header)) = RecordHeader::parse(input) {
        assert!(u16::from(header.padding_len) < header.len);
    }
    if let (Judgement::Hello, Some((header, body))) = (judge(input), input.split_first_chunk())
        && let Some(body) = body.get(..usize::from(u16::from_be_bytes(*header) & 0x7fff))
    {
        assert!(ClientHello::parse(body).is_ok() || ServerHello::parse(body).is_ok());
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
