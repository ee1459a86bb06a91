//! Sessions that are alike, counted.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::address::{IpText, Transport};
use crate::certificate::CertificateHash;
use crate::json::ToJson;
use crate::process::{Container, Process, User};
use crate::session::{Party, TlsEvent};
use crate::shared::Name;
use crate::time::Timestamp;
use crate::tlsight::{Carrier, CertificateState, Evidence, KeyExchangeClass};
use crate::workload::{Kubernetes, Orchestrator, Workloads};

/// What sessions have in common that are counted as one edge: who talks to whom, on which port, and
/// with which posture.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    client: EdgeParty,
    server: EdgeParty,
    network: EdgeNetwork,
    tls: EdgeTls,
    posture: Posture,
    outcome: &'static str,
}

/// How often an edge was seen, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeCounts {
    sessions: u64,
    partial: u64,
    anomalous: u64,
    first: Timestamp,
    last: Timestamp,
}

/// The sessions of one edge in one interval: a line whose `event.dataset` is `tlsight.edge`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct EdgeEvent {
    /// End of the interval.
    #[serde(rename = "@timestamp")]
    pub timestamp: Timestamp,
    /// ECS `event`.
    pub event: EdgeMeta,
    /// The client.
    pub source: EdgeParty,
    /// The server.
    pub destination: EdgeParty,
    /// The client, as in the records of sessions.
    pub client: EdgeParty,
    /// The server, as in the records of sessions.
    pub server: EdgeParty,
    /// ECS `network`.
    pub network: EdgeNetwork,
    /// ECS `tls`.
    pub tls: EdgeTls,
    /// What no common schema has.
    pub tlsight: EdgeBody,
}

/// ECS `event` of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct EdgeMeta {
    /// `metric`.
    pub kind: &'static str,
    /// `network`.
    pub category: [&'static str; 1],
    /// `connection` and `protocol`.
    #[serde(rename = "type")]
    pub types: [&'static str; 2],
    /// `tlsight.edge`.
    pub dataset: &'static str,
    /// Begin of the first session of the interval.
    pub start: Timestamp,
    /// Begin of the last session of the interval.
    pub end: Timestamp,
    /// `success`, `failure` or `unknown`: the same for all of these sessions.
    pub outcome: &'static str,
}

/// One end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct EdgeParty {
    /// Address.
    pub ip: IpText,
    /// Port, of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Server name, of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Arc<str>>,
    /// The program, if it runs on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<EdgeProcess>,
    /// Its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The resource that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orchestrator: Option<Arc<Orchestrator>>,
    /// What the cluster says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Arc<Kubernetes>>,
}

/// What the processes of an edge have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct EdgeProcess {
    /// Name that the kernel keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Path of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}

/// ECS `network` of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct EdgeNetwork {
    /// `tcp` or `udp`.
    pub transport: Transport,
    /// `tls`.
    pub protocol: &'static str,
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// ECS direction, where the vantage point is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
}

/// ECS `tls` of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct EdgeTls {
    /// Negotiated version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'static str>,
    /// `ssl`, `tls` or `dtls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_protocol: Option<&'static str>,
    /// Cipher suite chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<Name>,
    /// Named group of the key exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Name>,
    /// Whether the handshakes were seen to end in an encrypted channel.
    pub established: bool,
    /// The server's certificate.
    pub server: EdgeCertificate,
}

/// `tls.server` of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct EdgeCertificate {
    /// Digests of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<CertificateHash>,
    /// Distinguished name of its subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
    /// Distinguished name of its issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Arc<str>>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
}

/// How sessions are protected, beyond what ECS has fields for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Posture {
    key_exchange: EdgeKeyExchange,
    certificate: CertificateState,
    carrier: Carrier,
    starttls: Option<&'static str>,
    evidence: Evidence,
    workload: Option<Box<Workloads>>,
}

/// `tlsight` of an edge.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct EdgeBody {
    /// How the keys were agreed.
    pub key_exchange: EdgeKeyExchange,
    /// The server's certificate.
    pub certificate: EdgeCertificateState,
    /// What carried the handshakes.
    pub carrier: Carrier,
    /// The protocol that was upgraded to TLS or carried it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starttls: Option<&'static str>,
    /// Where the facts come from.
    pub evidence: Evidence,
    /// How far the Kubernetes objects of both ends are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Box<Workloads>>,
    /// The counts of the interval.
    pub edge: EdgeTotals,
}

/// `tlsight.key_exchange` of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct EdgeKeyExchange {
    /// Named group chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Name>,
    /// Class of the key exchange; absent if it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<KeyExchangeClass>,
    /// Whether there is forward secrecy; absent if that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_secret: Option<bool>,
}

