//! What a service counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceCounters {
    /// What agents delivered.
    pub deliveries: u64,
    /// Records in it for the archive.
    pub archive_records: u64,
    /// Records in it for monitors.
    pub live_records: u64,
    /// Deliveries that did not come to all monitors that they were for.
    pub live_missed: u64,
    /// Sessions that agents told as open, aborted or lost.
    pub incident_sessions: u64,
    /// Times that the disk failed.
    pub disk_failures: u64,
    /// Connections that were refused or cut, by cause.
    pub refused: BTreeMap<&'static str, u64>,
}

#[derive(Default)]
pub(super) struct Counting {
    pub(super) deliveries: AtomicU64,
    pub(super) archive_records: AtomicU64,
    pub(super) live_records: AtomicU64,
    pub(super) live_missed: AtomicU64,
    pub(super) incident_sessions: AtomicU64,
    disk_failures: Arc<AtomicU64>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counting {
    pub(super) fn counters(&self) -> ServiceCounters {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServiceCounters {
            deliveries: of(&self.deliveries),
            archive_records: of(&self.archive_records),
            live_records: of(&self.live_records),
            live_missed: of(&self.live_missed),
            incident_sessions: of(&self.incident_sessions),
            disk_failures: of(&self.disk_failures),
            refused: self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn disk_failures(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.disk_failures)
    }

    pub(super) fn refuse(&self, cause: &'static str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let count = refused.entry(cause).or_default();
        *count = count.saturating_add(1);
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
