//! Distinguished names.

use std::borrow::Cow;

use data_encoding::HEXLOWER;
use event::DistinguishedName;
use wire::Reader;
use x509_parser::asn1_rs::{FromDer, Tag};
use x509_parser::x509::X509Name;

use super::anomaly::{Anomalies, MALFORMED, NAME_CONTROL_CHARACTER, NAME_TRUNCATED};
use super::der::{OBJECT_IDENTIFIER, SEQUENCE, SET, element, only, whole};
use super::{oid, text};

/// Reads a name in DER form: the parts that ECS has fields for, the first where one repeats, and the
/// whole as Go and Packetbeat write it: last component first, escaped as in RFC 2253 section 2.4.
pub(super) fn read(der: Option<&[u8]>, anomalies: &mut Anomalies) -> DistinguishedName {
    let Some(der) = der else {
        return DistinguishedName::default();
    };
    if let Some(attributes) = plain(der) {
        return show(&attributes, anomalies);
    }
    let Ok((_, name)) = X509Name::from_der(der) else {
        anomalies.add(MALFORMED);
        return DistinguishedName::default();
    };
    show(&parsed(&name), anomalies)
}

fn parsed<'a>(name: &'a X509Name<'_>) -> Vec<Attribute<'a>> {
    let components = name.iter_rdn().map(|component| component.iter().enumerate());
    let attributes = components.flatten().map(|(position, attribute)| {
        let (kind, value) = (attribute.attr_type().as_bytes(), attribute.attr_value());
        Attribute::new(kind, value.tag(), value.data, position > 0)
    });
    attributes.collect()
}

/// An `AttributeTypeAndValue` (RFC 5280 section 4.1.2.4).
#[derive(Debug, PartialEq)]
struct Attribute<'a> {
    /// Contents of the object identifier.
    kind: &'a [u8],
    tag: Tag,
    value: &'a [u8],
    /// The value, if it is a string.
    text: Option<Cow<'a, str>>,
    /// Whether it is in one component with the attribute before it.
    joined: bool,
}

impl<'a> Attribute<'a> {
    fn new(kind: &'a [u8], tag: Tag, value: &'a [u8], joined: bool) -> Self {
        Self { kind, tag, value, text: text::decode(tag, value), joined }
    }
}

/// Takes a name apart that is what RFC 5280 says in every byte; the parser is asked about any other.
fn plain(der: &[u8]) -> Option<Vec<Attribute<'_>>> {
    let mut components = Reader::new(only(der, SEQUENCE)?);
    let mut attributes = Vec::with_capacity(USUAL_ATTRIBUTES);
    while !components.is_empty() {
        let mut component = Reader::new(whole(&mut components, SET)?);
        let mut joined = false;
        loop {
            let mut parts = Reader::new(whole(&mut component, SEQUENCE)?);
            let kind = whole(&mut parts, OBJECT_IDENTIFIER)?;
            let value = element(&mut parts).filter(|value| {
                value.complete && value.tag & CLASS_OR_CONSTRUCTED == 0 && parts.is_empty()
            })?;
            attributes.push(Attribute::new(kind, Tag(value.tag.into()), value.contents, joined));
            joined = true;
            if component.is_empty() {
                break;
            }
        }
    }
    Some(attributes)
}

fn show(attributes: &[Attribute<'_>], anomalies: &mut Anomalies) -> DistinguishedName {
    let mut name = DistinguishedName::default();
    let mut len = 0_usize;
    for attribute in attributes {
        take_part(&mut name, attribute, anomalies);
        len = len.saturating_add(attribute.value.len()).saturating_add(",CN=".len());
    }
    let whole = &mut name.distinguished_name;
    whole.reserve(len);
    let components = attributes.chunk_by(|_, next| next.joined).rev();
    for (shown, attribute) in components.flatten().enumerate() {
        if shown == MAX_ATTRIBUTES {
            anomalies.add(NAME_TRUNCATED);
            break;
        }
        if !whole.is_empty() {
            whole.push(if attribute.joined { '+' } else { ',' });
        }
        push_attribute(whole, attribute);
    }
    name
}

fn take_part(name: &mut DistinguishedName, attribute: &Attribute<'_>, anomalies: &mut Anomalies) {
    let Some(text) = &attribute.text else {
        return;
    };
    let shown = text::visible(text);
    if matches!(shown, Cow::Owned(_)) {
        anomalies.add(NAME_CONTROL_CHARACTER);
    }
    let part = match attribute.kind {
        [0x55, 0x04, 3] => &mut name.common_name,
        [0x55, 0x04, 6] => &mut name.country,
        [0x55, 0x04, 7] => &mut name.locality,
        [0x55, 0x04, 8] => &mut name.state_or_province,
        [0x55, 0x04, 10] => &mut name.organization,
        [0x55, 0x04, 11] => &mut name.organizational_unit,
        _ => return,
    };
    part.get_or_insert_with(|| shown.into_owned());
}

fn push_attribute(name: &mut String, attribute: &Attribute<'_>) {
    match (short_name(attribute.kind), &attribute.text) {
        (Some(short_name), Some(text)) => {
            name.push_str(short_name);
            name.push('=');
            push_value(name, text);
        }
        (known, text) => {
            name.push_str(
                &known.map_or_else(|| Cow::Owned(oid::text(attribute.kind)), Cow::Borrowed),
            );
            name.push_str("=#");
            let der = match text {
                Some(text) if text.bytes().all(is_printable) => {
                    der(PRINTABLE_STRING, text.as_bytes())
                }
                Some(text) => der(UTF8_STRING, text.as_bytes()),
                None => der(u8::try_from(attribute.tag.0).unwrap_or(0), attribute.value),
            };
            HEXLOWER.encode_append(&der, name);
        }
    }
}

/// Adds `value` with the characters escaped that mean something in a name.
fn push_value(name: &mut String, value: &str) {
    let special_at_an_end = value.starts_with([' ', '#']) || value.ends_with(' ');
    if !special_at_an_end && value.bytes().all(is_shown_as_it_is) {
        name.push_str(value);
        return;
    }
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

const fn is_shown_as_it_is(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';')
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

/// Everything in a tag but its number: zero for the universal types that are not constructed.
const CLASS_OR_CONSTRUCTED: u8 = 0xe0;

/// As many attributes as names have that are not of an extended validation.
const USUAL_ATTRIBUTES: usize = 6;

/// Most attributes of one name that are shown: twenty times what authorities issue.
const MAX_ATTRIBUTES: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_name_is_what_the_parser_reads(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            bit in 0..8,
        ) {
            let mut name = NAME.to_vec();
            for (index, value) in changes {
                let index = index.index(name.len());
                name[index] = if value < 0x80 { name[index] ^ (1_u8 << bit) } else { value & 0x3f };
            }
            if let Some(attributes) = plain(&name) {
                let (_, library) = X509Name::from_der(&name).unwrap();
                prop_assert_eq!(attributes, parsed(&library));
            }
        }
    }

    #[test]
    fn a_name_as_authorities_write_it_is_plain() {
        assert_eq!(plain(NAME).map(|attributes| attributes.len()), Some(3));
        for len in 0..NAME.len() {
            assert!(plain(&NAME[..len]).is_none(), "prefix of {len} bytes");
        }
    }

    /// C=DE, then O=a and CN=b in one component.
    const NAME: &[u8] = &[
        0x30, 0x23, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 6, 0x13, 2, b'D', b'E', 0x31,
        0x14, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 10, 0x0c, 1, b'a', 0x30, 0x08, 0x06, 0x03, 0x55,
        0x04, 3, 0x0c, 1, b'b',
    ];
}
