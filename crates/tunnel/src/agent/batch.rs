//! A batch of records on its way.

use event::Timestamp;
use forge::{ConnectionId, Opened, Record, RecordKind};

use crate::format::{Malformed, Records, put_record};

/// Records that are sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The records.
    pub(super) records: Vec<u8>,
    /// What they say of connections.
    pub(super) contents: Contents,
}

/// What a batch says, without its clear text.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Bytes of clear text in it.
    pub(super) data_bytes: u64,
    /// Connections that open and close in it, in order.
    pub(super) turns: Vec<(ConnectionId, Turn)>,
}

/// A beginning or an end.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    /// The connection is opened.
    Opened(Timestamp, Box<Opened>),
    /// The connection is closed.
    Closed,
}

impl Batch {
    /// Appends a record.
    pub(super) fn put(&mut self, record: &Record<'_>) {
        put_record(record, &mut self.records);
        self.contents.add(record);
    }
}

impl Contents {
    /// What is in a batch that was put away.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub(super) fn of(records: &[u8]) -> Result<Self, Malformed> {
        let mut contents = Self::default();
        for record in Records::new(records) {
            contents.add(&record?);
        }
        Ok(contents)
    }

    fn add(&mut self, record: &Record<'_>) {
        match &record.kind {
            RecordKind::Opened(opened) => {
                self.turns.push((record.connection, Turn::Opened(record.at, opened.clone())));
            }
            RecordKind::Data { bytes, .. } => {
                let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.data_bytes = self.data_bytes.saturating_add(len);
            }
            RecordKind::Missing { .. } => {}
            RecordKind::Closed(_) => self.turns.push((record.connection, Turn::Closed)),
        }
    }
}
