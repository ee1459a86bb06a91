//! Packets in batches.

use event::Timestamp;
use wire::Packet;

use super::Engine;
use crate::application::Application;
use crate::sighting::Sighting;
use crate::table::Phase;

/// A packet whose turn is to come.
struct Ahead<'p> {
    packet: Packet<'p>,
    sighting: Sighting,
    slot: Option<u32>,
}

impl<A: Application> Engine<A> {
    /// Takes some of the packets in their order, at most 32, as [`Self::handle_packet`] would one
    /// by one, and tells whether there were any.
    ///
    /// The look-ups of a batch wait for memory together, each step of them for all packets before
    /// the next step.
    #[inline]
    pub fn handle_some<'p>(
        &mut self,
        packets: &mut impl Iterator<Item = (Packet<'p>, Sighting)>,
    ) -> bool {
        let mut batch = [const { None }; BATCH];
        let mut len = 0;
        for (place, (packet, sighting)) in batch.iter_mut().zip(packets) {
            *place = Some(Ahead { packet, sighting, slot: None });
            len += 1;
        }
        let batch = batch.get_mut(..len).unwrap_or_default();
        self.take_batch(batch);
        !batch.is_empty()
    }

    fn take_batch(&mut self, batch: &mut [Option<Ahead<'_>>]) {
        for ahead in batch.iter_mut().flatten() {
            ahead.slot = self.table.find_by_hash(ahead.sighting.hash);
        }
        for ahead in batch.iter().flatten() {
            let entry = ahead.slot.and_then(|slot| self.table.get(slot));
            if let Some(connection) = entry.and_then(|entry| entry.connection.as_deref()) {
                connection.warm_up(ahead.sighting.sender());
            }
        }
        let found_at = self.table.changes();
        for Ahead { packet, sighting, slot } in batch.iter().flatten() {
            let time = self.note_packet(packet);
            let slot = if self.table.changes() == found_at {
                *slot
            } else {
                self.table.find_by_hash(sighting.hash)
            };
            self.take_sighted(packet, *sighting, slot, time);
        }
    }

    /// Takes a packet that has been sighted: one of a flow that is done costs no more.
    #[inline]
    pub(super) fn take_sighted(
        &mut self,
        packet: &Packet<'_>,
        sighting: Sighting,
        slot: Option<u32>,
        time: Timestamp,
    ) {
        let now = self.clock.tick();
        if sighting.is_plain()
            && let Some(entry) = slot.and_then(|slot| self.table.get_mut(slot))
            && matches!(entry.phase, Phase::Done | Phase::Lingering)
            && now.distance(entry.last_seen) <= self.idle_limits.of(entry.phase)
        {
            entry.last_seen = now;
            if entry.note_unwanted() {
                self.bulk.note(&entry.key);
            }
            return;
        }
        self.take_any(packet, time);
    }
}

/// Packets looked up together: enough that the waits for memory overlap, and few enough that what
/// was fetched is still in the first-level cache when its turn comes.
const BATCH: usize = 32;
