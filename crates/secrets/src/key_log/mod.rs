//! Key logs: the lines in which TLS libraries tell the secrets of sessions (RFC 9850).

mod entry;
mod reader;

pub use entry::{KeyLogEntry, Label, LineError};
pub use reader::{KeyLogCounts, KeyLogReader};
