//! From the hash of a key to the slot that it is in.

/// From the hash of a key to the slot that it is in: an open-addressed table in which hash and slot
/// are side by side, so that a look-up waits for memory once before it sees the slot itself.
///
/// Whole hashes are compared. Two keys of those that meet in a table have the same one less than
/// once in 2⁶⁴ / 2²⁴ times, and nobody who does not know the hash's key can look for such two.
#[derive(Debug)]
pub(crate) struct SlotIndex {
    /// Probed one behind the other from a home that the hash tells; a power of two of them.
    buckets: Vec<Bucket>,
    len: usize,
}

/// A hash, and a slot plus 1; all 0 if it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    hash: u64,
    slot_plus_1: u32,
}

impl SlotIndex {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![Bucket::default(); MIN_BUCKETS], len: 0 }
    }

    /// Finds the slot that `is_it` says yes to, of those with `hash`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut place = self.home(hash);
        // A third of the buckets is empty, so this ends; the bound is for the reader.
        for _ in 0..self.buckets.len() {
            let bucket = self.buckets.get(place)?;
            let slot = bucket.slot()?;
            if bucket.hash == hash && is_it(slot) {
                return Some(slot);
            }
            place = self.behind(place);
        }
        None
    }

    /// Adds a slot that is not in the index.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32) {
        if (self.len + 1) * 3 > self.buckets.len() * 2 {
            self.grow();
        }
        self.put(Bucket { hash, slot_plus_1: slot.saturating_add(1) });
        self.len += 1;
    }

    /// Takes a slot out; tells whether it was in.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) -> bool {
        let wanted = Bucket { hash, slot_plus_1: slot.saturating_add(1) };
        let mut place = self.home(hash);
        for _ in 0..self.buckets.len() {
            match self.buckets.get(place) {
                Some(bucket) if *bucket == wanted => {
                    self.close(place);
                    self.len -= 1;
                    return true;
                }
                Some(bucket) if bucket.slot().is_some() => place = self.behind(place),
                Some(_) | None => return false,
            }
        }
        false
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Empties a bucket, and moves up those behind it that may be closer to their home.
    fn close(&mut self, place: usize) {
        let mask = self.mask();
        let (mut hole, mut place) = (place, place);
        for _ in 0..self.buckets.len() {
            place = self.behind(place);
            let Some(bucket) = self.buckets.get(place).copied() else { break };
            if bucket.slot().is_none() {
                break;
            }
            let from_home = place.wrapping_sub(self.home(bucket.hash)) & mask;
            let from_hole = place.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.set(hole, bucket);
                hole = place;
            }
        }
        self.set(hole, Bucket::default());
    }

    fn grow(&mut self) {
        let larger = vec![Bucket::default(); self.buckets.len().saturating_mul(2)];
        for bucket in std::mem::replace(&mut self.buckets, larger) {
            if bucket.slot().is_some() {
                self.put(bucket);
            }
        }
    }

    fn put(&mut self, bucket: Bucket) {
        let mut place = self.home(bucket.hash);
        while self.buckets.get(place).is_some_and(|bucket| bucket.slot().is_some()) {
            place = self.behind(place);
        }
        self.set(place, bucket);
    }

    fn set(&mut self, place: usize, bucket: Bucket) {
        if let Some(to) = self.buckets.get_mut(place) {
            *to = bucket;
        }
    }

    /// The bucket where the search for a hash begins: hashes in order are homes in order.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        let scaled = (hash >> 32).wrapping_mul(self.buckets.len() as u64) >> 32;
        usize::try_from(scaled).unwrap_or(0)
    }

    #[inline]
    const fn behind(&self, place: usize) -> usize {
        (place + 1) & self.mask()
    }

    #[inline]
    const fn mask(&self) -> usize {
        self.buckets.len() - 1
    }
}

impl Bucket {
    #[inline]
    const fn slot(self) -> Option<u32> {
        self.slot_plus_1.checked_sub(1)
    }
}

const MIN_BUCKETS: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_in_is_found_and_nothing_else(
            steps in prop::collection::vec((any::<bool>(), 0..40_u32, 0..6_u64), 0..400),
        ) {
            let mut index = SlotIndex::new();
            let mut model = HashMap::new();
            // Few hashes, at the end of the table, make long rows of buckets that wrap.
            let spread = |row: u64| u64::MAX - (row << 57);
            for (insert, slot, row) in steps {
                if insert && !model.contains_key(&slot) {
                    index.insert(spread(row), slot);
                    model.insert(slot, row);
                } else if let Some(row) = model.remove(&slot) {
                    prop_assert!(index.remove(spread(row), slot));
                    prop_assert!(!index.remove(spread(row), slot));
                }
                for slot in 0..40 {
                    let row = model.get(&slot).copied();
                    let found = index.find(spread(row.unwrap_or(0)), |other| other == slot);
                    prop_assert_eq!(found, row.map(|_| slot));
                }
                prop_assert_eq!(index.len(), model.len());
            }
        }
    }

    #[test]
    fn it_grows() {
        let hash = |slot: u32| u64::from(slot).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut index = SlotIndex::new();
        for slot in 0..10_000 {
            index.insert(hash(slot), slot);
        }
        for slot in 0..10_000 {
            assert_eq!(index.find(hash(slot), |_| true), Some(slot));
        }
        assert!(index.buckets.len() <= 32_768);
    }
}
