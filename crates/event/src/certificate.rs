//! X.509 certificates as ECS and Packetbeat describe them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::json::ToJson;
use crate::shared::{Name, Shared};
use crate::time::Timestamp;

/// A certificate that was seen, parsed once for all sessions that carry it.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// What `tls.{client,server}.x509` shows.
    pub x509: Shared<X509>,
    /// Digests of the DER form, those that the `fingerprints` setting asks for.
    pub hash: Shared<CertificateHash>,
    /// PEM text, if raw certificates are asked for.
    pub pem: Option<Shared<String>>,
    /// Distinguished name of the subject.
    pub subject: Arc<str>,
    /// Distinguished name of the issuer.
    pub issuer: Arc<str>,
    /// Whether subject and issuer are the same name.
    pub self_signed: bool,
    /// Number of signed certificate timestamps embedded (RFC 6962 section 3.3).
    pub scts: u32,
    /// What is wrong with its form, named as `anomalies[]` names it.
    pub anomalies: Vec<Name>,
}

/// Digests of the DER form of a certificate: upper-case hexadecimal, as Packetbeat writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct CertificateHash {
    /// MD5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// SHA-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// The ECS `x509` object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct X509 {
    /// Version of the format: 1, 2 or 3.
    pub version_number: u32,
    /// Serial number in decimal, as Packetbeat writes it.
    pub serial_number: String,
    /// The issuer's name.
    pub issuer: DistinguishedName,
    /// The subject's name.
    pub subject: DistinguishedName,
    /// First instant of validity; absent if malformed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Last instant of validity; absent if malformed. Dates past 2262 are written as that year's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// `RSA`, `DSA`, `ECDSA`, `Ed25519`, `Ed448`, `ML-DSA-44` ..., or the object identifier.
    pub public_key_algorithm: Name,
    /// Size of the public key in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_size: Option<u32>,
    /// Public exponent of an RSA key, if it fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_exponent: Option<u64>,
    /// Curve of an elliptic-curve key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_curve: Option<Name>,
    /// `SHA256-RSA`, `ECDSA-SHA384`, `Ed25519`, `ML-DSA-65` ..., or the object identifier.
    pub signature_algorithm: Name,
    /// Subject alternative names: DNS names, addresses, e-mail addresses, URIs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternative_names: Vec<String>,
    /// Key usages (RFC 5280 section 4.2.1.3), by their names there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_usage: Vec<Name>,
    /// Extended key usages (RFC 5280 section 4.2.1.12), by their names there or object identifier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extended_key_usage: Vec<Name>,
    /// Whether the basic constraints mark a certification authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_ca: Option<bool>,
}

/// An X.500 name: its parts by ECS field, and the whole in Packetbeat's order
/// (`CN=...,OU=...,O=...,L=...,ST=...,C=...`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct DistinguishedName {
    /// CN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// C.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The whole name.
    pub distinguished_name: String,
    /// L.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// O.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// OU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
    /// ST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_or_province: Option<String>,
}
