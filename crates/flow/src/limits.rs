//! The bounds on what flows may cost.

/// Bounds on the memory and the life of flows. Each holds for one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seeds the hash of the flow table. Unpredictable to senders of packets outside of tests.
    pub hash_seed: u64,
    /// Flows in the table, those that are done included. Each costs 64 bytes and
    /// 24 to 48 of index.
    pub max_flows: usize,
    /// Bytes in connections, application states, stream buffers and IP fragments together.
    pub max_buffered_bytes: usize,
    /// Bytes of incomplete IP datagrams; a part of `max_buffered_bytes`.
    pub max_fragment_bytes: usize,
    /// Silence in nanoseconds after which a flow that the application follows has ended.
    ///
    /// 120 s: servers give up a TLS handshake after at most 60 s (nginx and Apache by default), so
    /// twice that is a dead one even if a user was asked for a certificate or a PIN.
    pub active_idle_ns: u64,
    /// Silence in nanoseconds after which a UDP flow has ended.
    ///
    /// 60 s: twice the idle time that QUIC stacks offer by default.
    pub datagram_idle_ns: u64,
    /// Silence in nanoseconds after which a TCP flow without any payload has ended.
    ///
    /// 30 s: a lost SYN is sent again after 1, 3, 7 and 15 s.
    pub half_open_idle_ns: u64,
    /// Silence in nanoseconds after which a flow that is done is forgotten; its next packet would
    /// begin a flow in mid-stream.
    ///
    /// 300 s: the keep-alive of most servers is shorter, and a done flow costs little.
    pub done_idle_ns: u64,
    /// Time in nanoseconds for which a closed flow swallows late packets.
    ///
    /// 5 s: the last ACKs, and four retransmissions of a FIN after 0.2, 0.6, 1.4 and 3 s.
    pub linger_ns: u64,
}

impl Limits {
    /// Limits with which one engine keeps the whole process within `memory_bytes`.
    ///
    /// About a fifth goes to the flow table, three eighths to buffers and states; the rest is left
    /// for what flows share, the capture, the output and the allocator's slack, which is as much as
    /// a third of what it has given out when flows of another kind come.
    #[must_use]
    pub const fn for_memory(memory_bytes: usize) -> Self {
        Self {
            hash_seed: 0,
            max_flows: at_least(memory_bytes / BYTES_PER_FLOW, MIN_FLOWS),
            max_buffered_bytes: memory_bytes / 8 * 3,
            max_fragment_bytes: memory_bytes / 32,
            active_idle_ns: 120 * SECOND_NS,
            datagram_idle_ns: 60 * SECOND_NS,
            half_open_idle_ns: 30 * SECOND_NS,
            done_idle_ns: 300 * SECOND_NS,
            linger_ns: 5 * SECOND_NS,
        }
    }

    /// The share of one of `engines` engines that work side by side.
    #[must_use]
    pub const fn divided(self, engines: usize) -> Self {
        let engines = at_least(engines, 1);
        Self {
            max_flows: at_least(self.max_flows / engines, MIN_FLOWS),
            max_buffered_bytes: self.max_buffered_bytes / engines,
            max_fragment_bytes: self.max_fragment_bytes / engines,
            ..self
        }
    }
}

impl Default for Limits {
    /// Limits for a process of 512 MiB.
    fn default() -> Self {
        Self::for_memory(DEFAULT_MEMORY_BYTES)
    }
}

const fn at_least(value: usize, least: usize) -> usize {
    if value < least { least } else { value }
}

const DEFAULT_MEMORY_BYTES: usize = 512 << 20;

/// With up to 112 bytes a flow, a table of one flow for each 512 bytes of memory takes a fifth of it.
const BYTES_PER_FLOW: usize = 512;

/// A table smaller than this would evict flows that a single web page has opened.
const MIN_FLOWS: usize = 64;

const SECOND_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_the_memory() {
        let limits = Limits::default();
        let table = limits.max_flows * 112;
        assert!(table + limits.max_buffered_bytes <= DEFAULT_MEMORY_BYTES * 3 / 4);
        assert!(limits.max_fragment_bytes < limits.max_buffered_bytes);
    }

    #[test]
    fn engines_side_by_side_share_the_memory() {
        let (whole, part) = (Limits::default(), Limits::default().divided(4));
        assert_eq!(part.max_flows * 4, whole.max_flows);
        assert_eq!(part.max_buffered_bytes * 4, whole.max_buffered_bytes);
        assert_eq!(part.active_idle_ns, whole.active_idle_ns);
    }
}
