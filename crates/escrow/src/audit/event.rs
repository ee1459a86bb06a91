//! What is written into the log.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AuditEvent {
    /// The service began to listen.
    ServiceStarted {
        /// Where.
        address: String,
    },
    /// It was told to end.
    ServiceStopped {},
    /// Keys of an epoch were made.
    EpochCreated {
        /// Its number.
        epoch: u64,
        /// Its beginning, in milliseconds since 1970.
        begins_ms: u64,
        /// Its end.
        ends_ms: u64,
        /// When its keys are destroyed.
        destroyed_ms: u64,
    },
    /// Keys of an epoch were destroyed.
    EpochDestroyed {
        /// Its number.
        epoch: u64,
        /// Whether that was before its time.
        on_demand: bool,
    },
    /// A file of the store will not grow any more.
    SegmentClosed {
        /// Its name.
        segment: String,
        /// Entries in it.
        entries: u64,
        /// Bytes that they take.
        bytes: u64,
        /// The last value of its chain.
        chain: String,
        /// Bytes behind them, which are no whole entry.
        torn_bytes: u64,
    },
    /// A file of the store was removed with its epoch.
    SegmentRemoved {
        /// Its name.
        segment: String,
    },
    /// Secrets were released.
    Released {
        /// Number of the request.
        request: String,
        /// Digest of what was signed.
        digest: String,
        /// What it is for.
        case: String,
        /// Why.
        reason: String,
        /// Who asked.
        requester: String,
        /// Who approved.
        approvers: Vec<String>,
        /// How much.
        tier: String,
        /// To whom: the requester's key, or a capture that was decrypted here.
        output: String,
        /// Sessions that it is of.
        sessions: u64,
        /// Records that matched and cannot be read: their epoch is destroyed.
        destroyed: u64,
        /// Records that are damaged.
        damaged: u64,
    },
    /// A request was refused.
    Refused {
        /// Number of the request, as far as it has one.
        request: String,
        /// Digest of what was signed.
        digest: String,
        /// Who asked.
        requester: String,
        /// How much.
        tier: String,
        /// Why it is refused.
        why: String,
    },
    /// Sessions went on though their secrets had not arrived as they should.
    FailOpen(Incident),
    /// Sessions were ended because their secrets had not arrived as they should.
    Abort(Incident),
    /// Secrets of sessions are missing.
    Gap(Incident),
    /// A connection was refused, or cut.
    ConnectionRefused {
        /// Who, if it is known.
        name: String,
        /// From where.
        peer: String,
        /// Why.
        why: String,
    },
    /// So many connections more were refused or cut, or incidents told, than there are lines for.
    Unmentioned {
        /// How many.
        count: u64,
    },
    /// A monitor subscribed.
    MonitorJoined {
        /// Who.
        name: String,
        /// For which tier.
        tier: String,
        /// Its key.
        key: String,
    },
    /// A monitor left.
    MonitorLeft {
        /// Who.
        name: String,
    },
    /// The last line before this one was not whole, and was cut off.
    TornLine {
        /// Its bytes.
        bytes: u64,
    },
}

/// Sessions whose secrets did not arrive as they should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Who tells it.
    pub agent: String,
    /// Why.
    pub reason: String,
    /// How many sessions.
    pub sessions: u64,
    /// Which one, if it is one: as the index of the store names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}
