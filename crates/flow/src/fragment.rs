//! IP datagrams put together from fragments.

use std::collections::VecDeque;

use hashbrown::HashTable;
use wire::IpProtocol;

use crate::clock::Tick;
use crate::counters::Counters;
use crate::decap::{Fragment, Resume};
use crate::hash::KeyedHash;
use crate::key::{Address, Tag};
use crate::pieces::{Overlap, Pieces};

/// The incomplete datagrams of an engine.
#[derive(Debug)]
pub(crate) struct Fragments {
    datagrams: HashTable<Datagram>,
    /// Keys and times of the datagrams by age; those that are complete are still among them.
    by_age: VecDeque<(FragmentKey, Tick)>,
    hash: KeyedHash,
    held_bytes: usize,
    max_bytes: usize,
}

/// A datagram that has all of its bytes.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) payload: Vec<u8>,
    pub(crate) resume: Resume,
    /// Whether there were overlapping fragments with different bytes.
    pub(crate) contradictory: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FragmentKey {
    source: Address,
    destination: Address,
    tag: Tag,
    identification: u32,
    protocol: Option<IpProtocol>,
}

#[derive(Debug)]
struct Datagram {
    key: FragmentKey,
    started: Tick,
    pieces: Pieces,
    fragments: u64,
    len: Option<usize>,
    highest_end: usize,
    resume: Resume,
    contradictory: bool,
}

impl Fragments {
    pub(crate) fn new(hash: KeyedHash, max_bytes: usize) -> Self {
        let (datagrams, by_age) = (HashTable::new(), VecDeque::new());
        Self { datagrams, by_age, hash, held_bytes: 0, max_bytes }
    }

    /// Heap bytes that the incomplete datagrams take.
    #[inline]
    pub(crate) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Takes a fragment, and gives the datagram that it completes.
    pub(crate) fn insert(
        &mut self,
        fragment: &Fragment<'_>,
        now: Tick,
        counters: &mut Counters,
    ) -> Option<Whole> {
        if fragment.missing > 0 {
            counters.fragments_truncated += 1;
            return None;
        }
        if !is_possible(fragment) {
            counters.fragments_malformed += 1;
            return None;
        }
        self.expire(now, counters);
        let key = FragmentKey::new(fragment);
        let hash = key.hash(&self.hash);
        if self.datagrams.find(hash, |datagram| datagram.key == key).is_none() {
            self.begin(hash, key, fragment.resume, now);
        }
        let mut entry = self.datagrams.find_entry(hash, |datagram| datagram.key == key).ok()?;
        let datagram = entry.get_mut();
        let held_before = datagram.held_bytes();
        let fits = datagram.add(fragment, counters);
        let held = datagram.held_bytes();
        self.held_bytes = self.held_bytes.saturating_add(held).saturating_sub(held_before);
        if !fits {
            counters.fragments_over_limit += datagram.fragments;
        }
        let whole = fits.then(|| datagram.take_whole()).flatten();
        if whole.is_some() || !fits {
            entry.remove();
            self.held_bytes = self.held_bytes.saturating_sub(held);
        }
        while self.held_bytes > self.max_bytes && self.drop_oldest(counters) {}
        whole.inspect(|_| counters.datagrams_reassembled += 1)
    }

    /// Drops the oldest datagram because of a bound; tells whether there was one.
    pub(crate) fn drop_oldest(&mut self, counters: &mut Counters) -> bool {
        while let Some((key, started)) = self.by_age.pop_front() {
            if let Some(fragments) = self.remove(&key, started) {
                counters.fragments_over_limit += fragments;
                return true;
            }
        }
        false
    }

    /// Drops the datagrams that have waited for too long.
    pub(crate) fn expire(&mut self, now: Tick, counters: &mut Counters) {
        let limit = Tick::count(TIMEOUT_NS);
        while let Some((key, started)) = self.by_age.front().copied() {
            if now.distance(started) <= limit {
                return;
            }
            self.by_age.pop_front();
            counters.fragments_timed_out += self.remove(&key, started).unwrap_or(0);
        }
    }

    /// Drops all datagrams at the end of the input.
    pub(crate) fn finish(&mut self, counters: &mut Counters) {
        let fragments: u64 = self.datagrams.iter().map(|datagram| datagram.fragments).sum();
        counters.fragments_timed_out += fragments;
        self.datagrams.clear();
        self.by_age.clear();
        self.held_bytes = 0;
    }

