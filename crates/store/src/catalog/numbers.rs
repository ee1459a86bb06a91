//! Values with numbers.

use std::hash::Hash;

use hashbrown::HashMap;

use super::DictionaryFull;

/// Values by key and by number. Numbers are used again when their value was removed.
pub(crate) struct Numbers<K, V> {
    slots: Vec<Option<(K, V)>>,
    numbers: HashMap<K, u32, foldhash::fast::RandomState>,
    free: Vec<u32>,
}

impl<K, V> Default for Numbers<K, V> {
    fn default() -> Self {
        Self { slots: Vec::new(), numbers: HashMap::default(), free: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Numbers<K, V> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// One more than the largest number.
    pub(crate) fn bound(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn number<Q>(&self, key: &Q) -> Option<u32>
    where
        Q: Hash + hashbrown::Equivalent<K> + ?Sized,
    {
        self.numbers.get(key).copied()
    }

    pub(crate) fn value(&self, number: u32) -> Option<&V> {
        let slot = self.slots.get(usize::try_from(number).ok()?)?;
        slot.as_ref().map(|(_, value)| value)
    }

    pub(crate) fn value_mut(&mut self, number: u32) -> Option<&mut V> {
        let slot = self.slots.get_mut(usize::try_from(number).ok()?)?;
        slot.as_mut().map(|(_, value)| value)
    }

    /// All, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &V)> {
        let slots = self.slots.iter().zip(0_u32..);
        slots.filter_map(|(slot, number)| slot.as_ref().map(|(_, value)| (number, value)))
    }

    /// Gives a key that is not known a number.
    pub(super) fn add(&mut self, key: K, value: V, limit: usize) -> Result<u32, DictionaryFull> {
        if self.numbers.len() >= limit {
            return Err(DictionaryFull);
        }
        let number = match self.free.pop() {
            Some(number) => number,
            None => u32::try_from(self.slots.len()).map_err(|_error| DictionaryFull)?,
        };
        self.place(number, key, value);
        Ok(number)
    }

    /// Puts back a value under its number, which is one that this gave.
    pub(crate) fn restore(&mut self, number: u32, key: K, value: V) {
        self.place(number, key, value);
    }

    /// Makes all numbers free that were skipped by [`Self::restore`].
    pub(crate) fn find_free(&mut self) {
        let slots = self.slots.iter().zip(0_u32..);
        self.free = slots.filter(|(slot, _)| slot.is_none()).map(|(_, number)| number).collect();
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<(K, V)> {
        let slot = self.slots.get_mut(usize::try_from(number).ok()?)?;
        let (key, value) = slot.take()?;
        self.numbers.remove(&key);
        self.free.push(number);
        Some((key, value))
    }

    fn place(&mut self, number: u32, key: K, value: V) {
        let Ok(index) = usize::try_from(number) else { return };
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Some((key.clone(), value));
            self.numbers.insert(key, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_again_when_its_value_is_gone_and_a_full_dictionary_says_so() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.add("a", 1, 2), Ok(0));
        assert_eq!(numbers.add("b", 2, 2), Ok(1));
        assert_eq!(numbers.add("c", 3, 2), Err(DictionaryFull));
        assert_eq!(numbers.remove(0), Some(("a", 1)));
        assert_eq!((numbers.number("a"), numbers.value(0), numbers.len()), (None, None, 1));
        assert_eq!(numbers.add("c", 3, 2), Ok(0));
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [(0, &3), (1, &2)]);
    }

    #[test]
    fn what_was_loaded_keeps_its_number_and_gaps_are_filled() {
        let mut numbers = Numbers::default();
        numbers.restore(2, "c", 3);
        numbers.find_free();
        let given = [numbers.add("a", 1, 9), numbers.add("b", 2, 9), numbers.add("d", 4, 9)];
        let mut given = given.map(Result::unwrap);
        given.sort_unstable();
        assert_eq!(given, [0, 1, 3]);
        assert_eq!(numbers.number("c"), Some(2));
    }
}
