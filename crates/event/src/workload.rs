//! The Kubernetes object behind an end of a session, and how far that is to be trusted.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json::ToJson;

/// Elastic's `kubernetes`: what the cluster says of an end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct Kubernetes {
    /// Namespace of the pod or service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// The pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
    /// The node: that of the pod, or the end itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Named>,
    /// The service that the end's address is one of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Named>,
    /// What the pod belongs to: a `Deployment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Named>,
    /// A `ReplicaSet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicaset: Option<Named>,
    /// A `StatefulSet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statefulset: Option<Named>,
    /// A `DaemonSet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemonset: Option<Named>,
    /// A `Job`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Named>,
    /// A `CronJob`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cronjob: Option<Named>,
    /// Those labels of the pod that the settings name; `_` stands for dots in their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
}

/// `kubernetes.pod`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct Pod {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Its unique id: that of the API if the pod is known to it, else that of the cgroup.
    pub uid: Arc<str>,
    /// Its first address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Arc<str>>,
}

/// An object of which only the name is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct Named {
    /// Its name.
    pub name: Arc<str>,
}

/// ECS `orchestrator`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct Orchestrator {
    /// `kubernetes`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Namespace of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// The cluster, where its name is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Named>,
    /// What the end is.
    pub resource: OrchestratorResource,
}

/// `orchestrator.resource`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct OrchestratorResource {
    /// `pod`, `service` or `node`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name.
    pub name: Arc<str>,
    /// Its unique id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    /// What a pod belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<OrchestratorParent>,
}

/// `orchestrator.resource.parent`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct OrchestratorParent {
    /// Kind of the workload, such as `Deployment`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
}

/// `tlsight.workload`: how far the Kubernetes objects of both ends are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct Workloads {
    /// The client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<WorkloadState>,
    /// The server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<WorkloadState>,
}

/// One end of `tlsight.workload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct WorkloadState {
    /// The pod that the cgroup of a local end names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Knowledge>,
    /// What that pod belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Knowledge>,
    /// What the address of another end belongs to: a pod, service or node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<Knowledge>,
    /// Kind of the workload, such as `Deployment`; absent if the pod is on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Arc<str>>,
    /// Name of the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
}

/// How far something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson)]
#[serde(rename_all = "lowercase")]
pub enum Knowledge {
    /// The API has told it, and tells changes.
    Known,
    /// The API has told it, but for some time nothing more.
    Stale,
    /// The API has not told it, or is not asked.
    Unknown,
}
