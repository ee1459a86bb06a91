//! Packetbeat's `tls.detailed`, which `include_detailed_fields` turns off.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::certificate::X509;
use crate::hex::HexBytes;
use crate::json::ToJson;
use crate::shared::{Name, NameList, Shared};

/// `tls.detailed`: the hellos, the chains and the alerts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct Detailed {
    /// Negotiated version with its protocol name, such as `TLS 1.3` or `DTLS 1.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Name>,
    /// How a resumed session was resumed: `id`, `ticket` or `psk`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumption_method: Option<&'static str>,
    /// Whether the server asked the client for a certificate, as far as that is sent in clear.
    pub client_certificate_requested: bool,
    /// Status of the stapled OCSP response (RFC 6960 section 4.2.1), such as `successful`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp_response: Option<Name>,
    /// The (first) `ClientHello`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_hello: Option<ClientHelloDetail>,
    /// The `ServerHello`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_hello: Option<ServerHelloDetail>,
    /// The server's chain after the leaf, which is `tls.server.x509`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_certificate_chain: Vec<Shared<X509>>,
    /// The client's chain after the leaf, which is `tls.client.x509`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client_certificate_chain: Vec<Shared<X509>>,
    /// Alerts in clear, in the order seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertDetail>,
    /// Descriptions of those alerts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alert_types: Vec<Name>,
}

/// The fields of a `ClientHello`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct ClientHelloDetail {
    /// `legacy_version`, as Packetbeat writes it: `3.3`.
    pub version: Name,
    /// The client's random.
    pub random: HexBytes,
    /// Session id offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<HexBytes>,
    /// Compression methods offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_compression_methods: Option<NameList>,
    /// Extensions.
    pub extensions: ClientHelloExtensions,
}

/// Extensions of a `ClientHello`, by Packetbeat's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct ClientHelloExtensions {
    /// Host names of `server_name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_name_indication: Vec<Arc<str>>,
    /// Length of the ticket in bytes, or an empty string if tickets are only supported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_ticket: Option<String>,
    /// What all hellos of the same software have in common.
    #[serde(flatten)]
    pub offered: Option<Shared<OfferedExtensions>>,
}

/// Extensions of a `ClientHello` that belong to the software, not to the connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct OfferedExtensions {
    /// ALPN protocols offered; bytes that are not UTF-8 as hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_layer_protocol_negotiation: Option<NameList>,
    /// Versions offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_versions: Option<NameList>,
    /// Named groups offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_groups: Option<NameList>,
    /// Signature schemes offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_algorithms: Option<NameList>,
    /// Signature schemes accepted in certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_algorithms_cert: Option<NameList>,
    /// Point formats offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec_points_formats: Option<NameList>,
    /// Pre-shared key exchange modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psk_key_exchange_modes: Option<NameList>,
    /// Certificate compression algorithms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress_certificate: Option<NameList>,
    /// `status_request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_request: Option<StatusRequest>,
    /// Types of all extensions in the order sent, by IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<NameList>,
    /// Extensions without a field in Packetbeat's shape, as it lists them: by number, or by name.
    #[serde(rename = "_unparsed_", skip_serializing_if = "Option::is_none")]
    pub unparsed: Option<NameList>,
}

/// `status_request` of a `ClientHello` (RFC 6066 section 8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct StatusRequest {
    /// `ocsp`, or the number of another type.
    #[serde(rename = "type")]
    pub kind: Name,
    /// Length of the list of trusted responders in bytes.
    pub responder_id_list_length: u16,
    /// Length of the request extensions in bytes.
    pub request_extensions: u16,
}

/// The fields of a `ServerHello`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct ServerHelloDetail {
    /// `legacy_version`, as Packetbeat writes it: `3.3`.
    pub version: Name,
    /// The server's random.
    pub random: HexBytes,
    /// Session id chosen or echoed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<HexBytes>,
    /// Compression method chosen.
    pub selected_compression_method: Name,
    /// Extensions.
    pub extensions: Shared<ServerHelloExtensions>,
}

/// Extensions of a `ServerHello`, by Packetbeat's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct ServerHelloExtensions {
    /// ALPN protocol chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub application_layer_protocol_negotiation: Vec<String>,
    /// Empty string: the server will send a ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_ticket: Option<&'static str>,
    /// Version chosen by `supported_versions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_versions: Option<Name>,
    /// Point formats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec_points_formats: Option<NameList>,
    /// Whether a certificate status will follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_request: Option<StatusRequestAck>,
    /// Types of all extensions in the order sent, by IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<NameList>,
    /// Extensions without a field in Packetbeat's shape, as it lists them: by number, or by name.
    #[serde(rename = "_unparsed_", skip_serializing_if = "Option::is_none")]
    pub unparsed: Option<NameList>,
}

/// `status_request` of a `ServerHello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct StatusRequestAck {
    /// Whether the server announced a certificate status.
    pub response: bool,
}

/// An alert sent in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct AlertDetail {
    /// `warning`, `fatal`, or the number of another level.
    pub severity: Name,
    /// The description's number.
    pub code: u8,
    /// The description's name.
    #[serde(rename = "type")]
    pub kind: Name,
    /// `client` or `server`.
    pub source: &'static str,
}
