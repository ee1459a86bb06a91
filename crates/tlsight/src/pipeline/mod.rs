//! Packets to lines: analysis, filter, output and counts, by one worker or by several.

mod captures_shared;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use event::TlsEvent;
use flow::Counters;
use probe::LeftInKernel;

use crate::filter::Filter;
use crate::output::{Printer, Tally};

pub(crate) use captures_shared::read_with_workers;
pub(crate) use worker::Worker;

/// Is told of each session that is reported.
pub(crate) trait Observer: Send + Sync {
    /// Takes note of a session; whether it is to have a line of its own.
    fn session(&self, event: &TlsEvent) -> bool;
}

/// What all workers of a run share.
pub(crate) struct Run {
    /// Which sessions are reported.
    pub(crate) filter: Filter,
    /// Where they go.
    pub(crate) printer: Printer,
    /// Whether lines are written as soon as they are known, and not in large pieces.
    pub(crate) is_prompt: bool,
    /// Set when the run is to end early.
    pub(crate) stop: Arc<AtomicBool>,
    /// Who else is told of each session.
    observer: Option<Arc<dyn Observer>>,
    /// How many sessions may yet be reported.
    remaining: AtomicU64,
}

impl Run {
    /// A run that reports at most `limit` sessions.
    pub(crate) fn new(
        filter: Filter,
        printer: Printer,
        is_prompt: bool,
        stop: Arc<AtomicBool>,
        limit: Option<u64>,
    ) -> Self {
        let remaining = AtomicU64::new(limit.unwrap_or(u64::MAX));
        Self { filter, printer, is_prompt, stop, observer: None, remaining }
    }

    /// The same, which tells an observer of each session.
    pub(crate) fn observed(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Whether the run is to end early.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the run was told to end before it had reported what it was to report.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_stopped() && self.remaining.load(Ordering::Relaxed) > 0
    }

    /// Ends the run early.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether a session is to have a line of its own; the observer is told of it.
    fn is_line(&self, event: &TlsEvent) -> bool {
        self.observer.as_ref().is_none_or(|observer| observer.session(event))
    }

    /// Takes one from the number of sessions that may be reported, if there are any left.
    fn take_one(&self) -> bool {
        let taken = self
            .remaining
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if matches!(taken, Err(0) | Ok(1)) {
            self.stop();
        }
        taken.is_ok()
    }
}

/// What a worker has counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// The sessions reported.
    pub(crate) tally: Tally,
    /// What was looked at, and lost.
    pub(crate) counters: Counters,
    /// What was not looked at, because nobody wanted more of its flows.
    pub(crate) left_in_kernel: LeftInKernel,
}

impl Counted {
    /// Adds what another worker counted.
    pub(crate) fn merge(&mut self, other: Self) {
        self.tally.merge(other.tally);
        self.counters += &other.counters;
    }
}

/// Adds up what workers counted, or gives the first error of one.
pub(crate) fn merge(results: impl IntoIterator<Item = io::Result<Counted>>) -> io::Result<Counted> {
    let mut sum = Counted::default();
    for result in results {
        sum.merge(result?);
    }
    Ok(sum)
}
