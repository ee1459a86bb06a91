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
use crate::tls::TlsServer;
use crate::tlsight::{Carrier, CertificateState, EarlyData, Evidence, KeyExchangeClass};
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
    /// Whether earlier sessions were resumed.
    pub resumed: bool,
    /// ALPN protocol chosen, as far as that is sent in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_protocol: Option<Arc<str>>,
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
    /// Start of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Its algorithms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x509: Option<EdgeX509>,
}

/// `tls.server.x509` of an edge: as much as the posture says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct EdgeX509 {
    /// As in the records of sessions.
    pub public_key_algorithm: Name,
    /// Size of the public key in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_size: Option<u32>,
    /// Curve of an elliptic-curve key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_curve: Option<Name>,
    /// As in the records of sessions.
    pub signature_algorithm: Name,
}

/// How sessions are protected, beyond what ECS has fields for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Posture {
    key_exchange: EdgeKeyExchange,
    signature_algorithm: Option<Name>,
    certificate: EdgeCertificateState,
    early_data: Option<EarlyData>,
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
    /// Scheme of the server's handshake signature, as far as that is sent in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_algorithm: Option<Name>,
    /// The server's certificate.
    pub certificate: EdgeCertificateState,
    /// Early data (0-RTT); absent if the clients' hellos were not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_data: Option<EarlyData>,
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
    /// Group that a `HelloRetryRequest` asked for, or `cookie` if it asked only for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello_retry: Option<Name>,
    /// Size of a finite-field Diffie-Hellman modulus in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dh_bits: Option<u32>,
    /// Whether a group with a post-quantum mechanism was offered; absent if the offer is unknown. The records of
    /// sessions have the whole offer in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offers_post_quantum: Option<bool>,
}

/// `tlsight.certificate` of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct EdgeCertificateState {
    /// Whether it was seen, and why not.
    pub state: CertificateState,
    /// Whether the certificate covers the server name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni_match: Option<bool>,
    /// Whether subject and issuer are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<bool>,
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
    /// The edge that a session is part of. Whether its client offers a group with a post-quantum mechanism is
    /// known to whoever knows the registry.
    #[must_use]
    pub fn of(event: &TlsEvent, offers_post_quantum: Option<bool>) -> Self {
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
                resumed: tls.resumed,
                next_protocol: tls.next_protocol.clone(),
                established: tls.established,
                server: EdgeCertificate::of(&tls.server),
            },
            posture: Posture {
                key_exchange: EdgeKeyExchange {
                    group: own.key_exchange.group.clone(),
                    class: own.key_exchange.class,
                    forward_secret: own.key_exchange.forward_secret,
                    hello_retry: own.key_exchange.hello_retry.clone(),
                    dh_bits: own.key_exchange.dh_bits,
                    offers_post_quantum,
                },
                signature_algorithm: own.signature_algorithm.clone(),
                certificate: EdgeCertificateState {
                    state: own.certificate.state,
                    sni_match: own.certificate.sni_match,
                    self_signed: own.certificate.self_signed,
                },
                early_data: tls.client.ja3.is_some().then_some(own.early_data),
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
                signature_algorithm: posture.signature_algorithm,
                certificate: posture.certificate,
                early_data: posture.early_data,
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

impl EdgeCertificate {
    fn of(server: &TlsServer) -> Self {
        let x509 = server.x509.as_deref().map(|x509| EdgeX509 {
            public_key_algorithm: x509.public_key_algorithm.clone(),
            public_key_size: x509.public_key_size,
            public_key_curve: x509.public_key_curve.clone(),
            signature_algorithm: x509.signature_algorithm.clone(),
        });
        Self {
            hash: server.hash.as_deref().cloned(),
            subject: server.subject.clone(),
            issuer: server.issuer.clone(),
            not_before: server.not_before,
            not_after: server.not_after,
            x509,
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
