//! The extensions that events show.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use event::Name;
use wire::Reader;
use x509_parser::asn1_rs::FromDer;
use x509_parser::extensions::{
    GeneralName, ParsedExtension, SubjectAlternativeName, X509Extension,
};

use super::anomaly::{ALTERNATIVE_NAMES_TRUNCATED, Anomalies, MALFORMED, NAME_CONTROL_CHARACTER};
use super::der::{OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element, tagged};
use super::oid::{Oid, named};
use super::plain::{self, EMBEDDED_SCTS, EXTENDED_KEY_USAGE, IP_ADDRESS, Plain};
use super::{sct, text};

/// What the extensions of a certificate say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Extensions {
    pub(super) alternative_names: Vec<String>,
    pub(super) key_usage: Vec<Name>,
    pub(super) extended_key_usage: Vec<Name>,
    pub(super) is_ca: Option<bool>,
    pub(super) scts: u32,
}

impl Extensions {
    /// Reads the contents of the `SEQUENCE OF Extension`.
    pub(super) fn read(list: Option<&[u8]>, anomalies: &mut Anomalies) -> Self {
        let mut extensions = Self::default();
        let mut list = Reader::new(list.unwrap_or_default());
        while let Some(extension) = element(&mut list) {
            if let Some(extension) = plain::read(&extension) {
                extensions.take_plain(extension, anomalies);
                continue;
            }
            match X509Extension::from_der(extension.raw) {
                Ok((_, extension)) => extensions.take(&extension, anomalies),
                Err(_) => anomalies.add(MALFORMED),
            }
        }
        if !list.is_empty() {
            anomalies.add(MALFORMED);
        }
        extensions
    }

    fn take_plain(&mut self, extension: Plain<'_>, anomalies: &mut Anomalies) {
        match extension {
            Plain::AlternativeNames(names) => self.take_plain_names(names, anomalies),
            Plain::KeyUsage(usages) => self.key_usage = key_usage(usages),
            Plain::BasicConstraints { is_ca } => self.is_ca = Some(is_ca),
            Plain::ExtendedKeyUsage(value) => self.take_extended_key_usage(value, anomalies),
            Plain::EmbeddedScts(value) => self.take_scts(value, anomalies),
            Plain::NotShown => {}
        }
    }

    fn take_plain_names(&mut self, mut names: Reader<'_>, anomalies: &mut Anomalies) {
        while let Some(name) = element(&mut names) {
            let shown = if name.tag == IP_ADDRESS {
                address(name.contents).map(Cow::Owned)
            } else {
                Some(text::utf8_or_latin1(name.contents))
            };
            if !shown.is_some_and(|shown| self.take_name(&shown, anomalies)) {
                return;
            }
        }
    }

    fn take(&mut self, extension: &X509Extension<'_>, anomalies: &mut Anomalies) {
        match extension.oid.as_bytes() {
            EXTENDED_KEY_USAGE => self.take_extended_key_usage(extension.value, anomalies),
            EMBEDDED_SCTS => self.take_scts(extension.value, anomalies),
            _ => self.take_parsed(extension.parsed_extension(), anomalies),
        }
    }

    fn take_extended_key_usage(&mut self, value: &[u8], anomalies: &mut Anomalies) {
        match extended_key_usage(value) {
            Some(usages) => self.extended_key_usage = usages,
            None => anomalies.add(MALFORMED),
        }
    }

    fn take_scts(&mut self, value: &[u8], anomalies: &mut Anomalies) {
        let list = tagged(&mut Reader::new(value), OCTET_STRING);
        match list.and_then(|list| sct::scts(list.contents)) {
            Some(count) => self.scts = count,
            None => anomalies.add(MALFORMED),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events show no other extension")]
    fn take_parsed(&mut self, extension: &ParsedExtension<'_>, anomalies: &mut Anomalies) {
        match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                self.take_names(names, anomalies);
            }
            ParsedExtension::KeyUsage(usage) => self.key_usage = key_usage(usage.flags),
            ParsedExtension::BasicConstraints(constraints) => self.is_ca = Some(constraints.ca),
            ParsedExtension::ParseError { .. } => anomalies.add(MALFORMED),
            _ => {}
        }
    }

