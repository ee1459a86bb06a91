//! Records that wait for their keys.

use std::collections::VecDeque;

use event::Timestamp;
use flow::Direction;

use super::settings::Patience;

/// Records of one session that wait for their keys, in order of arrival.
pub(crate) struct Waiting {
    patience: Option<Patience>,
    records: VecDeque<WaitingRecord>,
    bytes: usize,
}

/// A record, still closed.
pub(crate) struct WaitingRecord {
    pub(crate) direction: Direction,
    pub(crate) since: Timestamp,
    /// Header and body; of DTLS and QUIC whatever is opened at once.
    pub(crate) bytes: Box<[u8]>,
}

impl Waiting {
    pub(crate) const fn new(patience: Option<Patience>) -> Self {
        Self { patience, records: VecDeque::new(), bytes: 0 }
    }

    /// Whether records wait at all.
    pub(crate) const fn is_possible(&self) -> bool {
        self.patience.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether records of a direction wait.
    pub(crate) fn holds(&self, direction: Direction) -> bool {
        self.records.iter().any(|record| record.direction == direction)
    }

    /// Keeps a record, made of `parts`; whether there is room for it.
    pub(crate) fn push(&mut self, now: Timestamp, direction: Direction, parts: [&[u8]; 2]) -> bool {
        let Some(patience) = &self.patience else { return false };
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let total = self.bytes.saturating_add(len);
        if total > patience.max_bytes || !patience.budget.take(len) {
            return false;
        }
        self.bytes = total;
        let bytes = parts.concat().into_boxed_slice();
        self.records.push_back(WaitingRecord { direction, since: now, bytes });
        true
    }

    /// Takes note that there was no room for a record of a session whose secrets are known in part.
    pub(crate) fn count_no_room(&self) {
        if let Some(patience) = &self.patience {
            patience.budget.count_no_room();
        }
    }

    /// The oldest record.
    pub(crate) fn first(&self) -> Option<&WaitingRecord> {
        self.records.front()
    }

    /// Takes the oldest record out, if its keys are there or will not come. `is_known` says whether other
    /// secrets of the session are.
    pub(crate) fn next(
        &mut self,
        now: Timestamp,
        has_keys: bool,
        is_end: bool,
        is_known: impl FnOnce() -> bool,
    ) -> Option<WaitingRecord> {
        if !(has_keys || is_end || self.is_overdue(now)) {
            return None;
        }
        let record = self.pop()?;
        if let Some(patience) = &self.patience {
            if has_keys {
                patience.budget.count_opened(now.nanos_since(record.since));
            } else if is_known() {
                patience.budget.count_in_vain();
            }
        }
        Some(record)
    }

    fn pop(&mut self) -> Option<WaitingRecord> {
        let record = self.records.pop_front()?;
        self.bytes = self.bytes.saturating_sub(record.bytes.len());
        if let Some(patience) = &self.patience {
            patience.budget.give(record.bytes.len());
        }
        Some(record)
    }

    /// Whether the oldest record has waited for too long.
    fn is_overdue(&self, now: Timestamp) -> bool {
        let Some((patience, oldest)) = self.patience.as_ref().zip(self.records.front()) else {
            return false;
        };
        now.nanos_since(oldest.since) > patience.max_ns
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.bytes + self.records.capacity() * size_of::<WaitingRecord>()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
