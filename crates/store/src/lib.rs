//! What was seen of TLS, kept and found again.
//!
//! A store has two halves. [`Sessions`] holds what agents send: sessions with their whole lines, edges,
//! postures, certificates and their counts over time. [`Violations`], [`Accounts`], [`Documents`],
//! [`Fleet`] and [`Outbox`] hold what people decide. The first may be a SQLite file or a fleet's
//! database, the second is always a small SQLite file, which servers over one database share change by
//! change ([`Replication`]).
//!
//! All calls block: a query is milliseconds in memory or on a disk, the program's reports have no
//! runtime, and a server calls them from threads that may block.

mod analysis;
mod answer;
mod batch;
mod block;
mod catalog;
mod clickhouse;
mod control;
mod error;
mod id;
mod intake;
mod migrate;
mod needle;
mod page;
mod query;
mod sessions;
mod settings;
mod sqlite;
mod status;
mod steps;

pub use answer::{
    Certificate, CertificateCounts, Count, Edge, EdgePosture, Graph, GraphEdge, GraphNode,
    Inventory, InventoryItem, Overview, Pair, Readiness, ReadinessShare, SeriesPoint,
    SessionDetail, SessionLine, SessionRow,
};
pub use batch::{Batch, Ingested, Loss, NotTaken, Record, Source};
pub use clickhouse::{ClickHouseSessions, ClickHouseUrl, NotAClickHouseUrl};
pub use control::{
    Accounts, AgentCertificate, AgentReport, AuditEntry, AuditOutcome, AuthorityPem, Collection,
    Control, Decided, Document, Documents, EnrolledAgent, EnrolmentToken, Exclusion, Expected,
    Finding, Fleet, Labels, Login, NewAgent, NotEnrolled, NotShared, OpenViolation, Outbox, Parcel,
    Queue, Replication, Reported, Resolve, Revocation, Role, Rollout, RolloutState, SecretDigest,
    SecretText, Stage, Token, User, VerdictCounts, Violation, ViolationId, ViolationQuery,
    ViolationState, Violations,
};
pub use error::StoreError;
pub use id::{EdgeId, NotAnId, PostureId, SessionId};
pub use migrate::{Migrated, NotMigrated, migrate};
pub use page::{Cursor, NotACursor, Page, Paged};
pub use query::{
    CertificateQuery, CertificateSort, CertificateState, EdgeQuery, EdgeSort, GraphQuery,
    SessionQuery, Window,
};
pub use sessions::Sessions;
pub use settings::{Durability, Retention, Settings};
pub use sqlite::SqliteSessions;
pub use status::{Agent, LossCount, Status, StoreKind};
