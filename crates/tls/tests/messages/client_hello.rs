//! `ClientHello`: what is read, and what is found out of order.

use std::hint::black_box;

use proptest::prelude::*;
use tls::extension::{EncryptedClientHello, KeyShareEntry};
use tls::handshake::{ClientHello, HelloAnomalies};
use tls::registry::{HpkeAead, HpkeKdf, NamedGroup};
use tls::{Malformed, ProtocolVersion};

use crate::hello::{ClientHelloBuilder, alpn, key_shares, prefixed_8, prefixed_16, server_name};

#[test]
fn a_browsers_hello_is_read_to_its_end() {
    let body = ClientHelloBuilder::browser().build();
    let hello = ClientHello::parse(&body).unwrap();
    assert!(hello.anomalies().is_empty(), "{:?}", hello.anomalies());
    assert_eq!(hello.legacy_version, ProtocolVersion::TLS12);
    assert_eq!(hello.highest_version(), ProtocolVersion::TLS13);
    assert_eq!(hello.session_id, [0x5e; 32]);
    assert_eq!(hello.cipher_suites.len(), 16);
    assert_eq!(hello.server_name().unwrap().to_text(), "example.com");
    let protocols: Vec<&[u8]> = hello.alpn().unwrap().iter().collect();
    assert_eq!(protocols, [&b"h2"[..], b"http/1.1"]);
    let shares: Vec<KeyShareEntry> = hello.key_shares().unwrap().iter().collect();
    assert_eq!(shares[1], KeyShareEntry { group: NamedGroup::X25519MLKEM768, key_len: 1216 });
    assert_eq!(hello.session_ticket(), Some(&[][..]));
    assert!(!hello.offers_early_data());
    assert!(!hello.has_quic_transport_parameters());
}

#[test]
fn every_prefix_is_malformed_or_an_anomaly() {
    let body = ClientHelloBuilder::browser().build();
    let fixed_len = 2 + 32 + 33 + 34 + 2;
    for len in 0..body.len() {
        match ClientHello::parse(&body[..len]) {
            Err(Malformed::Truncated { offset, missing, .. }) => {
                assert!(len < fixed_len && offset + missing <= body.len(), "prefix of {len} bytes");
            }
            Ok(hello) if len == fixed_len => assert!(hello.extensions.is_empty()),
            Ok(hello) => {
                let cut = HelloAnomalies::EXTENSIONS_TRUNCATED;
                assert!(hello.anomalies().contains(cut), "prefix of {len} bytes");
            }
            other => panic!("prefix of {len} bytes: {other:?}"),
        }
    }
}

#[test]
fn a_hello_of_dtls_has_a_cookie() {
    let mut body = vec![0xfe, 0xfd];
    body.extend([1; 32]);
    body.extend(prefixed_8(b""));
    body.extend(prefixed_8(b"cookie"));
    body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    let hello = ClientHello::parse_dtls(&body).unwrap();
    assert_eq!(hello.legacy_version, ProtocolVersion::DTLS12);
    assert_eq!(hello.dtls_cookie, Some(&b"cookie"[..]));
    assert_eq!(hello.cipher_suites.len(), 1);
    assert!(hello.extensions.is_empty());
}

#[test]
fn a_version_that_never_was_is_no_hello() {
    for version in [0x0000, 0x0202, 0x0400, 0x1603, 0x4745, 0xffff] {
        let body = ClientHelloBuilder { legacy_version: version, ..ClientHelloBuilder::browser() };
        assert!(
            matches!(ClientHello::parse(&body.build()), Err(Malformed::Value { offset: 0, .. })),
            "{version:#06x}"
        );
    }
}

#[test]
fn what_is_out_of_order_is_an_anomaly() {
    let browser = ClientHelloBuilder::browser;
    for (anomaly, hello) in [
        (HelloAnomalies::CIPHER_SUITES, ClientHelloBuilder { cipher_suites: vec![], ..browser() }),
        (
            HelloAnomalies::COMPRESSION_METHODS,
            ClientHelloBuilder { compression_methods: vec![], ..browser() },
        ),
        (HelloAnomalies::SESSION_ID, ClientHelloBuilder { session_id: vec![1; 33], ..browser() }),
        (HelloAnomalies::MALFORMED_EXTENSION, browser().with(0x000a, vec![0, 3, 0, 1, 0])),
        (HelloAnomalies::MALFORMED_EXTENSION, browser().with(0x0017, vec![0])),
        (HelloAnomalies::MALFORMED_EXTENSION, browser().with(0xfe0d, vec![7])),
        (HelloAnomalies::SERVER_NAME, browser().with(0x0000, server_name(b"a.example\0b.example"))),
        (HelloAnomalies::PSK_NOT_LAST, {
            let mut hello = browser();
            hello
                .extensions
                .insert(3, (0x0029, [vec![0, 7, 0, 1, 9, 0, 0, 0, 0], vec![0, 2, 1, 5]].concat()));
            hello
        }),
        (HelloAnomalies::DUPLICATE_EXTENSION, {
            let mut hello = browser();
            hello.extensions.push((0xff01, vec![0]));
            hello
        }),
    ] {
        let body = hello.build();
        assert_eq!(ClientHello::parse(&body).unwrap().anomalies(), anomaly);
        assert_eq!(anomaly.names().count(), 1);
    }
}

