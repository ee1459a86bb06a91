//! What is counted of a sink.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts of lines since the start. Where a number cannot be known it is left out, never guessed.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) queued: Count,
    pub(crate) delivered: Count,
    /// The receiver will never take them.
    pub(crate) rejected: Count,
    /// They made room in the queue.
    pub(crate) evicted: Count,
    /// They came faster than the disk took them.
    pub(crate) overrun: Count,
    /// The disk did not take them, or they are longer than the queue allows.
    pub(crate) not_kept: Count,
    /// Entries of the queue that cannot be read any more; each held lines.
    pub(crate) damaged_entries: Count,
    pub(crate) failures: Count,
    is_up: AtomicBool,
}

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

/// How a sink does.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkState {
    /// What it is called.
    pub name: String,
    /// What kind it is.
    pub kind: &'static str,
    /// Whether the receiver took what it was handed last.
    pub is_up: bool,
    /// Lines put into the queue.
    pub queued: u64,
    /// Lines that the receiver has taken; some may be counted twice that it was handed twice.
    pub delivered: u64,
    /// Lines lost, by reason.
    pub lost: [(&'static str, u64); 4],
    /// Entries of the queue that were damaged on the disk; each held lines.
    pub damaged_entries: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Bytes of the queue.
    pub queue_bytes: u64,
    /// For how long the oldest line waits, in seconds.
    pub lag_seconds: f64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            queued: Count::default(),
            delivered: Count::default(),
            rejected: Count::default(),
            evicted: Count::default(),
            overrun: Count::default(),
            not_kept: Count::default(),
            damaged_entries: Count::default(),
            failures: Count::default(),
            is_up: AtomicBool::new(true),
        }
    }
}

impl Meter {
    /// Takes note of whether the receiver works.
    pub(crate) fn set_up(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::Relaxed);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Lines that are lost, by reason.
    pub(crate) fn lost(&self) -> [(&'static str, u64); 4] {
        [
            ("evicted", self.evicted.value()),
            ("not_kept", self.not_kept.value()),
            ("overrun", self.overrun.value()),
            ("rejected", self.rejected.value()),
        ]
    }
}

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
