//! The dynamic table (RFC 7541 section 2.3.2), as far as it is known.

use std::collections::VecDeque;

use super::static_table::STATIC_TABLE;

/// What is known of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
}

/// The newest entries first. Older ones than it holds were inserted before anybody listened, or are
/// beyond its bound: they are there, but nothing is known of them.
#[derive(Debug)]
pub(super) struct DynamicTable {
    entries: VecDeque<Owned>,
    /// By the measure of RFC 7541 section 4.1.
    size: usize,
    max_size: usize,
}

#[derive(Debug)]
struct Owned {
    /// The name, then the value.
    bytes: Box<[u8]>,
    name_len: usize,
    is_name_known: bool,
}

impl DynamicTable {
    pub(super) const fn new(max_size: usize) -> Self {
        Self { entries: VecDeque::new(), size: 0, max_size }
    }

    /// The entry of an index that counts the static table first (section 2.3.3), or `None` for 0.
    pub(super) fn entry(&self, index: usize) -> Option<Entry<'_>> {
        let index = index.checked_sub(1)?;
        if let Some((name, value)) = STATIC_TABLE.get(index) {
            return Some(Entry { name: Some(name), value: Some(value) });
        }
        let owned = self.entries.get(index.saturating_sub(STATIC_TABLE.len()));
        Some(owned.map_or(Entry { name: None, value: None }, Owned::entry))
    }

    /// Puts an entry in front and drops the last ones that have no room.
    pub(super) fn insert(&mut self, name: Option<&[u8]>, value: &[u8]) {
        let known = name.unwrap_or_default();
        let size = known.len().saturating_add(value.len()).saturating_add(ENTRY_OVERHEAD);
        if size > self.max_size {
            // Section 4.4: it empties the table, and is no error.
            self.forget();
            return;
        }
        let bytes = [known, value].concat().into();
        let owned = Owned { bytes, name_len: known.len(), is_name_known: name.is_some() };
        self.size = self.size.saturating_add(size);
        self.entries.push_front(owned);
        self.evict();
    }

    /// The other side uses so much from here on.
    pub(super) fn resize(&mut self, max_size: usize) {
        self.max_size = max_size.min(MAX_SIZE);
        self.evict();
    }

    /// Nothing is known of the entries any longer.
    pub(super) fn forget(&mut self) {
        self.entries.clear();
        self.size = 0;
    }

    /// Bytes on the heap.
    pub(super) fn heap_size(&self) -> usize {
        self.size.saturating_add(self.entries.capacity().saturating_mul(size_of::<Owned>()))
    }

    fn evict(&mut self) {
        while self.size > self.max_size {
            let Some(oldest) = self.entries.pop_back() else { return };
            let size = oldest.bytes.len().saturating_add(ENTRY_OVERHEAD);
            self.size = self.size.saturating_sub(size);
        }
    }
}

impl Owned {
    fn entry(&self) -> Entry<'_> {
        let (name, value) = self.bytes.split_at_checked(self.name_len).unwrap_or((&[], &[]));
        Entry { name: self.is_name_known.then_some(name), value: Some(value) }
    }
}

/// The initial value of `SETTINGS_HEADER_TABLE_SIZE` (RFC 9113 section 6.5.2).
pub(super) const INITIAL_SIZE: usize = 4096;

/// Most that is kept of a table. Browsers and servers allow 4 to 64 KiB.
pub(super) const MAX_SIZE: usize = 64 << 10;

/// RFC 7541 section 4.1.
const ENTRY_OVERHEAD: usize = 32;
