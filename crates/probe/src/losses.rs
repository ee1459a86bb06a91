//! What was not seen, in numbers.

/// What was not seen at the sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeLosses {
    /// Packets and processes that the ring had no room for.
    pub ring_full: u64,
    /// Packets whose headers the kernel's side could not read.
    pub packets_unreadable: u64,
    /// Records of the ring that made no sense.
    pub records_unreadable: u64,
    /// Packets that would have begun a connection or a flow, beyond what is told of these in a second.
    pub beginnings_over_limit: u64,
    /// Flows of datagrams that were not over when enough of them was copied.
    pub flows_cut_short: u64,
    /// Connections given up to stay within the bound on their number.
    pub connections_evicted: u64,
    /// Sessions whose process is not known.
    pub processes_unknown: u64,
    /// Processes whose command line neither the kernel's side nor `/proc` could read.
    pub command_lines_unknown: u64,
    /// Directories of cgroups that were removed while they were watched.
    pub cgroups_removed: u64,
}
