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

impl SessionRow {
    /// The row of a session.
    pub(crate) fn of(row: &store::SessionRow) -> Self {
        let posture = &*row.posture;
        Self {
            id: row.id.to_string(),
            time: row.id.time(),
            source: Entity::from(&*row.source),
            destination: Entity::from(&*row.destination),
            client_ip: row.client_ip,
            client_port: row.client_port,
            server_ip: row.server_ip,
            server_port: row.server_port,
            server_name: row.server_name.clone(),
            version: posture.version.clone(),
            cipher: posture.cipher.clone(),
            group: posture.group.clone(),
            class: posture.class,
            grade: row.grade,
            alpn: posture.alpn.clone(),
            resumed: posture.resumed,
            outcome: row.outcome,
            alert: row.alert.clone(),
            process: row.process.clone(),
            edge: row.edge.to_string(),
        }
    }

    /// The row of a record that has just come in.
    pub(crate) fn of_record(record: &store::Record) -> Self {
        let (seen, posture) = (&record.seen, &record.seen.posture);
        let posture_id = store::PostureId::of(posture);
        let edge = store::EdgeId::of(
            &record.source,
            &record.destination,
            seen.server.port,
            seen.transport,
        );
        let id = store::SessionId::of(seen, posture_id);
        Self {
            id: id.to_string(),
            time: id.time(),
            source: Entity::from(&record.source),
            destination: Entity::from(&record.destination),
            client_ip: seen.client.ip,
            client_port: seen.client.port,
            server_ip: seen.server.ip,
            server_port: seen.server.port,
            server_name: seen.server_name.clone(),
            version: posture.version.clone(),
            cipher: posture.cipher.clone(),
            group: posture.group.clone(),
            class: posture.class,
            grade: posture.grade(),
            alpn: posture.alpn.clone(),
            resumed: posture.resumed,
            outcome: seen.outcome,
            alert: seen.alert.clone(),
            process: seen.client.process.clone().or_else(|| seen.server.process.clone()),
            edge: edge.to_string(),
        }
    }
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
