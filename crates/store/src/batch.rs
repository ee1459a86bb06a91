//! What comes in.

use event::Timestamp;
use policy::{Entity, Observation};

use crate::id::{EdgeId, PostureId};

/// Records that are taken together, once.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What tells it from other batches of the same source. A second one with the same id counts
    /// nothing. At most [`Batch::MAX_ID_LEN`] bytes.
    pub id: String,
    /// Who sent it.
    pub source: Source,
    /// When it came.
    pub received: Timestamp,
    /// Its records; at most [`Batch::MAX_RECORDS`].
    pub records: Vec<Record>,
    /// What the source could not see; at most [`Batch::MAX_LOSSES`] causes.
    pub losses: Vec<Loss>,
}

/// Who sends: an agent, an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What tells it from others.
    pub id: String,
    /// Name of its host.
    pub host: String,
    /// Version of the program that it runs.
    pub version: String,
}

/// One line that tlsight wrote, and what was made of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it says.
    pub seen: Observation,
    /// The client's entity.
    pub source: Entity,
    /// The server's entity.
    pub destination: Entity,
    /// The line itself, without its end; kept for sessions. At most [`Record::MAX_LINE_LEN`] bytes.
    pub line: Box<[u8]>,
}

/// Something that a source could not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Why, as in a `tlsight.loss` line.
    pub cause: String,
    /// How often.
    pub count: u64,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Records that were taken: sessions that were not known, and edges.
    pub accepted: u64,
    /// Sessions that were known from other batches.
    pub duplicates: u64,
    /// Records that were not taken for another reason.
    pub refused: u64,
    /// Whether the batch itself was known: the counts are those of the first time.
    pub is_repeat: bool,
    /// Places in the batch of the records that were not taken, in ascending order, and why; empty for
    /// a repeat.
    pub not_taken: Vec<(usize, NotTaken)>,
    /// Edges with a posture that they did not have before.
    pub new_pairs: Vec<(EdgeId, PostureId)>,
}

/// Why a record is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The session is known from another batch.
    #[error("the session is known already")]
    Duplicate,
    /// It is older than what is kept.
    #[error("the record is older than what is kept")]
    TooOld,
    /// It is more than [`Record::MAX_AHEAD_DAYS`] later than it came.
    #[error("the record is of the future")]
    Future,
    /// There are too many entities, edges, postures or certificates ([`crate::Status::dictionaries`]).
    #[error("there are too many different entities, edges, postures or certificates")]
    DictionaryFull,
}

impl Batch {
    /// Longest id in bytes: a UUID with a path around it fits several times.
    pub const MAX_ID_LEN: usize = 256;
    /// Most records: a transaction of this size takes well below a second.
    pub const MAX_RECORDS: usize = 65_536;
    /// Most causes of loss; tlsight knows some forty.
    pub const MAX_LOSSES: usize = 256;
}

impl Record {
    /// Longest line in bytes: several times that of a hello with every extension and a long chain.
    pub const MAX_LINE_LEN: usize = 256 * 1024;
    /// Most sessions that one record may stand for: a million a second for a quarter of an hour.
    pub const MAX_SESSIONS: u64 = 1_000_000_000;
    /// Days that the clock of an agent may be ahead.
    pub const MAX_AHEAD_DAYS: i64 = 1;
}
