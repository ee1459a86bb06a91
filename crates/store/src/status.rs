//! How the store does, and who feeds it.

use event::Timestamp;

use crate::answer::Count;
use crate::settings::Retention;

/// How the store does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is.
    pub kind: StoreKind,
    /// Bytes on disk.
    pub bytes: u64,
    /// Sessions that are kept.
    pub sessions: u64,
    /// Begin of the oldest of them.
    pub oldest: Option<Timestamp>,
    /// Sessions that were forgotten for their age or for space.
    pub evicted_sessions: u64,
    /// Of these, those that had to go for space before their time.
    pub evicted_for_space: u64,
    /// Up to when sessions were forgotten.
    pub evicted_up_to: Option<Timestamp>,
    /// Records that were refused because a dictionary was full.
    pub refused_records: u64,
    /// How many entries the dictionaries hold: entities, edges, postures, pairs, certificates.
    pub dictionaries: Vec<Count>,
    /// What is kept.
    pub retention: Retention,
    /// Why the last maintenance failed, if it did.
    pub maintenance_error: Option<String>,
}

/// What a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A SQLite file.
    Sqlite,
    /// A ClickHouse cluster.
    Clickhouse,
}

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// What tells it from others.
    pub id: String,
    /// Name of its host.
    pub host: String,
    /// Version of its program.
    pub version: String,
    /// When its first batch came.
    pub first_seen: Timestamp,
    /// When its last batch came.
    pub last_seen: Timestamp,
    /// Sessions that it told.
    pub sessions: u64,
    /// What it could not see, by cause.
    pub losses: Vec<Count>,
}

/// Something that was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossCount {
    /// Who did not see it.
    pub source: String,
    /// Why.
    pub cause: String,
    /// How often in the window.
    pub count: u64,
}
