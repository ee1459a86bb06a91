//! Certificates put together part by part.

use std::net::IpAddr;

use event::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use x509_parser::asn1_rs::{Oid, ToDer};

use crate::certificate::{Settings, parse};

/// The parts of a certificate, each in DER form.
pub(super) struct Parts {
    pub(super) serial: Vec<u8>,
    pub(super) inner: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) validity: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) public_key: Vec<u8>,
    pub(super) extensions: Vec<u8>,
    pub(super) outer: Vec<u8>,
}

impl Default for Parts {
    fn default() -> Self {
        let algorithm = sequence(&[oid_der("1.2.840.10045.4.3.2")]);
        let date = der(0x17, b"240229120000Z");
        Self {
            serial: der(0x02, &[1]),
            inner: algorithm.clone(),
            issuer: sequence(&[rdn(&[attribute("2.5.4.3", 0x0c, b"issuer")])]),
            validity: sequence(&[date.clone(), date]),
            subject: sequence(&[rdn(&[attribute("2.5.4.3", 0x0c, b"subject")])]),
            public_key: sequence(&[sequence(&[oid_der("1.3.101.112")]), der(0x03, &[0; 33])]),
            extensions: vec![],
            outer: algorithm,
        }
    }
}

impl Parts {
    pub(super) fn der(&self) -> Vec<u8> {
        let signed = sequence(&[
            der(0xa0, &der(0x02, &[2])),
            self.serial.clone(),
            self.inner.clone(),
            self.issuer.clone(),
            self.validity.clone(),
            self.subject.clone(),
            self.public_key.clone(),
            self.extensions.clone(),
        ]);
        sequence(&[signed, self.outer.clone(), der(0x03, &[0, 1])])
    }

    pub(super) fn parse(&self) -> Certificate {
        parse(&self.der(), &Settings::default())
    }
}

pub(super) fn with_key(oid: &str, parameters: &[u8], key: &[u8]) -> Certificate {
    let algorithm = sequence(&[oid_der(oid), parameters.to_vec()]);
    let public_key = sequence(&[algorithm, der(0x03, &[&[0], key].concat())]);
    Parts { public_key, ..Parts::default() }.parse()
}

pub(super) fn with_extensions(extensions: &[Vec<u8>]) -> Certificate {
    Parts { extensions: der(0xa3, &sequence(extensions)), ..Parts::default() }.parse()
}

pub(super) fn extension(oid: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[oid_der(oid), der(0x04, value)])
}

pub(super) fn rdn(attributes: &[Vec<u8>]) -> Vec<u8> {
    der(0x31, &attributes.concat())
}

pub(super) fn attribute(oid: &str, tag: u8, value: &[u8]) -> Vec<u8> {
    sequence(&[oid_der(oid), der(tag, value)])
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

pub(super) fn oid_der(dotted: &str) -> Vec<u8> {
    dotted.parse::<Oid<'_>>().unwrap().to_der_vec().unwrap()
}

pub(super) fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let header = match (contents.len(), len) {
        (0..=0x7f, [_, low]) => vec![tag, low],
        (0x80..=0xff, [_, low]) => vec![tag, 0x81, low],
        (_, [high, low]) => vec![tag, 0x82, high, low],
    };
    [&header, contents].concat()
}

pub(super) fn hand_made() -> Vec<u8> {
    let names = sequence(&[der(0x82, b"example.com"), der(0x87, &[192, 0, 2, 1])]);
    let extensions = [
        extension("2.5.29.17", &names),
        extension("2.5.29.37", &sequence(&[oid_der("1.3.6.1.5.5.7.3.1")])),
        extension("2.5.29.15", &der(0x03, &[7, 0x80])),
        extension("1.3.6.1.4.1.11129.2.4.2", &der(0x04, &[0, 4, 0, 2, 7, 7])),
    ];
    let subject = sequence(&[
        rdn(&[attribute("2.5.4.6", 0x13, b"DE")]),
        rdn(&[attribute("2.5.4.3", 0x1e, b"\0a\0b")]),
        rdn(&[attribute("1.2.3", 0x1c, b"\0\0\0a")]),
    ]);
    Parts { subject, extensions: der(0xa3, &sequence(&extensions)), ..Parts::default() }.der()
}

pub(super) fn well_formed() -> Vec<u8> {
    let mut params = CertificateParams::new(["www.example.com".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "DE");
    params.distinguished_name.push(DnType::CommonName, "www.example.com");
    params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
    params.serial_number = Some(SerialNumber::from_slice(&[0xff; 16]));
    params.not_before = rcgen::date_time_ymd(2024, 2, 29);
    params.not_after = rcgen::date_time_ymd(2051, 1, 2);
    params.subject_alt_names.extend([
        SanType::IpAddress(IpAddr::from([192, 0, 2, 1])),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
        SanType::Rfc822Name("me@example.com".try_into().unwrap()),
        SanType::URI("https://example.com/".try_into().unwrap()),
    ]);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DecipherOnly,
    ];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::Other(vec![1, 2, 3]),
    ];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}
