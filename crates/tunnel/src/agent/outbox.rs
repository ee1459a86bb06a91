//! Records that wait to be sent, in bounded memory. Whoever hands in never waits.

use std::collections::VecDeque;

use forge::{MissingCause, Record, RecordKind};

use super::batch::Batch;
use super::counters::SenderCounters;
use super::debts::Debts;
use crate::format::{MAX_BATCH_LEN, MAX_DATA_LEN, encoded_len};

/// The queue of an agent.
#[derive(Debug)]
pub(super) struct Outbox {
    limits: OutboxLimits,
    /// To which records are appended.
    open: Batch,
    sealed: VecDeque<Batch>,
    /// Bytes of records in both.
    waiting_len: usize,
    /// Bytes of what was taken out and is still in memory.
    taken_len: usize,
    debts: Debts,
    pub(super) counters: SenderCounters,
}

/// Bounds of the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutboxLimits {
    /// Most bytes of records in memory.
    pub(super) bytes: usize,
    /// Most connections at a time.
    pub(super) connections: usize,
}

impl Outbox {
    /// An empty queue.
    pub(super) fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            open: Batch::default(),
            sealed: VecDeque::new(),
            waiting_len: 0,
            taken_len: 0,
            debts: Debts::default(),
            counters: SenderCounters::default(),
        }
    }

    /// Takes a record in, or remembers that it did not.
    pub(super) fn put(&mut self, record: &Record<'_>) {
        match &record.kind {
            RecordKind::Opened(_) => self.put_opened(record),
            RecordKind::Data { sender, position, bytes } => {
                let len = len(bytes);
                self.counters.seen_bytes = self.counters.seen_bytes.saturating_add(len);
                // A sensor would refuse all that comes in a batch with it.
                if self.debts.advance(record.connection, *sender, *position, len) {
                    self.put_data(record);
                } else {
                    self.counters.dropped_bytes = self.counters.dropped_bytes.saturating_add(len);
                }
            }
            RecordKind::Missing { sender, position, len, cause } => {
                let is_next = self.debts.advance(record.connection, *sender, *position, *len);
                if is_next && !self.put_with_debts(record, self.reserve()) {
                    self.debts.owe_bytes(record, *sender, *position, *len, *cause);
                }
            }
            RecordKind::Closed(ending) => {
                if self.put_with_debts(record, self.reserve()) {
                    self.debts.close(record.connection);
                } else {
                    self.debts.owe_ending(record.connection, record.at, *ending);
                }
            }
        }
    }

    /// Tells what is owed, as far as there is room.
    pub(super) fn pay(&mut self) {
        while let Some(connection) = self.debts.first() {
            let owed = self.debts.owed(connection);
            let needed = owed.records().iter().map(encoded_len).sum();
            if !self.has_room(needed, self.limits.bytes) {
                return;
            }
            for record in owed.records() {
                self.append(record);
            }
            self.debts.pop_first();
            self.debts.paid(connection);
        }
    }

    /// Takes the next batch out: one that is full, or that which is open if it may be.
    pub(super) fn take(&mut self, take_open: bool) -> Option<Batch> {
        if self.sealed.is_empty() && take_open {
            self.seal();
        }
        let batch = self.sealed.pop_front()?;
        self.waiting_len = self.waiting_len.saturating_sub(batch.records.len());
        self.taken_len = self.taken_len.saturating_add(batch.records.len());
        Some(batch)
    }

    /// Puts a batch back that was taken out last.
    pub(super) fn put_back(&mut self, batch: Batch) {
        self.taken_len = self.taken_len.saturating_sub(batch.records.len());
        self.waiting_len = self.waiting_len.saturating_add(batch.records.len());
        self.sealed.push_front(batch);
    }

    /// What was taken out has this many bytes in memory, which were `before`.
    pub(super) fn retain(&mut self, before: usize, after: usize) {
        self.taken_len = self.taken_len.saturating_sub(before).saturating_add(after);
    }

    /// Whether there is a batch that is not full.
    pub(super) const fn has_open(&self) -> bool {
        !self.open.records.is_empty()
    }

    /// Number of batches that are full.
    pub(super) fn full(&self) -> usize {
        self.sealed.len()
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && !self.has_open() && self.debts.first().is_none()
    }

    /// Whether more than half of the room is used.
    pub(super) fn is_half_full(&self) -> bool {
        self.used() > self.limits.bytes / 2
    }

    /// Bytes in memory.
    pub(super) fn used(&self) -> usize {
        self.waiting_len.saturating_add(self.taken_len)
    }

    fn put_opened(&mut self, record: &Record<'_>) {
        if self.debts.knows(record.connection) {
            return;
        }
        let has_room = self.debts.connections() < self.limits.connections
            && self.has_room(encoded_len(record), self.reserve());
        if !has_room {
            self.counters.untold_connections = self.counters.untold_connections.saturating_add(1);
            return;
        }
        self.debts.open(record.connection);
        self.append(record);
    }

    fn put_data(&mut self, record: &Record<'_>) {
        let RecordKind::Data { sender, position, bytes } = record.kind else { return };
        let mut position = position;
        for piece in bytes.chunks(MAX_DATA_LEN) {
            let kind = RecordKind::Data { sender, position, bytes: piece };
            if !self.put_with_debts(&Record { kind, ..record.clone() }, self.limits.bytes) {
                let (len, cause) = (len(piece), MissingCause::Overload);
                self.debts.owe_bytes(record, sender, position, len, cause);
                self.counters.dropped_bytes = self.counters.dropped_bytes.saturating_add(len);
            }
            position = position.saturating_add(len(piece));
        }
    }

    /// Takes a record of a connection that is told in, behind what is owed to it; false if there is no
    /// room for all of it below `limit`.
    fn put_with_debts(&mut self, record: &Record<'_>, limit: usize) -> bool {
        if !self.debts.knows(record.connection) {
            return false;
        }
        let owed = self.debts.owed(record.connection);
        let needed = owed.records().iter().map(encoded_len).sum::<usize>();
        if !self.has_room(needed.saturating_add(encoded_len(record)), limit) {
            return false;
        }
        for owed in owed.records() {
            self.append(owed);
        }
        self.debts.paid(record.connection);
        self.append(record);
        true
    }

    fn append(&mut self, record: &Record<'_>) {
        if self.open.records.len().saturating_add(encoded_len(record)) > MAX_BATCH_LEN {
            self.seal();
        }
        let before = self.open.records.len();
        self.open.put(record);
        let more = self.open.records.len().saturating_sub(before);
        self.waiting_len = self.waiting_len.saturating_add(more);
    }

    fn seal(&mut self) {
        if self.has_open() {
            let room = self.open.records.len();
            let full = std::mem::take(&mut self.open);
            self.open.records.reserve(room);
            self.sealed.push_back(full);
        }
    }

    fn has_room(&self, more: usize, limit: usize) -> bool {
        self.used().saturating_add(more) <= limit
    }

    /// Up to where beginnings, ends and holes are taken in: they are small, and what they say is worth
    /// more than clear text.
    const fn reserve(&self) -> usize {
        self.limits.bytes.saturating_add(self.limits.bytes / 8)
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
