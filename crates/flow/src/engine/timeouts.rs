//! Flows that fall silent.

use std::ops::ControlFlow;

use super::Engine;
use crate::application::{Application, EndReason};
use crate::clock::Tick;
use crate::limits::Limits;
use crate::table::Phase;

/// How long a flow may be silent, by phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdleLimits {
    half_open: u32,
    active: u32,
    datagrams: u32,
    done: u32,
    linger: u32,
}

impl IdleLimits {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            half_open: Tick::count(limits.half_open_idle_ns),
            active: Tick::count(limits.active_idle_ns),
            datagrams: Tick::count(limits.datagram_idle_ns),
            done: Tick::count(limits.done_idle_ns),
            linger: Tick::count(limits.linger_ns),
        }
    }

    #[inline]
    pub(super) const fn of(&self, phase: Phase) -> u32 {
        match phase {
            Phase::HalfOpen => self.half_open,
            Phase::Active => self.active,
            Phase::Datagrams => self.datagrams,
            Phase::Done => self.done,
            Phase::Closing | Phase::Lingering => self.linger,
            Phase::Free => u32::MAX,
        }
    }
}

impl<A: Application> Engine<A> {
    /// Visits the slots that are due at `now`, a few of them for each tick of the clock.
    #[cold]
    pub(super) fn sweep(&mut self, now: Tick) {
        let slots = self.table.slot_count();
        let ticks = now.distance(self.swept) as usize;
        self.swept = now;
        let due = (slots.saturating_mul(ticks) / SWEEP_TICKS + 1).min(slots).min(MAX_SWEPT_SLOTS);
        for _ in 0..due {
            let slot = self.sweep_slot;
            self.sweep_slot = if slot as usize + 1 < slots { slot + 1 } else { 0 };
            self.visit(slot, now);
        }
    }

    /// Visits all slots.
    pub(super) fn sweep_all(&mut self, now: Tick) {
        self.swept = now;
        for slot in 0..u32::try_from(self.table.slot_count()).unwrap_or(u32::MAX) {
            self.visit(slot, now);
        }
    }

    /// Ends all flows at the end of the input.
    pub(super) fn end_all(&mut self) {
        let now = self.clock.tick();
        for slot in 0..u32::try_from(self.table.slot_count()).unwrap_or(u32::MAX) {
            let Some(entry) = self.table.get_mut(slot) else { return };
            let overdue = now.distance(entry.last_seen) > self.idle_limits.of(entry.phase);
            if entry.phase != Phase::Free {
                self.end(slot, if overdue { EndReason::Timeout } else { EndReason::EndOfInput });
                self.table.remove(slot);
            }
        }
    }

    #[inline]
    fn visit(&mut self, slot: u32, now: Tick) {
        let Some(entry) = self.table.get_mut(slot) else { return };
        match entry.phase {
            Phase::Free => {}
            phase if now.distance(entry.last_seen) > self.idle_limits.of(phase) => {
                self.end(slot, EndReason::Timeout);
                self.table.remove(slot);
            }
            Phase::Active | Phase::Closing => self.check_holes(slot),
            Phase::HalfOpen | Phase::Datagrams | Phase::Done | Phase::Lingering => {}
        }
    }

    fn check_holes(&mut self, slot: u32) {
        let Some(entry) = self.table.get_mut(slot) else { return };
        let Some(mut connection) = entry.connection.take() else { return };
        let checked = connection.check_holes(&mut self.context());
        let (held, held_before) = connection.account::<A>();
        self.connection_bytes = (self.connection_bytes + held).saturating_sub(held_before);
        if let Some(entry) = self.table.get_mut(slot) {
            entry.connection = Some(connection);
        }
        if let ControlFlow::Break(stop) = checked {
            self.stop(slot, stop);
        }
    }
}

/// Ticks in which a sweep visits every slot: about one second.
const SWEEP_TICKS: usize = 60;

/// Slots visited for one packet at most, so that a table that was large once does not make every
/// packet after a pause expensive.
const MAX_SWEPT_SLOTS: usize = 4096;
