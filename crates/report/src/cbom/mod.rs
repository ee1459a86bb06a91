//! A cryptography bill of materials (CBOM) of observed connections, in CycloneDX 1.6 or 1.7.

mod algorithm;
mod certificate;
mod protocol;
mod schema;

use std::collections::{BTreeMap, BTreeSet};

use policy::Entity;

use crate::sheet::{Cell, Sheet, Table};
use crate::usage::{Head, Use};
use algorithm::Algorithm;
use certificate::Certificate;
use protocol::Protocol;
use schema::{
    Bom, Component, CryptoProperties, Dependency, Lifecycle, Metadata, Property, Tool, Tools,
};

/// The cryptography of the uses that were added.
#[derive(Default)]
pub struct Cbom {
    protocols: BTreeMap<ProtocolKey, Protocol>,
    algorithms: BTreeMap<String, Algorithm>,
    certificates: BTreeMap<String, Certificate>,
    workloads: BTreeMap<String, Workload>,
    /// Sessions that nothing was agreed on in.
    unnegotiated: u64,
    /// Sessions of services and certificates that there was no room for.
    dropped: u64,
}

/// A version of CycloneDX.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CbomVersion {
    /// 1.6 (ECMA-424, first edition).
    #[default]
    V1_6,
    /// 1.7 (ECMA-424, second edition).
    V1_7,
}

/// A service and the version that it spoke.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ProtocolKey {
    destination: String,
    port: u16,
    protocol: String,
    version: String,
}

struct Workload {
    name: String,
    namespace: Option<String>,
    depends_on: BTreeSet<String>,
}

impl Cbom {
    /// Adds one posture of one edge.
    pub fn add(&mut self, seen: &Use) {
        let posture = &seen.posture;
        let (Some(version), Some(cipher)) = (&posture.version, &posture.cipher) else {
            self.unnegotiated = self.unnegotiated.saturating_add(seen.sessions);
            return;
        };
        let key = ProtocolKey {
            destination: seen.destination.id.clone(),
            port: seen.port,
            protocol: posture.version_protocol.clone().unwrap_or_else(|| "tls".to_owned()),
            version: version.clone(),
        };
        let is_full = self.protocols.len() >= MAX_PROTOCOLS && !self.protocols.contains_key(&key);
        if is_full || !self.has_room_for(seen) {
            self.dropped = self.dropped.saturating_add(seen.sessions);
            return;
        }
        let reference = key.reference();
        let algorithms = self.algorithms_of(seen, cipher);
        let certificate = self.certificate_of(seen);
        let protocol = self.protocols.entry(key).or_insert_with(|| Protocol::new(seen));
        protocol.add(seen, cipher, algorithms, certificate);
        for entity in [&seen.source, &seen.destination] {
            self.workload(entity).depends_on.insert(reference.clone());
        }
    }

    /// The bill in JSON. The same uses give the same bill, but for its number and time.
    #[must_use]
    pub fn to_json(&self, head: &Head, version: CbomVersion) -> String {
        let (schema, spec_version) = match version {
            CbomVersion::V1_6 => ("http://cyclonedx.org/schema/bom-1.6.schema.json", "1.6"),
            CbomVersion::V1_7 => ("http://cyclonedx.org/schema/bom-1.7.schema.json", "1.7"),
        };
        let bom = Bom {
            schema,
            bom_format: "CycloneDX",
            spec_version,
            serial_number: head.urn(),
            version: 1,
            metadata: Metadata {
                timestamp: head.now,
                lifecycles: [Lifecycle { phase: "operations" }, Lifecycle { phase: "discovery" }],
                tools: Tools {
                    components: [Tool {
                        kind: "application",
                        name: "tlsight",
                        version: head.program_version.clone(),
                    }],
                },
                properties: self.properties(),
            },
            components: self.components(version),
            dependencies: self.dependencies(),
        };
        serde_json::to_string_pretty(&bom).unwrap_or_default()
    }

    pub(crate) fn sheet(&self, head: &Head) -> Sheet {
        let protocols = self.protocols.iter().flat_map(|(key, it)| it.rows(key)).collect();
        let algorithms = self.algorithms.values().map(|algorithm| {
            let properties = &algorithm.properties;
            let level = properties.nist_quantum_security_level;
            vec![
                Cell::text(&algorithm.name),
                Cell::text(properties.primitive),
                level.map_or(Cell::Nothing, |level| Cell::Number(level.into())),
            ]
        });
        let mut notes = vec![("Generated", head.now.to_string())];
        if self.unnegotiated > 0 {
            notes.push(("Sessions without a cipher suite", self.unnegotiated.to_string()));
        }
        if self.dropped > 0 {
            notes.push(("Sessions without room", self.dropped.to_string()));
        }
        Sheet {
            title: "Cryptography bill of materials",
            notes,
            tables: vec![
                Table { title: "Protocols", columns: protocol::COLUMNS.to_vec(), rows: protocols },
                Table {
                    title: "Algorithms",
                    columns: vec!["algorithm", "primitive", "nist_quantum_security_level"],
                    rows: algorithms.collect(),
                },
            ],
        }
    }