    fn take_names(&mut self, names: &SubjectAlternativeName<'_>, anomalies: &mut Anomalies) {
        for name in &names.general_names {
            let shown = match name {
                GeneralName::DNSName(name)
                | GeneralName::RFC822Name(name)
                | GeneralName::URI(name) => Cow::Borrowed(*name),
                GeneralName::IPAddress(bytes) => match address(bytes) {
                    Some(address) => Cow::Owned(address),
                    None => {
                        anomalies.add(MALFORMED);
                        continue;
                    }
                },
                GeneralName::Invalid(_, bytes) => {
                    anomalies.add(MALFORMED);
                    text::utf8_or_latin1(bytes)
                }
                GeneralName::OtherName(..)
                | GeneralName::X400Address(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EDIPartyName(_)
                | GeneralName::RegisteredID(_) => continue,
            };
            if !self.take_name(&shown, anomalies) {
                return;
            }
        }
    }

    /// Returns whether there was room for it.
    fn take_name(&mut self, name: &str, anomalies: &mut Anomalies) -> bool {
        if self.alternative_names.len() == MAX_ALTERNATIVE_NAMES {
            anomalies.add(ALTERNATIVE_NAMES_TRUNCATED);
            return false;
        }
        let shown = text::visible(name);
        if matches!(shown, Cow::Owned(_)) {
            anomalies.add(NAME_CONTROL_CHARACTER);
        }
        self.alternative_names.push(shown.into_owned());
        true
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string())
}

fn key_usage(usages: u16) -> Vec<Name> {
    let set = KEY_USAGES.iter().filter(|(bit, _)| usages & bit != 0);
    set.map(|(_, name)| Cow::Borrowed(*name)).collect()
}

fn extended_key_usage(value: &[u8]) -> Option<Vec<Name>> {
    let list = tagged(&mut Reader::new(value), SEQUENCE)?;
    let mut list = Reader::new(list.contents);
    let mut usages = Vec::new();
    while !list.is_empty() && usages.len() < MAX_EXTENDED_KEY_USAGES {
        usages.push(named(&[EXTENDED_KEY_USAGES], tagged(&mut list, OBJECT_IDENTIFIER)?.contents));
    }
    Some(usages)
}

/// Bits of RFC 5280 section 4.2.1.3, of which the parser makes bit 0 the lowest.
const KEY_USAGES: [(u16, &str); 9] = [
    (1 << 0, "digitalSignature"),
    (1 << 1, "nonRepudiation"),
    (1 << 2, "keyEncipherment"),
    (1 << 3, "dataEncipherment"),
    (1 << 4, "keyAgreement"),
    (1 << 5, "keyCertSign"),
    (1 << 6, "cRLSign"),
    (1 << 7, "encipherOnly"),
    (1 << 8, "decipherOnly"),
];

const EXTENDED_KEY_USAGES: &[(Oid, &str)] = &[
    (Oid::new("2.5.29.37.0"), "anyExtendedKeyUsage"),
    (Oid::new("1.3.6.1.5.5.7.3.1"), "serverAuth"),
    (Oid::new("1.3.6.1.5.5.7.3.2"), "clientAuth"),
    (Oid::new("1.3.6.1.5.5.7.3.3"), "codeSigning"),
    (Oid::new("1.3.6.1.5.5.7.3.4"), "emailProtection"),
    (Oid::new("1.3.6.1.5.5.7.3.8"), "timeStamping"),
    (Oid::new("1.3.6.1.5.5.7.3.9"), "OCSPSigning"),
];

/// Most alternative names that are shown: public authorities issue at most 1000, most of them 100.
const MAX_ALTERNATIVE_NAMES: usize = 1000;

/// Most extended key usages that are shown: several times as many as there are in use.
const MAX_EXTENDED_KEY_USAGES: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_extension_that_authorities_write_is_plain() {
        for sample in samples() {
            let extension = element(&mut Reader::new(&sample)).unwrap();
            assert!(plain::read(&extension).is_some(), "{sample:02x?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]
        #[test]
        fn a_plain_extension_is_what_the_parser_reads(
            sample in prop::sample::select(samples()),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            bit in 0..8,
        ) {
            let mut der = sample;
            for (index, value) in changes {
                let index = index.index(der.len());
                der[index] = if value < 0x80 { der[index] ^ (1_u8 << bit) } else { value };
            }
            let extension = element(&mut Reader::new(&der));
            if let Some(read) = extension.as_ref().and_then(plain::read) {
                let (mut ours, mut ours_wrong) = <(Extensions, Anomalies)>::default();
                ours.take_plain(read, &mut ours_wrong);
                let (mut parsed, mut parsed_wrong) = <(Extensions, Anomalies)>::default();
                parsed.take(&X509Extension::from_der(&der).unwrap().1, &mut parsed_wrong);
                prop_assert_eq!(ours, parsed);
                prop_assert_eq!(ours_wrong.into_names(), parsed_wrong.into_names());
            }
        }
    }

    fn samples() -> Vec<Vec<u8>> {
        let uri = tlv(0x86, &[b"http://a.example/"]);
        let point = tlv(0x30, &[&tlv(0xa0, &[&tlv(0xa0, &[&uri])])]);
        let method = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
        let qualifier = tlv(0x30, &[&method, &[0x16, 1, b'x']]);
        let policy = [0x06, 0x06, 0x67, 0x81, 0x0c, 0x01, 0x02, 0x01];
        let names = [tlv(0x82, &[b"a.example"]), tlv(0x87, &[&[192, 0, 2, 1]]), uri.clone()];
        let values = [
            (14, tlv(0x04, &[&[7; 20]])),
            (15, vec![3, 2, 5, 0xa0]),
            (15, vec![3, 3, 7, 0x01, 0x80]),
            (17, tlv(0x30, &[&names.concat()])),
            (19, vec![0x30, 0]),
            (19, vec![0x30, 6, 1, 1, 0xff, 2, 1, 0]),
            (31, tlv(0x30, &[&point])),
            (
                32,
                tlv(
                    0x30,
                    &[&tlv(0x30, &[&policy]), &tlv(0x30, &[&policy, &tlv(0x30, &[&qualifier])])],
                ),
            ),
            (35, tlv(0x30, &[&tlv(0x80, &[&[7; 20]])])),
            (37, tlv(0x30, &[&method])),
        ];
        let known = values.map(|(arc, value)| {
            tlv(0x30, &[&[0x06, 0x03, 0x55, 0x1d, arc], &[1, 1, 0xff], &tlv(0x04, &[&value])])
        });
        let access = tlv(0x30, &[&tlv(0x30, &[&method, &uri])]);
        let access_oid = tlv(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 1, 1]]);
        let scts = tlv(0x04, &[&[0, 4, 0, 2, 7, 7]]);
        let others = [
            tlv(0x30, &[&access_oid, &tlv(0x04, &[&access])]),
            tlv(0x30, &[&tlv(0x06, &[EMBEDDED_SCTS]), &tlv(0x04, &[&scts])]),
        ];
        known.into_iter().chain(others).collect()
    }

    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let contents = parts.concat();
        [&[tag, u8::try_from(contents.len()).unwrap()], &*contents].concat()
    }
}
