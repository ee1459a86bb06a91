//! What became of what agents sent.

use std::collections::BTreeMap;

/// Counters of a sensor, from its start on.
///
/// `received_bytes` is the sum of `delivered_bytes`, `duplicate_bytes` and `stray_bytes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverCounters {
    /// Bytes of clear text that came in.
    pub received_bytes: u64,
    /// Those that were handed on.
    pub delivered_bytes: u64,
    /// Those that another agent had told already, from the other end of the connection.
    pub duplicate_bytes: u64,
    /// Those of connections that are not known: beyond the limit of their agent, or told to a sensor that
    /// forgot them.
    pub stray_bytes: u64,
    /// Bytes that agents said are missing.
    pub missing_bytes: u64,
    /// Bytes that are missing and no agent said so; whoever reads is told of them as well.
    pub unexplained_bytes: u64,
    /// Connections that were handed on.
    pub connections: u64,
    /// Connections that were the other end of one that was handed on.
    pub duplicate_connections: u64,
    /// Connections beyond the limit of their agent.
    pub refused_connections: u64,
    /// Times that the agent at the other end went on where the first was lost.
    pub takeovers: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// Sessions that went on on another connection.
    pub resumed_sessions: u64,
    /// Batches that came in.
    pub batches: u64,
    /// What was refused, by [`RefusedHow::name`](super::RefusedHow::name).
    pub refused: BTreeMap<&'static str, u64>,
}

/// Counts.
pub(super) const fn add(counter: &mut u64, more: u64) {
    *counter = counter.saturating_add(more);
}
