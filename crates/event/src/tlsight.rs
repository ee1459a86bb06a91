//! The `tlsight` object: what no common schema has a field for.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json::ToJson;
use crate::process::Sockets;
use crate::shared::{Name, NameList};
use crate::workload::Workloads;

/// `tlsight`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct Tlsight {
    /// JA4 fingerprint of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<Arc<str>>,
    /// How the keys were agreed.
    pub key_exchange: KeyExchange,
    /// Scheme of the server's handshake signature, as far as that is sent in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_algorithm: Option<Name>,
    /// The server's certificate.
    pub certificate: CertificateInfo,
    /// Resumption of an earlier session.
    pub resumption: ResumptionInfo,
    /// Early data (0-RTT).
    pub early_data: EarlyData,
    /// Encrypted Client Hello (RFC 9849).
    pub ech: Ech,
    /// Whether the server name is that of an ECH outer hello, so perhaps not the true one.
    #[serde(skip_serializing_if = "is_false")]
    pub server_name_is_outer: bool,
    /// Signs of a downgrade.
    #[serde(skip_serializing_if = "Downgrade::is_none")]
    pub downgrade: Downgrade,
    /// Number of signed certificate timestamps in the certificate and the hello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sct: Option<u32>,
    /// Whether an OCSP response was stapled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp_staple: Option<bool>,
    /// The protocol that was upgraded to TLS or carried it: `smtp`, `http-connect`, `socks5` ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starttls: Option<&'static str>,
    /// What carried the handshake.
    pub carrier: Carrier,
    /// QUIC version, of sessions over QUIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quic_version: Option<Name>,
    /// When the stages of the handshake were seen.
    pub timing: Timing,
    /// Names of the certification authorities that the server's `CertificateRequest` listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requested_authorities: Vec<String>,
    /// Lifetime hint of the `NewSessionTicket` in seconds, as far as that is sent in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_lifetime_hint: Option<u32>,
    /// How many handshake messages were seen in clear, by kind.
    pub messages: Messages,
    /// Number of renegotiations seen.
    #[serde(skip_serializing_if = "is_zero")]
    pub renegotiations: u32,
    /// Why this record is less than the whole handshake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<Name>,
    /// What was out of order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub anomalies: Vec<Name>,
    /// Where this record's facts come from.
    pub evidence: Evidence,
    /// The local sockets of the session, of captures at sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<Box<Sockets>>,
    /// How far the Kubernetes objects of both ends are known, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Box<Workloads>>,
}

/// `tlsight.key_exchange`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct KeyExchange {
    /// Named group chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Name>,
    /// Class of the key exchange; absent if it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<KeyExchangeClass>,
    /// Whether the session has forward secrecy; absent if that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_secret: Option<bool>,
    /// Groups that the client supports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered_groups: Option<NameList>,
    /// Groups that the client sent key shares for, in its first hello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered_key_shares: Option<NameList>,
    /// Group that a `HelloRetryRequest` asked for, or `cookie` if it asked only for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello_retry: Option<Name>,
    /// Size of a finite-field Diffie-Hellman modulus in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dh_bits: Option<u32>,
}

/// Class of a key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson)]
#[serde(rename_all = "snake_case")]
pub enum KeyExchangeClass {
    /// Diffie-Hellman, over a finite field or a curve.
    Classical,
    /// A post-quantum mechanism combined with a classical one.
    HybridPq,
    /// A post-quantum mechanism alone.
    Pq,
    /// No ephemeral exchange: static RSA or DH, or a pre-shared key alone.
    None,
}

/// `tlsight.certificate`: what is known about the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct CertificateInfo {
    /// Whether it was seen, and why not.
    pub state: CertificateState,
    /// Whole days from the session's start to the end of validity; negative if expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// Whether the certificate covers the server name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni_match: Option<bool>,
    /// Whether subject and issuer are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<bool>,
}

/// Whether the server's certificate was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// It was seen.
    Visible,
    /// It was sent encrypted (TLS 1.3).
    Encrypted,
    /// None is sent in a resumed session.
    Resumed,
    /// None was sent, or the handshake did not come that far.
    Absent,
}

/// `tlsight.resumption`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct ResumptionInfo {
    /// How the session was resumed or, if it was not, how the client tried to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<ResumptionMethod>,
    /// Whether the client offered an earlier session.
    pub offered: bool,
    /// Whether the server took it.
    pub accepted: bool,
}

