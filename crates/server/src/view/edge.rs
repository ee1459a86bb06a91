//! Who talks to whom, and how well that is protected.

use std::net::IpAddr;

use event::Timestamp;
use policy::{EntityKind, Grade};
use serde::Serialize;
use utoipa::ToSchema;

use super::Window;
use crate::clock::DAY;

/// One end of an edge.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Entity {
    /// What tells it from others.
    id: String,
    /// What it is.
    #[schema(value_type = EntityKindName)]
    kind: EntityKind,
    /// What a person would call it.
    name: String,
    /// Kubernetes cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    /// Kubernetes namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// Kind of the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    workload_kind: Option<String>,
    /// Path of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    executable: Option<String>,
    /// Image of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Address of a host that is known by nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
}

impl From<&policy::Entity> for Entity {
    fn from(entity: &policy::Entity) -> Self {
        Self {
            id: entity.id.clone(),
            kind: entity.kind,
            name: entity.name.clone(),
            cluster: entity.cluster.clone(),
            namespace: entity.namespace.clone(),
            workload_kind: entity.workload_kind.clone(),
            executable: entity.executable.clone(),
            image: entity.image.clone(),
            ip: entity.ip,
        }
    }
}

impl Entity {
    /// The entity as notifiers tell it.
    pub(crate) fn end(self) -> crate::notify::notice::End {
        crate::notify::notice::End {
            id: self.id,
            kind: self.kind.name().to_owned(),
            name: self.name,
            cluster: self.cluster,
            namespace: self.namespace,
            workload_kind: self.workload_kind,
        }
    }

    fn forgotten() -> Self {
        Self {
            id: "forgotten".to_owned(),
            kind: EntityKind::Host,
            name: "no longer kept".to_owned(),
            cluster: None,
            namespace: None,
            workload_kind: None,
            executable: None,
            image: None,
            ip: None,
        }
    }
}

/// What an entity is.
#[derive(ToSchema)]
#[schema(as = EntityKind, rename_all = "lowercase")]
#[expect(dead_code, reason = "it only describes the names that policy::EntityKind is written with")]
pub(crate) enum EntityKindName {
    Workload,
    Container,
    Process,
    Host,
    Network,
}

/// A posture at a glance, from worst to best.
#[derive(ToSchema)]
#[schema(as = Grade, rename_all = "lowercase")]
#[expect(dead_code, reason = "it only describes the names that policy::Grade is written with")]
pub(crate) enum GradeName {
    Plain,
    Legacy,
    Tls12,
    Tls13,
    Pq,
    Unknown,
}

/// How a connection is protected.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Posture {
    /// Digest of its content.
    id: String,
    /// The same at a glance.
    #[schema(value_type = GradeName)]
    grade: Grade,
    /// Negotiated version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// `tls`, `dtls`, `ssl` or `tlcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_protocol: Option<String>,
    /// Cipher suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<String>,
    /// Named group.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// Class of the key exchange: `classical`, `hybrid_pq`, `pq` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    class: Option<event::KeyExchangeClass>,
    /// Whether there is forward secrecy.
    #[serde(skip_serializing_if = "Option::is_none")]
    forward_secret: Option<bool>,
    /// Scheme of the server's handshake signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_algorithm: Option<String>,
    /// Application protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    alpn: Option<String>,
    /// What carried the handshake: `tcp`, `quic` or `dtls`.
    #[schema(value_type = String)]
    carrier: event::Carrier,
    /// The protocol that was upgraded to TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    starttls: Option<String>,
    /// Whether an earlier session was resumed.
    resumed: bool,
    /// Whether the handshake was seen to end in an encrypted channel.
    established: bool,
    /// Whether the client offered a post-quantum group.
    #[serde(skip_serializing_if = "Option::is_none")]
    offers_post_quantum: Option<bool>,
    /// The server's certificate.
    certificate: CertificatePosture,
    /// Where the facts come from: `wire`, `socket`, `secrets` or `library`.
    #[schema(value_type = String)]
    evidence: event::Evidence,
}

