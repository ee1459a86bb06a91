//! A batch of packets and the bytes that they borrow.

use wire::{LinkType, Packet};

/// A batch of packets that owns their bytes; made to be filled again and again.
///
/// A worker keeps one and hands it to [`FileReader::read_block`](crate::FileReader::read_block).
pub struct Block {
    /// All initialised; the capture's bytes are the first `filled`.
    bytes: Vec<u8>,
    filled: usize,
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
        Self { bytes: Vec::new(), filled: 0, records: Vec::new() }
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

    /// Forgets the packets and starts over with `bytes`.
    pub(crate) fn restart(&mut self, bytes: &[u8]) {
        self.records.clear();
        self.filled = 0;
        let len = bytes.len().max(BLOCK_LEN);
        if self.bytes.len() != len {
            self.resize(len);
        }
        if let Some(start) = self.bytes.get_mut(..bytes.len()) {
            start.copy_from_slice(bytes);
        }
        self.filled = bytes.len();
    }

    /// The bytes filled so far from `start` on, and the records to add to.
    pub(crate) fn unindexed(&mut self, start: usize) -> (&[u8], &mut Vec<Record>) {
        let bytes = self.bytes.get(start..self.filled).unwrap_or_default();
        (bytes, &mut self.records)
    }

    /// The bytes filled so far from `start` on.
    pub(crate) fn from(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.filled).unwrap_or_default()
    }

    /// Room for more bytes: never empty. It doubles a full buffer, so that memory follows what
    /// has been read and not what a length field announces.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.filled == self.bytes.len() {
            self.resize(self.bytes.len().saturating_mul(2).max(BLOCK_LEN));
        }
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    /// Counts `len` bytes of [`Self::room`] as filled.
    pub(crate) fn fill(&mut self, len: usize) {
        self.filled = self.filled.saturating_add(len).min(self.bytes.len());
    }

    /// Drops the first `len` bytes, which no record may point into.
    pub(crate) fn drop_front(&mut self, len: usize) {
        debug_assert!(self.records.is_empty(), "records point into the bytes");
        let len = len.min(self.filled);
        self.bytes.copy_within(len..self.filled, 0);
        self.filled -= len;
    }

    /// Moves to a buffer of another length; fresh zeroed memory costs nothing until it is touched.
    fn resize(&mut self, len: usize) {
        let mut bytes = vec![0; len];
        let kept = self.bytes.get(..self.filled).unwrap_or_default();
        if let Some(start) = bytes.get_mut(..kept.len()) {
            start.copy_from_slice(kept);
        }
        self.bytes = bytes;
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

/// Bytes read at once. Measured: a quarter MiB, and the page cache that it is copied from, stay in a
/// core's cache of a MiB until the parsing, and it makes the cost of a system call vanish.
const BLOCK_LEN: usize = 256 << 10;
