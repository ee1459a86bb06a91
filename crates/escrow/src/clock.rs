//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use event::Timestamp;

pub(crate) fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(wall_clock().as_nanos() / 1_000_000).unwrap_or_default()
}
