//! Protocols: what a service spoke.

use std::collections::{BTreeMap, BTreeSet};

use event::{Carrier, Timestamp};

use super::schema::{
    CipherSuite, Component, CryptoProperties, Evidence, Occurrence, ProtocolProperties, Related,
};
use super::{CbomVersion, ProtocolKey};
use crate::sheet::Cell;
use crate::usage::Use;

/// What a service spoke in one version.
pub(super) struct Protocol {
    service: String,
    suites: BTreeMap<String, Suite>,
    certificates: BTreeSet<String>,
    carriers: BTreeSet<&'static str>,
    sessions: u64,
    first: Timestamp,
    last: Timestamp,
}

#[derive(Default)]
struct Suite {
    identifiers: Vec<String>,
    algorithms: BTreeSet<String>,
    groups: BTreeSet<String>,
    signatures: BTreeSet<String>,
}

impl Protocol {
    pub(super) fn new(seen: &Use) -> Self {
        Self {
            service: seen.service(),
            suites: BTreeMap::new(),
            certificates: BTreeSet::new(),
            carriers: BTreeSet::new(),
            sessions: 0,
            first: seen.first,
            last: seen.last,
        }
    }

    pub(super) fn add(
        &mut self,
        seen: &Use,
        cipher: &str,
        algorithms: Vec<String>,
        certificate: Option<String>,
    ) {
        let posture = &seen.posture;
        self.sessions = self.sessions.saturating_add(seen.sessions);
        self.first = self.first.min(seen.first);
        self.last = self.last.max(seen.last);
        self.carriers.insert(match posture.carrier {
            Carrier::Tcp => "tcp",
            Carrier::Quic => "quic",
            Carrier::Dtls => "dtls",
        });
        if self.certificates.len() < MAX_PER_SERVICE {
            self.certificates.extend(certificate);
        }
        if self.suites.len() >= MAX_PER_SERVICE && !self.suites.contains_key(cipher) {
            return;
        }
        let suite = self.suites.entry(cipher.to_owned()).or_default();
        if let Some(known) = posture.cipher_suite() {
            let [high, low] = known.suite.0.to_be_bytes();
            suite.identifiers = vec![format!("0x{high:02X}"), format!("0x{low:02X}")];
        }
        if suite.algorithms.len() < MAX_PER_SERVICE {
            suite.algorithms.extend(algorithms);
            suite.groups.extend(posture.group.clone());
            suite.signatures.extend(posture.signature_algorithm.clone());
        }
    }

    /// References of all that it rests on.
    pub(super) fn references(&self) -> impl Iterator<Item = String> {
        let algorithms = self.algorithms().into_iter().map(ToOwned::to_owned);
        algorithms.chain(self.certificates.iter().cloned())
    }

    pub(super) fn component(&self, key: &ProtocolKey, version: CbomVersion) -> Component {
        let is_new = version == CbomVersion::V1_7;
        let related =
            |kind: &'static str, reference: &str| Related { kind, reference: reference.to_owned() };
        let algorithms = self.algorithms();
        let algorithms = algorithms.iter().map(|it| related("algorithm", it));
        let certificates = self.certificates.iter().map(|it| related("certificate", it));
        let properties = ProtocolProperties {
            kind: match key.protocol.as_str() {
                "tls" | "ssl" => "tls",
                "dtls" if is_new => "dtls",
                _ => "other",
            },
            version: match key.protocol.as_str() {
                "tls" | "dtls" => key.version.clone(),
                other => format!("{} {}", other.to_ascii_uppercase(), key.version),
            },
            cipher_suites: self
                .suites
                .iter()
                .map(|(name, it)| it.described(name, is_new))
                .collect(),
            crypto_ref_array: if is_new { Vec::new() } else { self.references().collect() },
            related_cryptographic_assets: if is_new {
                algorithms.chain(certificates).collect()
            } else {
                Vec::new()
            },
        };
        let carriers: Vec<&str> = self.carriers.iter().copied().collect();
        let context = format!(
            "sessions={} first={} last={} carrier={}",
            self.sessions,
            self.first,
            self.last,
            carriers.join(",")
        );
        Component {
            kind: "cryptographic-asset",
            bom_ref: key.reference(),
            name: key.name(&self.service),
            group: None,
            evidence: Some(Evidence {
                occurrences: vec![Occurrence {
                    location: self.service.clone(),
                    additional_context: context,
                }],
            }),
            crypto_properties: Some(CryptoProperties {
                asset_type: "protocol",
                protocol_properties: Some(properties),
                ..CryptoProperties::default()
            }),
            properties: Vec::new(),
        }
    }

    /// Lines of a table, one a cipher suite.
    pub(super) fn rows(&self, key: &ProtocolKey) -> impl Iterator<Item = Vec<Cell>> {
        let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        self.suites.iter().map(move |(name, suite)| {
            vec![
                Cell::text(&self.service),
                Cell::text(format!("{} {}", key.protocol.to_ascii_uppercase(), key.version)),
                Cell::text(name),
                Cell::text(join(&suite.groups)),
                Cell::text(join(&suite.signatures)),
                Cell::count(self.sessions),
                Cell::text(self.first.to_string()),
                Cell::text(self.last.to_string()),
            ]
        })
    }

    fn algorithms(&self) -> BTreeSet<&str> {
        self.suites.values().flat_map(|suite| &suite.algorithms).map(String::as_str).collect()
    }
}

impl Suite {
    fn described(&self, name: &str, is_new: bool) -> CipherSuite {
        let list = |set: &BTreeSet<String>| {
            if is_new { set.iter().cloned().collect() } else { Vec::new() }
        };
        CipherSuite {
            name: name.to_owned(),
            algorithms: self.algorithms.iter().cloned().collect(),
            identifiers: self.identifiers.clone(),
            tls_groups: list(&self.groups),
            tls_signature_schemes: list(&self.signatures),
        }
    }
}

/// Headings of the lines of a table; sessions are those of the service in this version.
pub(super) const COLUMNS: [&str; 8] = [
    "service",
    "version",
    "cipher_suite",
    "groups",
    "signature_schemes",
    "service_sessions",
    "first_seen",
    "last_seen",
];

/// Suites, algorithms and certificates of one service in one version: a server that has more of them
/// makes them up.
const MAX_PER_SERVICE: usize = 500;
