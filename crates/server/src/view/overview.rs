//! Sums: the overview, the inventory, the way to post-quantum key exchange, agents, settings.

use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::edge::Edge;
use super::violation::Violation;
use super::{Count, Window};

/// All at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// The time that it is of.
    pub(crate) window: Window,
    /// How many sessions.
    pub(crate) sessions: u64,
    /// How many of them failed.
    pub(crate) failures: u64,
    /// How many edges.
    pub(crate) edges: u64,
    /// How many entities.
    pub(crate) entities: u64,
    /// Sessions by grade.
    pub(crate) by_grade: Vec<Count>,
    /// Sessions by version; ten, and the rest as `other`.
    pub(crate) by_version: Vec<Count>,
    /// Sessions by class of the key exchange.
    pub(crate) by_class: Vec<Count>,
    /// Sessions by group.
    pub(crate) by_group: Vec<Count>,
    /// Sessions by cipher suite.
    pub(crate) by_cipher: Vec<Count>,
    /// Sessions by grade, over time.
    pub(crate) series: Vec<GradePoint>,
    /// Certificates by what is left of them.
    pub(crate) certificates: CertificateCounts,
    /// Active violations by severity.
    pub(crate) violations: SeverityCounts,
    /// The worst of them.
    pub(crate) top_violations: Vec<Violation>,
    /// What was lost, by cause.
    pub(crate) losses: Vec<Count>,
    /// Who tells all this.
    pub(crate) sources: Sources,
}

/// Sessions by grade that began in one step of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct GradePoint {
    /// Begin of the step.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) time: Timestamp,
    /// Post-quantum.
    pub(crate) pq: u64,
    /// TLS 1.3.
    pub(crate) tls13: u64,
    /// TLS 1.2.
    pub(crate) tls12: u64,
    /// Worse.
    pub(crate) legacy: u64,
    /// Not encrypted.
    pub(crate) plain: u64,
    /// Not seen.
    pub(crate) unknown: u64,
}

/// Certificates by what is left of them.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct CertificateCounts {
    /// All.
    pub(crate) total: u64,
    /// No longer valid.
    pub(crate) expired: u64,
    /// Valid for 7 days at most.
    pub(crate) expiring_7: u64,
    /// Valid for 30 days at most, also those of 7.
    pub(crate) expiring_30: u64,
}

/// Violations by severity.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct SeverityCounts {
    /// Critical.
    pub(crate) critical: u64,
    /// High.
    pub(crate) high: u64,
    /// Medium.
    pub(crate) medium: u64,
    /// Low.
    pub(crate) low: u64,
}

/// Who tells.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Sources {
    /// Agents.
    pub(crate) agents: u64,
    /// Those of them that were not heard of for a while.
    pub(crate) silent_agents: u64,
}

/// What is in use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Inventory {
    /// The time that it is of.
    pub(crate) window: Window,
    /// Each combination.
    pub(crate) items: Vec<InventoryItem>,
}

/// One combination of what is negotiated.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InventoryItem {
    /// Version.
    pub(crate) version: String,
    /// Cipher suite.
    pub(crate) cipher: String,
    /// Named group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// Class of the key exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) class: Option<event::KeyExchangeClass>,
    /// How many sessions.
    pub(crate) sessions: u64,
    /// Of how many edges.
    pub(crate) edges: u64,
    /// The first.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) first_seen: Timestamp,
    /// The last.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_seen: Timestamp,
}

/// How far the way to post-quantum key exchange is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PqcReadiness {
    /// The time that it is of.
    pub(crate) window: Window,
    /// All.
    pub(crate) total: PqcTotal,
    /// By namespace of the server.
    pub(crate) by_namespace: Vec<PqcShare>,
    /// By who answers for the server, as labels of pods say: `owner`, `team` or
    /// `app.kubernetes.io/part-of`.
    pub(crate) by_owner: Vec<PqcShare>,
    /// Sessions by class, over time.
    pub(crate) series: Vec<ClassPoint>,
    /// Edges by who stands in the way.
    pub(crate) blockers: Blockers,
    /// Edges that are not there yet, most sessions first.
    pub(crate) edges: Vec<Edge>,
}

