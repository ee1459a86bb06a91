//! Objects as the API sends them, cut down to what is kept.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

/// An object of any kind that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) uid: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) namespace: Option<Arc<str>>,
    /// Those that are its alone.
    pub(crate) addresses: Vec<IpAddr>,
    /// What only pods have.
    pub(crate) pod: Option<Box<PodParts>>,
}

/// What only pods have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodParts {
    pub(crate) controller: Option<Owner>,
    /// What the kubelet calls a static pod, in place of the API's unique id.
    pub(crate) config_hash: Option<Arc<str>>,
    pub(crate) node: Option<Arc<str>>,
    /// Its first address, also if it is the node's.
    pub(crate) ip: Option<Arc<str>>,
    /// Labels that are wanted, under the names that they are told by.
    pub(crate) labels: BTreeMap<Arc<str>, Arc<str>>,
}

/// What an object belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) kind: Arc<str>,
    /// API group, without the version; empty for the core.
    pub(crate) group: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) uid: Arc<str>,
}

/// Something that no API sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an object of Kubernetes")]
pub(crate) struct Malformed;

impl Object {
    /// Reads an object; `is_pod` as that does not say it of itself in lists. Of the labels, those that
    /// `wanted` has are kept.
    ///
    /// # Errors
    /// [`Malformed`] also for names that Kubernetes would not have taken.
    pub(crate) fn parse(json: &str, is_pod: bool, wanted: &[Label]) -> Result<Self, Malformed> {
        let Raw { metadata, spec, status } = serde_json::from_str(json).ok().ok_or(Malformed)?;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let pod = is_pod.then(|| Box::new(PodParts::new(&metadata, &spec, &status, wanted)));
        let is_over = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        let shares_address = spec.host_network.unwrap_or(false);
        let addresses =
            if is_over || shares_address { Vec::new() } else { addresses(&spec, &status) };
        Ok(Self {
            uid: uid(metadata.uid.as_deref())?,
            name: name(&metadata.name)?,
            namespace: metadata.namespace.as_deref().map(name).transpose()?,
            addresses,
            pod,
        })
    }
}

impl PodParts {
    fn new(
        metadata: &RawMetadata<'_>,
        spec: &RawSpec,
        status: &RawStatus,
        wanted: &[Label],
    ) -> Self {
        let annotations = metadata.annotations.as_ref();
        let hash = annotations.and_then(|all| all.get(CONFIG_HASH)).map(|hash| uid(Some(hash)));
        let label = |label: &Label| {
            let value = metadata.labels.as_ref()?.get(&*label.key)?;
            let is_valid = value.len() <= MAX_LABEL_LEN;
            is_valid.then(|| (Arc::clone(&label.told), Arc::from(&**value)))
        };
        Self {
            controller: metadata.controller(),
            config_hash: hash.and_then(Result::ok),
            node: spec.node_name.as_deref().and_then(|node| name(node).ok()),
            ip: status.ips().find(|ip| ip.parse::<IpAddr>().is_ok()).map(Arc::from),
            labels: wanted.iter().filter_map(label).collect(),
        }
    }
}

/// A label that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    key: Arc<str>,
    /// Elastic's name of it: dots would make it an object in an object.
    told: Arc<str>,
}

impl Label {
    pub(crate) fn new(key: &str) -> Self {
        Self { key: Arc::from(key), told: Arc::from(key.replace('.', "_")) }
    }
}

/// The controller of an object of which only the metadata was asked for, if it has one, and its own
/// unique id.
///
/// # Errors
/// [`Malformed`].
pub(crate) fn controller(json: &str) -> Result<(Arc<str>, Option<Owner>), Malformed> {
    let Raw { metadata, .. } = serde_json::from_str(json).ok().ok_or(Malformed)?;
    Ok((uid(metadata.uid.as_deref())?, metadata.controller()))
}

/// A page of a list.
#[derive(Deserialize)]
pub(crate) struct Page<'a> {
    pub(crate) metadata: ListMetadata,
    #[serde(borrow, default)]
    pub(crate) items: Option<Vec<&'a RawValue>>,
}

/// Where a list is, and whether there is more of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListMetadata {
    pub(crate) resource_version: String,
    #[serde(rename = "continue")]
    pub(crate) next: Option<String>,
}

/// A line of a watch.
#[derive(Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) object: &'a RawValue,
}

/// The version that an object brings with it.
///
/// # Errors
/// [`Malformed`] if it brings none.
pub(crate) fn version(json: &str) -> Result<String, Malformed> {
    let versioned: Versioned = serde_json::from_str(json).ok().ok_or(Malformed)?;
    valid_version(versioned.metadata.resource_version).ok_or(Malformed)
}

