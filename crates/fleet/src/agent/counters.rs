//! What became of what was handed in, and how the connection does.

use event::Timestamp;

/// Counters of an uplink, from its start on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UplinkCounters {
    /// Sessions that the lines handed in stand for.
    pub taken_sessions: u64,
    /// Those whose lines found no room in memory: the disk is too slow, or a line is longer than any may be.
    pub dropped_sessions: u64,
    /// Those that the disk did not take.
    pub unspooled_sessions: u64,
    /// Those that were sent, once for each time.
    pub sent_sessions: u64,
    /// Batches that were sent, once for each time.
    pub sent_batches: u64,
    /// Their bytes, compressed.
    pub sent_bytes: u64,
    /// Batches that the server keeps.
    pub kept_batches: u64,
    /// Sessions in them.
    pub kept_sessions: u64,
    /// Lines in them that made no sense to the server.
    pub rejected_lines: u64,
    /// Batches that the server never takes, or that are longer than it takes.
    pub refused_batches: u64,
    /// Sessions in them.
    pub refused_sessions: u64,
    /// Batches that made room in the spool for others.
    pub evicted_batches: u64,
    /// Sessions in them.
    pub evicted_sessions: u64,
    /// Batches that the disk did not keep as they were.
    pub damaged_batches: u64,
    /// Sessions in them, where that is known.
    pub damaged_sessions: u64,
    /// Times that the server asked for something later.
    pub postponed: u64,
    /// Connections on which a server said welcome.
    pub connections: u64,
    /// Attempts to connect that failed, and connections that a server did not welcome.
    pub failed_attempts: u64,
    /// Connections that ended because the server said what it may not.
    pub improper: u64,
    /// Certificates that were issued to this process, the first one too.
    pub certificates: u64,
}

/// What waits, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Batches in the spool.
    pub batches: u64,
    /// Bytes of the spool on the disk.
    pub bytes: u64,
    /// When the oldest of them was made; none if nothing waits.
    pub since: Option<Timestamp>,
}

/// How it stands with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// There is no connection: why, once one was tried.
    Down(Option<String>),
    /// The server does not let this agent in, and says why. What is seen is spooled all the same.
    Refused(String),
    /// It is there.
    Up {
        /// The server, as the settings name it.
        server: String,
        /// What it calls this agent.
        agent: String,
        /// How far its clock is ahead of ours, in nanoseconds.
        clock_ahead: i64,
    },
}
