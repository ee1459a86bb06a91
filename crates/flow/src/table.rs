//! The flow table.

use wire::SeqNumber;

use crate::clock::Tick;
use crate::hash::KeyedHash;
use crate::key::{FlowKey, Sender};
use crate::slot_index::SlotIndex;

/// The flows of an engine, found by key in constant time and visited by slot.
#[derive(Debug)]
pub(crate) struct Table<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    slots: SlotIndex,
    hash: KeyedHash,
    changes: u64,
}

/// What every packet of a flow needs, in one cache line.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Entry<T> {
    pub(crate) key: FlowKey,
    pub(crate) connection: Option<Box<T>>,
    initial: [SeqNumber; 2],
    pub(crate) last_seen: Tick,
    pub(crate) phase: Phase,
    marks: u8,
    /// Packets since nobody looks at them, modulo 256.
    unwanted: u8,
}

/// What a flow is waiting for, which tells how long it may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No flow is in the slot.
    Free,
    /// TCP without payload so far.
    HalfOpen,
    /// TCP that the application follows.
    Active,
    /// TCP that both sides have closed, but for bytes that are missing.
    Closing,
    /// UDP that the application follows.
    Datagrams,
    /// The application wants no more of it.
    Done,
    /// It has ended, and late packets are swallowed.
    Lingering,
}

/// How a SYN relates to the SYNs that were seen of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SynKind {
    First,
    Repeated,
    Other,
}

impl<T> Table<T> {
    /// An empty table, which grows as flows are inserted.
    pub(crate) fn new(hash: KeyedHash) -> Self {
        Self { entries: Vec::new(), free: Vec::new(), slots: SlotIndex::new(), hash, changes: 0 }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &FlowKey) -> u64 {
        key.hash(&self.hash)
    }

    /// The slot of the flow with `key`, whose hash is `hash`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &FlowKey) -> Option<u32> {
        self.slots.find(hash, |slot| self.holds(slot, key))
    }

    /// The slot of the flow whose key has `hash`. The flows themselves are not looked at.
    #[inline]
    pub(crate) fn find_by_hash(&self, hash: u64) -> Option<u32> {
        self.slots.find(hash, |_| true)
    }

    #[inline]
    fn holds(&self, slot: u32, key: &FlowKey) -> bool {
        self.get(slot).is_some_and(|entry| entry.key == *key && entry.phase != Phase::Free)
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Entry<T>> {
        self.entries.get(slot as usize)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry<T>> {
        self.entries.get_mut(slot as usize)
    }

    /// Adds a flow that is not in the table; `hash` is that of its key.
    pub(crate) fn insert(&mut self, hash: u64, entry: Entry<T>) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.entries.get_mut(slot as usize) {
                    *place = entry;
                }
                slot
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.slots.insert(hash, slot);
        self.changes += 1;
        slot
    }

    /// Takes a flow out of the table.
    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(entry) = self.entries.get_mut(slot as usize) else { return };
        entry.phase = Phase::Free;
        entry.connection = None;
        let hash = entry.key.hash(&self.hash);
        if self.slots.remove(hash, slot) {
            self.changes += 1;
            self.free.push(slot);
        }
    }

    /// How often a flow was added or taken out: as long as it is the same, flows are where they were.
    #[inline]
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Flows in the table.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Slots, those without a flow included.
    #[inline]
    pub(crate) const fn slot_count(&self) -> usize {
        self.entries.len()
    }
}

impl<T> Entry<T> {
    pub(crate) const fn new(key: FlowKey, connection: Box<T>, phase: Phase, now: Tick) -> Self {
        let initial = [SeqNumber(0); 2];
        Self {
            key,
            connection: Some(connection),
            initial,
            last_seen: now,
            phase,
            marks: 0,
            unwanted: 0,
        }
    }

    /// Notes a packet that nobody looks at, and tells whether it shows that many come; once more
    /// every 256 packets, for whoever could not make use of it.
    #[inline]
    pub(crate) const fn note_unwanted(&mut self) -> bool {
        self.unwanted = self.unwanted.wrapping_add(1);
        self.unwanted == MANY
    }

    /// Notes the initial sequence number of a SYN, unless another one is known.
    pub(crate) const fn note_syn(&mut self, sender: Sender, sequence: SeqNumber) -> SynKind {
        let [low, high] = &mut self.initial;
        let (initial, mark) = match sender {
            Sender::Low => (low, SYN_FROM_LOW),
            Sender::High => (high, SYN_FROM_HIGH),
        };
        if self.marks & mark == 0 {
            *initial = sequence;
            self.marks |= mark;
            SynKind::First
        } else if initial.0 == sequence.0 {
            SynKind::Repeated
        } else {
            SynKind::Other
        }
    }

    /// The initial sequence number of a side, if its SYN was seen.
    pub(crate) const fn initial(&self, sender: Sender) -> Option<SeqNumber> {
        let [low, high] = self.initial;
        match sender {
            Sender::Low if self.marks & SYN_FROM_LOW != 0 => Some(low),
            Sender::High if self.marks & SYN_FROM_HIGH != 0 => Some(high),
            Sender::Low | Sender::High => None,
        }
    }

    /// Notes a FIN; tells whether both sides have sent one.
    pub(crate) const fn note_fin(&mut self, sender: Sender) -> bool {
        self.marks |= match sender {
            Sender::Low => FIN_FROM_LOW,
            Sender::High => FIN_FROM_HIGH,
        };
        self.marks & (FIN_FROM_LOW | FIN_FROM_HIGH) == FIN_FROM_LOW | FIN_FROM_HIGH
    }
}

/// Packets that nobody looks at, after which more are expected: more than end a short connection.
const MANY: u8 = 16;

const SYN_FROM_LOW: u8 = 1;
const SYN_FROM_HIGH: u8 = 2;
const FIN_FROM_LOW: u8 = 4;
const FIN_FROM_HIGH: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_cache_line() {
        assert_eq!(size_of::<Entry<[u8; 1000]>>(), 64);
    }
}
