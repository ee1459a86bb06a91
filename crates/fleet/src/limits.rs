//! How much either side takes of the other.

use std::time::Duration;

/// Longest batch before compression, in bytes, that an agent makes; a server takes these at least. Some
/// thousand lines: enough for compression to find what lines have in common.
pub const MOST_LINES_LEN: u32 = 1 << 20;

/// Longest message to a server, in bytes: a batch that compression made no shorter, and what is around it.
pub const MOST_TO_SERVER: usize = MOST_LINES_LEN as usize + (64 << 10);

/// Longest message to an agent, in bytes: all policies of a server, of which the packs that come with the
/// program are a quarter of a megabyte.
pub const MOST_TO_AGENT: usize = 4 << 20;

/// The window that a server gives if it has no reason for another one: batches on their way unanswered.
pub const WINDOW: u32 = 32;

/// Largest window that an agent makes use of: it remembers each batch in it.
pub const MOST_WINDOW: u32 = 1024;

/// Longest request for a certificate, in bytes: one with a key of P-256 has some 250.
pub const MOST_REQUEST_LEN: usize = 4096;

/// Most labels of an agent, and longest key or value of one, in bytes.
pub const MOST_LABELS: usize = 32;
/// See [`MOST_LABELS`].
pub const MOST_LABEL_LEN: usize = 256;

/// How often an agent tells its status.
pub const STATUS_EVERY: Duration = Duration::from_secs(10);

/// How often an agent asks whether the connection is there (HTTP/2 PING), and how long it waits for the answer;
/// a server may do the same.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// See [`PING_EVERY`].
pub const PING_PATIENCE: Duration = Duration::from_secs(20);
