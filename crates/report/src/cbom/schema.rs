//! The part of CycloneDX that a CBOM of TLS needs (bom-1.6.schema.json, bom-1.7.schema.json).

use event::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bom {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) bom_format: &'static str,
    pub(super) spec_version: &'static str,
    pub(super) serial_number: String,
    pub(super) version: u32,
    pub(super) metadata: Metadata,
    pub(super) components: Vec<Component>,
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
pub(super) struct Metadata {
    pub(super) timestamp: Timestamp,
    pub(super) lifecycles: [Lifecycle; 2],
    pub(super) tools: Tools,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property>,
}

#[derive(Serialize)]
pub(super) struct Lifecycle {
    pub(super) phase: &'static str,
}

#[derive(Serialize)]
pub(super) struct Tools {
    pub(super) components: [Tool; 1],
}

#[derive(Serialize)]
pub(super) struct Tool {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) version: String,
}

#[derive(Clone, Serialize)]
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(rename = "bom-ref")]
    pub(super) bom_ref: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crypto_properties: Option<CryptoProperties>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property>,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    pub(super) occurrences: Vec<Occurrence>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Occurrence {
    pub(super) location: String,
    pub(super) additional_context: String,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CryptoProperties {
    pub(super) asset_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) algorithm_properties: Option<AlgorithmProperties>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) certificate_properties: Option<CertificateProperties>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) related_crypto_material_properties: Option<MaterialProperties>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) protocol_properties: Option<ProtocolProperties>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlgorithmProperties {
    pub(super) primitive: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameter_set_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<&'static str>,
    pub(super) crypto_functions: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nist_quantum_security_level: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CertificateProperties {
    /// From 1.7 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) serial_number: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) subject_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) issuer_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_valid_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_valid_after: Option<Timestamp>,
    /// Up to 1.6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature_algorithm_ref: Option<String>,
    /// Up to 1.6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject_public_key_ref: Option<String>,
    pub(super) certificate_format: &'static str,
    /// From 1.7 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<Fingerprint>,
    /// From 1.7 on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_cryptographic_assets: Vec<Related>,
}

#[derive(Serialize)]
pub(super) struct Fingerprint {
    pub(super) alg: &'static str,
    pub(super) content: String,
}

#[derive(Serialize)]
pub(super) struct MaterialProperties {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u32>,
    /// Up to 1.6.
    #[serde(rename = "algorithmRef", skip_serializing_if = "Option::is_none")]
    pub(super) algorithm_ref: Option<String>,
    /// From 1.7 on.
    #[serde(rename = "relatedCryptographicAssets", skip_serializing_if = "Vec::is_empty")]
    pub(super) related_cryptographic_assets: Vec<Related>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProtocolProperties {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) version: String,
    pub(super) cipher_suites: Vec<CipherSuite>,
    /// Up to 1.6.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) crypto_ref_array: Vec<String>,
    /// From 1.7 on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_cryptographic_assets: Vec<Related>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CipherSuite {
    pub(super) name: String,
    pub(super) algorithms: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) identifiers: Vec<String>,
    /// From 1.7 on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tls_groups: Vec<String>,
    /// From 1.7 on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tls_signature_schemes: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Related {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(rename = "ref")]
    pub(super) reference: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) depends_on: Vec<String>,
}
