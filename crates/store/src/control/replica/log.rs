//! Entries of the log, read and applied in their order.

use std::fmt;

use rusqlite::Connection;

use super::change::{ApplyError, Changes};
use super::{Decided, Place, Replica, lock, place, set_place};
use crate::clickhouse::{Head, Name};
use crate::error::StoreError;
use crate::sqlite::StoreFile;

/// Something that is sealed, for whoever reads that it cannot be opened.
pub(super) enum Body {
    Entry(u64),
    Snapshot(u64),
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(position) => write!(f, "entry {position}"),
            Self::Snapshot(position) => write!(f, "the snapshot of entry {position}"),
        }
    }
}

/// What comes next in a log.
enum Next {
    /// These entries; none, if there are no others.
    Entries(Vec<Head>),
    /// What this file has to apply next was forgotten.
    Forgotten,
}

impl Replica {
    /// Applies what other servers have decided.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`]; [`super::NotShared`] if the log is not what it should be: then nothing
    /// of what is wrong was applied.
    pub(in crate::control) fn catch_up(
        &self,
        file: &StoreFile,
        applier: &mut Connection,
    ) -> Result<(), StoreError> {
        loop {
            let place = place(applier).map_err(|error| file.error(error))?;
            let place = place.ok_or(StoreError::Damaged("the file lost its place"))?;
            let heads = self.decisions.heads(place.position, HEADS_AT_ONCE)?;
            let is_all = heads.len() < HEADS_AT_ONCE;
            match self.next(file, place, &heads, is_all)? {
                Next::Forgotten => self.load(file, applier)?,
                Next::Entries(entries) if entries.is_empty() => return Ok(()),
                Next::Entries(entries) => self.apply(file, applier, place, &some(entries))?,
            }
        }
    }

    /// The entries that follow on a place: each names the one before. Where two claim a position, which
    /// can be if the database has forgotten that it was taken, the one behind them says which it is.
    fn next(
        &self,
        file: &StoreFile,
        place: Place,
        heads: &[Head],
        is_all: bool,
    ) -> Result<Next, StoreError> {
        let at = |position: u64| heads.iter().filter(move |head| head.position == position);
        if at(place.position).all(|head| head.id != place.entry) {
            return match self.decisions.heads(0, 1)?.first() {
                Some(first) if first.position > place.position => Ok(Next::Forgotten),
                _ => Err(self.differs(file, "it does not have the entry that was applied last")),
            };
        }
        let (mut entries, mut before) = (Vec::<Head>::new(), place);
        loop {
            let position = before.position.saturating_add(1);
            let follows: Vec<&Head> =
                at(position).filter(|head| head.previous == before.entry).collect();
            let chosen = match follows.as_slice() {
                [] => break,
                [only] => *only,
                several => {
                    let behind = position.saturating_add(1);
                    let named =
                        several.iter().find(|it| at(behind).any(|next| next.previous == it.id));
                    match named {
                        Some(named) => *named,
                        None if is_all => {
                            return Err(self.differs(file, "two entries claim the last position"));
                        }
                        None => break,
                    }
                }
            };
            entries.push(*chosen);
            before = Place { position, entry: chosen.id, log: place.log };
        }
        let is_more_behind = heads.iter().any(|head| head.position > before.position);
        if entries.is_empty() && is_more_behind {
            return Err(
                self.differs(file, "the entry behind the one that was applied last is missing")
            );
        }
        Ok(Next::Entries(entries))
    }

    /// Applies entries, one after the other, up to one that cannot be applied.
    fn apply(
        &self,
        file: &StoreFile,
        applier: &mut Connection,
        mut at: Place,
        entries: &[Head],
    ) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
        let mut bodies = self.decisions.bodies(first.position, last.position, MAX_SEALED_LEN)?;
        let failed = |error| file.error(error);
        let mut transaction = applier.transaction().map_err(failed)?;
        let (mut count, mut bytes, mut wrong) = (0_u64, 0_u64, None);
        let mut news = std::collections::BTreeSet::new();
        for head in entries {
            let body = bodies.iter_mut().find(|(id, _)| *id == head.id);
            let body = body.map(|(_, body)| std::mem::take(body)).unwrap_or_default();
            let next = Place { position: head.position, entry: head.id, log: at.log };
            let changes = match self.opened(file, next, at.entry, body) {
                Ok(changes) => changes,
                Err(error) => {
                    wrong = Some(error);
                    break;
                }
            };
            let savepoint = transaction.savepoint().map_err(failed)?;
            match changes.apply(&savepoint) {
                Ok(()) => savepoint.commit().map_err(failed)?,
                Err(ApplyError::Database(error)) => return Err(failed(error)),
                Err(ApplyError::Differs) => {
                    // It is rolled back.
                    drop(savepoint);
                    wrong =
                        Some(self.differs(file, "an entry does not fit what was applied before"));
                    break;
                }
            }
            news.extend(changes.tables().map(Decided::of));
            (at, count) = (next, count.saturating_add(1));
            bytes = bytes.saturating_add(head.len);
        }
        set_place(&transaction, at).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.note(at.position, count, bytes);
        lock(&self.news).append(&mut news);
        wrong.map_or(Ok(()), Err)
    }

    /// What an entry says.
    fn opened(
        &self,
        file: &StoreFile,
        at: Place,
        previous: Name,
        body: Vec<u8>,
    ) -> Result<Changes, StoreError> {
        let context = context_of_entry(at, previous);
        let not_opened = || self.not_opened(&Body::Entry(at.position));
        let packed = self.key.open(&context, body).map_err(|_not_opened| not_opened())?;
        let plain =
            zstd::bulk::decompress(&packed, MAX_PLAIN_LEN).map_err(|_error| not_opened())?;
        let (changes, schema) = Changes::from_bytes(&plain).map_err(|_malformed| not_opened())?;
        let known = super::super::file::SCHEMA.version();
        if schema > known {
            let path = file.path.display().to_string();
            return Err(StoreError::Newer { path, found: schema, known });
        }
        Ok(changes)
    }
}

/// As many of some entries as are read at once.
fn some(mut entries: Vec<Head>) -> Vec<Head> {
    let mut bytes = 0_u64;
    let fit = entries.iter().take_while(|head| {
        bytes = bytes.saturating_add(head.len);
        bytes <= BYTES_AT_ONCE
    });
    let count = fit.count().max(1);
    entries.truncate(count);
    entries
}

/// What an entry is said to be.
pub(super) fn context_of_entry(at: Place, previous: Name) -> Vec<u8> {
    let mut context = b"tlsight decision\0".to_vec();
    context.extend_from_slice(&at.log);
    context.extend_from_slice(&at.position.to_le_bytes());
    context.extend_from_slice(&at.entry);
    context.extend_from_slice(&previous);
    context
}

/// Makes something shorter.
pub(super) fn packed(plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::bulk::compress(plain, COMPRESSION)
        .map_err(|_error| StoreError::Damaged("a change cannot be packed"))
}

/// Longest change before it is packed: a thousand pairs of which each breaks dozens of policies.
pub(super) const MAX_PLAIN_LEN: usize = 64 << 20;

/// Longest body of an entry: what cannot be packed is a bit longer than it was.
const MAX_SEALED_LEN: usize = MAX_PLAIN_LEN + (1 << 20);

/// Entries that are looked at in one go.
const HEADS_AT_ONCE: usize = 512;

/// Bytes of entries that are read and applied in one go.
const BYTES_AT_ONCE: u64 = 32 << 20;

/// Level of compression.
const COMPRESSION: i32 = 3;
