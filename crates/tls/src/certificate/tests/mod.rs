mod algorithms;
mod build;

use event::Timestamp;
use proptest::prelude::*;

use super::*;
use build::{
    Parts, attribute, der, extension, hand_made, oid_der, rdn, sequence, well_formed,
    with_extensions,
};

#[test]
fn every_field_of_a_well_formed_certificate_is_read() {
    let certificate = parse(&well_formed(), &Settings::default());
    let x509 = &certificate.x509;
    assert_eq!(certificate.anomalies, [""; 0]);
    assert_eq!(x509.version_number, 3);
    assert_eq!(x509.serial_number, "340282366920938463463374607431768211455");
    assert_eq!(&*certificate.subject, "O=Example\\, Inc.,CN=www.example.com,C=DE");
    assert_eq!(x509.subject.common_name.as_deref(), Some("www.example.com"));
    assert_eq!(x509.subject.country.as_deref(), Some("DE"));
    assert_eq!(x509.subject.organization.as_deref(), Some("Example, Inc."));
    assert!(certificate.self_signed);
    assert_eq!(x509.not_before.unwrap().to_string(), "2024-02-29T00:00:00.000000Z");
    assert_eq!(x509.not_after.unwrap().to_string(), "2051-01-02T00:00:00.000000Z");
    assert_eq!((&*x509.public_key_algorithm, x509.public_key_size), ("ECDSA", Some(256)));
    assert_eq!(x509.public_key_curve.as_deref(), Some("secp256r1"));
    assert_eq!(x509.signature_algorithm, "ECDSA-SHA256");
    assert_eq!(
        x509.alternative_names,
        ["www.example.com", "192.0.2.1", "2001:db8::1", "me@example.com", "https://example.com/"]
    );
    assert_eq!(x509.key_usage, ["digitalSignature", "keyCertSign", "decipherOnly"]);
    assert_eq!(x509.extended_key_usage, ["clientAuth", "serverAuth", "1.2.3"]);
    assert_eq!(x509.is_ca, Some(true));
}

