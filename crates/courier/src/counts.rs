//! What is to be told with the next message.

use std::sync::atomic::{AtomicU32, Ordering};

use handover::Tallies;

/// What became of messages since one was sent.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) lost: Count,
    pub(crate) opened: Count,
    pub(crate) aborted: Count,
    pub(crate) refused: Count,
    pub(crate) denied: Count,
    /// The process that they are of.
    pid: AtomicU32,
}

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU32);

impl Count {
    pub(crate) fn add(&self) {
        self.add_many(1);
    }

    fn add_many(&self, more: u32) {
        let sum = |before: u32| Some(before.saturating_add(more));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).ok();
    }

    fn take(&self) -> u32 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Counts {
    /// What a process counted is not told by its children again.
    pub(crate) fn begin_anew_after_fork(&self) {
        let own = std::process::id();
        if self.pid.swap(own, Ordering::Relaxed) != own {
            self.take();
        }
    }

    pub(crate) fn take(&self) -> Tallies {
        Tallies {
            lost: self.lost.take(),
            opened: self.opened.take(),
            aborted: self.aborted.take(),
            refused: self.refused.take(),
            denied: self.denied.take(),
        }
    }

    /// Keeps for the next message what was not sent.
    pub(crate) fn give_back(&self, tallies: Tallies) {
        let Tallies { lost, opened, aborted, refused, denied } = tallies;
        self.lost.add_many(lost);
        self.opened.add_many(opened);
        self.aborted.add_many(aborted);
        self.refused.add_many(refused);
        self.denied.add_many(denied);
    }
}
