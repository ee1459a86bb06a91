//! What a gate has met.

/// What a gate has met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateCounts {
    /// Packets that came.
    pub packets: u64,
    /// Packets that are no TCP, or fragments: they pass.
    pub not_tcp: u64,
    /// Packets that this host only passes on: they pass.
    pub forwarded: u64,
    /// Packets with data of connections whose beginning was not seen: they pass.
    pub unknown: u64,
    /// Connections that are not TLS from their first byte on: they pass.
    pub not_tls: u64,
    /// Packets that waited.
    pub held: u64,
    /// Waits that ended because secrets were acknowledged; a session of a server may wait twice.
    pub acknowledged: u64,
    /// Sessions that went on because rules keep their secrets back.
    pub denied: u64,
    /// Sessions that went on at their deadline, or because those before had waited in vain.
    pub opened: u64,
    /// Sessions that were aborted at their deadline.
    pub aborted: u64,
    /// Sessions that were aborted because those before had waited in vain.
    pub refused: u64,
    /// Of those whose deadline was over, the ones of which no secret had been taken.
    pub untaken: u64,
    /// Connections of which bytes are missing: all that follows waits.
    pub lost: u64,
    /// Sessions that could not wait because too many packets did: as if their deadline was over.
    pub no_room: u64,
    /// Connections that were forgotten because there were too many: they pass.
    pub evicted: u64,
}