#[test]
fn bytes_after_the_extensions_are_an_anomaly() {
    let mut body = ClientHelloBuilder::browser().build();
    body.push(0);
    let hello = ClientHello::parse(&body).unwrap();
    assert_eq!(hello.anomalies(), HelloAnomalies::TRAILING_BYTES);
}

#[test]
fn encrypted_client_hello_shows_its_outside() {
    let outer =
        [&[0, 0, 1, 0, 3, 42][..], &prefixed_16(&[9; 32]), &prefixed_16(&[8; 144])].concat();
    let body = ClientHelloBuilder::browser().with(0xfe0d, outer).build();
    let expected = EncryptedClientHello::Outer {
        kdf: HpkeKdf(1),
        aead: HpkeAead(3),
        config_id: 42,
        enc_len: 32,
        payload_len: 144,
    };
    assert_eq!(ClientHello::parse(&body).unwrap().encrypted_client_hello(), Some(expected));
    let inner = ClientHelloBuilder::browser().with(0xfe0d, vec![1]).build();
    let hello = ClientHello::parse(&inner).unwrap();
    assert_eq!(hello.encrypted_client_hello(), Some(EncryptedClientHello::Inner));
}

#[test]
fn pre_shared_keys_are_known_by_their_lengths() {
    let identities =
        [prefixed_16(&[1; 100]), vec![0, 0, 0x10, 0], prefixed_16(&[2; 5]), vec![0; 4]];
    let binders = [prefixed_8(&[3; 32]), prefixed_8(&[4; 48])];
    let offered = [prefixed_16(&identities.concat()), prefixed_16(&binders.concat())].concat();
    let body = ClientHelloBuilder::browser().with(0x0029, offered).build();
    let psks = ClientHello::parse(&body).unwrap().pre_shared_keys().unwrap();
    let lens: Vec<(u16, u32)> = psks
        .identities()
        .map(|identity| (identity.identity_len, identity.obfuscated_ticket_age))
        .collect();
    assert_eq!(lens, [(100, 4096), (5, 0)]);
    assert_eq!(psks.binder_lens().collect::<Vec<_>>(), [32, 48]);
}

#[test]
fn the_key_share_of_the_drafts_is_read() {
    let body = ClientHelloBuilder::browser()
        .without(0x0033)
        .with(0x0028, key_shares(&[(0x001d, 32)]))
        .with(0x002b, vec![4, 0x7f, 0x12, 3, 3])
        .build();
    let hello = ClientHello::parse(&body).unwrap();
    assert_eq!(hello.highest_version(), ProtocolVersion(0x7f12));
    assert_eq!(hello.key_shares().unwrap().groups().collect::<Vec<_>>(), [NamedGroup::X25519]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        walk(&bytes);
    }

    #[test]
    fn a_hello_with_any_byte_changed_is_read_without_harm(index in 0..1700_usize, value: u8) {
        let mut body = ClientHelloBuilder::browser().with(0x0010, alpn(&[b"h3"])).build();
        let index = index % body.len();
        body[index] = value;
        walk(&body);
    }

    #[test]
    fn any_body_of_any_extension_is_read_without_harm(
        kind in prop::sample::select(vec![
            0_u16, 1, 5, 10, 11, 13, 16, 17, 18, 19, 20, 22, 27, 28, 35, 40, 41, 42, 43, 44, 45, 50,
            51, 17513, 0xfe0d, 0xff01, 0xffce,
        ]),
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        walk(&ClientHelloBuilder::browser().with(kind, body).build());
    }
}

fn walk(bytes: &[u8]) {
    for hello in [ClientHello::parse(bytes), ClientHello::parse_dtls(bytes)].into_iter().flatten() {
        assert!(hello.anomalies().names().count() <= 9);
        if let Some(name) = hello.server_name() {
            assert!(name.to_text().chars().all(|character| !character.is_control()));
        }
        let lists = [
            hello.supported_groups().map_or(0, |list| list.iter().count()),
            hello.signature_algorithms().map_or(0, |list| list.iter().count()),
            hello.ec_point_formats().map_or(0, |list| list.iter().count()),
            hello.psk_key_exchange_modes().map_or(0, |list| list.iter().count()),
            hello.compress_certificate().map_or(0, |list| list.iter().count()),
            hello.alpn().map_or(0, |list| list.iter().count()),
            hello.key_shares().map_or(0, |list| list.iter().count()),
            hello.pre_shared_keys().map_or(0, |list| list.identities().count()),
        ];
        assert!(lists.iter().all(|len| *len <= bytes.len()));
        black_box((
            hello.encrypted_server_name(),
            hello.encrypted_client_hello(),
            hello.cookie(),
            hello.status_request(),
            hello.highest_version(),
        ));
    }
}
