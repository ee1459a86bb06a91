//! A dead agent must not cost each session a deadline.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Counts deadlines that went by in a row. It takes no lock, so that a process may fork at any time.
#[derive(Debug, Default)]
pub struct Breaker {
    failures: AtomicU32,
    /// When one session tries again, in nanoseconds of the caller's clock.
    retry_at_ns: AtomicU64,
}

/// Whether a session waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Wait,
    /// It does not: those before it waited in vain.
    Tripped,
}

impl Breaker {
    /// One that nothing has gone wrong with.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: AtomicU32::new(0), retry_at_ns: AtomicU64::new(0) }
    }

    /// Whether a session is to wait. After `limit` failures in a row one is asked to try each `pause`. `now`
    /// is the time in nanoseconds of a clock that does not go back.
    pub fn admit(&self, limit: u32, pause: Duration, now_ns: u64) -> Admission {
        if limit == 0 || self.failures.load(Ordering::Relaxed) < limit {
            return Admission::Wait;
        }
        let retry_at = self.retry_at_ns.load(Ordering::Relaxed);
        let next = now_ns.saturating_add(nanoseconds(pause));
        let is_mine = now_ns >= retry_at
            && self
                .retry_at_ns
                .compare_exchange(retry_at, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_mine { Admission::Wait } else { Admission::Tripped }
    }

    /// A session has waited with success; whether the breaker was tripped before.
    pub fn succeed(&self, limit: u32) -> bool {
        let before = self.failures.swap(0, Ordering::Relaxed);
        limit > 0 && before >= limit
    }

    /// A session has waited in vain; whether that trips the breaker.
    pub fn fail(&self, limit: u32, pause: Duration, now_ns: u64) -> bool {
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        // As many failures in a row as the counter has room for would look like none.
        if before == u32::MAX {
            self.failures.store(u32::MAX, Ordering::Relaxed);
        }
        self.retry_at_ns.store(now_ns.saturating_add(nanoseconds(pause)), Ordering::Relaxed);
        limit > 0 && before.saturating_add(1) == limit
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
