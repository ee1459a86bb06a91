//! What is answered.

use std::net::IpAddr;
use std::sync::Arc;

use event::{KeyExchangeClass, Timestamp, Transport};
use policy::{Blocker, Entity, Grade, Outcome, Posture};
use serde::Serialize;

use crate::id::{EdgeId, PostureId, SessionId};
use crate::query::Window;

/// A name and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The name.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// Everything at a glance.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// The window that was counted: the one asked for, widened to whole minutes, hours or days.
    pub window: Window,
    /// Sessions.
    pub sessions: u64,
    /// Of these, failed handshakes.
    pub failures: u64,
    /// Edges with sessions in the window.
    pub edges: u64,
    /// Entities at these edges.
    pub entities: u64,
    /// Sessions by grade, from worst to best.
    pub by_grade: Vec<Count>,
    /// Sessions by version, most first, at most ten and `other`; `unknown` where there is none.
    pub by_version: Vec<Count>,
    /// Sessions by class of the key exchange.
    pub by_class: Vec<Count>,
    /// Sessions by group.
    pub by_group: Vec<Count>,
    /// Sessions by cipher suite.
    pub by_cipher: Vec<Count>,
    /// Sessions over time.
    pub series: Vec<SeriesPoint>,
    /// Certificates seen in sessions of the window, by their end.
    pub certificates: CertificateCounts,
}

/// Sessions of one step of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesPoint {
    /// Begin of the step.
    pub time: Timestamp,
    /// Sessions by grade, in the order of [`Grade::ALL`].
    pub grades: [u64; 6],
    /// Sessions by class of the key exchange: hybrid, post-quantum, classical, none, unknown.
    pub classes: [u64; 5],
}

/// How many certificates end when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CertificateCounts {
    /// All.
    pub total: u64,
    /// Of these, expired.
    pub expired: u64,
    /// Expiring within 7 days.
    pub expiring_7: u64,
    /// Expiring within 30 days, those within 7 among them.
    pub expiring_30: u64,
}

/// Who talks to whom, with its postures.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Its name.
    pub id: EdgeId,
    /// The client.
    pub source: Arc<Entity>,
    /// The server.
    pub destination: Arc<Entity>,
    /// The server's port.
    pub port: u16,
    /// What is under TLS.
    pub transport: Transport,
    /// Names that clients asked for; at most [`Edge::MAX_SERVER_NAMES`].
    pub server_names: Vec<Arc<str>>,
    /// Whether there were more names.
    pub has_more_server_names: bool,
    /// Grade of the worst posture of the window.
    pub grade: Grade,
    /// Sessions of the window.
    pub sessions: u64,
    /// Of these, failed handshakes.
    pub failures: u64,
    /// When it was first seen at all.
    pub first_seen: Timestamp,
    /// When it was last seen at all.
    pub last_seen: Timestamp,
    /// Its postures in the window, worst grade first, then most sessions.
    pub postures: Vec<EdgePosture>,
    /// Who stands in the way of a post-quantum key exchange; absent if nobody does or it is unknown.
    pub blocker: Option<Blocker>,
}

/// A posture of an edge.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgePosture {
    /// Its name.
    pub id: PostureId,
    /// Its grade.
    pub grade: Grade,
    /// How connections are protected.
    pub posture: Arc<Posture>,
    /// Sessions of the window.
    pub sessions: u64,
    /// Of these, failed handshakes.
    pub failures: u64,
    /// When the edge first had it.
    pub first_seen: Timestamp,
    /// When the edge last had it.
    pub last_seen: Timestamp,
}

/// An edge and one of its postures: what rules judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Name of the edge.
    pub edge: EdgeId,
    /// The client.
    pub source: Arc<Entity>,
    /// The server.
    pub destination: Arc<Entity>,
    /// The server's port.
    pub port: u16,
    /// What is under TLS.
    pub transport: Transport,
    /// Names that clients of the edge asked for.
    pub server_names: Vec<Arc<str>>,
    /// Name of the posture.
    pub posture_id: PostureId,
    /// The posture.
    pub posture: Arc<Posture>,
    /// Sessions in all.
    pub sessions: u64,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
}

/// Who talks to whom, for drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// The window that was counted.
    pub window: Window,
    /// The ends.
    pub nodes: Vec<GraphNode>,
    /// The edges between them.
    pub edges: Vec<GraphEdge>,
    /// Whether there are more nodes than asked for.
    pub is_truncated: bool,
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNode {
    /// Who.
    pub entity: Arc<Entity>,
    /// Worst grade of its edges.
    pub grade: Grade,
    /// Sessions of its edges.
    pub sessions: u64,
}

