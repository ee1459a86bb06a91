//! The messages of a server, and those that either side sends.

use std::hint::black_box;

use proptest::prelude::*;
use tls::ProtocolVersion;
use tls::extension::{KeyShareEntry, ServerKeyShare};
use tls::handshake::{
    Alert, CertificateList, CertificateRequest, CertificateStatus, CertificateVerify,
    DraftRetryRequest, HandshakeSignature, HelloVerifyRequest, MAX_AUTHORITIES, MAX_CERTIFICATES,
    NewSessionTicket, ServerHello, ServerKeyExchange, ServerParameters,
};
use tls::registry::{
    AlertDescription, AlertLevel, CipherSuite, NamedGroup, OcspResponseStatus, SignatureScheme,
};

use crate::hello::{prefixed_8, prefixed_16, prefixed_24, server_hello};

const ECDHE_RSA: CipherSuite = CipherSuite(0xc02f);
const DHE_RSA: CipherSuite = CipherSuite(0x0033);

#[test]
fn a_server_hello_of_tls_1_3_says_its_version_in_an_extension() {
    let share = [&[0x11, 0xec][..], &prefixed_16(&[1; 1120])].concat();
    let body = server_hello(0x0303, 0x1301, &[(0x002b, vec![3, 4]), (0x0033, share)]);
    let hello = ServerHello::parse(&body).unwrap();
    assert_eq!(hello.legacy_version, ProtocolVersion::TLS12);
    assert_eq!(hello.negotiated_version(), ProtocolVersion::TLS13);
    let entry = KeyShareEntry { group: NamedGroup::X25519MLKEM768, key_len: 1120 };
    assert_eq!(hello.key_share(), Some(ServerKeyShare::Share(entry)));
    assert!(!hello.is_hello_retry_request());
    assert!(hello.anomalies().is_empty());
}

#[test]
fn a_hello_retry_request_is_known_by_its_random() {
    let mut body = server_hello(0x0303, 0x1301, &[(0x002b, vec![3, 4]), (0x0033, vec![0, 0x18])]);
    let random = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8,
        0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8,
        0x33, 0x9c,
    ];
    body[2..34].copy_from_slice(&random);
    let hello = ServerHello::parse(&body).unwrap();
    assert!(hello.is_hello_retry_request());
    assert_eq!(hello.key_share(), Some(ServerKeyShare::Selected(NamedGroup(0x0018))));
}

#[test]
fn drafts_up_to_21_have_a_server_hello_of_their_own() {
    let mut body = vec![0x7f, 0x12];
    body.extend([5; 32]);
    body.extend([0x13, 0x01, 0, 8, 0, 0x28, 0, 4, 0, 0x1d, 0, 0]);
    let hello = ServerHello::parse(&body).unwrap();
    assert_eq!(hello.negotiated_version(), ProtocolVersion(0x7f12));
    assert_eq!(hello.cipher_suite, CipherSuite(0x1301));
    assert_eq!(hello.key_share().map(ServerKeyShare::group), Some(NamedGroup::X25519));
    body[..2].copy_from_slice(&[3, 4]);
    let older = ServerHello::parse(&body).unwrap();
    assert_eq!(older.cipher_suite, CipherSuite(0x1301), "draft 14");
    let retry = DraftRetryRequest::parse(&[0x7f, 0x12, 0, 6, 0, 0x28, 0, 2, 0, 0x17]).unwrap();
    assert_eq!(retry.selected_group(), Some(ServerKeyShare::Selected(NamedGroup::SECP256R1)));
    assert!(DraftRetryRequest::parse(&[3, 3, 0, 0]).is_err());
}

#[test]
fn an_old_server_hello_may_end_before_the_extensions() {
    let body = server_hello(0x0300, 0x0005, &[]);
    let hello = ServerHello::parse(&body[..body.len() - 2]).unwrap();
    assert!(hello.extensions.is_empty());
    assert!(hello.anomalies().is_empty());
    for len in 0..body.len() - 2 {
        assert!(ServerHello::parse(&body[..len]).is_err(), "prefix of {len} bytes");
    }
}

