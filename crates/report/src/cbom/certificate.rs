//! Certificates and their public keys.

use policy::CertificatePosture;

use super::CbomVersion;
use super::schema::{
    CertificateProperties, Component, CryptoProperties, Dependency, Fingerprint,
    MaterialProperties, Related,
};
use crate::usage::Use;

/// A certificate with references to its algorithms.
pub(super) struct Certificate {
    subject: String,
    issuer: String,
    serial: Option<String>,
    posture: CertificatePosture,
    signature: Option<String>,
    key: Option<String>,
}

/// The reference of a certificate.
pub(super) fn reference(fingerprint: &str) -> String {
    format!("certificate/{fingerprint}")
}

fn key_reference(fingerprint: &str) -> String {
    format!("key/{fingerprint}")
}

impl Certificate {
    pub(super) fn new(seen: &Use, signature: Option<String>, key: Option<String>) -> Self {
        let whole = seen.certificate.as_ref();
        Self {
            subject: whole.map(|it| it.subject.clone()).unwrap_or_default(),
            issuer: whole.map(|it| it.issuer.clone()).unwrap_or_default(),
            serial: whole.and_then(|it| it.serial.clone()).filter(|serial| !serial.is_empty()),
            posture: seen.posture.certificate.clone(),
            signature,
            key,
        }
    }

    /// The certificate, and its public key if that is known.
    pub(super) fn components(
        &self,
        fingerprint: &str,
        version: CbomVersion,
    ) -> impl Iterator<Item = Component> {
        let key = self.key.as_ref().map(|algorithm| self.key(fingerprint, algorithm, version));
        std::iter::once(self.certificate(fingerprint, version)).chain(key)
    }

    pub(super) fn dependencies(&self, fingerprint: &str) -> impl Iterator<Item = Dependency> {
        let key = self.key.as_ref().map(|_| key_reference(fingerprint));
        let own = Dependency {
            reference: reference(fingerprint),
            depends_on: self.signature.iter().cloned().chain(key.clone()).collect(),
        };
        let of_key = self
            .key
            .clone()
            .zip(key)
            .map(|(algorithm, key)| Dependency { reference: key, depends_on: vec![algorithm] });
        std::iter::once(own).chain(of_key)
    }

    fn certificate(&self, fingerprint: &str, version: CbomVersion) -> Component {
        let is_new = version == CbomVersion::V1_7;
        let key = self.key.as_ref().map(|_| key_reference(fingerprint));
        let mut related = Vec::new();
        if is_new {
            let of = |kind: &'static str, it: &Option<String>| {
                it.clone().map(|reference| Related { kind, reference })
            };
            related.extend(of("algorithm", &self.signature));
            related.extend(of("publicKey", &key));
        }
        let properties = CertificateProperties {
            serial_number: self.serial.clone().filter(|_| is_new),
            subject_name: self.subject.clone(),
            issuer_name: self.issuer.clone(),
            not_valid_before: self.posture.not_before,
            not_valid_after: self.posture.not_after,
            signature_algorithm_ref: self.signature.clone().filter(|_| !is_new),
            subject_public_key_ref: key.filter(|_| !is_new),
            certificate_format: "X.509",
            fingerprint: digest(fingerprint).filter(|_| is_new),
            related_cryptographic_assets: related,
        };
        let name = if self.subject.is_empty() { fingerprint } else { &self.subject };
        Component {
            kind: "cryptographic-asset",
            bom_ref: reference(fingerprint),
            name: name.to_owned(),
            group: None,
            evidence: None,
            crypto_properties: Some(CryptoProperties {
                asset_type: "certificate",
                certificate_properties: Some(properties),
                ..CryptoProperties::default()
            }),
            properties: Vec::new(),
        }
    }

    fn key(&self, fingerprint: &str, algorithm: &str, version: CbomVersion) -> Component {
        let is_new = version == CbomVersion::V1_7;
        let reference = algorithm.to_owned();
        let related = Related { kind: "algorithm", reference: reference.clone() };
        let material = MaterialProperties {
            kind: "public-key",
            size: self.posture.key_bits,
            algorithm_ref: (!is_new).then_some(reference),
            related_cryptographic_assets: if is_new { vec![related] } else { Vec::new() },
        };
        let key_type = self.posture.key_type.as_deref().unwrap_or("unknown");
        Component {
            kind: "cryptographic-asset",
            bom_ref: key_reference(fingerprint),
            name: format!("{key_type} key of {}", reference_name(fingerprint)),
            group: None,
            evidence: None,
            crypto_properties: Some(CryptoProperties {
                asset_type: "related-crypto-material",
                related_crypto_material_properties: Some(material),
                ..CryptoProperties::default()
            }),
            properties: Vec::new(),
        }
    }
}

/// The digest with the algorithm that its length tells.
fn digest(fingerprint: &str) -> Option<Fingerprint> {
    let alg = match fingerprint.len() {
        64 => "SHA-256",
        40 => "SHA-1",
        _ => return None,
    };
    let is_hex = fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| Fingerprint { alg, content: fingerprint.to_owned() })
}

fn reference_name(fingerprint: &str) -> &str {
    fingerprint.get(..SHORT_LEN).unwrap_or(fingerprint)
}

/// Digits of a digest that tell certificates apart for people.
const SHORT_LEN: usize = 16;
