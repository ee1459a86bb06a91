//! From the kernel's clock to the calendar.

use event::Timestamp;

/// Where the clock of the machine's start is in the calendar.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Nanoseconds from 1970-01-01T00:00:00Z to the machine's start.
    start_ns: i64,
}

impl Clock {
    /// Reads the two clocks.
    #[cfg(target_os = "linux")]
    pub(crate) fn read() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        let nanos = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
        };
        Self { start_ns: nanos(ClockId::Realtime).saturating_sub(nanos(ClockId::Boottime)) }
    }

    /// A time of `CLOCK_BOOTTIME` in nanoseconds.
    pub(crate) fn at(self, boot_ns: u64) -> Timestamp {
        let since = i64::try_from(boot_ns).unwrap_or(i64::MAX);
        Timestamp::from_nanos(self.start_ns.saturating_add(since))
    }
}