#[test]
fn a_curve_is_named_with_its_signature() {
    let mut body = vec![3, 0, 0x1d];
    body.extend(prefixed_8(&[4; 32]));
    body.extend([8, 4]);
    body.extend(prefixed_16(&[9; 256]));
    let message = ServerKeyExchange::parse(&body, ProtocolVersion::TLS12, ECDHE_RSA).unwrap();
    assert_eq!(message.group(), Some(NamedGroup::X25519));
    assert_eq!(message.signature.unwrap().name(), "rsa_pss_rsae_sha256");
    for len in 0..body.len() {
        let cut = ServerKeyExchange::parse(&body[..len], ProtocolVersion::TLS12, ECDHE_RSA);
        assert!(cut.is_err(), "prefix of {len} bytes");
    }
}

#[test]
fn the_modulus_is_measured_without_leading_zeros() {
    let mut modulus = vec![0, 0x7f];
    modulus.extend([0xff; 127]);
    let numbers = [prefixed_16(&modulus), prefixed_16(&[2]), prefixed_16(&[1; 128])].concat();
    let body = [numbers, prefixed_16(&[9; 128])].concat();
    let message = ServerKeyExchange::parse(&body, ProtocolVersion::TLS10, DHE_RSA).unwrap();
    assert_eq!(message.dh_bits(), Some(1023));
    let implied = HandshakeSignature::Implied(SignatureScheme::RSA_PKCS1_MD5_SHA1);
    assert_eq!(message.signature, Some(implied));
    assert_eq!(implied.name(), "rsa_pkcs1_md5_sha1");
}

#[test]
fn other_exchanges_are_read_by_their_cipher_suite() {
    fn parse(suite: u16, body: &[u8]) -> ServerKeyExchange<'_> {
        ServerKeyExchange::parse(body, ProtocolVersion::TLS12, CipherSuite(suite)).unwrap()
    }
    let hint = prefixed_16(b"hint");
    let psk = parse(0x008c, &hint);
    assert_eq!(psk.psk_identity_hint, Some(&b"hint"[..]));
    assert_eq!((psk.parameters, psk.signature), (ServerParameters::None, None));

    let curve = [prefixed_16(b""), vec![3, 0, 0x17], prefixed_8(&[4; 65])].concat();
    assert_eq!(parse(0xc035, &curve).group(), Some(NamedGroup::SECP256R1));

    let srp = [prefixed_16(&[0xff; 128]), prefixed_16(&[2]), prefixed_8(&[1; 16])].concat();
    let srp = [srp, prefixed_16(&[3; 128])].concat();
    assert_eq!(parse(0xc01a, &srp).parameters, ServerParameters::Srp { n_bits: 1024 });

    let export = [prefixed_16(&[0x80; 64]), prefixed_16(&[1, 0, 1]), vec![4, 1]].concat();
    let export = [export, prefixed_16(&[9; 64])].concat();
    let expected = ServerParameters::RsaExport { modulus_bits: 512 };
    assert_eq!(parse(0x0003, &export).parameters, expected);

    assert_eq!(parse(0xc100, &[1, 2, 3]).parameters, ServerParameters::Opaque { len: 3 });
    assert_eq!(parse(0xabcd, &[1, 2]).parameters, ServerParameters::Opaque { len: 2 });
}

#[test]
fn curves_spelt_out_are_measured() {
    let field = prefixed_8(&[0xff; 28]);
    let prime = [vec![1], field.repeat(6), prefixed_8(&[4; 57]), prefixed_16(&[1])].concat();
    fn parse(body: &[u8]) -> Result<ServerKeyExchange<'_>, tls::Malformed> {
        ServerKeyExchange::parse(body, ProtocolVersion::TLS11, ECDHE_RSA)
    }
    let expected = ServerParameters::ExplicitCurve {
        group: NamedGroup(0xff01),
        field_bits: 224,
        point_len: 57,
    };
    assert_eq!(parse(&prime).unwrap().parameters, expected);

    let pentanomial = [vec![2, 0, 163, 2], prefixed_8(&[1]).repeat(3), field.repeat(5)].concat();
    let body = [pentanomial, prefixed_8(&[4; 43]), prefixed_16(&[1])].concat();
    let expected = ServerParameters::ExplicitCurve {
        group: NamedGroup(0xff02),
        field_bits: 163,
        point_len: 43,
    };
    assert_eq!(parse(&body).unwrap().parameters, expected);
    assert!(parse(&[4, 0, 0]).is_err());
}