#[test]
fn digests_and_pem_are_those_asked_for() {
    let none = Fingerprints { md5: false, sha1: false, sha256: false };
    let all = Fingerprints { md5: true, sha1: true, sha256: true };
    let digests = |fingerprints| {
        let settings = Settings { fingerprints, include_raw: false };
        (*parse(b"abc", &settings).hash).clone()
    };
    assert_eq!(digests(none), event::CertificateHash::default());
    assert_eq!(digests(all).md5.unwrap(), "900150983CD24FB0D6963F7D28E17F72");
    assert_eq!(digests(all).sha1.unwrap(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    assert_eq!(
        digests(all).sha256.unwrap(),
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
    );
    assert_eq!(
        digests(Fingerprints::default()),
        event::CertificateHash { sha1: digests(all).sha1, ..Default::default() }
    );
    assert_eq!(parse(b"abc", &Settings::default()).pem, None);
    let raw = Settings { include_raw: true, ..Settings::default() };
    assert_eq!(
        **parse(&[0; 49], &raw).pem.as_ref().unwrap(),
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\nAA==\n-----END CERTIFICATE-----\n",
            "A".repeat(64)
        )
    );
}

#[test]
fn a_name_is_written_backwards_and_escaped() {
    let name = [
        rdn(&[attribute("2.5.4.6", 0x13, b"DE")]),
        rdn(&[attribute("2.5.4.8", 0x0c, b" <a>;\"b\\ ")]),
        rdn(&[attribute("2.5.4.7", 0x0c, b"#1 # 2")]),
        rdn(&[
            attribute("2.5.4.10", 0x14, b"Caf\xe9"),
            attribute("2.5.4.11", 0x1e, b"\0A\x20\xac"),
        ]),
        rdn(&[attribute("1.2.840.113549.1.9.1", 0x16, b"me@example.com")]),
        rdn(&[attribute("0.9.2342.19200300.100.1.25", 0x16, b"example")]),
        rdn(&[attribute("1.2.3", 0x02, &[5])]),
        rdn(&[attribute("2.5.4.3", 0x0c, b"a+b=c")]),
    ];
    let certificate = Parts { subject: sequence(&name), ..Parts::default() }.parse();
    assert_eq!(
        &*certificate.subject,
        "CN=a\\+b=c,1.2.3=#020105,0.9.2342.19200300.100.1.25=#13076578616d706c65,\
         1.2.840.113549.1.9.1=#0c0e6d65406578616d706c652e636f6d,O=Caf\u{e9}+OU=A\u{20ac},\
         L=\\#1 # 2,ST=\\ \\<a\\>\\;\\\"b\\\\\\ ,C=DE"
    );
    assert_eq!(certificate.x509.subject.organizational_unit.as_deref(), Some("A\u{20ac}"));
    assert_eq!(certificate.anomalies, [""; 0]);
}

#[test]
fn the_first_of_repeated_attributes_is_the_part() {
    let name = [
        rdn(&[attribute("2.5.4.11", 0x0c, b"first")]),
        rdn(&[attribute("2.5.4.11", 0x0c, b"second")]),
    ];
    let certificate = Parts { issuer: sequence(&name), ..Parts::default() }.parse();
    assert_eq!(certificate.x509.issuer.organizational_unit.as_deref(), Some("first"));
    assert_eq!(&*certificate.issuer, "OU=second,OU=first");
    assert!(!certificate.self_signed);
}

#[test]
fn control_and_reordering_characters_in_names_are_escaped_and_reported() {
    let subject = sequence(&[rdn(&[attribute("2.5.4.3", 0x0c, "good\0\u{202e}evil".as_bytes())])]);
    let certificate = Parts { subject, ..Parts::default() }.parse();
    assert_eq!(&*certificate.subject, "CN=good\\00\\E2\\80\\AEevil");
    assert_eq!(certificate.x509.subject.common_name.as_deref(), Some("good\\00\\E2\\80\\AEevil"));
    assert_eq!(certificate.anomalies, [NAME_CONTROL_CHARACTER]);

    let names = sequence(&[der(0x82, b"good.example\0.evil.example"), der(0x82, b"caf\xe9")]);
    let certificate = with_extensions(&[extension("2.5.29.17", &names)]);
    assert_eq!(certificate.x509.alternative_names, ["good.example\\00.evil.example", "caf\u{e9}"]);
    assert_eq!(certificate.anomalies, [NAME_CONTROL_CHARACTER, MALFORMED]);
    assert!(!covers(&certificate, "good.example"));
}

#[test]
fn dates_that_a_timestamp_cannot_hold_are_clamped() {
    for (tag, text, expected) in [
        (0x17, "691231235959Z", "1969-12-31T23:59:59.000000Z"),
        (0x17, "491231235959Z", "2049-12-31T23:59:59.000000Z"),
        (0x18, "19691231000000Z", "1969-12-31T00:00:00.000000Z"),
        (0x18, "99991231235959Z", "2262-04-11T23:47:16.854775807Z"),
        (0x18, "00010101000000Z", "1677-09-21T00:12:43.145224192Z"),
    ] {
        let date = der(tag, text.as_bytes());
        let validity = sequence(&[date.clone(), date]);
        let certificate = Parts { validity, ..Parts::default() }.parse();
        assert_eq!(certificate.x509.not_before.unwrap().to_string(), expected, "{text}");
        assert_eq!(certificate.anomalies, [""; 0], "{text}");
    }
}

#[test]
fn a_malformed_date_costs_only_itself() {
    let good = der(0x17, b"240229120000Z");
    for text in ["240230120000Z", "2402", "", "240229126000Z", "24022912000\u{e9}Z", "240229120000"]
    {
        let validity = sequence(&[der(0x17, text.as_bytes()), good.clone()]);
        let certificate = Parts { validity, ..Parts::default() }.parse();
        assert_eq!(certificate.x509.not_before, None, "{text}");
        assert_eq!(
            certificate.x509.not_after,
            Some(Timestamp::from_nanos(1_709_208_000_000_000_000)),
            "{text}"
        );
        assert_eq!(certificate.anomalies, [DATE_MALFORMED], "{text}");
    }
}

#[test]
fn a_date_in_a_forbidden_form_is_read_and_reported() {
    for (tag, text, expected) in [
        (0x17, "240229120000+0130", "2024-02-29T10:30:00.000000Z"),
        (0x17, "491231235959-0030", "2050-01-01T00:29:59.000000Z"),
        (0x17, "2402291201Z", "2024-02-29T12:01:00.000000Z"),
        (0x17, "2402291201+0001", "2024-02-29T12:00:00.000000Z"),
        (0x18, "20260115120000-0800", "2026-01-15T20:00:00.000000Z"),
        (0x18, "202601151201Z", "2026-01-15T12:01:00.000000Z"),
        (0x18, "19691231235959.9Z", "1969-12-31T23:59:59.000000Z"),
        (0x18, "20260115120000,25+2359", "2026-01-14T12:01:00.000000Z"),
    ] {
        let validity = sequence(&[der(0x17, b"240229120000Z"), der(tag, text.as_bytes())]);
        let certificate = Parts { validity, ..Parts::default() }.parse();
        assert_eq!(certificate.x509.not_after.unwrap().to_string(), expected, "{text}");
        assert_eq!(certificate.anomalies, [DATE_IRREGULAR], "{text}");
    }
}

#[test]
fn a_date_without_a_zone_or_with_half_a_form_is_malformed() {
    for (tag, text) in [
        (0x17, "240229120000+2400"),
        (0x17, "240229120000-0060"),
        (0x17, "240229120000+01"),
        (0x17, "240229120000.5Z"),
        (0x17, "24022912000Z"),
        (0x18, "20260115120000"),
        (0x18, "20260115120000.Z"),
        (0x18, "202601151200.5Z"),
        (0x18, "20260115120000.5e1Z"),
        (0x18, "+0100"),
        (0x16, "240229120000Z"),
    ] {
        let validity = sequence(&[der(0x17, b"240229120000Z"), der(tag, text.as_bytes())]);
        let certificate = Parts { validity, ..Parts::default() }.parse();
        assert_eq!(certificate.x509.not_after, None, "{text}");
        assert_eq!(certificate.anomalies, [DATE_MALFORMED], "{text}");
    }
}

#[test]
fn a_date_that_ends_after_the_validity_is_malformed() {
    let good = der(0x17, b"240229120000Z");
    let longer = [&[0x17, 14], &good[2..]].concat();
    for (dates, not_before) in [([good.clone(), longer.clone()], true), ([longer, vec![]], false)] {
        let certificate = Parts { validity: sequence(&dates), ..Parts::default() }.parse();
        assert_eq!(certificate.x509.not_before.is_some(), not_before);
        assert_eq!(certificate.x509.not_after, None);
        assert_eq!(certificate.anomalies, [DATE_MALFORMED]);
    }
}

#[test]
fn serial_numbers_are_decimal() {
    for (bytes, expected) in [
        (&[0][..], "0"),
        (&[0xff], "-1"),
        (&[0x80, 0, 0], "-8388608"),
        (&[0, 0xff, 0xff], "65535"),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 0], "18446744073709551616"),
    ] {
        let certificate = Parts { serial: der(0x02, bytes), ..Parts::default() }.parse();
        assert_eq!(certificate.x509.serial_number, expected);
        assert_eq!(certificate.anomalies, [""; 0]);
    }
}