/// All.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PqcTotal {
    /// Edges.
    pub(crate) edges: u64,
    /// Sessions.
    pub(crate) sessions: u64,
    /// Sessions by class.
    pub(crate) by_class: Vec<Count>,
}

/// What a namespace or an owner has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PqcShare {
    /// Its name; empty for what is in none, or has none.
    pub(crate) name: String,
    /// Edges.
    pub(crate) edges: u64,
    /// Those with a post-quantum session and no other.
    pub(crate) pq_edges: u64,
    /// Sessions.
    pub(crate) sessions: u64,
    /// Those with a post-quantum key exchange.
    pub(crate) pq_sessions: u64,
}

/// Sessions by class that began in one step of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ClassPoint {
    /// Begin of the step.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) time: Timestamp,
    /// Hybrid.
    pub(crate) hybrid_pq: u64,
    /// Post-quantum alone.
    pub(crate) pq: u64,
    /// Classical.
    pub(crate) classical: u64,
    /// None with forward secrecy.
    pub(crate) none: u64,
    /// Not seen.
    pub(crate) unknown: u64,
}

/// Edges by who stands in the way.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Blockers {
    /// The client.
    pub(crate) client: u64,
    /// The server.
    pub(crate) server: u64,
    /// Both.
    pub(crate) both: u64,
    /// It was not seen.
    pub(crate) unknown: u64,
}

/// What the server is set to, and what it holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Settings {
    /// Version of the program.
    pub(crate) version: String,
    /// The store.
    pub(crate) store: StoreState,
    /// Days that sessions are kept for.
    pub(crate) retention_days: u32,
    /// Most that the store may take, in GiB.
    pub(crate) max_store_gib: u32,
}

/// What the store holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoreState {
    /// `sqlite` or `clickhouse`.
    pub(crate) kind: &'static str,
    /// Its size.
    pub(crate) bytes: u64,
    /// Sessions in it.
    pub(crate) sessions: u64,
    /// The oldest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) oldest: Option<Timestamp>,
    /// Sessions that had to go before their time.
    pub(crate) evicted_sessions: u64,
}

/// What may be set.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSettings {
    /// Days that sessions are kept for.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) retention_days: u32,
    /// Most that the store may take, in GiB.
    #[schema(minimum = 1, maximum = 65536)]
    pub(crate) max_store_gib: u32,
}

impl GradePoint {
    /// One step of time.
    pub(crate) fn of(point: &store::SeriesPoint) -> Self {
        let [plain, legacy, tls12, tls13, pq, unknown] = point.grades;
        Self { time: point.time, pq, tls13, tls12, legacy, plain, unknown }
    }
}

impl ClassPoint {
    /// One step of time.
    pub(crate) fn of(point: &store::SeriesPoint) -> Self {
        let [hybrid_pq, pq, classical, none, unknown] = point.classes;
        Self { time: point.time, hybrid_pq, pq, classical, none, unknown }
    }
}

impl From<store::CertificateCounts> for CertificateCounts {
    fn from(counts: store::CertificateCounts) -> Self {
        let store::CertificateCounts { total, expired, expiring_7, expiring_30 } = counts;
        Self { total, expired, expiring_7, expiring_30 }
    }
}

impl From<[u64; 4]> for SeverityCounts {
    fn from([low, medium, high, critical]: [u64; 4]) -> Self {
        Self { critical, high, medium, low }
    }
}

impl From<store::InventoryItem> for InventoryItem {
    fn from(item: store::InventoryItem) -> Self {
        let store::InventoryItem { version, cipher, group, class, .. } = item;
        Self {
            version,
            cipher,
            group,
            class,
            sessions: item.sessions,
            edges: item.edges,
            first_seen: item.first_seen,
            last_seen: item.last_seen,
        }
    }
}

impl From<store::ReadinessShare> for PqcShare {
    fn from(of: store::ReadinessShare) -> Self {
        let store::ReadinessShare { name, edges, pq_edges, sessions, pq_sessions } = of;
        Self { name, edges, pq_edges, sessions, pq_sessions }
    }
}