#[test]
fn certificates_are_listed_up_to_the_one_that_is_cut() {
    let two = [prefixed_24(b"leaf"), prefixed_24(b"issuer")].concat();
    let body = prefixed_24(&two);
    let list = CertificateList::parse(&body).unwrap();
    let ders: Vec<&[u8]> = list.iter().map(|entry| entry.der).collect();
    assert_eq!(ders, [&b"leaf"[..], b"issuer"]);
    assert!(list.is_whole());

    let cut = prefixed_24(&two[..two.len() - 1]);
    let list = CertificateList::parse(&cut).unwrap();
    assert_eq!(list.iter().count(), 1);
    assert!(!list.is_whole());
    assert!(CertificateList::parse(&body[..body.len() - 1]).is_err());
}

#[test]
fn certificates_of_tls_1_3_have_extensions() {
    let entry = [prefixed_24(b"leaf"), prefixed_16(&[0, 5, 0, 1, 9])].concat();
    let body = [prefixed_8(b""), prefixed_24(&entry)].concat();
    let list = CertificateList::parse_tls13(&body).unwrap();
    let entry = list.iter().next().unwrap();
    assert_eq!(entry.der, b"leaf");
    assert_eq!(entry.extensions.iter().count(), 1);
    assert!(list.is_whole());
}

#[test]
fn no_more_certificates_are_listed_than_the_limit() {
    let body = prefixed_24(&prefixed_24(b"x").repeat(MAX_CERTIFICATES + 1));
    let list = CertificateList::parse(&body).unwrap();
    assert_eq!(list.iter().count(), MAX_CERTIFICATES);
    assert!(!list.is_whole());
}

#[test]
fn a_certificate_request_lists_authorities() {
    let names = [prefixed_16(b"first"), prefixed_16(b"second")].concat();
    let body = [prefixed_8(&[1, 64]), vec![0, 2, 4, 3], prefixed_16(&names)].concat();
    let request = CertificateRequest::parse(&body, ProtocolVersion::TLS12).unwrap();
    let types: Vec<_> = request.certificate_types.iter().map(|kind| kind.name()).collect();
    assert_eq!(types, ["rsa_sign", "ecdsa_sign"]);
    assert_eq!(request.signature_algorithms.unwrap().len(), 1);
    assert_eq!(request.authorities().collect::<Vec<_>>(), [&b"first"[..], b"second"]);

    let old = [prefixed_8(&[1]), prefixed_16(&names)].concat();
    let request = CertificateRequest::parse(&old, ProtocolVersion::TLS10).unwrap();
    assert_eq!(request.signature_algorithms, None);
    assert_eq!(request.authorities().count(), 2);
}

#[test]
fn no_more_authorities_are_listed_than_the_limit() {
    let names = prefixed_16(b"x").repeat(MAX_AUTHORITIES + 1);
    let body = [prefixed_8(&[1]), prefixed_16(&names)].concat();
    let request = CertificateRequest::parse(&body, ProtocolVersion::TLS10).unwrap();
    assert_eq!(request.authorities().count(), MAX_AUTHORITIES);
}

#[test]
fn a_stapled_response_begins_with_its_status() {
    let status = |der: &[u8]| {
        let body = [vec![1], prefixed_24(der)].concat();
        CertificateStatus::parse(&body).unwrap().response_status()
    };
    assert_eq!(status(&[0x30, 0x03, 0x0a, 1, 0]), Some(OcspResponseStatus::SUCCESSFUL));
    assert_eq!(status(&[0x30, 0x82, 1, 2, 0x0a, 1, 6]), Some(OcspResponseStatus(6)));
    assert_eq!(status(&[0x30, 0x80, 2, 1, 6]), None);
    assert_eq!(status(b""), None);

    let several = [prefixed_24(&[0x30, 3, 0x0a, 1, 3]), prefixed_24(b"")].concat();
    let body = [vec![2], prefixed_24(&several)].concat();
    let status = CertificateStatus::parse(&body).unwrap().response_status().unwrap();
    assert_eq!(status.name(), "try_later");
}