/// `tlsight.certificate` of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct EdgeCertificateState {
    /// Whether it was seen, and why not.
    pub state: CertificateState,
}

/// `tlsight.edge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct EdgeTotals {
    /// Length of the interval in seconds; the last one of a run may be cut short.
    pub interval: u64,
    /// Sessions of the interval.
    pub sessions: u64,
    /// Of these, those of which less than the whole handshake was seen.
    pub partial: u64,
    /// Of these, those with something out of order.
    pub anomalous: u64,
}

impl Edge {
    /// The edge that a session is part of.
    #[must_use]
    pub fn of(event: &TlsEvent) -> Self {
        let (tls, own) = (&event.tls, &event.tlsight);
        let server = EdgeParty {
            port: Some(event.server.port),
            domain: event.server.domain.clone().or_else(|| tls.client.server_name.clone()),
            ..EdgeParty::of(&event.server)
        };
        Self {
            client: EdgeParty::of(&event.client),
            server,
            network: EdgeNetwork {
                transport: event.network.transport,
                protocol: event.network.protocol,
                kind: event.network.kind,
                direction: event.network.direction,
            },
            tls: EdgeTls {
                version: tls.version,
                version_protocol: tls.version_protocol,
                cipher: tls.cipher.clone(),
                curve: tls.curve.clone(),
                established: tls.established,
                server: EdgeCertificate {
                    hash: tls.server.hash.as_deref().cloned(),
                    subject: tls.server.subject.clone(),
                    issuer: tls.server.issuer.clone(),
                    not_after: tls.server.not_after,
                },
            },
            posture: Posture {
                key_exchange: EdgeKeyExchange {
                    group: own.key_exchange.group.clone(),
                    class: own.key_exchange.class,
                    forward_secret: own.key_exchange.forward_secret,
                },
                certificate: own.certificate.state,
                carrier: own.carrier,
                starttls: own.starttls,
                evidence: own.evidence,
                workload: own.workload.clone(),
            },
            outcome: event.event.outcome,
        }
    }
}

impl EdgeCounts {
    /// The counts with one session.
    #[must_use]
    pub const fn of(event: &TlsEvent) -> Self {
        Self {
            sessions: 1,
            partial: if event.tlsight.partial.is_empty() { 0 } else { 1 },
            anomalous: if event.tlsight.anomalies.is_empty() { 0 } else { 1 },
            first: event.timestamp,
            last: event.timestamp,
        }
    }

    /// Adds the counts of other sessions.
    pub fn add(&mut self, other: &Self) {
        self.sessions = self.sessions.saturating_add(other.sessions);
        self.partial = self.partial.saturating_add(other.partial);
        self.anomalous = self.anomalous.saturating_add(other.anomalous);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

impl EdgeEvent {
    /// The line of an edge whose interval of `interval` seconds ended at `timestamp`.
    #[must_use]
    pub fn new(timestamp: Timestamp, interval: u64, edge: Edge, counts: &EdgeCounts) -> Self {
        let Edge { client, server, network, tls, posture, outcome } = edge;
        Self {
            timestamp,
            event: EdgeMeta {
                kind: "metric",
                category: ["network"],
                types: ["connection", "protocol"],
                dataset: "tlsight.edge",
                start: counts.first,
                end: counts.last,
                outcome,
            },
            source: client.without_identity(),
            destination: server.without_identity(),
            client,
            server,
            network,
            tls,
            tlsight: EdgeBody {
                key_exchange: posture.key_exchange,
                certificate: EdgeCertificateState { state: posture.certificate },
                carrier: posture.carrier,
                starttls: posture.starttls,
                evidence: posture.evidence,
                workload: posture.workload,
                edge: EdgeTotals {
                    interval,
                    sessions: counts.sessions,
                    partial: counts.partial,
                    anomalous: counts.anomalous,
                },
            },
        }
    }
}

impl EdgeParty {
    fn of(party: &Party) -> Self {
        Self {
            ip: party.ip,
            port: None,
            domain: None,
            process: party.process.as_deref().map(EdgeProcess::of),
            container: party.container.clone(),
            orchestrator: party.orchestrator.clone(),
            kubernetes: party.kubernetes.clone(),
        }
    }

    fn without_identity(&self) -> Self {
        Self {
            ip: self.ip,
            port: self.port,
            domain: self.domain.clone(),
            process: None,
            container: None,
            orchestrator: None,
            kubernetes: None,
        }
    }
}

impl EdgeProcess {
    fn of(process: &Process) -> Self {
        let Process { name, executable, user, .. } = process;
        Self { name: name.clone(), executable: executable.clone(), user: user.clone() }
    }
}
