//! The extensions that events show.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use event::Name;
use wire::Reader;
use x509_parser::asn1_rs::FromDer;
use x509_parser::extensions::{
    GeneralName, KeyUsage, ParsedExtension, SubjectAlternativeName, X509Extension,
};

use super::anomaly::{ALTERNATIVE_NAMES_TRUNCATED, Anomalies, MALFORMED, NAME_CONTROL_CHARACTER};
use super::der::{OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element, tagged};
use super::{oid, sct, text};

/// What the extensions of a certificate say.
#[derive(Debug, Default)]
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

    fn take(&mut self, extension: &X509Extension<'_>, anomalies: &mut Anomalies) {
        match extension.oid.as_bytes() {
            EXTENDED_KEY_USAGE => match extended_key_usage(extension.value) {
                Some(usages) => self.extended_key_usage = usages,
                None => anomalies.add(MALFORMED),
            },
            EMBEDDED_SCTS => {
                let list = tagged(&mut Reader::new(extension.value), OCTET_STRING);
                match list.and_then(|list| sct::scts(list.contents)) {
                    Some(count) => self.scts = count,
                    None => anomalies.add(MALFORMED),
                }
            }
            _ => self.take_parsed(extension.parsed_extension(), anomalies),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events show no other extension")]
    fn take_parsed(&mut self, extension: &ParsedExtension<'_>, anomalies: &mut Anomalies) {
        match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                self.take_names(names, anomalies);
            }
            ParsedExtension::KeyUsage(usage) => self.key_usage = key_usage(*usage),
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
            if self.alternative_names.len() == MAX_ALTERNATIVE_NAMES {
                anomalies.add(ALTERNATIVE_NAMES_TRUNCATED);
                return;
            }
            let (shown, escaped) = text::visible(shown);
            if escaped {
                anomalies.add(NAME_CONTROL_CHARACTER);
            }
            self.alternative_names.push(shown);
        }
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string())
}

fn key_usage(usage: KeyUsage) -> Vec<Name> {
    let set = KEY_USAGES.iter().filter(|(bit, _)| usage.flags & bit != 0);
    set.map(|(_, name)| Cow::Borrowed(*name)).collect()
}

fn extended_key_usage(value: &[u8]) -> Option<Vec<Name>> {
    let list = tagged(&mut Reader::new(value), SEQUENCE)?;
    let mut list = Reader::new(list.contents);
    let mut usages = Vec::new();
    while !list.is_empty() && usages.len() < MAX_EXTENDED_KEY_USAGES {
        let usage = oid::text(tagged(&mut list, OBJECT_IDENTIFIER)?.contents);
        let known = EXTENDED_KEY_USAGES.iter().find(|(known, _)| *known == usage);
        usages.push(known.map_or(Cow::Owned(usage), |(_, name)| Cow::Borrowed(*name)));
    }
    Some(usages)
}

/// `id-ce-extKeyUsage`, 2.5.29.37.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// The embedded list of RFC 6962 section 3.3, 1.3.6.1.4.1.11129.2.4.2.
const EMBEDDED_SCTS: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];

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

const EXTENDED_KEY_USAGES: &[(&str, &str)] = &[
    ("2.5.29.37.0", "anyExtendedKeyUsage"),
    ("1.3.6.1.5.5.7.3.1", "serverAuth"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection"),
    ("1.3.6.1.5.5.7.3.8", "timeStamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSPSigning"),
];

/// Most alternative names that are shown: public authorities issue at most 1000, most of them 100.
const MAX_ALTERNATIVE_NAMES: usize = 1000;

/// Most extended key usages that are shown: several times as many as there are in use.
const MAX_EXTENDED_KEY_USAGES: usize = 64;