#[test]
fn the_smaller_messages_are_read() {
    let ticket =
        NewSessionTicket::parse(&[&[0, 0, 0x1c, 0x20][..], &prefixed_16(&[7; 192])].concat());
    assert_eq!(ticket, Ok(NewSessionTicket { lifetime: 7200, ticket_len: 192 }));

    let alert = Alert::parse(&[2, 40]).unwrap();
    assert_eq!(alert, Alert { level: AlertLevel::FATAL, description: AlertDescription(40) });
    assert_eq!(alert.description.name(), "handshake_failure");
    assert!(Alert::parse(&[2, 40, 0]).is_err());
    assert!(Alert::parse(&[0x5e, 40]).is_err());

    let verify = HelloVerifyRequest::parse(&[0xfe, 0xff, 2, 8, 9]).unwrap();
    assert_eq!(verify.server_version, ProtocolVersion::DTLS10);
    assert_eq!(verify.cookie, [8, 9]);

    let signed = [vec![9, 5], prefixed_16(&[1; 100])].concat();
    let verify = CertificateVerify::parse(&signed, ProtocolVersion::TLS13).unwrap();
    assert_eq!(verify.scheme.unwrap().name(), "mldsa65");
    let old = CertificateVerify::parse(&prefixed_16(&[1; 128]), ProtocolVersion::TLS11).unwrap();
    assert_eq!(old, CertificateVerify { scheme: None, signature_len: 128 });
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        version in prop::sample::select(vec![0x0300_u16, 0x0301, 0x0303, 0x0304, 0xfefd, 0x7f12]),
        suite in prop::sample::select(vec![
            0x0003_u16, 0x002f, 0x0033, 0x008c, 0x0090, 0x0094, 0xc01a, 0xc02f, 0xc035, 0xe011, 0xe013,
        ]),
    ) {
        let version = ProtocolVersion(version);
        if let Ok(hello) = ServerHello::parse(&bytes) {
            prop_assert!(hello.anomalies().names().count() <= 9);
            black_box((hello.key_share(), hello.signed_certificate_timestamps()));
        }
        let message = ServerKeyExchange::parse(&bytes, version, CipherSuite(suite));
        // Suites without such a message: what comes in its place is not looked into.
        let has_none = matches!(suite, 0x002f | 0xe013);
        prop_assert!(message.is_err() || !bytes.is_empty() || has_none);
        for list in [CertificateList::parse(&bytes), CertificateList::parse_tls13(&bytes)]
            .into_iter()
            .flatten()
        {
            let held: usize = list.iter().map(|entry| entry.der.len()).sum();
            prop_assert!(held <= bytes.len());
        }
        for request in [
            CertificateRequest::parse(&bytes, version),
            CertificateRequest::parse_tls13(&bytes),
        ]
        .into_iter()
        .flatten()
        {
            prop_assert!(request.authorities().count() <= bytes.len());
        }
        if let Ok(status) = CertificateStatus::parse(&bytes) {
            black_box(status.response_status());
        }
        if let Ok(retry) = DraftRetryRequest::parse(&bytes) {
            black_box(retry.selected_group());
        }
        prop_assert!(NewSessionTicket::parse(&bytes).is_err() || bytes.len() >= 6);
        prop_assert!(NewSessionTicket::parse_tls13(&bytes).is_err() || bytes.len() >= 13);
        prop_assert!(CertificateVerify::parse(&bytes, version).is_err() || bytes.len() >= 2);
        prop_assert!(Alert::parse(&bytes).is_err() || bytes.len() == 2);
        prop_assert!(HelloVerifyRequest::parse(&bytes).is_err() || bytes.len() >= 3);
    }
}
