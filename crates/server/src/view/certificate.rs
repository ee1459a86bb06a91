//! Certificates.

use event::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::edge::{Edge, days_left};

/// A certificate that servers showed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Certificate {
    /// Digest, hexadecimal.
    pub(crate) fingerprint: String,
    /// Distinguished name of the subject.
    pub(crate) subject: String,
    /// Distinguished name of the issuer.
    pub(crate) issuer: String,
    /// Names that it covers.
    pub(crate) names: Vec<String>,
    /// Serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) serial: Option<String>,
    /// Begin of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) not_before: Option<Timestamp>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) not_after: Option<Timestamp>,
    /// Days until then; negative if it has expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) days_left: Option<i64>,
    /// Algorithm of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_type: Option<String>,
    /// Size of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_bits: Option<u32>,
    /// Algorithm of its own signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature_algorithm: Option<String>,
    /// Whether subject and issuer are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) self_signed: Option<bool>,
    /// When it was first seen.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) first_seen: Timestamp,
    /// When it was last seen.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_seen: Timestamp,
    /// In how many sessions.
    pub(crate) sessions: u64,
    /// Edges whose servers show it; only of a single certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used_by: Option<Vec<Edge>>,
}

impl Certificate {
    /// The certificate as it is to be told now.
    pub(crate) fn at(found: &store::Certificate, now: Timestamp) -> Self {
        let certificate = &*found.certificate;
        Self {
            fingerprint: certificate.fingerprint.clone(),
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            names: certificate.names.clone(),
            serial: certificate.serial.clone(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            days_left: certificate.not_after.map(|end| days_left(end, now)),
            key_type: certificate.key_type.clone(),
            key_bits: certificate.key_bits,
            signature_algorithm: certificate.signature_algorithm.clone(),
            self_signed: certificate.self_signed,
            first_seen: found.first_seen,
            last_seen: found.last_seen,
            sessions: found.sessions,
            used_by: None,
        }
    }
}
