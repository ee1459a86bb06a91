//! Extensions in the one form that authorities write them in.
//!
//! Most certificates have no other. What is accepted here means the same to `x509_parser`, which is
//! slower and is asked about everything else: the forms that are malformed and those that are only
//! unusual.

use wire::Reader;

use super::der::{
    BIT_STRING, BOOLEAN, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element,
    only, whole,
};

/// What a plain extension says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plain<'a> {
    /// DNS names, mail addresses, URIs and addresses: elements whose tags are those of this module.
    AlternativeNames(Reader<'a>),
    /// The first 16 bits of the usages, the first as the lowest.
    KeyUsage(u16),
    BasicConstraints {
        is_ca: bool,
    },
    /// The value, not looked at.
    ExtendedKeyUsage(&'a [u8]),
    /// The value, not looked at.
    EmbeddedScts(&'a [u8]),
    /// It is well-formed and events do not show it.
    NotShown,
}

/// Reads an `Extension` (RFC 5280 section 4.1), or nothing if it or its value is not plain.
pub(super) fn read<'a>(extension: &Element<'a>) -> Option<Plain<'a>> {
    if extension.tag != SEQUENCE || !extension.complete {
        return None;
    }
    let mut parts = Reader::new(extension.contents);
    let oid = whole(&mut parts, OBJECT_IDENTIFIER)?;
    if parts.rest().first() == Some(&BOOLEAN) && whole(&mut parts, BOOLEAN)? != TRUE {
        return None;
    }
    let value = only(parts.rest(), OCTET_STRING)?;
    match oid {
        EXTENDED_KEY_USAGE => Some(Plain::ExtendedKeyUsage(value)),
        EMBEDDED_SCTS => Some(Plain::EmbeddedScts(value)),
        SUBJECT_ALTERNATIVE_NAME => alternative_names(value),
        KEY_USAGE => key_usage(value),
        BASIC_CONSTRAINTS => basic_constraints(value),
        SUBJECT_KEY_IDENTIFIER => only(value, OCTET_STRING).map(|_| Plain::NotShown),
        AUTHORITY_KEY_IDENTIFIER => {
            only(only(value, SEQUENCE)?, KEY_IDENTIFIER).map(|_| Plain::NotShown)
        }
        CERTIFICATE_POLICIES => sequences(value, policy),
        AUTHORITY_INFORMATION_ACCESS => sequences(value, access_description),
        CRL_DISTRIBUTION_POINTS => sequences(value, distribution_point),
        _ => None,
    }
}

fn alternative_names(value: &[u8]) -> Option<Plain<'_>> {
    let names = Reader::new(only(value, SEQUENCE)?);
    let mut ahead = names;
    while !ahead.is_empty() {
        let name = element(&mut ahead).filter(|name| name.complete)?;
        let plain = match name.tag {
            RFC822_NAME | DNS_NAME | URI => name.contents.is_ascii(),
            IP_ADDRESS => matches!(name.contents.len(), 4 | 16),
            _ => false,
        };
        if !plain {
            return None;
        }
    }
    Some(Plain::AlternativeNames(names))
}

fn key_usage(value: &[u8]) -> Option<Plain<'_>> {
    let (unused, first, second) = match only(value, BIT_STRING)? {
        [unused @ 0..8, bits] => (*unused, *bits, 0),
        [unused @ 0..8, first, last] => (*unused, *first, *last),
        _ => return None,
    };
    let last = if value.len() == 4 { first } else { second };
    (last.trailing_zeros() >= u32::from(unused))
        .then(|| Plain::KeyUsage(u16::from_le_bytes([first.reverse_bits(), second.reverse_bits()])))
}

fn basic_constraints(value: &[u8]) -> Option<Plain<'_>> {
    let mut parts = Reader::new(only(value, SEQUENCE)?);
    if parts.is_empty() {
        return Some(Plain::BasicConstraints { is_ca: false });
    }
    if whole(&mut parts, BOOLEAN)? != TRUE {
        return None;
    }
    let plain = parts.is_empty() || matches!(only(parts.rest(), INTEGER)?, [0..=0x7f]);
    plain.then_some(Plain::BasicConstraints { is_ca: true })
}

/// `PolicyInformation` (RFC 5280 section 4.2.1.4).
fn policy(contents: &[u8]) -> Option<()> {
    let mut parts = Reader::new(contents);
    whole(&mut parts, OBJECT_IDENTIFIER)?;
    if parts.is_empty() {
        return Some(());
    }
    sequences(parts.rest(), |qualifier| {
        whole(&mut Reader::new(qualifier), OBJECT_IDENTIFIER).map(|_| ())
    })
    .map(|_| ())
}

/// `AccessDescription` (RFC 5280 section 4.2.2.1).
fn access_description(contents: &[u8]) -> Option<()> {
    let mut parts = Reader::new(contents);
    whole(&mut parts, OBJECT_IDENTIFIER)?;
    only(parts.rest(), URI).map(|_| ())
}

/// `DistributionPoint` (RFC 5280 section 4.2.1.13).
fn distribution_point(contents: &[u8]) -> Option<()> {
    let names = only(only(contents, DISTRIBUTION_POINT)?, FULL_NAME)?;
    only(names, URI).map(|_| ())
}

/// Looks at the contents of each sequence in a sequence of at least one.
fn sequences<'a>(der: &'a [u8], look: impl Fn(&'a [u8]) -> Option<()>) -> Option<Plain<'a>> {
    let mut list = Reader::new(only(der, SEQUENCE)?);
    look(whole(&mut list, SEQUENCE)?)?;
    while !list.is_empty() {
        look(whole(&mut list, SEQUENCE)?)?;
    }
    Some(Plain::NotShown)
}

/// Contents of the `BOOLEAN` that is true.
const TRUE: &[u8] = &[0xff];

/// `id-ce-subjectKeyIdentifier`, 2.5.29.14.
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];

/// `id-ce-keyUsage`, 2.5.29.15.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];

/// `id-ce-subjectAltName`, 2.5.29.17.
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// `id-ce-basicConstraints`, 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// `id-ce-cRLDistributionPoints`, 2.5.29.31.
const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];

/// `id-ce-certificatePolicies`, 2.5.29.32.
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 0x20];

/// `id-ce-authorityKeyIdentifier`, 2.5.29.35.
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];

/// `id-ce-extKeyUsage`, 2.5.29.37.
pub(super) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// `id-pe-authorityInfoAccess`, 1.3.6.1.5.5.7.1.1.
const AUTHORITY_INFORMATION_ACCESS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];

/// The embedded list of RFC 6962 section 3.3, 1.3.6.1.4.1.11129.2.4.2.
pub(super) const EMBEDDED_SCTS: &[u8] =
    &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];

/// `rfc822Name` of a `GeneralName` (RFC 5280 section 4.2.1.6), as the other tags of names.
const RFC822_NAME: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
pub(super) const IP_ADDRESS: u8 = 0x87;

/// `keyIdentifier` of an `AuthorityKeyIdentifier` (RFC 5280 section 4.2.1.1).
const KEY_IDENTIFIER: u8 = 0x80;

/// `distributionPoint` and its `fullName` (RFC 5280 section 4.2.1.13).
const DISTRIBUTION_POINT: u8 = 0xa0;
const FULL_NAME: u8 = 0xa0;