    fn properties(&self) -> Vec<Property> {
        let counts = [
            ("tlsight:sessions_without_cipher_suite", self.unnegotiated),
            ("tlsight:sessions_dropped", self.dropped),
        ];
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        counts.map(|(name, count)| Property { name, value: count.to_string() }).collect()
    }

    fn components(&self, version: CbomVersion) -> Vec<Component> {
        let workloads = self.workloads.iter().map(|(id, workload)| Component {
            kind: "application",
            bom_ref: id.clone(),
            name: workload.name.clone(),
            group: workload.namespace.clone(),
            evidence: None,
            crypto_properties: None,
            properties: Vec::new(),
        });
        let protocols =
            self.protocols.iter().map(|(key, protocol)| protocol.component(key, version));
        let certificates = self.certificates.iter().flat_map(|(id, it)| it.components(id, version));
        let algorithms = self.algorithms.iter().map(|(reference, algorithm)| Component {
            kind: "cryptographic-asset",
            bom_ref: reference.clone(),
            name: algorithm.name.clone(),
            group: None,
            evidence: None,
            crypto_properties: Some(CryptoProperties {
                asset_type: "algorithm",
                algorithm_properties: Some(algorithm.properties.clone()),
                ..CryptoProperties::default()
            }),
            properties: Vec::new(),
        });
        workloads.chain(protocols).chain(certificates).chain(algorithms).collect()
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let workloads = self.workloads.iter().map(|(id, workload)| Dependency {
            reference: id.clone(),
            depends_on: workload.depends_on.iter().cloned().collect(),
        });
        let protocols = self.protocols.iter().map(|(key, protocol)| Dependency {
            reference: key.reference(),
            depends_on: protocol.references().collect(),
        });
        let certificates = self.certificates.iter().flat_map(|(id, it)| it.dependencies(id));
        workloads.chain(protocols).chain(certificates).collect()
    }

    fn has_room_for(&self, seen: &Use) -> bool {
        let is_known = |entity: &Entity| self.workloads.contains_key(&workload_reference(entity));
        self.workloads.len() < MAX_WORKLOADS
            || is_known(&seen.source) && is_known(&seen.destination)
    }

    /// Keeps the algorithms of a use, and gives their references.
    fn algorithms_of(&mut self, seen: &Use, cipher: &str) -> Vec<String> {
        let posture = &seen.posture;
        let mut all = match posture.cipher_suite() {
            Some(suite) => algorithm::of_suite(cipher, &suite),
            None => Vec::new(),
        };
        all.extend(posture.group.as_deref().map(algorithm::of_group));
        all.extend(posture.signature_algorithm.as_deref().map(algorithm::of_signature));
        all.into_iter().map(|algorithm| self.keep_algorithm(algorithm)).collect()
    }

    fn keep_algorithm(&mut self, algorithm: Algorithm) -> String {
        let reference = algorithm.reference();
        if self.algorithms.len() < MAX_ALGORITHMS || self.algorithms.contains_key(&reference) {
            self.algorithms.insert(reference.clone(), algorithm);
            return reference;
        }
        // References must lead somewhere: what is beyond the bound is one algorithm.
        let other = algorithm::of_group("other");
        let reference = other.reference();
        self.algorithms.insert(reference.clone(), other);
        reference
    }

    /// Keeps the certificate of a use, and gives its reference.
    fn certificate_of(&mut self, seen: &Use) -> Option<String> {
        let posture = &seen.posture.certificate;
        let fingerprint = posture.fingerprint.clone()?;
        if !self.certificates.contains_key(&fingerprint) {
            if self.certificates.len() >= MAX_CERTIFICATES {
                self.dropped = self.dropped.saturating_add(seen.sessions);
                return None;
            }
            let signature = posture.signature_algorithm.as_deref().map(algorithm::of_signature);
            let signature = signature.map(|algorithm| self.keep_algorithm(algorithm));
            let key_type = posture.key_type.as_deref();
            let key = key_type.map(|it| algorithm::of_key(it, posture.key_bits));
            let key = key.map(|algorithm| self.keep_algorithm(algorithm));
            let certificate = Certificate::new(seen, signature, key);
            self.certificates.insert(fingerprint.clone(), certificate);
        }
        Some(certificate::reference(&fingerprint))
    }

    fn workload(&mut self, entity: &Entity) -> &mut Workload {
        self.workloads.entry(workload_reference(entity)).or_insert_with(|| Workload {
            name: entity.name.clone(),
            namespace: entity.namespace.clone(),
            depends_on: BTreeSet::new(),
        })
    }
}

impl ProtocolKey {
    fn reference(&self) -> String {
        let Self { destination, port, protocol, version } = self;
        format!("protocol/{protocol}/{version}@{destination}:{port}")
    }

    fn name(&self, service: &str) -> String {
        format!("{} {} on {service}", self.protocol.to_ascii_uppercase(), self.version)
    }
}

fn workload_reference(entity: &Entity) -> String {
    format!("entity/{}", entity.id)
}

/// Viewers show some thousand components; a bill of this many takes some ten megabytes.
const MAX_PROTOCOLS: usize = 10_000;

/// Ends of edges, of which there may be more than services.
const MAX_WORKLOADS: usize = 20_000;

/// Certificates of as many services.
const MAX_CERTIFICATES: usize = 10_000;

/// The registries have some hundred.
const MAX_ALGORITHMS: usize = 2000;
