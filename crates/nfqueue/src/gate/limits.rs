//! The bounds on what a gate takes up.

/// What a gate may take up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that are followed.
    pub max_flows: usize,
    /// Packets that wait.
    pub max_held: usize,
    /// Packets of one connection that wait.
    pub max_held_of_flow: usize,
    /// Sessions whose secrets are known of.
    pub max_sessions: usize,
    /// Bytes of hellos, and of what comes in the wrong order.
    pub memory_bytes: usize,
    /// Seeds the hashes of flows. Unpredictable to senders of packets outside of tests.
    pub hash_seed: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_flows: 1 << 16,
            // Half of what may wait in the kernel: the rest is for what has not been looked at.
            max_held: 4096,
            // A window of 10 segments at the beginning (RFC 6928), and what a client sends at once.
            max_held_of_flow: 256,
            max_sessions: 1 << 16,
            memory_bytes: 64 << 20,
            hash_seed: 0,
        }
    }
}