#[test]
fn a_serial_number_past_the_limit_is_left_out() {
    let certificate = Parts { serial: der(0x02, &[1; 64]), ..Parts::default() }.parse();
    assert_eq!(certificate.x509.serial_number.len(), 152);
    let certificate = Parts { serial: der(0x02, &[1; 65]), ..Parts::default() }.parse();
    assert_eq!(certificate.x509.serial_number, "");
    assert_eq!(certificate.anomalies, [SERIAL_NUMBER_TOO_LONG]);
}

#[test]
fn a_malformed_extension_costs_only_itself() {
    let names = sequence(&[der(0x82, b"example.com"), der(0x87, &[1, 2, 3])]);
    let list = [0, 4, 0, 2, 7, 7];
    let certificate = with_extensions(&[
        extension("2.5.29.15", &[1, 2, 3]),
        extension("2.5.29.37", &[9]),
        der(0x31, &[]),
        extension("2.5.29.17", &names),
        extension("1.3.6.1.4.1.11129.2.4.2", &der(0x04, &list)),
        extension("2.5.29.19", &sequence(&[])),
    ]);
    assert_eq!(certificate.x509.alternative_names, ["example.com"]);
    assert_eq!(certificate.x509.is_ca, Some(false));
    assert_eq!(certificate.scts, 1);
    assert_eq!(certificate.anomalies, [MALFORMED]);
}

