//! A batch on its way into the file, in one transaction.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::meta::Meta;
use super::prepare::Prepared;
use super::{blocks, counts, dictionaries};
use crate::batch::{Batch, Ingested, NotTaken};
use crate::catalog::Catalog;
use crate::id::SessionId;
use crate::intake::{self, Added, Counts, Resolved};
use crate::settings::Retention;
use crate::steps::Step;

/// What a transaction did, to be told to the dictionaries when it is committed.
pub(super) struct Written {
    pub(super) answer: Ingested,
    pub(super) counts: Counts,
}

/// Writes a batch within a transaction. What it adds to the dictionaries is in `added`, also if it
/// fails.
pub(super) fn write(
    connection: &Connection,
    catalog: &RwLock<Catalog>,
    prepared: &mut Prepared,
    retention: Retention,
    added: &mut Added,
) -> rusqlite::Result<Written> {
    let source = source(connection, &prepared.named.batch)?;
    if let Some(answer) = earlier(connection, source, &prepared.named.batch)? {
        return Ok(Written { answer, counts: Counts::default() });
    }
    let mut taken = judge(connection, prepared, retention)?;
    let resolved = intake::resolve(catalog, &prepared.named, &mut taken, added);
    withdraw(connection, prepared, &taken)?;
    let (mut answer, counts) = intake::tally(&prepared.named, &taken, &resolved);
    let catalog = catalog.read().unwrap_or_else(PoisonError::into_inner);
    let pairs = added.pairs.iter().filter_map(|number| catalog.pair(*number));
    answer.new_pairs = pairs.map(|(_, edge, posture)| (edge.id, posture.id)).collect();
    dictionaries::save(connection, &catalog, added)?;
    counts::save(&counts, connection, &catalog)?;
    let rows = write_blocks(connection, &catalog, prepared, &resolved)?;
    drop(catalog);
    note(connection, source, &prepared.named.batch, &answer, counts.sessions())?;
    Meta::Sessions.add(connection, rows)?;
    Meta::Refused.add(connection, answer.refused)?;
    Ok(Written { answer, counts })
}

/// The number of who sent it, and what is known of them.
fn source(connection: &Connection, batch: &Batch) -> rusqlite::Result<i64> {
    let (it, received) = (&batch.source, batch.received.as_nanos());
    connection
        .prepare_cached(
            "INSERT INTO sources (name, host, version, first, last, sessions) VALUES (?, ?, ?, ?, ?, 0)
             ON CONFLICT (name) DO UPDATE SET host = excluded.host, version = excluded.version,
             last = max(last, excluded.last) RETURNING id",
        )?
        .query_row(params![it.id, it.host, it.version, received, received], |row| row.get(0))
}

/// What became of the batch when it came for the first time.
fn earlier(
    connection: &Connection,
    source: i64,
    batch: &Batch,
) -> rusqlite::Result<Option<Ingested>> {
    connection
        .prepare_cached(
            "SELECT accepted, duplicates, refused FROM batches WHERE source = ? AND id = ?",
        )?
        .query_row(params![source, batch.id], |row| {
            Ok(Ingested {
                accepted: row.get::<_, i64>(0)?.cast_unsigned(),
                duplicates: row.get::<_, i64>(1)?.cast_unsigned(),
                refused: row.get::<_, i64>(2)?.cast_unsigned(),
                is_repeat: true,
                ..Ingested::default()
            })
        })
        .optional()
}

/// Which records are taken; sessions that are, are noted as seen.
fn judge(
    connection: &Connection,
    prepared: &Prepared,
    retention: Retention,
) -> rusqlite::Result<Vec<Result<(), NotTaken>>> {
    let mut note = connection.prepare_cached("INSERT OR IGNORE INTO seen VALUES (?, ?)")?;
    let mut taken = prepared.named.judge_age(retention);
    // By time, so that neighbours in the table are written one after the other.
    for place in prepared.chunks.iter().flat_map(|chunk| &chunk.places) {
        let id = prepared.named.ids.get(*place).copied().flatten();
        let (Some(id), Some(taken)) = (id, taken.get_mut(*place)) else { continue };
        if taken.is_ok() && note.execute(seen(id))? == 0 {
            *taken = Err(NotTaken::Duplicate);
        }
    }
    Ok(taken)
}

/// What was noted as seen and then refused, is not seen.
fn withdraw(
    connection: &Connection,
    prepared: &Prepared,
    taken: &[Result<(), NotTaken>],
) -> rusqlite::Result<()> {
    for (id, taken) in prepared.named.ids.iter().zip(taken) {
        if let (Some(id), Err(NotTaken::DictionaryFull)) = (id, taken) {
            forget_seen(connection, *id)?;
        }
    }
    Ok(())
}

/// Forgets that a session was seen.
pub(super) fn forget_seen(connection: &Connection, id: SessionId) -> rusqlite::Result<()> {
    let mut forget = connection.prepare_cached("DELETE FROM seen WHERE time = ? AND digest = ?")?;
    forget.execute(seen(id)).map(drop)
}

const fn seen(id: SessionId) -> (i64, i64) {
    (id.time.as_nanos(), id.digest.cast_signed())
}

/// Writes the sessions that are taken, and returns how many these are.
fn write_blocks(
    connection: &Connection,
    catalog: &Catalog,
    prepared: &mut Prepared,
    resolved: &[Option<Resolved>],
) -> rusqlite::Result<u64> {
    let mut written = 0;
    for chunk in &mut prepared.chunks {
        let pair = |place: &usize| Some(resolved.get(*place).copied().flatten()?.pair);
        let pairs = chunk.places.iter().map(pair);
        let mut rows = std::mem::take(&mut chunk.rows);
        let mut pairs = pairs.chain(std::iter::repeat(None));
        rows.retain_mut(|row| {
            let pair = pairs.next().flatten();
            row.pair = pair.unwrap_or(row.pair);
            pair.is_some()
        });
        if rows.is_empty() {
            continue;
        }
        written += rows.len() as u64;
        let terms = std::mem::take(&mut chunk.terms);
        blocks::insert(connection, catalog, &rows, terms, &chunk.lines, chunk.is_full)?;
    }
    Ok(written)
}

/// Notes the batch, and what its source did not see.
fn note(
    connection: &Connection,
    source: i64,
    batch: &Batch,
    answer: &Ingested,
    sessions: u64,
) -> rusqlite::Result<()> {
    let received = batch.received.as_nanos();
    connection.prepare_cached("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?)")?.execute(
        params![
            source,
            batch.id,
            received,
            answer.accepted.cast_signed(),
            answer.duplicates.cast_signed(),
            answer.refused.cast_signed(),
        ],
    )?;
    connection
        .prepare_cached("UPDATE sources SET sessions = sessions + ? WHERE id = ?")?
        .execute(params![sessions.cast_signed(), source])?;
    let mut losses: BTreeMap<&str, i64> = BTreeMap::new();
    for loss in &batch.losses {
        let count = i64::try_from(loss.count).unwrap_or(i64::MAX).min(MAX_LOSS);
        let sum = losses.entry(&loss.cause).or_default();
        *sum = sum.saturating_add(count);
    }
    for (cause, count) in losses {
        connection
            .prepare_cached(
                "INSERT INTO losses VALUES (?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET count = min(count + excluded.count, 1 << 60)",
            )?
            .execute(params![Step::Hour.floor(received), source, cause, count])?;
    }
    Ok(())
}

/// A loss of one batch beyond this is no honest count; sums of these stay numbers.
const MAX_LOSS: i64 = 1 << 60;
