//! What can be done for a batch before it is its turn to be written.

use hashbrown::HashMap;
use policy::Posture;

use super::blocks;
use crate::batch::{Batch, Record};
use crate::block::{FULL_LINES_LEN, Lines, MAX_ROWS, MAX_TEXT_LEN, Row, Term};
use crate::error::StoreError;
use crate::id::{PostureId, SessionId};
use crate::steps::{SECOND, Step};

/// A batch that is checked, with its sessions named and their lines packed.
pub(super) struct Prepared {
    pub(super) batch: Batch,
    /// The postures of the records.
    pub(super) postures: Vec<PostureId>,
    /// Names of sessions; absent for edges.
    pub(super) ids: Vec<Option<SessionId>>,
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
        check(&batch)?;
        let postures = posture_ids(&batch.records);
        let ids: Vec<Option<SessionId>> = batch
            .records
            .iter()
            .zip(&postures)
            .map(|(it, posture)| it.seen.is_session.then(|| SessionId::of(&it.seen, *posture)))
            .collect();
        let mut sessions: Vec<(SessionId, usize)> =
            ids.iter().enumerate().filter_map(|(place, id)| Some(((*id)?, place))).collect();
        sessions.sort_unstable();
        let chunks = pack(&batch.records, &sessions)?;
        Ok(Self { batch, postures, ids, chunks })
    }
}

/// Names of the postures of records, each made once.
fn posture_ids(records: &[Record]) -> Vec<PostureId> {
    let mut known: HashMap<&Posture, PostureId, foldhash::fast::RandomState> = HashMap::default();
    let mut ids = Vec::with_capacity(records.len());
    for record in records {
        let posture = &record.seen.posture;
        ids.push(*known.entry(posture).or_insert_with(|| PostureId::of(posture)));
    }
    ids
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

fn check(batch: &Batch) -> Result<(), StoreError> {
    let at_most = |what, found: usize, limit: usize| {
        if found > limit { Err(StoreError::TooLarge { what, found, limit }) } else { Ok(()) }
    };
    at_most("length of the batch's id", batch.id.len(), Batch::MAX_ID_LEN)?;
    at_most("records in a batch", batch.records.len(), Batch::MAX_RECORDS)?;
    at_most("losses in a batch", batch.losses.len(), Batch::MAX_LOSSES)?;
    let source = &batch.source;
    for text in [&source.id, &source.host, &source.version] {
        at_most("length of the source's texts", text.len(), MAX_SOURCE_TEXT_LEN)?;
    }
    for loss in &batch.losses {
        at_most("length of a cause of loss", loss.cause.len(), MAX_SOURCE_TEXT_LEN)?;
    }
    for record in &batch.records {
        let seen = &record.seen;
        at_most("length of a line", record.line.len(), Record::MAX_LINE_LEN)?;
        let sessions = usize::try_from(seen.sessions).unwrap_or(usize::MAX);
        at_most("sessions of a record", sessions, MAX_SESSIONS)?;
        at_most("length of an entity's id", record.source.id.len(), MAX_ENTITY_ID_LEN)?;
        at_most("length of an entity's id", record.destination.id.len(), MAX_ENTITY_ID_LEN)?;
        let texts = [
            &seen.server_name,
            &seen.client.process,
            &seen.client.executable,
            &seen.server.process,
            &seen.server.executable,
            &seen.alert,
            &seen.fingerprints.ja3,
            &seen.fingerprints.ja4,
        ];
        for text in texts.into_iter().flatten() {
            at_most("length of a text", text.len(), MAX_TEXT_LEN)?;
        }
    }
    Ok(())
}

/// The number of the pair of a row that has none yet.
const NO_PAIR: u32 = u32::MAX;

/// The most sessions of a record, as a length.
#[expect(clippy::cast_possible_truncation, reason = "a thousand million fits everywhere")]
const MAX_SESSIONS: usize = Record::MAX_SESSIONS as usize;

/// Host names have at most 253 bytes, causes of loss some thirty.
const MAX_SOURCE_TEXT_LEN: usize = 256;

/// Ids of entities are made of a few texts of an observation.
const MAX_ENTITY_ID_LEN: usize = 4 * MAX_TEXT_LEN + 64;

/// Nanoseconds that a record may be ahead of its batch.
pub(super) const MAX_AHEAD_NANOS: i64 = Record::MAX_AHEAD_DAYS * Step::Day.nanos();

/// Nanoseconds of a number of days, at most all there are.
pub(super) fn days(days: u32) -> i64 {
    i64::from(days).saturating_mul(86_400).saturating_mul(SECOND)
}
