//! Distinguished names.

use std::borrow::Cow;

use data_encoding::HEXLOWER;
use event::DistinguishedName;
use x509_parser::asn1_rs::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::anomaly::{Anomalies, MALFORMED, NAME_CONTROL_CHARACTER, NAME_TRUNCATED};
use super::{oid, text};

/// Reads a name in DER form: the parts that ECS has fields for, the first where one repeats, and the
/// whole as Go and Packetbeat write it: last component first, escaped as in RFC 2253 section 2.4.
pub(super) fn read(der: Option<&[u8]>, anomalies: &mut Anomalies) -> DistinguishedName {
    let mut name = DistinguishedName::default();
    let Some(der) = der else {
        return name;
    };
    let Ok((_, components)) = X509Name::from_der(der) else {
        anomalies.add(MALFORMED);
        return name;
    };
    let components: Vec<_> = components.iter_rdn().collect();
    let mut shown = 0_usize;
    for attribute in components.iter().flat_map(|component| component.iter()) {
        take_part(&mut name, attribute, anomalies);
    }
    for component in components.iter().rev() {
        for (position, attribute) in component.iter().enumerate() {
            if shown == MAX_ATTRIBUTES {
                anomalies.add(NAME_TRUNCATED);
                return name;
            }
            match (name.distinguished_name.is_empty(), position) {
                (true, _) => {}
                (false, 0) => name.distinguished_name.push(','),
                (false, _) => name.distinguished_name.push('+'),
            }
            push_attribute(&mut name.distinguished_name, attribute);
            shown = shown.saturating_add(1);
        }
    }
    name
}

fn take_part(
    name: &mut DistinguishedName,
    attribute: &AttributeTypeAndValue<'_>,
    anomalies: &mut Anomalies,
) {
    let value = attribute.attr_value();
    let Some(decoded) = text::decode(value.tag(), value.data) else {
        return;
    };
    let (shown, escaped) = text::visible(decoded);
    if escaped {
        anomalies.add(NAME_CONTROL_CHARACTER);
    }
    let part = match attribute.attr_type().as_bytes() {
        [0x55, 0x04, 3] => &mut name.common_name,
        [0x55, 0x04, 6] => &mut name.country,
        [0x55, 0x04, 7] => &mut name.locality,
        [0x55, 0x04, 8] => &mut name.state_or_province,
        [0x55, 0x04, 10] => &mut name.organization,
        [0x55, 0x04, 11] => &mut name.organizational_unit,
        _ => return,
    };
    part.get_or_insert(shown);
}

fn push_attribute(name: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let (kind, value) = (attribute.attr_type().as_bytes(), attribute.attr_value());
    let decoded = text::decode(value.tag(), value.data);
    match (short_name(kind), decoded) {
        (Some(short_name), Some(decoded)) => {
            name.push_str(short_name);
            name.push('=');
            push_value(name, &decoded);
        }
        (known, decoded) => {
            name.push_str(&known.map_or_else(|| Cow::Owned(oid::text(kind)), Cow::Borrowed));
            name.push_str("=#");
            let der = match decoded {
                Some(decoded) if decoded.bytes().all(is_printable) => {
                    der(PRINTABLE_STRING, decoded.as_bytes())
                }
                Some(decoded) => der(UTF8_STRING, decoded.as_bytes()),
                None => der(u8::try_from(value.tag().0).unwrap_or(0), value.data),
            };
            name.push_str(&HEXLOWER.encode(&der));
        }
    }
}

/// Adds `value` with the characters escaped that mean something in a name.
fn push_value(name: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (position, character) in value.chars().enumerate() {
        let special = match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => position == 0 || position == last,
            '#' => position == 0,
            _ => false,
        };
        if text::is_unsafe(character) {
            text::push_escaped(name, character);
            continue;
        }
        if special {
            name.push('\\');
        }
        name.push(character);
    }
}

const fn short_name(kind: &[u8]) -> Option<&'static str> {
    Some(match kind {
        [0x55, 0x04, 3] => "CN",
        [0x55, 0x04, 5] => "SERIALNUMBER",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 9] => "STREET",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        [0x55, 0x04, 17] => "POSTALCODE",
        _ => return None,
    })
}

/// Go writes the value of an attribute it has no name for as the DER form that it would give it:
/// a `PrintableString` if it can be one and a `UTF8String` if not.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = contents.len();
    let len_bytes = len.to_be_bytes();
    let mut der = vec![tag];
    if len < 0x80 {
        der.extend(len_bytes.last());
    } else {
        let significant = len_bytes.iter().skip_while(|byte| **byte == 0);
        der.push(0x80 | u8::try_from(significant.clone().count()).unwrap_or(0));
        der.extend(significant);
    }
    der.extend(contents);
    der
}

const fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b' ' | b'\''..=b')' | b'+'..=b'/' | b':' | b'=' | b'?')
}

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;

/// Most attributes of one name that are shown: twenty times what authorities issue.
const MAX_ATTRIBUTES: usize = 128;
