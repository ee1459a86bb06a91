//! Keys, curves and signatures.

use super::build::{Parts, der, oid_der, sequence, with_key};
use crate::certificate::{MALFORMED, SIGNATURE_ALGORITHM_MISMATCH};

#[test]
fn keys_are_named_with_their_size() {
    let big = |len: usize| der(0x02, &[&[0, 0x81][..], &vec![1; len - 1]].concat());
    let rsa = sequence(&[big(129), der(0x02, &[1, 0, 1])]);
    let dsa = sequence(&[big(256), big(32), big(32)]);
    for (oid, parameters, key, name, bits) in [
        ("1.2.840.113549.1.1.1", der(0x05, &[]), rsa.clone(), "RSA", Some(1032)),
        ("1.2.840.113549.1.1.10", vec![], rsa, "RSA-PSS", Some(1032)),
        ("1.2.840.10040.4.1", dsa.clone(), big(20), "DSA", Some(2048)),
        ("1.2.840.10046.2.1", dsa, big(20), "DH", Some(2048)),
        ("1.2.840.10045.2.1", oid_der("1.3.132.0.35"), vec![4; 133], "ECDSA", Some(521)),
        ("1.3.101.112", vec![], vec![0; 32], "Ed25519", Some(256)),
        ("1.3.101.113", vec![], vec![0; 57], "Ed448", Some(456)),
        ("1.3.101.110", vec![], vec![0; 32], "X25519", Some(256)),
        ("2.16.840.1.101.3.4.3.17", vec![], vec![0; 1312], "ML-DSA-44", Some(10_496)),
        ("2.16.840.1.101.3.4.3.24", vec![], vec![0; 64], "SLH-DSA-SHA2-256s", Some(512)),
        ("2.16.840.1.101.3.4.4.2", vec![], vec![0; 1184], "ML-KEM-768", Some(9472)),
        ("1.2.643.7.1.1.1.1", vec![], vec![0; 66], "GOST3410-2012-256", Some(528)),
        ("1.3.6.1.5.5.7.6.45", vec![], vec![0; 10], "MLDSA65-ECDSA-P256-SHA512", Some(80)),
        ("1.2.3.4.5", vec![], vec![0; 10], "1.2.3.4.5", Some(80)),
    ] {
        let certificate = with_key(oid, &parameters, &key);
        let x509 = &certificate.x509;
        assert_eq!((&*x509.public_key_algorithm, x509.public_key_size), (name, bits), "{oid}");
        assert_eq!(x509.public_key_exponent, name.starts_with("RSA").then_some(65_537), "{oid}");
        assert_eq!(certificate.anomalies, [""; 0], "{oid}");
    }
}

#[test]
fn curves_are_named_or_explicit() {
    let prime = der(0x02, &[&[0, 0xff][..], &[0xff; 47]].concat());
    let field = sequence(&[oid_der("1.2.840.10045.1.1"), prime]);
    let explicit = sequence(&[der(0x02, &[1]), field]);
    for (parameters, curve, bits) in [
        (oid_der("1.2.840.10045.3.1.7"), "secp256r1", Some(256)),
        (oid_der("1.3.36.3.3.2.8.1.1.11"), "brainpoolP384r1", Some(384)),
        (oid_der("1.2.3"), "1.2.3", None),
        (explicit, "explicit", Some(384)),
    ] {
        let certificate = with_key("1.2.840.10045.2.1", &parameters, &[4; 65]);
        assert_eq!(certificate.x509.public_key_curve.as_deref(), Some(curve));
        assert_eq!(certificate.x509.public_key_size, bits, "{curve}");
        assert_eq!(certificate.anomalies, [""; 0], "{curve}");
    }
}

#[test]
fn a_malformed_key_keeps_its_name() {
    let negative = sequence(&[der(0x02, &[0x80]), der(0x02, &[0x80])]);
    for key in [vec![], vec![1, 2, 3], negative] {
        let certificate = with_key("1.2.840.113549.1.1.1", &[], &key);
        assert_eq!(certificate.x509.public_key_algorithm, "RSA");
        assert_eq!(certificate.x509.public_key_size, None);
        assert_eq!(certificate.anomalies, [MALFORMED]);
    }
}

#[test]
fn signature_algorithms_are_named_as_go_names_them() {
    let sha384 = sequence(&[oid_der("2.16.840.1.101.3.4.2.2")]);
    let pss = sequence(&[der(0xa0, &sha384)]);
    for (oid, parameters, name) in [
        ("1.2.840.113549.1.1.11", der(0x05, &[]), "SHA256-RSA"),
        ("1.2.840.113549.1.1.5", der(0x05, &[]), "SHA1-RSA"),
        ("1.2.840.113549.1.1.4", der(0x05, &[]), "MD5-RSA"),
        ("1.2.840.113549.1.1.10", sequence(&[]), "SHA1-RSAPSS"),
        ("1.2.840.113549.1.1.10", pss, "SHA384-RSAPSS"),
        ("1.2.840.10045.4.3.2", vec![], "ECDSA-SHA256"),
        ("2.16.840.1.101.3.4.3.2", vec![], "DSA-SHA256"),
        ("1.3.101.112", vec![], "Ed25519"),
        ("2.16.840.1.101.3.4.3.18", vec![], "ML-DSA-65"),
        ("1.2.3.4", vec![], "1.2.3.4"),
    ] {
        let algorithm = sequence(&[oid_der(oid), parameters]);
        let certificate =
            Parts { inner: algorithm.clone(), outer: algorithm, ..Parts::default() }.parse();
        assert_eq!(certificate.x509.signature_algorithm, name);
        assert_eq!(certificate.anomalies, [""; 0], "{name}");
    }
}

#[test]
fn an_algorithm_beside_the_signature_that_differs_is_shown_and_reported() {
    let outer = sequence(&[oid_der("1.2.840.10045.4.3.3")]);
    let certificate = Parts { outer, ..Parts::default() }.parse();
    assert_eq!(certificate.x509.signature_algorithm, "ECDSA-SHA384");
    assert_eq!(certificate.anomalies, [SIGNATURE_ALGORITHM_MISMATCH]);
}