/// How a session is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson)]
#[serde(rename_all = "snake_case")]
pub enum ResumptionMethod {
    /// By session id (RFC 5246 section 7.3).
    Id,
    /// By session ticket (RFC 5077).
    Ticket,
    /// By pre-shared key (RFC 9846 section 2.2).
    Psk,
}

impl ResumptionMethod {
    /// The name that the events use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Ticket => "ticket",
            Self::Psk => "psk",
        }
    }
}

/// Early data (RFC 9846 section 4.2.10).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson,
)]
#[serde(rename_all = "snake_case")]
pub enum EarlyData {
    /// Not offered.
    #[default]
    None,
    /// Offered; the answer is encrypted or was not seen.
    Offered,
    /// Offered and, as far as can be told, taken.
    Accepted,
    /// Offered and refused (a `HelloRetryRequest`, or an older version).
    Rejected,
}

/// Encrypted Client Hello (RFC 9849).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson,
)]
#[serde(rename_all = "snake_case")]
pub enum Ech {
    /// No such extension.
    #[default]
    None,
    /// Known to be GREASE.
    Grease,
    /// Offered, perhaps as GREASE: the two look alike on the wire by design.
    Offered,
    /// Taken, as an opened handshake shows.
    Accepted,
    /// Refused.
    Rejected,
}

/// `tlsight.downgrade`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Downgrade {
    /// The version that the server's random says it could have spoken better than (`1.2` or
    /// `1.1`: RFC 9846 section 4.1.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentinel: Option<&'static str>,
    /// Whether the client sent `TLS_FALLBACK_SCSV` (RFC 7507).
    #[serde(skip_serializing_if = "is_false")]
    pub fallback_scsv: bool,
}

impl Downgrade {
    /// Whether there is no sign at all.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.sentinel.is_none() && !self.fallback_scsv
    }
}

/// What carried a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// TLS records over TCP.
    Tcp,
    /// CRYPTO frames of QUIC.
    Quic,
    /// DTLS records over UDP.
    Dtls,
}

/// `tlsight.messages`: counts of messages seen. Zeros are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Messages {
    /// `ClientHello`.
    #[serde(skip_serializing_if = "is_zero")]
    pub client_hello: u32,
    /// `ServerHello`, without `HelloRetryRequest`.
    #[serde(skip_serializing_if = "is_zero")]
    pub server_hello: u32,
    /// `HelloRetryRequest`.
    #[serde(skip_serializing_if = "is_zero")]
    pub hello_retry_request: u32,
    /// `HelloVerifyRequest` of DTLS.
    #[serde(skip_serializing_if = "is_zero")]
    pub hello_verify_request: u32,
    /// `Certificate` and `CompressedCertificate`, of either side.
    #[serde(skip_serializing_if = "is_zero")]
    pub certificate: u32,
    /// `CertificateRequest`.
    #[serde(skip_serializing_if = "is_zero")]
    pub certificate_request: u32,
    /// `CertificateVerify`.
    #[serde(skip_serializing_if = "is_zero")]
    pub certificate_verify: u32,
    /// `CertificateStatus`.
    #[serde(skip_serializing_if = "is_zero")]
    pub certificate_status: u32,
    /// `ServerKeyExchange`.
    #[serde(skip_serializing_if = "is_zero")]
    pub server_key_exchange: u32,
    /// `ClientKeyExchange`.
    #[serde(skip_serializing_if = "is_zero")]
    pub client_key_exchange: u32,
    /// `NewSessionTicket`.
    #[serde(skip_serializing_if = "is_zero")]
    pub new_session_ticket: u32,
    /// Alerts.
    #[serde(skip_serializing_if = "is_zero")]
    pub alert: u32,
}

/// `tlsight.timing`: microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Timing {
    /// From the SYN to the ACK of the SYN-ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn_rtt_us: Option<u64>,
    /// From the flow's first packet to the end of the `ClientHello`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_hello_us: Option<u64>,
    /// From the `ClientHello` to the `ServerHello`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_hello_us: Option<u64>,
    /// From the `ClientHello` to the server's certificate, if visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_us: Option<u64>,
    /// From the `ClientHello` to the end of the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_us: Option<u64>,
}

/// Where the facts of a record come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Packets.
    Wire,
    /// The socket layer of the host.
    Socket,
    /// A handshake opened with its secrets.
    Secrets,
    /// The TLS library.
    Library,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
const fn is_zero(value: &u32) -> bool {
    *value == 0
}
