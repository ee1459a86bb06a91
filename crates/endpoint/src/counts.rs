//! What an agent has met.

use std::sync::atomic::{AtomicU64, Ordering};

use handover::Tallies;

/// What an agent has met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentCounts {
    /// Messages with secrets.
    pub messages: u64,
    /// Secrets in them.
    pub secrets: u64,
    /// Connections that were closed because what came was no message.
    pub malformed: u64,
    /// Connections that there was no room for.
    pub connections_refused: u64,
    /// Connections that were closed because their process did not read its answers.
    pub deaf: u64,
    /// What processes told of messages that did not come: they could not be sent,
    pub lost: u64,
    /// were not answered in time, and the session went on,
    pub opened: u64,
    /// or was aborted,
    pub aborted: u64,
    /// or it was aborted because others before had waited in vain,
    pub refused: u64,
    /// or no rule allows them.
    pub denied: u64,
}

/// The same, while it goes on.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) messages: AtomicU64,
    pub(crate) secrets: AtomicU64,
    pub(crate) malformed: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) deaf: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) opened: AtomicU64,
    pub(crate) aborted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) denied: AtomicU64,
}

impl Counters {
    pub(crate) fn add_tallies(&self, tallies: &Tallies) {
        let Tallies { lost, opened, aborted, refused, denied } = *tallies;
        for (counter, more) in [
            (&self.lost, lost),
            (&self.opened, opened),
            (&self.aborted, aborted),
            (&self.refused, refused),
            (&self.denied, denied),
        ] {
            add(counter, more.into());
        }
    }

    pub(crate) fn read(&self) -> AgentCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AgentCounts {
            messages: read(&self.messages),
            secrets: read(&self.secrets),
            malformed: read(&self.malformed),
            connections_refused: read(&self.connections_refused),
            deaf: read(&self.deaf),
            lost: read(&self.lost),
            opened: read(&self.opened),
            aborted: read(&self.aborted),
            refused: read(&self.refused),
            denied: read(&self.denied),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