    fn begin(&mut self, hash: u64, key: FragmentKey, resume: Resume, now: Tick) {
        // Keys of complete datagrams are dropped when they are half of all, so that their number
        // stays in proportion to the bound on memory.
        if self.by_age.len() > MIN_KEYS.max(self.datagrams.len() * 2) {
            let (datagrams, keyed) = (&self.datagrams, &self.hash);
            self.by_age.retain(|(key, started)| {
                let found = datagrams.find(key.hash(keyed), |datagram| datagram.key == *key);
                found.is_some_and(|datagram| datagram.started == *started)
            });
        }
        let datagram = Datagram {
            key,
            started: now,
            pieces: Pieces::default(),
            fragments: 0,
            len: None,
            highest_end: 0,
            resume,
            contradictory: false,
        };
        self.held_bytes += datagram.held_bytes();
        let keyed = self.hash;
        self.datagrams.insert_unique(hash, datagram, |datagram| datagram.key.hash(&keyed));
        self.by_age.push_back((key, now));
    }

    fn remove(&mut self, key: &FragmentKey, started: Tick) -> Option<u64> {
        let hash = key.hash(&self.hash);
        let entry = self
            .datagrams
            .find_entry(hash, |datagram| datagram.key == *key && datagram.started == started)
            .ok()?;
        let (datagram, _) = entry.remove();
        self.held_bytes = self.held_bytes.saturating_sub(datagram.held_bytes());
        Some(datagram.fragments)
    }
}

impl Datagram {
    /// Adds a fragment; tells whether the datagram is still within its bounds.
    fn add(&mut self, fragment: &Fragment<'_>, counters: &mut Counters) -> bool {
        self.fragments += 1;
        let start = usize::from(fragment.range.offset);
        let end = start + fragment.payload.len();
        let is_last = !fragment.range.more;
        let contradicts = match self.len {
            Some(len) => end > len || (is_last && end != len),
            None => is_last && end < self.highest_end,
        };
        if contradicts {
            counters.fragments_malformed += 1;
            return true;
        }
        self.highest_end = self.highest_end.max(end);
        if is_last {
            self.len = Some(end);
        }
        // RFC 8200 section 4.5: what follows is told by the first fragment.
        if start == 0 {
            self.resume = fragment.resume;
        }
        match self.pieces.insert(u64::from(fragment.range.offset), fragment.payload) {
            Overlap::None => {}
            Overlap::SameBytes => counters.fragments_overlapping += 1,
            Overlap::OtherBytes => {
                counters.fragments_overlapping += 1;
                self.contradictory = true;
            }
        }
        self.pieces.count() <= MAX_PIECES
    }

    fn take_whole(&mut self) -> Option<Whole> {
        let len = self.len?;
        // No piece overlaps another or goes past the end, so as many bytes are all bytes.
        if self.pieces.buffered_bytes() != len {
            return None;
        }
        let mut payload = Vec::with_capacity(len);
        while let Some(piece) = self.pieces.take_at(payload.len() as u64) {
            payload.extend_from_slice(&piece);
        }
        Some(Whole { payload, resume: self.resume, contradictory: self.contradictory })
    }

    const fn held_bytes(&self) -> usize {
        size_of::<Self>() + size_of::<(FragmentKey, Tick)>() + self.pieces.heap_size()
    }
}

impl FragmentKey {
    const fn new(fragment: &Fragment<'_>) -> Self {
        Self {
            source: fragment.source,
            destination: fragment.destination,
            tag: fragment.tag,
            identification: fragment.identification,
            protocol: fragment.protocol,
        }
    }

    fn hash(&self, hash: &KeyedHash) -> u64 {
        let (Address([a, b]), Address([c, d])) = (self.source, self.destination);
        let protocol = self.protocol.map_or(0, |protocol| u64::from(protocol.0) << 32);
        hash.words([a, b, c, d, protocol | u64::from(self.identification)])
    }
}

/// Whether it may be part of a datagram: all but the last have a length in units of 8 bytes, and
/// none goes past the longest datagram there is.
fn is_possible(fragment: &Fragment<'_>) -> bool {
    let len = fragment.payload.len();
    let end = usize::from(fragment.range.offset) + len;
    len > 0 && end <= MAX_DATAGRAM_LEN && (!fragment.range.more || len.is_multiple_of(8))
}

/// The longest payload that a length field of 16 bits allows.
const MAX_DATAGRAM_LEN: usize = 65_535;

/// Pieces of a datagram that do not touch each other: the longest datagram over a link of 576 bytes
/// has 119 fragments, of which every other one may come late.
const MAX_PIECES: usize = 64;

/// Keys by age that are never worth a clean-up.
const MIN_KEYS: usize = 64;

/// How long the rest of a datagram is waited for, as Linux does (`ipfrag_time`).
const TIMEOUT_NS: u64 = 30_000_000_000;
