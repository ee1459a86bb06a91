//! Single sessions.

use std::net::IpAddr;

use event::Timestamp;
use policy::{Grade, Outcome};
use serde::Serialize;
use utoipa::ToSchema;

use super::edge::{Entity, GradeName};

/// A session in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SessionRow {
    /// What tells it from others.
    pub(crate) id: String,
    /// Its begin.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) time: Timestamp,
    /// The client.
    pub(crate) source: Entity,
    /// The server.
    pub(crate) destination: Entity,
    /// Address of the client.
    #[schema(value_type = String)]
    pub(crate) client_ip: IpAddr,
    /// Port of the client.
    pub(crate) client_port: u16,
    /// Address of the server.
    #[schema(value_type = String)]
    pub(crate) server_ip: IpAddr,
    /// Port of the server.
    pub(crate) server_port: u16,
    /// Name that the client asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_name: Option<String>,
    /// Negotiated version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Cipher suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cipher: Option<String>,
    /// Named group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// Class of the key exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) class: Option<event::KeyExchangeClass>,
    /// The posture at a glance.
    #[schema(value_type = GradeName)]
    pub(crate) grade: Grade,
    /// Application protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alpn: Option<String>,
    /// Whether an earlier session was resumed.
    pub(crate) resumed: bool,
    /// `success`, `failure` or `unknown`.
    #[schema(value_type = String)]
    pub(crate) outcome: Outcome,
    /// First alert in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alert: Option<String>,
    /// Process of the local end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) process: Option<String>,
    /// Its edge.
    pub(crate) edge: String,
}

/// All that is known of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionDetail {
    /// As in a list.
    pub(crate) row: SessionRow,
    /// The event as `tlsight read --json` writes it.
    #[schema(value_type = Object)]
    pub(crate) event: serde_json::Value,
}

/// What a field of the event means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Field {
    /// What it means.
    pub(crate) description: String,
    /// Its JSON type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
}
