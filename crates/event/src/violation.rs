//! A violation of a policy that has begun or ended.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::json::ToJson;
use crate::time::Timestamp;

/// A violation that has begun or ended: a line whose `event.dataset` is `tlsight.violation`. Servers write it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct ViolationEvent {
    /// When it was found.
    #[serde(rename = "@timestamp")]
    pub timestamp: Timestamp,
    /// ECS `event`.
    pub event: ViolationMeta,
    /// One sentence.
    pub message: String,
    /// The policy.
    pub rule: ViolatedRule,
    /// Who talks.
    pub source: ViolationParty,
    /// To whom.
    pub destination: ViolationParty,
    /// ECS `network`.
    pub network: ViolationNetwork,
    /// What no common schema has.
    pub tlsight: ViolationBody,
}

/// ECS `event` of a violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct ViolationMeta {
    /// `alert`.
    pub kind: &'static str,
    /// `network`.
    pub category: [&'static str; 1],
    /// `info`.
    #[serde(rename = "type")]
    pub types: [&'static str; 1],
    /// `tlsight.violation`.
    pub dataset: &'static str,
    /// `active` or `resolved`.
    pub action: &'static str,
}

/// ECS `rule`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct ViolatedRule {
    /// Id of the policy.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
}

/// One end of the edge: a pod, workload, service, host or network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct ViolationParty {
    /// Its name, or its address.
    pub address: String,
    /// Port, of the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// ECS `network` of a violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct ViolationNetwork {
    /// `tcp` or `udp`.
    pub transport: String,
    /// `tls`.
    pub protocol: &'static str,
}

/// `tlsight` of a violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct ViolationBody {
    /// The violation.
    pub violation: Violation,
}

/// `tlsight.violation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Violation {
    /// Its id, the same when it begins and ends.
    pub id: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: &'static str,
    /// Id of the edge.
    pub edge: String,
    /// Who talks.
    pub source: ViolationEnd,
    /// To whom.
    pub destination: ViolationEnd,
    /// Server names that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_names: Vec<String>,
    /// What is known of the posture, by name: version, cipher suite, group and the like.
    pub posture: BTreeMap<String, String>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// Sessions with this posture so far.
    pub sessions: u64,
}

/// One end of `tlsight.violation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct ViolationEnd {
    /// Its id.
    pub id: String,
    /// `workload`, `host`, `address` and the like.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The cluster that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The namespace that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Kind of a workload, such as `Deployment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_kind: Option<String>,
}
