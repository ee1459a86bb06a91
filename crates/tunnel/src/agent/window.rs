//! Batches that are not acknowledged yet.

use std::collections::{BTreeMap, VecDeque};

use event::Timestamp;
use forge::{ConnectionId, Opened, Record, RecordKind};

use super::batch::{Contents, Turn};
use crate::format::{MAX_BATCH_LEN, encoded_len, put_record};

/// What an agent keeps until the sensor has it, and what the sensor must be told if it forgets.
#[derive(Debug, Default)]
pub(super) struct Window {
    acknowledged: u64,
    sent: VecDeque<Sent>,
    /// How many of them went out on the connection that there is.
    sent_here: usize,
    /// Connections that are open as of the batch that was acknowledged last.
    known: BTreeMap<ConnectionId, (Timestamp, Box<Opened>)>,
}

#[derive(Debug)]
struct Sent {
    frame: Vec<u8>,
    contents: Contents,
}

/// What an acknowledgement was for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub(super) batches: u64,
    /// Bytes of clear text in them.
    pub(super) data_bytes: u64,
    /// Bytes of memory that they took.
    pub(super) memory: usize,
}

impl Window {
    /// Number of the last batch that was acknowledged.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Number that the next batch gets.
    pub(super) fn next_sequence(&self) -> u64 {
        let waiting = u64::try_from(self.sent.len()).unwrap_or(u64::MAX);
        self.acknowledged.saturating_add(waiting).saturating_add(1)
    }

    /// Whether no more batches may be sent before one is acknowledged.
    pub(super) fn is_full(&self) -> bool {
        self.sent.len() >= MAX_UNACKNOWLEDGED
    }

    /// Whether all is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Keeps the frame of a batch.
    pub(super) fn push(&mut self, frame: Vec<u8>, contents: Contents) {
        self.sent.push_back(Sent { frame, contents });
    }

    /// The connection is new: whatever is not acknowledged goes out again.
    pub(super) const fn rewind(&mut self) {
        self.sent_here = 0;
    }

    /// The next frame to go out.
    pub(super) fn next_frame(&mut self) -> Option<&[u8]> {
        let next = self.sent.get(self.sent_here)?;
        self.sent_here = self.sent_here.saturating_add(1);
        Some(&next.frame)
    }

    /// The sensor has this batch and all before; `None` if it cannot.
    pub(super) fn acknowledge(&mut self, sequence: u64) -> Option<Acknowledged> {
        let count = usize::try_from(sequence.checked_sub(self.acknowledged)?).ok()?;
        if count > self.sent.len() {
            return None;
        }
        let mut all = Acknowledged::default();
        for Sent { frame, contents } in self.sent.drain(..count) {
            all.batches = all.batches.saturating_add(1);
            all.data_bytes = all.data_bytes.saturating_add(contents.data_bytes);
            all.memory = all.memory.saturating_add(frame.capacity());
            for (connection, turn) in contents.turns {
                match turn {
                    Turn::Opened(at, opened) => drop(self.known.insert(connection, (at, opened))),
                    Turn::Closed => drop(self.known.remove(&connection)),
                }
            }
        }
        self.acknowledged = sequence;
        self.sent_here = self.sent_here.saturating_sub(count);
        Some(all)
    }

    /// Batches that open all connections anew, for a sensor that knows none.
    pub(super) fn reopenings(&self) -> Vec<Vec<u8>> {
        let mut batches = vec![Vec::new()];
        for (connection, (at, opened)) in &self.known {
            let opened = Box::new(Opened { is_late: true, ..Opened::clone(opened) });
            let record =
                Record { connection: *connection, at: *at, kind: RecordKind::Opened(opened) };
            if let Some(batch) = batches.last_mut() {
                put_record(&record, batch);
                if batch.len().saturating_add(encoded_len(&record)) > MAX_BATCH_LEN {
                    batches.push(Vec::new());
                }
            }
        }
        batches.retain(|batch| !batch.is_empty());
        batches
    }
}

/// 16 MiB before compression: what a sensor at 300 Mbyte/s says nothing of for 50 ms.
const MAX_UNACKNOWLEDGED: usize = 64;