/// A version, if it can be one.
pub(crate) fn valid_version(version: String) -> Option<String> {
    (1..=MAX_UID_LEN).contains(&version.len()).then_some(version)
}

/// The code and the message of a `Status`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ApiStatus {
    pub(crate) code: Option<u16>,
    pub(crate) message: Option<String>,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: VersionMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionMetadata {
    resource_version: String,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    metadata: RawMetadata<'a>,
    spec: Option<RawSpec>,
    status: Option<RawStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMetadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uid: Option<Cow<'a, str>>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<RawOwner>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawOwner {
    api_version: String,
    kind: String,
    name: String,
    uid: String,
    controller: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawSpec {
    node_name: Option<String>,
    host_network: Option<bool>,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Option<Vec<String>>,
    #[serde(rename = "externalIPs")]
    external_ips: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawStatus {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<RawIp>>,
    addresses: Option<Vec<RawAddress>>,
    load_balancer: Option<RawLoadBalancer>,
}

#[derive(Deserialize)]
struct RawIp {
    ip: Option<String>,
}

#[derive(Deserialize)]
struct RawAddress {
    address: String,
}

#[derive(Deserialize)]
struct RawLoadBalancer {
    ingress: Option<Vec<RawIp>>,
}

impl RawMetadata<'_> {
    fn controller(&self) -> Option<Owner> {
        let owners = self.owner_references.iter().flatten();
        let owner = owners.take(MAX_OWNERS).find(|owner| owner.controller == Some(true))?;
        let is_kind = !owner.kind.is_empty()
            && owner.kind.len() <= MAX_KIND_LEN
            && owner.kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_kind {
            return None;
        }
        let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
        Some(Owner {
            kind: Arc::from(&*owner.kind),
            group: if group.is_empty() { Arc::default() } else { name(group).ok()? },
            name: name(&owner.name).ok()?,
            uid: uid(Some(&owner.uid)).ok()?,
        })
    }
}

impl RawStatus {
    fn ips(&self) -> impl Iterator<Item = &str> {
        let several = self.pod_ips.iter().flatten().filter_map(|ip| ip.ip.as_deref());
        several.chain(self.pod_ip.as_deref())
    }
}

/// Each address that is an IP address: a service without any has the address `None`, a node also
/// has its host name.
fn addresses(spec: &RawSpec, status: &RawStatus) -> Vec<IpAddr> {
    let of_spec = spec.cluster_ips.iter().flatten().chain(spec.external_ips.iter().flatten());
    let balancer = status.load_balancer.as_ref().and_then(|balancer| balancer.ingress.as_ref());
    let of_nodes = status.addresses.iter().flatten().map(|address| &*address.address);
    let all = of_spec
        .map(|ip| &**ip)
        .chain(balancer.into_iter().flatten().filter_map(|ip| ip.ip.as_deref()))
        .chain(of_nodes)
        .chain(status.ips());
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in all.filter_map(|ip| ip.parse().ok()).take(MAX_ADDRESSES) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// A DNS subdomain (RFC 1123), as names are, so that it can be put into a URL or a line as it is.
/// Names of some kinds may also have a colon.
fn name(text: &str) -> Result<Arc<str>, Malformed> {
    let is_valid = (1..=MAX_NAME_LEN).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':')
        });
    if is_valid { Ok(Arc::from(text)) } else { Err(Malformed) }
}

fn uid(text: Option<&str>) -> Result<Arc<str>, Malformed> {
    let text = text.ok_or(Malformed)?;
    let is_valid = (1..=MAX_UID_LEN).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_valid { Ok(Arc::from(text)) } else { Err(Malformed) }
}

/// Where a static pod's mirror in the API has what the kubelet calls it.
const CONFIG_HASH: &str = "kubernetes.io/config.hash";

/// Kubernetes' own bound of names and label values.
const MAX_NAME_LEN: usize = 253;
const MAX_LABEL_LEN: usize = 63;

/// A kind is a DNS label in another case.
const MAX_KIND_LEN: usize = 63;

/// A UUID has 36 characters, a version at most 20 digits.
const MAX_UID_LEN: usize = 64;

/// Of the owners one is the controller, of few.
const MAX_OWNERS: usize = 32;

/// A service has two of its own, and some of load balancers.
const MAX_ADDRESSES: usize = 16;

#[cfg(test)]
mod tests;