/// What is known of the server's certificate.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct CertificatePosture {
    /// `visible`, `encrypted`, `resumed` or `absent`.
    #[schema(value_type = String)]
    state: event::CertificateState,
    /// Its digest, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// Algorithm of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_type: Option<String>,
    /// Size of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_bits: Option<u32>,
    /// Algorithm of its own signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_algorithm: Option<String>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    not_after: Option<Timestamp>,
    /// Days until then; negative if it has expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i64>,
    /// Whether subject and issuer are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    self_signed: Option<bool>,
    /// Whether it covers the server name.
    #[serde(skip_serializing_if = "Option::is_none")]
    sni_match: Option<bool>,
}

impl Posture {
    /// The posture as it is to be told now.
    pub(crate) fn at(posture: &policy::Posture, now: Timestamp) -> Self {
        let certificate = &posture.certificate;
        Self {
            id: posture.id(),
            grade: posture.grade(),
            version: posture.version.clone(),
            version_protocol: posture.version_protocol.clone(),
            cipher: posture.cipher.clone(),
            group: posture.group.clone(),
            class: posture.class,
            forward_secret: posture.forward_secret,
            signature_algorithm: posture.signature_algorithm.clone(),
            alpn: posture.alpn.clone(),
            carrier: posture.carrier,
            starttls: posture.starttls.clone(),
            resumed: posture.resumed,
            established: posture.established,
            offers_post_quantum: posture.offers_post_quantum,
            certificate: CertificatePosture {
                state: certificate.state,
                fingerprint: certificate.fingerprint.clone(),
                key_type: certificate.key_type.clone(),
                key_bits: certificate.key_bits,
                signature_algorithm: certificate.signature_algorithm.clone(),
                not_after: certificate.not_after,
                days_left: certificate.not_after.map(|end| days_left(end, now)),
                self_signed: certificate.self_signed,
                sni_match: certificate.sni_match,
            },
            evidence: posture.evidence,
        }
    }
}

impl Posture {
    /// What is left of a posture that the store has forgotten: its name.
    pub(crate) fn forgotten(id: store::PostureId) -> Self {
        Self {
            id: id.to_string(),
            grade: Grade::Unknown,
            version: None,
            version_protocol: None,
            cipher: None,
            group: None,
            class: None,
            forward_secret: None,
            signature_algorithm: None,
            alpn: None,
            carrier: event::Carrier::Tcp,
            starttls: None,
            resumed: false,
            established: false,
            offers_post_quantum: None,
            certificate: CertificatePosture {
                state: event::CertificateState::Absent,
                fingerprint: None,
                key_type: None,
                key_bits: None,
                signature_algorithm: None,
                not_after: None,
                days_left: None,
                self_signed: None,
                sni_match: None,
            },
            evidence: event::Evidence::Wire,
        }
    }
}

/// Whole days from `now` to `end`; negative if it is over.
pub(crate) fn days_left(end: Timestamp, now: Timestamp) -> i64 {
    end.as_nanos().saturating_sub(now.as_nanos()).div_euclid(DAY)
}

/// Who talks to whom.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Edge {
    /// What tells it from others.
    pub(crate) id: String,
    /// The client.
    pub(crate) source: Entity,
    /// The server.
    pub(crate) destination: Entity,
    /// Port of the server.
    pub(crate) port: u16,
    /// `tcp` or `udp`.
    pub(crate) protocol: &'static str,
    /// Names that clients asked for.
    pub(crate) server_names: Vec<String>,
    /// Grade of the worst posture.
    #[schema(value_type = GradeName)]
    pub(crate) grade: Grade,
    /// How many sessions.
    pub(crate) sessions: u64,
    /// How many of them failed.
    pub(crate) failures: u64,
    /// The first.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) first_seen: Timestamp,
    /// The last.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_seen: Timestamp,
    /// How its sessions are protected; in lists at most three.
    pub(crate) postures: Vec<EdgePosture>,
    /// What the rules of enabled policies say.
    pub(crate) verdicts: Verdicts,
    /// Who stands in the way of a post-quantum key exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BlockerName>)]
    pub(crate) blocker: Option<policy::Blocker>,
}

