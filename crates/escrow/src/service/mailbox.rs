//! What others have for the thread of an agent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::wire::Wake;

/// How far an agent's deliveries have come.
#[derive(Debug)]
pub(super) struct Mailbox {
    durable: AtomicU64,
    has_failed: AtomicBool,
    live: Mutex<Live>,
    pub(super) wake: Arc<Wake>,
}

/// Deliveries that are on their way to monitors.
#[derive(Debug, Default)]
struct Live {
    /// Of those in front of the first that is on its way, the last.
    done: u64,
    on_their_way: VecDeque<OnItsWay>,
    missed: Vec<u64>,
}

#[derive(Debug)]
struct OnItsWay {
    sequence: u64,
    /// Records that monitors did not take yet.
    records: usize,
    is_missed: bool,
}

impl Mailbox {
    pub(super) fn new(wake: Arc<Wake>) -> Self {
        Self {
            durable: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            live: Mutex::default(),
            wake,
        }
    }

    /// Deliveries up to this one are on the disk, or could not be written.
    pub(super) fn stored(&self, sequence: u64, is_stored: bool) {
        if is_stored {
            self.durable.fetch_max(sequence, Ordering::AcqRel);
        } else {
            self.has_failed.store(true, Ordering::Release);
        }
        self.wake.set();
    }

    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// A delivery sets out with so many records, or is missed by monitors that it is for.
    pub(super) fn set_out(&self, sequence: u64, records: usize, is_missed: bool) {
        let mut live = self.live();
        live.on_their_way.push_back(OnItsWay { sequence, records, is_missed });
        live.advance();
    }

    /// A monitor took a record of a delivery, or will not.
    pub(super) fn arrived(&self, sequence: u64, is_taken: bool) {
        let mut live = self.live();
        let found = live.on_their_way.binary_search_by_key(&sequence, |it| it.sequence);
        if let Some(delivery) = found.ok().and_then(|at| live.on_their_way.get_mut(at)) {
            delivery.records = delivery.records.saturating_sub(1);
            delivery.is_missed |= !is_taken;
        }
        live.advance();
        drop(live);
        self.wake.set();
    }

    /// How far deliveries have come to monitors, and which have been missed since this was asked.
    pub(super) fn take_live(&self) -> (u64, Vec<u64>) {
        let mut live = self.live();
        (live.done, std::mem::take(&mut live.missed))
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn advance(&mut self) {
        while let Some(first) = self.on_their_way.front().filter(|first| first.records == 0) {
            if first.is_missed {
                self.missed.push(first.sequence);
            }
            self.done = first.sequence;
            self.on_their_way.pop_front();
        }
    }
}