#[test]
fn lists_past_their_limits_are_cut_and_reported() {
    let names = vec![der(0x82, b"a.example"); 1001];
    let certificate = with_extensions(&[extension("2.5.29.17", &sequence(&names))]);
    assert_eq!(certificate.x509.alternative_names.len(), 1000);
    assert_eq!(certificate.anomalies, [ALTERNATIVE_NAMES_TRUNCATED]);

    let components = vec![rdn(&[attribute("2.5.4.11", 0x0c, b"x")]); 129];
    let certificate = Parts { subject: sequence(&components), ..Parts::default() }.parse();
    assert_eq!(certificate.subject.matches("OU=x").count(), 128);
    assert_eq!(certificate.anomalies, [NAME_TRUNCATED]);

    let usages = vec![oid_der("1.2.3"); 65];
    let certificate = with_extensions(&[extension("2.5.29.37", &sequence(&usages))]);
    assert_eq!(certificate.x509.extended_key_usage.len(), 64);

    let arcs = [&[0x2a][..], &[0x81; 63], &[1]].concat();
    let key = sequence(&[sequence(&[der(0x06, &arcs)]), der(0x03, &[0])]);
    let certificate = Parts { public_key: key, ..Parts::default() }.parse();
    assert!(certificate.x509.public_key_algorithm.starts_with("0x2a81"));
}

#[test]
fn bytes_after_the_certificate_are_reported() {
    let der = [well_formed(), vec![0]].concat();
    assert_eq!(parse(&der, &Settings::default()).anomalies, [TRAILING_BYTES]);
}

#[test]
fn every_prefix_keeps_what_comes_before_its_end() {
    let der = well_formed();
    let whole = parse(&der, &Settings::default());
    let mut known = 0;
    for len in 0..der.len() {
        let part = parse(&der[..len], &Settings::default());
        assert!(part.anomalies.iter().any(|name| name == MALFORMED), "prefix of {len} bytes");
        assert!(part.hash.sha1.is_some());
        let read = usize::from(part.x509.serial_number == whole.x509.serial_number)
            + usize::from(part.issuer == whole.issuer)
            + usize::from(part.x509.not_after == whole.x509.not_after)
            + usize::from(part.subject == whole.subject)
            + usize::from(part.x509.public_key_size == whole.x509.public_key_size)
            + usize::from(part.x509.alternative_names == whole.x509.alternative_names);
        assert!(read >= known, "prefix of {len} bytes");
        known = read;
    }
    assert_eq!(known, 6);
}

#[test]
fn lengths_that_lie_and_tags_out_of_place_are_malformed() {
    for der in [
        &[][..],
        &[0x30],
        &[0x30, 0x80, 0, 0],
        &[0x30, 0x85, 0, 0, 0, 0, 1, 0],
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x05, 0x30, 0x84, 0xff, 0xff, 0xff],
        &[0x30, 0x06, 0x30, 0x84, 0xff, 0xff, 0xff, 0xfa],
        &[0x31, 0x00],
        &[0x3f, 0x81, 0x00],
        b"-----BEGIN CERTIFICATE-----",
    ] {
        let certificate = parse(der, &Settings::default());
        assert_eq!(certificate.anomalies, [MALFORMED], "{der:02x?}");
        assert_eq!(certificate.x509.version_number, 0, "{der:02x?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_have_a_certificate(der in proptest::collection::vec(any::<u8>(), 0..300)) {
        let certificate = parse(&der, &Settings { include_raw: true, ..Settings::default() });
        prop_assert!(certificate.hash.sha1.is_some());
        prop_assert!(!certificate.anomalies.is_empty());
    }

    #[test]
    fn a_certificate_with_changed_bytes_has_one_too(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut der = hand_made();
        for (index, byte) in changes {
            let index = index.index(der.len());
            der[index] = byte;
        }
        let certificate = parse(&der, &Settings::default());
        prop_assert!(certificate.hash.sha1.is_some());
        prop_assert!(!certificate.subject.contains('\0'));
    }
}