impl Edge {
    /// The edge as it is to be told now, with some of its postures.
    pub(crate) fn at(
        edge: &store::Edge,
        verdicts: store::VerdictCounts,
        now: Timestamp,
        postures: usize,
    ) -> Self {
        Self {
            id: edge.id.to_string(),
            source: Entity::from(&*edge.source),
            destination: Entity::from(&*edge.destination),
            port: edge.port,
            protocol: protocol(edge.transport),
            server_names: edge.server_names.iter().map(|name| name.to_string()).collect(),
            grade: edge.grade,
            sessions: edge.sessions,
            failures: edge.failures,
            first_seen: edge.first_seen,
            last_seen: edge.last_seen,
            postures: edge
                .postures
                .iter()
                .take(postures)
                .map(|it| EdgePosture::at(it, now))
                .collect(),
            verdicts: Verdicts::from(verdicts),
            blocker: edge.blocker,
        }
    }
}

impl Edge {
    /// What is left of an edge that the store has forgotten: what a violation says of it.
    pub(crate) fn forgotten(finding: &store::Finding) -> Self {
        Self {
            id: finding.edge.to_string(),
            source: Entity::forgotten(),
            destination: Entity::forgotten(),
            port: 0,
            protocol: "tcp",
            server_names: Vec::new(),
            grade: Grade::Unknown,
            sessions: finding.sessions,
            failures: 0,
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            postures: Vec::new(),
            verdicts: Verdicts::default(),
            blocker: None,
        }
    }
}

impl EdgePosture {
    fn at(of: &store::EdgePosture, now: Timestamp) -> Self {
        Self {
            posture: Posture::at(&of.posture, now),
            sessions: of.sessions,
            first_seen: of.first_seen,
            last_seen: of.last_seen,
        }
    }
}

/// The name of a transport.
pub(crate) const fn protocol(transport: event::Transport) -> &'static str {
    match transport {
        event::Transport::Tcp => "tcp",
        event::Transport::Udp => "udp",
    }
}

/// Postures of an edge in a list.
pub(crate) const POSTURES_IN_LIST: usize = 3;

/// One of the ways in which sessions of an edge are protected.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct EdgePosture {
    /// How.
    pub(crate) posture: Posture,
    /// How many sessions.
    pub(crate) sessions: u64,
    /// The first.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) first_seen: Timestamp,
    /// The last.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_seen: Timestamp,
}

/// How many rules say what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Verdicts {
    /// They hold.
    pub(crate) pass: u32,
    /// They are broken.
    pub(crate) fail: u32,
    /// There is not enough evidence.
    pub(crate) unknown: u32,
}

impl From<store::VerdictCounts> for Verdicts {
    fn from(counts: store::VerdictCounts) -> Self {
        let store::VerdictCounts { pass, fail, unknown } = counts;
        Self { pass, fail, unknown }
    }
}

/// Who stands in the way of a post-quantum key exchange.
#[derive(ToSchema)]
#[schema(as = Blocker, rename_all = "lowercase")]
#[expect(dead_code, reason = "it only describes the names that policy::Blocker is written with")]
pub(crate) enum BlockerName {
    Client,
    Server,
    Both,
}

/// Who talks to whom, as a graph.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Graph {
    /// The time that it is of.
    pub(crate) window: Window,
    /// Who talks.
    pub(crate) nodes: Vec<Node>,
    /// To whom.
    pub(crate) edges: Vec<Arc>,
    /// Whether there are more nodes than were asked for.
    pub(crate) truncated: bool,
}

/// An entity with what it takes part in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Node {
    /// The entity.
    #[serde(flatten)]
    pub(crate) entity: Entity,
    /// Grade of its worst edge.
    #[schema(value_type = GradeName)]
    pub(crate) grade: Grade,
    /// Sessions of all its edges.
    pub(crate) sessions: u64,
}

/// An edge of the graph.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Arc {
    /// Of the edge.
    pub(crate) id: String,
    /// Id of the client.
    pub(crate) source: String,
    /// Id of the server.
    pub(crate) destination: String,
    /// Port of the server.
    pub(crate) port: u16,
    /// `tcp` or `udp`.
    pub(crate) protocol: &'static str,
    /// Grade of the worst posture.
    #[schema(value_type = GradeName)]
    pub(crate) grade: Grade,
    /// How many sessions.
    pub(crate) sessions: u64,
    /// Whether it breaks a rule.
    pub(crate) failing: bool,
}
