//! What can be done for a batch before it is its turn to be written.

use super::blocks;
use crate::batch::{Batch, Record};
use crate::block::{FULL_LINES_LEN, Lines, MAX_ROWS, Row, Term};
use crate::error::StoreError;
use crate::id::SessionId;
use crate::intake::Named;

/// A batch that is checked, with its sessions named and their lines packed.
pub(super) struct Prepared {
    pub(super) named: Named,
    /// Its sessions by time, in parts of the size of a block.
    pub(super) chunks: Vec<Chunk>,
}

/// Sessions whose lines are packed together.
pub(super) struct Chunk {
    /// Places in the batch, by the place of their line.
    pub(super) places: Vec<usize>,
    /// Their rows, in the same order, of no pair yet.
    pub(super) rows: Vec<Row>,
    /// What these are found by, but for what their pairs say.
    pub(super) terms: Vec<Term>,
    pub(super) lines: Vec<u8>,
    /// Whether no more lines fit.
    pub(super) is_full: bool,
}

impl Prepared {
    /// Checks a batch and packs its lines.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub(super) fn new(batch: Batch) -> Result<Self, StoreError> {
        let named = Named::new(batch)?;
        let chunks = pack(&named.batch.records, &named.sessions())?;
        Ok(Self { named, chunks })
    }
}

fn pack(records: &[Record], sessions: &[(SessionId, usize)]) -> Result<Vec<Chunk>, StoreError> {
    let line = |(_, place): &(SessionId, usize)| records.get(*place).map(|record| &*record.line);
    let packed = Lines::pack(sessions.iter().filter_map(line))
        .map_err(|_error| StoreError::Damaged("lines cannot be packed"))?;
    let mut rest = sessions;
    let mut chunks = Vec::with_capacity(packed.len());
    for (count, lines) in packed {
        let (these, behind) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        let places: Vec<usize> = these.iter().map(|(_, place)| *place).collect();
        let len: usize = these.iter().filter_map(line).map(<[u8]>::len).sum();
        let is_full = count >= MAX_ROWS / 2 || len >= FULL_LINES_LEN / 2;
        let row = |((id, place), at): (&(SessionId, usize), u32)| {
            Some(Row::new(*id, NO_PAIR, &records.get(*place)?.seen, at))
        };
        let rows: Vec<Row> = these.iter().zip(0_u32..).filter_map(row).collect();
        let terms = blocks::terms_of_rows(&rows);
        chunks.push(Chunk { places, rows, terms, lines, is_full });
        rest = behind;
    }
    Ok(chunks)
}

/// The number of the pair of a row that has none yet.
const NO_PAIR: u32 = u32::MAX;
