//! Packets taken from the ring, to be analysed at once.

use event::Timestamp;
use wire::{LinkType, Packet};

/// Packets in the order in which the sockets saw them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    connection: u32,
    start: usize,
    end: usize,
    timestamp_ns: i64,
    wire_len: u32,
}

impl Batch {
    /// The packets, with the number of their connection, which is also in front of their bytes
    /// ([`LinkType::SOCKET`]).
    pub fn packets(&self) -> impl Iterator<Item = (u32, Packet<'_>)> {
        self.entries.iter().map(|entry| {
            let packet = Packet {
                timestamp_ns: entry.timestamp_ns,
                link_type: LinkType::SOCKET,
                wire_len: entry.wire_len,
                bytes: self.bytes.get(entry.start..entry.end).unwrap_or_default(),
            };
            (entry.connection, packet)
        })
    }

    /// How many packets there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= MAX_PACKETS || self.bytes.len() >= MAX_BYTES
    }

    /// Adds a packet of a connection: `parts` are its bytes, `len` is its length before it was cut.
    pub(crate) fn push(&mut self, connection: u32, time: Timestamp, len: u32, parts: [&[u8]; 2]) {
        let start = self.bytes.len();
        self.bytes.extend(connection.to_be_bytes());
        for part in parts {
            self.bytes.extend(part);
        }
        self.entries.push(Entry {
            connection,
            start,
            end: self.bytes.len(),
            timestamp_ns: time.as_nanos(),
            wire_len: len.saturating_add(NUMBER_LEN),
        });
    }
}

const NUMBER_LEN: u32 = 4;

/// Few enough for their sessions to be told without delay, and for the bytes to stay in the cache.
const MAX_PACKETS: usize = 512;
const MAX_BYTES: usize = 512 << 10;
