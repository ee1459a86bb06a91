//! The ECS `tls` object.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::certificate::{CertificateHash, X509};
use crate::detailed::Detailed;
use crate::json::ToJson;
use crate::shared::{Name, NameList, Shared};
use crate::time::Timestamp;

/// `tls`: what was negotiated, and what either side showed of itself.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct Tls {
    /// Negotiated version without its protocol's name, such as `1.3`; absent if no server answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'static str>,
    /// `ssl`, `tls` or `dtls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_protocol: Option<&'static str>,
    /// Cipher suite chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<Name>,
    /// Named group of the key exchange; the same as `tlsight.key_exchange.group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Name>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Whether the handshake was seen to end in an encrypted channel.
    pub established: bool,
    /// ALPN protocol chosen, as far as that is sent in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_protocol: Option<Arc<str>>,
    /// The client's side.
    pub client: TlsClient,
    /// The server's side.
    pub server: TlsServer,
    /// Packetbeat's details.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detailed: Option<Detailed>,
}

/// `tls.client`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct TlsClient {
    /// JA3 fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja3: Option<Arc<str>>,
    /// Server name indication; the outer one if `tlsight.server_name_is_outer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Arc<str>>,
    /// Cipher suites offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_ciphers: Option<NameList>,
    /// Digests of the client's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Shared<CertificateHash>>,
    /// Distinguished name of its subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
    /// Distinguished name of its issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Arc<str>>,
    /// Start of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// PEM texts of the chain, leaf first, if `include_raw_certificates`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificate_chain: Vec<Shared<String>>,
    /// The certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x509: Option<Shared<X509>>,
}

/// `tls.server`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct TlsServer {
    /// JA3S fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja3s: Option<Arc<str>>,
    /// Digests of the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Shared<CertificateHash>>,
    /// Distinguished name of its subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
    /// Distinguished name of its issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Arc<str>>,
    /// Start of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// PEM texts of the chain, leaf first, if `include_raw_certificates`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificate_chain: Vec<Shared<String>>,
    /// The certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x509: Option<Shared<X509>>,
}