/// An edge of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphEdge {
    /// Its name.
    pub id: EdgeId,
    /// The client.
    pub source: Arc<Entity>,
    /// The server.
    pub destination: Arc<Entity>,
    /// The server's port.
    pub port: u16,
    /// What is under TLS.
    pub transport: Transport,
    /// Grade of its worst posture.
    pub grade: Grade,
    /// Sessions.
    pub sessions: u64,
    /// Of these, failed handshakes.
    pub failures: u64,
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// Its name.
    pub id: SessionId,
    /// The edge that it is part of.
    pub edge: EdgeId,
    /// The client's entity.
    pub source: Arc<Entity>,
    /// The server's entity.
    pub destination: Arc<Entity>,
    /// The client's address.
    pub client_ip: IpAddr,
    /// The client's port.
    pub client_port: u16,
    /// The server's address.
    pub server_ip: IpAddr,
    /// The server's port.
    pub server_port: u16,
    /// Name that the client asked for.
    pub server_name: Option<String>,
    /// Name of the posture.
    pub posture_id: PostureId,
    /// How it is protected.
    pub posture: Arc<Posture>,
    /// The posture at a glance.
    pub grade: Grade,
    /// How the handshake ended.
    pub outcome: Outcome,
    /// First alert that was sent in clear.
    pub alert: Option<String>,
    /// Name of the client's process, or of the server's where that is not known.
    pub process: Option<String>,
}

/// A session with its line.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionDetail {
    /// What lists show of it.
    pub row: SessionRow,
    /// The line as it came, without its end.
    pub line: Box<[u8]>,
}

/// A line of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLine {
    /// The session.
    pub id: SessionId,
    /// The line as it came, without its end.
    pub line: Box<[u8]>,
}

/// A certificate of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// What is known of it.
    pub certificate: Arc<policy::Certificate>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// Sessions that it was seen in.
    pub sessions: u64,
}

/// The cryptography in use.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// The window that was counted.
    pub window: Window,
    /// What was negotiated, most sessions first; at most [`Inventory::MAX_ITEMS`].
    pub items: Vec<InventoryItem>,
    /// Whether there were more.
    pub is_truncated: bool,
}

/// A version with a cipher suite and a group.
#[derive(Clone, Debug, PartialEq)]
pub struct InventoryItem {
    /// Version.
    pub version: String,
    /// Cipher suite.
    pub cipher: String,
    /// Group.
    pub group: Option<String>,
    /// Class of the key exchange.
    pub class: Option<KeyExchangeClass>,
    /// Sessions of the window.
    pub sessions: u64,
    /// Edges.
    pub edges: u64,
    /// When an edge first had it.
    pub first_seen: Timestamp,
    /// When an edge last had it.
    pub last_seen: Timestamp,
}

/// How far the post-quantum migration is.
#[derive(Clone, Debug, PartialEq)]
pub struct Readiness {
    /// The window that was counted.
    pub window: Window,
    /// Edges.
    pub edges: u64,
    /// Sessions.
    pub sessions: u64,
    /// Sessions by class of the key exchange.
    pub by_class: Vec<Count>,
    /// By Kubernetes namespace of the server, most sessions first; at most [`Readiness::MAX_SHARES`].
    /// The name is empty for servers outside of Kubernetes.
    pub by_namespace: Vec<ReadinessShare>,
    /// By who answers for the server ([`Entity::owner`]), most sessions first; at most
    /// [`Readiness::MAX_SHARES`]. The name is empty where that is not told.
    pub by_owner: Vec<ReadinessShare>,
    /// Sessions over time.
    pub series: Vec<SeriesPoint>,
    /// Edges that the client holds back.
    pub blocked_by_client: u64,
    /// Edges that the server holds back.
    pub blocked_by_server: u64,
    /// Edges that both hold back.
    pub blocked_by_both: u64,
    /// Edges without post-quantum key exchange of which it is not known who holds it back.
    pub blocked_by_unknown: u64,
    /// Edges that are not post-quantum, most sessions first; at most [`Readiness::MAX_EDGES`].
    pub blocked: Vec<Edge>,
}

/// The same of a part of the servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadinessShare {
    /// What the part is called.
    pub name: String,
    /// Edges.
    pub edges: u64,
    /// Edges of which every session with a known key exchange is post-quantum.
    pub pq_edges: u64,
    /// Sessions.
    pub sessions: u64,
    /// Sessions with a post-quantum key exchange.
    pub pq_sessions: u64,
}

impl Edge {
    /// The most server names kept of an edge: a proxy to the whole internet has no use for more.
    pub const MAX_SERVER_NAMES: usize = 16;
}

impl Inventory {
    /// The most items: some ten times what one network negotiates.
    pub const MAX_ITEMS: usize = 1000;
}

impl Readiness {
    /// The most namespaces or owners told apart; a cluster has rarely more.
    pub const MAX_SHARES: usize = 1000;
    /// The most edges in the list.
    pub const MAX_EDGES: usize = 200;
}
