//! One TLS session.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::address::{IpText, Mac, Transport};
use crate::community_id::CommunityId;
use crate::json::ToJson;
use crate::process::{Container, Process};
use crate::time::Timestamp;
use crate::tls::Tls;
use crate::tlsight::Tlsight;
use crate::workload::{Kubernetes, Orchestrator};

/// One TLS session: one line of NDJSON.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct TlsEvent {
    /// When the session began: its first handshake message.
    #[serde(rename = "@timestamp")]
    pub timestamp: Timestamp,
    /// `tls`, for Packetbeat's dashboards.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Packetbeat's outcome.
    pub status: Status,
    /// ECS `event`.
    pub event: EventMeta,
    /// The side that opened the flow; nearly always the client.
    pub source: Party,
    /// The side that answered.
    pub destination: Party,
    /// The client.
    pub client: Party,
    /// The server.
    pub server: Party,
    /// ECS `network`.
    pub network: Network,
    /// ECS `related`.
    pub related: Related,
    /// ECS `process` of the end on this host; the client's if both are. Of captures at sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Arc<Process>>,
    /// ECS `container` of the same end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// ECS `orchestrator` of the same end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orchestrator: Option<Arc<Orchestrator>>,
    /// Elastic's `kubernetes` of the same end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Arc<Kubernetes>>,
    /// ECS `tls`.
    pub tls: Tls,
    /// What no common schema has.
    pub tlsight: Tlsight,
}

/// Packetbeat's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub enum Status {
    /// The session was established.
    #[serde(rename = "OK")]
    Ok,
    /// It was not, or was not seen to be.
    Error,
}

/// ECS `event`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct EventMeta {
    /// `event`.
    pub kind: &'static str,
    /// `network`.
    pub category: [&'static str; 1],
    /// `connection` and `protocol`.
    #[serde(rename = "type")]
    pub types: [&'static str; 2],
    /// `tls`.
    pub dataset: &'static str,
    /// First handshake message.
    pub start: Timestamp,
    /// End of the handshake, or of what was seen of it.
    pub end: Timestamp,
    /// From start to end in nanoseconds.
    pub duration: u64,
    /// `success`, `failure` or `unknown`.
    pub outcome: &'static str,
}

/// One side of the flow. Counts are those up to the end of the handshake.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct Party {
    /// Address.
    pub ip: IpText,
    /// Port.
    pub port: u16,
    /// Ethernet address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Server name, of the server's side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Arc<str>>,
    /// Bytes that it sent, IP headers included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Packets that it sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// Its process, of `client` and `server` where these are on this host (Packetbeat's
    /// `client.process` and `server.process`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Arc<Process>>,
    /// The container of its process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The resource that it is, of `client` and `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orchestrator: Option<Arc<Orchestrator>>,
    /// What the cluster says of it, of `client` and `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Arc<Kubernetes>>,
}

/// ECS `network`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct Network {
    /// `tcp` or `udp`.
    pub transport: Transport,
    /// `tls`.
    pub protocol: &'static str,
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Community id of the flow.
    pub community_id: CommunityId,
    /// ECS direction, where the vantage point is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// Outermost VLAN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
}

/// ECS `network.vlan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Vlan {
    /// VLAN identifier (IEEE 802.1Q).
    pub id: u16,
}

/// ECS `related`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Related {
    /// Client and server.
    pub ip: [IpText; 2],
}
