//! Packets in batches.

use event::Timestamp;
use wire::Packet;

use super::Engine;
use super::flows::Found;
use crate::application::Application;
use crate::sighting::Sighting;

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
        for (place, (packet, Sighting(glance))) in batch.iter_mut().zip(packets) {
            *place = Some((packet, glance.map(|glance| self.hashed(&glance))));
            len += 1;
        }
        let batch = batch.get_mut(..len).unwrap_or_default();
        self.take_batch(batch);
        !batch.is_empty()
    }

    fn take_batch(&mut self, batch: &mut [Option<(Packet<'_>, Option<Found>)>]) {
        for (_, ahead) in batch.iter_mut().flatten() {
            if let Some(ahead) = ahead {
                ahead.slot = self.table.likely_slot(ahead.hash);
            }
        }
        for (_, ahead) in batch.iter().flatten() {
            let Some(ahead) = ahead else { continue };
            let entry = ahead.slot.and_then(|slot| self.table.get(slot));
            if let Some(connection) = entry.and_then(|entry| entry.connection.as_deref()) {
                connection.warm_up(ahead.sender);
            }
        }
        for (packet, ahead) in batch.iter().flatten() {
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
        if ahead.slot.is_some_and(|slot| self.table.holds(slot, &ahead.key)) {
            self.take_glanced(packet, ahead, time);
        } else {
            let slot = self.table.find(ahead.hash, &ahead.key);
            self.take_found(packet, &Found { slot, ..*ahead }, time);
        }
    }
}

/// Packets looked up together: enough that the waits for memory overlap, and few enough that what
/// was fetched is still in the first-level cache when its turn comes.
const BATCH: usize = 32;
