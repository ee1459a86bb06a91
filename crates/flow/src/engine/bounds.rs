//! Flows that must go because of a bound.

use super::Engine;
use crate::application::{Application, EndReason};
use crate::table::Phase;

impl<A: Application> Engine<A> {
    /// Makes room in the table: drops the flow that has been silent for longest, of a few.
    #[cold]
    pub(super) fn evict_flow(&mut self) {
        if let Some(slot) = self.oldest(|phase| phase != Phase::Free) {
            self.evict(slot);
        }
    }

    /// Gets back below the bound on memory: drops buffers without a stream, and then what is oldest,
    /// of a few, until it is.
    #[cold]
    pub(super) fn shrink(&mut self) {
        while self.held_bytes() > self.limits.max_buffered_bytes {
            if self.buffers.empty() {
                continue;
            }
            let fragments_are_most = self.fragments.held_bytes() > self.connection_bytes;
            if fragments_are_most && self.fragments.drop_oldest(&mut self.counters) {
                continue;
            }
            match self
                .oldest(|phase| !matches!(phase, Phase::Free | Phase::Done | Phase::Lingering))
            {
                Some(slot) => self.evict(slot),
                None => return,
            }
        }
    }

    fn evict(&mut self, slot: u32) {
        let Some(entry) = self.table.get_mut(slot) else { return };
        self.counters.flows_evicted += u64::from(entry.connection.is_some());
        self.end(slot, EndReason::Evicted);
        self.table.remove(slot);
    }

    /// Of the next few flows behind the hand whose phase is wanted, the one silent for longest.
    fn oldest(&mut self, wanted: impl Fn(Phase) -> bool) -> Option<u32> {
        let slots = self.table.slot_count();
        let now = self.clock.tick();
        let mut oldest: Option<(u32, u32)> = None;
        let mut candidates = 0;
        for _ in 0..slots {
            let slot = self.evict_slot;
            self.evict_slot = if slot as usize + 1 < slots { slot + 1 } else { 0 };
            let entry = self.table.get_mut(slot)?;
            if wanted(entry.phase) {
                let idle = now.distance(entry.last_seen);
                if oldest.is_none_or(|(_, longest)| idle > longest) {
                    oldest = Some((slot, idle));
                }
                candidates += 1;
                if candidates == MAX_CANDIDATES {
                    break;
                }
            }
        }
        oldest.map(|(slot, _)| slot)
    }
}

/// Flows compared for each that is evicted: with 16 the victim is among the oldest sixth nineteen
/// times of twenty.
const MAX_CANDIDATES: usize = 16;
