//! A batch that is checked, and the names of what is in it.

use crate::batch::{Batch, NotTaken, Record};
use crate::block::MAX_TEXT_LEN;
use crate::error::StoreError;
use crate::id::{PostureId, SessionId};
use crate::settings::Retention;
use crate::steps::{SECOND, Step};

/// A batch that is checked, with the names of its postures and sessions.
pub(crate) struct Named {
    pub(crate) batch: Batch,
    /// The postures of the records.
    pub(crate) postures: Vec<PostureId>,
    /// Names of sessions; absent for edges.
    pub(crate) ids: Vec<Option<SessionId>>,
}

impl Named {
    /// Checks a batch.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub(crate) fn new(batch: Batch) -> Result<Self, StoreError> {
        check(&batch)?;
        let postures = PostureId::of_all(batch.records.iter().map(|record| &record.seen.posture));
        let ids = batch
            .records
            .iter()
            .zip(&postures)
            .map(|(it, posture)| it.seen.is_session.then(|| SessionId::of(&it.seen, *posture)))
            .collect();
        Ok(Self { batch, postures, ids })
    }

    /// Its sessions with their places, by time.
    pub(crate) fn sessions(&self) -> Vec<(SessionId, usize)> {
        let places = self.ids.iter().enumerate();
        let mut sessions: Vec<_> = places.filter_map(|(place, id)| Some(((*id)?, place))).collect();
        sessions.sort_unstable();
        sessions
    }

    /// Which records are of a time that is kept.
    pub(crate) fn judge_age(&self, retention: Retention) -> Vec<Result<(), NotTaken>> {
        let received = self.batch.received.as_nanos();
        let oldest = received.saturating_sub(days(retention.days));
        let latest = received.saturating_add(MAX_AHEAD_NANOS);
        let judge = |record: &Record| {
            let (first, last) = (record.seen.first.as_nanos(), record.seen.last.as_nanos());
            let time = if record.seen.is_session { first } else { last };
            match time {
                time if time < oldest => Err(NotTaken::TooOld),
                _ if first.max(last) > latest => Err(NotTaken::Future),
                _ => Ok(()),
            }
        };
        self.batch.records.iter().map(judge).collect()
    }
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

/// The most sessions of a record, as a length.
#[expect(clippy::cast_possible_truncation, reason = "a thousand million fits everywhere")]
const MAX_SESSIONS: usize = Record::MAX_SESSIONS as usize;

/// Host names have at most 253 bytes, causes of loss some thirty.
const MAX_SOURCE_TEXT_LEN: usize = 256;

/// Ids of entities are made of a few texts of an observation.
const MAX_ENTITY_ID_LEN: usize = 4 * MAX_TEXT_LEN + 64;

/// Nanoseconds that a record may be ahead of its batch.
pub(crate) const MAX_AHEAD_NANOS: i64 = Record::MAX_AHEAD_DAYS * Step::Day.nanos();

/// Nanoseconds of a number of days, at most all there are.
pub(crate) fn days(days: u32) -> i64 {
    i64::from(days).saturating_mul(86_400).saturating_mul(SECOND)
}
