//! Who talks: the ends of an edge.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::observation::Party;

/// One end of an edge, as a person would name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// What tells it from others: the kind and what is unique within it.
    pub id: String,
    /// What it is.
    pub kind: EntityKind,
    /// Its name.
    pub name: String,
    /// Its Kubernetes cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Its Kubernetes namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Kind of the workload: `Deployment`, `StatefulSet`, `Service` ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_kind: Option<String>,
    /// Path of the program, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Image of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Address, of hosts that are known by nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Labels of the pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A Kubernetes workload or service.
    Workload,
    /// A container outside of Kubernetes.
    Container,
    /// A program on a host.
    Process,
    /// A machine, by its name or address.
    Host,
    /// A range of addresses.
    Network,
}

/// How addresses that nothing else is known of are named.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// The host whose processes are told, where an agent says which.
    pub host: Option<String>,
    /// Ranges with names; the first that matches counts.
    pub networks: Vec<NamedNetwork>,
    /// The cluster of that host, for ends that are on it or in a cluster and do not say which.
    pub cluster: Option<String>,
    /// Labels of that host, for the same ends; what these say themselves counts.
    pub labels: BTreeMap<String, String>,
}

/// A range of addresses with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNetwork {
    /// Its name.
    pub name: String,
    /// First address.
    pub base: IpAddr,
    /// Bits of the prefix.
    pub prefix: u8,
}

/// The role of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Naming {
    /// Names an end by the most lasting thing that is known of it: its workload, its container, its
    /// program, its address.
    ///
    /// Public clients are one entity, `internet`; public servers are told apart by the name that the
    /// client asked for.
    pub(crate) fn entity(&self, party: &Party, server_name: Option<&str>, side: Side) -> Entity {
        let mut entity = self.identity(party, server_name, side);
        entity.executable.clone_from(&party.executable);
        entity.image.clone_from(&party.image);
        entity.labels.clone_from(&party.labels);
        if entity.kind != EntityKind::Network && entity.ip.is_none() && party.is_placed() {
            entity.cluster = entity.cluster.or_else(|| self.cluster.clone());
            for (key, value) in &self.labels {
                entity.labels.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        entity
    }

    fn identity(&self, party: &Party, server_name: Option<&str>, side: Side) -> Entity {
        let told = party.cluster.as_ref().or(self.cluster.as_ref());
        let cluster = told.map_or("", String::as_str);
        let namespace = party.namespace.as_deref().unwrap_or_default();
        if let (Some(kind), Some(name)) = (&party.workload_kind, &party.workload) {
            return Entity {
                cluster: told.cloned(),
                namespace: party.namespace.clone(),
                workload_kind: Some(kind.clone()),
                ..Entity::new(EntityKind::Workload, &[cluster, namespace, kind, name], name)
            };
        }
        let host = self.host.as_deref().unwrap_or_default();
        if let Some(id) = &party.container_id {
            let short = id.get(..SHORT_ID_LEN).unwrap_or(id);
            let name = party.container.as_deref().unwrap_or(short);
            return Entity::new(EntityKind::Container, &[host, name], name);
        }
        if let Some(program) = party.executable.as_ref().or(party.process.as_ref()) {
            let name = program.rsplit('/').next().filter(|name| !name.is_empty());
            let name = name.unwrap_or(program);
            return Entity::new(EntityKind::Process, &[host, program], name);
        }
        if let Some(node) = &party.node {
            return Entity::new(EntityKind::Host, &[node], node);
        }
        self.address(party.ip, server_name, side)
    }

    fn address(&self, ip: IpAddr, server_name: Option<&str>, side: Side) -> Entity {
        if let Some(network) = self.networks.iter().find(|network| network.contains(ip)) {
            return Entity::new(EntityKind::Network, &[&network.name], &network.name);
        }
        match (is_public(ip), side, server_name) {
            (true, Side::Client, _) => Entity::new(EntityKind::Network, &[INTERNET], INTERNET),
            (true, Side::Server, Some(name)) => Entity::new(EntityKind::Host, &[name], name),
            (true, Side::Server, None) | (false, ..) => {
                let text = ip.to_string();
                Entity { ip: Some(ip), ..Entity::new(EntityKind::Host, &[&text], &text) }
            }
        }
    }
}

impl Entity {
    /// Who answers for it, as far as a label of its pod says so.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        OWNER_LABELS.iter().find_map(|label| self.labels.get(*label)).map(String::as_str)
    }

    fn new(kind: EntityKind, unique: &[&str], name: &str) -> Self {
        Self {
            id: format!("{}:{}", kind.name(), unique.join("/")),
            kind,
            name: name.to_owned(),
            cluster: None,
            namespace: None,
            workload_kind: None,
            executable: None,
            image: None,
            ip: None,
            labels: BTreeMap::new(),
        }
    }
}

impl EntityKind {
    /// The name that JSON uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Container => "container",
            Self::Process => "process",
            Self::Host => "host",
            Self::Network => "network",
        }
    }
}

impl NamedNetwork {
    /// Whether an address is in the range. One of IPv4 that is written as IPv6 is the same.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base.to_canonical(), ip.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                same_prefix(base.to_bits().into(), ip.to_bits().into(), 32, self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                same_prefix(base.to_bits(), ip.to_bits(), 128, self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn same_prefix(one: u128, other: u128, width: u32, prefix: u8) -> bool {
    let behind = width.saturating_sub(prefix.into());
    (one ^ other).checked_shr(behind).unwrap_or(0) == 0
}

/// Whether an address may be anybody's: not one of the blocks for special purposes (RFC 6890).
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = same_prefix(
                ip.to_bits().into(),
                Ipv4Addr::new(100, 64, 0, 0).to_bits().into(),
                32,
                10,
            );
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_documentation()
                || shared)
        }
        IpAddr::V6(ip) => {
            let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
            !(ip.is_unique_local()
                || ip.is_loopback()
                || ip.is_unicast_link_local()
                || ip.is_unspecified()
                || same_prefix(ip.to_bits(), documentation.to_bits(), 128, 32))
        }
    }
}

/// All public clients.
const INTERNET: &str = "internet";

/// Digits of a container's id that people use.
const SHORT_ID_LEN: usize = 12;

/// Labels that say who answers for a workload; the first that is there counts. The last is of those that
/// Kubernetes recommends, with `_` for dots.
const OWNER_LABELS: [&str; 3] = ["owner", "team", "app_kubernetes_io/part-of"];
