//! Packets in batches.

use event::Timestamp;
use wire::Packet;

use super::Engine;
use super::flows::Found;
use crate::application::Application;
use crate::decap::glance;

impl<A: Application> Engine<A> {
    /// Takes packets in their order, as [`Self::handle_packet`] would one by one.
    ///
    /// The look-ups of a batch wait for memory together, each step of them for all packets before
    /// the next step. That pays where many flows are followed at once, so that the table is larger
    /// than the caches; few flows cost the same either way.
    pub fn handle_batch(&mut self, packets: &[Packet<'_>]) {
        for batch in packets.chunks(BATCH) {
            self.take_batch(batch);
        }
    }

    fn take_batch(&mut self, packets: &[Packet<'_>]) {
        let mut batch = [const { None }; BATCH];
        for (ahead, packet) in batch.iter_mut().zip(packets) {
            *ahead = glance(packet).map(|glance| self.hashed(&glance));
        }
        for ahead in batch.iter_mut().flatten() {
            ahead.slot = self.table.likely_slot(ahead.hash);
        }
        for ahead in batch.iter().flatten() {
            let entry = ahead.slot.and_then(|slot| self.table.get(slot));
            if let Some(connection) = entry.and_then(|entry| entry.connection.as_deref()) {
                connection.warm_up(ahead.sender);
            }
        }
        for (ahead, packet) in batch.iter().zip(packets) {
            let time = self.note_packet(packet);
            match ahead {
                Some(ahead) => self.take_looked_up(packet, ahead, time),
                None => self.take_any(packet, time),
            }
        }
    }

    /// Takes a packet whose flow is likely to be where it was found ahead of its turn.
    #[inline]
    fn take_looked_up(&mut self, packet: &Packet<'_>, ahead: &Found, time: Timestamp) {
        let found = match ahead.slot {
            Some(slot) if self.table.holds(slot, &ahead.key) => *ahead,
            Some(_) | None => Found { slot: self.table.find(ahead.hash, &ahead.key), ..*ahead },
        };
        self.take_glanced(packet, &found, time);
    }
}

/// Packets looked up together: enough that the waits for memory overlap, and few enough that what
/// was fetched is still in the first-level cache when its turn comes.
const BATCH: usize = 32;
