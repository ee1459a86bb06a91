//! What became of what was handed in.

/// Counters of an agent, from its start on.
///
/// `seen_bytes` is the sum of `acknowledged_bytes`, `dropped_bytes` and what waits
/// ([`waiting_bytes`](Self::waiting_bytes)), at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderCounters {
    /// Bytes of clear text that were handed in.
    pub seen_bytes: u64,
    /// Those that the sensor has acknowledged.
    pub acknowledged_bytes: u64,
    /// Those that were dropped: the queue or the spool was full, or there was no more time at the end. Of
    /// connections that are told, the sensor is told as well.
    pub dropped_bytes: u64,
    /// Connections of which nothing is told, because there was no room for them. Their bytes are among
    /// those dropped.
    pub untold_connections: u64,
    /// Batches that were acknowledged.
    pub acknowledged_batches: u64,
    /// Bytes that were sent, before TLS.
    pub sent_bytes: u64,
    /// Connections to the sensor that came about.
    pub connected: u64,
    /// Attempts to connect that failed.
    pub failed_attempts: u64,
    /// Connections that ended because the sensor said what it may not.
    pub improper_replies: u64,
    /// Connections that the sensor refused.
    pub refused: u64,
    /// Batches that were put into the spool.
    pub spooled_batches: u64,
    /// Bytes of clear text that were dropped from the spool to make room; also among those dropped.
    pub evicted_bytes: u64,
    /// Times that the spool could not be written to or read.
    pub spool_errors: u64,
    /// Batches that an earlier process left behind in the spool, which are removed.
    pub leftover_batches: u64,
}

impl SenderCounters {
    /// Bytes of clear text that wait in memory, in the spool or for their acknowledgement.
    #[must_use]
    pub const fn waiting_bytes(&self) -> u64 {
        self.seen_bytes.saturating_sub(self.acknowledged_bytes).saturating_sub(self.dropped_bytes)
    }
}
