//! SSL 2.0, and the form of it in which old clients offer TLS.

use proptest::prelude::*;
use tls::ProtocolVersion;
use tls::sslv2::{ClientHello, ErrorMessage, Judgement, RecordHeader, ServerHello, judge};

#[test]
fn a_header_is_two_or_three_bytes_long() {
    let short = RecordHeader { header_len: 2, len: 46, padding_len: 0 };
    assert_eq!(RecordHeader::parse(&[0x80, 46]), Ok(Some(short)));
    let long = RecordHeader { header_len: 3, len: 46, padding_len: 6 };
    assert_eq!(RecordHeader::parse(&[0x00, 46, 6]), Ok(Some(long)));
    assert_eq!(RecordHeader::parse(&[0x80]), Ok(None));
    assert_eq!(RecordHeader::parse(&[0x00, 46]), Ok(None));
    assert!(RecordHeader::parse(&[0x80, 0]).is_err());
    assert!(RecordHeader::parse(&[0x00, 8, 8]).is_err());
}

#[test]
fn a_client_hello_lists_ciphers_of_both_kinds() {
    let body = client_hello(0x0301);
    let hello = ClientHello::parse(&body).unwrap();
    assert!(hello.offers_tls());
    assert_eq!(hello.version, ProtocolVersion::TLS10);
    let names: Vec<_> = hello.cipher_kinds.names().collect();
    assert_eq!(names, ["SSL_CK_RC4_128_WITH_MD5", "TLS_RSA_WITH_AES_128_CBC_SHA"]);
    assert_eq!(hello.cipher_kinds.cipher_suites().count(), 1);
    assert_eq!(hello.challenge, [7; 16]);
    assert!(!ClientHello::parse(&client_hello(0x0002)).unwrap().offers_tls());
}

#[test]
fn every_prefix_of_a_client_hello_is_malformed() {
    let body = client_hello(0x0002);
    for len in 0..body.len() {
        assert!(ClientHello::parse(&body[..len]).is_err(), "prefix of {len} bytes");
    }
}

#[test]
fn a_client_hello_with_impossible_lengths_is_malformed() {
    for (index, value) in [(0, 2), (1, 9), (4, 5), (4, 0), (6, 33), (8, 15), (8, 33)] {
        let mut body = client_hello(0x0002);
        body[index] = value;
        assert!(ClientHello::parse(&body).is_err(), "byte {index} as {value}");
    }
}

#[test]
fn a_server_hello_carries_a_certificate() {
    let body = server_hello();
    let hello = ServerHello::parse(&body).unwrap();
    assert_eq!(hello.certificate, b"cert");
    assert_eq!(hello.cipher_kinds.names().next().unwrap(), "SSL_CK_DES_192_EDE3_CBC_WITH_MD5");
    assert_eq!(hello.connection_id, [9; 16]);
    for len in 0..body.len() {
        assert!(ServerHello::parse(&body[..len]).is_err(), "prefix of {len} bytes");
    }
}

#[test]
fn a_hello_is_told_from_any_prefix_or_waited_for() {
    for (body, fields_len) in
        [(client_hello(0x0002), 9), (client_hello(0x0301), 9), (server_hello(), 11)]
    {
        let record = record(&body);
        for len in 0..=record.len() {
            let told = len >= 2 + fields_len;
            let expected = if told { Judgement::Hello } else { Judgement::NeedMore };
            assert_eq!(judge(&record[..len]), expected, "prefix of {len} bytes");
        }
    }
}

#[test]
fn a_record_whose_fields_do_not_fit_is_no_hello() {
    for (index, value) in
        [(0, 2), (1, 9), (3, 1), (4, 5), (4, 0), (4, 9), (6, 15), (8, 15), (8, 33)]
    {
        let mut body = client_hello(0x0002);
        body[index] = value;
        assert_eq!(judge(&record(&body)), Judgement::No, "client's byte {index} as {value}");
    }
    for (index, value) in [(1, 2), (2, 2), (3, 3), (6, 5), (8, 4), (10, 33)] {
        let mut body = server_hello();
        body[index] = value;
        assert_eq!(judge(&record(&body)), Judgement::No, "server's byte {index} as {value}");
    }
    assert_eq!(judge(b"GET / HTTP/1.1"), Judgement::No);
    assert_eq!(judge(&[0x00]), Judgement::No);
}

#[test]
fn an_error_has_a_name() {
    assert_eq!(ErrorMessage::parse(&[0, 0, 1]).unwrap().name(), Some("no_cipher"));
    assert_eq!(ErrorMessage::parse(&[0, 0, 9]).unwrap().name(), None);
    assert!(ErrorMessage::parse(&[0, 0]).is_err());
    assert!(ErrorMessage::parse(&[0, 0, 1, 0]).is_err());
}

proptest! {
    #[test]
    fn what_is_judged_a_hello_can_be_read(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..40), 0..3),
        is_client in any::<bool>(),
    ) {
        let mut body = if is_client { client_hello(0x0002) } else { server_hello() };
        for (index, value) in changes {
            let index = index.index(body.len());
            body[index] = value;
        }
        if judge(&record(&body)) == Judgement::Hello {
            prop_assert!(ClientHello::parse(&body).is_ok() || ServerHello::parse(&body).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
        if let Ok(Some(header)) = RecordHeader::parse(&bytes) {
            prop_assert!(header.len > u16::from(header.padding_len));
        }
        if let Ok(hello) = ClientHello::parse(&bytes) {
            prop_assert!(hello.cipher_kinds.iter().count() * 3 < bytes.len());
        }
        if let Ok(hello) = ServerHello::parse(&bytes) {
            prop_assert!(hello.certificate.len() < bytes.len());
        }
    }
}

fn client_hello(version: u16) -> Vec<u8> {
    let mut body = vec![1];
    body.extend(version.to_be_bytes());
    body.extend([0, 6, 0, 0, 0, 16]);
    body.extend([1, 0, 0x80, 0, 0, 0x2f]);
    body.extend([7; 16]);
    body
}

fn server_hello() -> Vec<u8> {
    let mut body = vec![4, 0, 1, 0, 2, 0, 4, 0, 3, 0, 16];
    body.extend(b"cert");
    body.extend([7, 0, 0xc0]);
    body.extend([9; 16]);
    body
}

fn record(body: &[u8]) -> Vec<u8> {
    [&[0x80, u8::try_from(body.len()).unwrap()], body].concat()
}
