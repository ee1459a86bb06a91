//! Key logs: the lines in which TLS libraries tell the secrets of sessions (RFC 9850).

mod entry;
mod reader;

pub(crate) use entry::MAX_LINE_OF_SECRET;
pub use entry::{KeyLogEntry, Label, LineError, dangerous_key_log_lines};
pub use reader::{KeyLogCounts, KeyLogReader};
