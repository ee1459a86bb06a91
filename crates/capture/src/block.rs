//! A batch of packets and the bytes that they borrow.

use wire::{LinkType, Packet};

/// A batch of packets that owns their bytes; made to be filled again and again.
///
/// A worker keeps one and hands it to [`FileReader::read_block`](crate::FileReader::read_block).
pub struct Block {
    /// All initialised; the capture's bytes are those from `start` to `end`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    records: Vec<Record>,
}

/// Whether a read gave packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "after `End` there are no packets"]
pub enum More {
    /// The block holds at least one packet; there may be more to read.
    Packets,
    /// The capture is at its end and the block is empty.
    End,
}

/// Where in a block's bytes a packet is, and what was recorded of it.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) timestamp_ns: i64,
    pub(crate) start: u32,
    pub(crate) len: u32,
    pub(crate) wire_len: u32,
    pub(crate) link_type: LinkType,
}

impl Block {
    /// An empty block. It allocates when first filled, about 300 KiB.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, records: Vec::new() }
    }

    /// The packets, in the order of the capture.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = Packet<'_>> {
        self.records.iter().map(|record| self.packet_of(record))
    }

    /// The packet at a place in the order of the capture, counted from 0.
    #[inline]
    #[must_use]
    pub fn packet(&self, place: usize) -> Option<Packet<'_>> {
        self.records.get(place).map(|record| self.packet_of(record))
    }

    /// How many packets there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no packets.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Forgets the packets and starts over with `carried`, behind which go the bytes from
    /// `position` in a file on.
    pub(crate) fn restart(&mut self, carried: &[u8], position: u64) {
        self.prepare(carried.len(), position);
        self.prepend(carried);
    }

    /// Forgets the packets and starts over with nothing, so that bytes from `position` in a file on
    /// can be filled in, and `front` bytes in front of them.
    pub(crate) fn prepare(&mut self, front: usize, position: u64) {
        self.records.clear();
        let len = front.saturating_mul(2).saturating_add(PAGE_LEN).max(BLOCK_LEN);
        if self.bytes.len() != len {
            self.bytes = vec![0; len];
        }
        self.start = self.in_step(front, position);
        self.end = self.start;
    }

    /// Puts `carried` in front of the bytes so far; whether there is room for it.
    pub(crate) fn prepend(&mut self, carried: &[u8]) -> bool {
        let Some(start) = self.start.checked_sub(carried.len()) else { return false };
        if let Some(front) = self.bytes.get_mut(start..self.start) {
            front.copy_from_slice(carried);
        }
        self.start = start;
        true
    }

    /// Swaps the bytes so far for others, all of which count. There are to be no records.
    pub(crate) fn swap(&mut self, bytes: &mut Vec<u8>) {
        debug_assert!(self.records.is_empty(), "records point into the bytes");
        std::mem::swap(&mut self.bytes, bytes);
        bytes.truncate(self.end);
        bytes.drain(..self.start);
        (self.start, self.end) = (0, self.bytes.len());
    }

    /// The bytes so far, where they begin, and the records to add to.
    pub(crate) fn unindexed(&mut self) -> (&[u8], usize, &mut Vec<Record>) {
        let bytes = self.bytes.get(self.start..self.end).unwrap_or_default();
        (bytes, self.start, &mut self.records)
    }

    /// The bytes so far, from the given one on.
    pub(crate) fn from(&self, place: usize) -> &[u8] {
        self.bytes.get(self.start.saturating_add(place)..self.end).unwrap_or_default()
    }

    /// Room for more bytes: never empty. It doubles a full buffer, so that memory follows what
    /// has been read and not what a length field announces.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.end == self.bytes.len() {
            self.grow();
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Counts `len` bytes of [`Self::room`] as filled.
    pub(crate) fn fill(&mut self, len: usize) {
        self.end = self.end.saturating_add(len).min(self.bytes.len());
    }

    /// Drops the first `len` bytes, which no record may point into.
    pub(crate) fn drop_front(&mut self, len: usize) {
        debug_assert!(self.records.is_empty(), "records point into the bytes");
        self.start = self.start.saturating_add(len).min(self.end);
    }

    /// Moves to a buffer of twice the length; fresh zeroed memory costs nothing until it is touched.
    fn grow(&mut self) {
        let kept = self.bytes.get(self.start..self.end).unwrap_or_default();
        let mut bytes = vec![0; kept.len().saturating_mul(2).max(BLOCK_LEN)];
        if let Some(front) = bytes.get_mut(..kept.len()) {
            front.copy_from_slice(kept);
        }
        (self.start, self.end) = (0, kept.len());
        self.bytes = bytes;
    }

    /// The first place, not before `least`, that is as far behind the beginning of a page as
    /// `position`.
    ///
    /// Copying to a place that is a few bytes further in its page than the source is in its own
    /// takes five times as long on processors of AMD, whose fast copy takes the two for overlapping.
    fn in_step(&self, least: usize, position: u64) -> usize {
        let page = PAGE_LEN as u64;
        let address = (self.bytes.as_ptr().addr().wrapping_add(least)) as u64;
        let missing = position.wrapping_sub(address) % page;
        least.saturating_add(usize::try_from(missing).unwrap_or(0))
    }

    #[inline]
    fn packet_of(&self, record: &Record) -> Packet<'_> {
        let start = record.start as usize;
        let end = start.saturating_add(record.len as usize);
        Packet {
            timestamp_ns: record.timestamp_ns,
            link_type: record.link_type,
            wire_len: record.wire_len,
            bytes: self.bytes.get(start..end).unwrap_or_default(),
        }
    }
}

/// An offset in a block's bytes as records hold it: blocks are far below 4 GiB.
#[inline]
pub(crate) fn position(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

impl Default for Block {
    fn default() -> Self {
        Self::new()
    }
}

/// Length of a page in bytes; where pages are longer, a part of one.
const PAGE_LEN: usize = 4096;

/// Bytes read at once. Measured: a quarter MiB, and the page cache that it is copied from, stay in a
/// core's cache of a MiB until the parsing, and it makes the cost of a system call vanish.
const BLOCK_LEN: usize = 256 << 10;
