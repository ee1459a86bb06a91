//! What is forgotten, a little at a time.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::blocks;
use super::ingest::forget_seen;
use super::meta::Meta;
use crate::block::Rows;
use crate::intake::days;
use crate::settings::{HOUR_DAYS, MINUTE_DAYS, Retention};
use crate::steps::Step;

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    /// Sessions that went.
    pub(super) sessions: u64,
    /// Whether there may be more to forget.
    pub(super) has_more: bool,
}

/// Forgets a little of what is older than the retention.
pub(super) fn by_age(
    connection: &Connection,
    retention: Retention,
    now: i64,
) -> rusqlite::Result<Forgotten> {
    let cutoff = now.saturating_sub(days(retention.days));
    let sessions = evict(connection, Some(cutoff))?;
    if sessions > 0 {
        Meta::Evicted.add(connection, sessions)?;
        return Ok(Forgotten { sessions, has_more: true });
    }
    let kept = [
        (Step::Minute, Some(Meta::MinutesFrom), MINUTE_DAYS.min(retention.days)),
        (Step::Hour, Some(Meta::HoursFrom), HOUR_DAYS.min(retention.days)),
        (Step::Day, None, retention.days),
    ];
    for (step, meta, kept) in kept {
        let from = Step::Day.floor(now.saturating_sub(days(kept)));
        let mut removed = 0;
        for table in ["counts", "series"] {
            removed += remove_steps(connection, table, step, from)?;
        }
        if let Some(meta) = meta {
            let from = meta.read(connection)?.max(from);
            meta.set(connection, from)?;
        }
        if removed > 0 {
            return Ok(Forgotten { sessions: 0, has_more: true });
        }
    }
    let removed = connection
        .prepare_cached(
            "DELETE FROM batches WHERE (source, id) IN (
             SELECT source, id FROM batches WHERE received < ? ORDER BY received LIMIT ?)",
        )?
        .execute(params![cutoff, STEP_ROWS])?
        + connection
            .prepare_cached("DELETE FROM losses WHERE time < ?")?
            .execute([Step::Day.floor(cutoff)])?;
    Ok(Forgotten { sessions: 0, has_more: removed > 0 })
}

/// Forgets a little of the oldest, whatever its age.
pub(super) fn for_space(connection: &Connection) -> rusqlite::Result<Forgotten> {
    let sessions = evict(connection, None)?;
    Meta::Evicted.add(connection, sessions)?;
    Meta::EvictedForSpace.add(connection, sessions)?;
    let has_more = sessions > 0 || coarsen(connection)? > 0;
    Ok(Forgotten { sessions, has_more })
}

/// Forgets the oldest counts of minutes or, where there are none, of hours: those of days say the same.
fn coarsen(connection: &Connection) -> rusqlite::Result<usize> {
    for (step, meta) in [(Step::Minute, Meta::MinutesFrom), (Step::Hour, Meta::HoursFrom)] {
        let oldest = connection
            .prepare_cached("SELECT min(time) FROM counts WHERE step = ?")?
            .query_row([step.code()], |row| row.get::<_, Option<i64>>(0))?;
        let Some(oldest) = oldest else { continue };
        let from = Step::Day.floor(oldest).saturating_add(Step::Day.nanos());
        let removed = remove_steps(connection, "counts", step, from)?
            .saturating_add(remove_steps(connection, "series", step, from)?);
        let from = meta.read(connection)?.max(from);
        meta.set(connection, from)?;
        return Ok(removed);
    }
    Ok(0)
}

/// Bytes of the file that hold something, and those that are free for it.
pub(super) fn used_bytes(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    let value =
        |name| connection.pragma_query_value(None, name, |row| row.get(0).map(i64::cast_unsigned));
    let (pages, free, len) = (value("page_count")?, value("freelist_count")?, value("page_size")?);
    Ok((pages.saturating_sub(free).saturating_mul(len), free.saturating_mul(len)))
}

/// Gives free pages back to the file system, some at a time.
pub(super) fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("PRAGMA incremental_vacuum(512)")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Time of the oldest session that is kept.
pub(super) fn oldest(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT min(first) FROM blocks", [], |row| row.get(0))
}

/// Removes some of the blocks that end first, as far as they end before a time.
fn evict(connection: &Connection, before: Option<i64>) -> rusqlite::Result<u64> {
    let mut removed = 0;
    for _ in 0..STEP_BLOCKS {
        let oldest = connection
            .prepare_cached("SELECT id, last FROM blocks WHERE last < ? ORDER BY last LIMIT 1")?
            .query_row([before.unwrap_or(i64::MAX)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        let Some((id, last)) = oldest else { break };
        let packed = blocks::rows(connection, id)?.unwrap_or_default();
        let mut rows = Rows::open(&packed).map_err(blocks::damaged)?;
        let mut failed = None;
        rows.select(|row| {
            let result = forget_seen(connection, row.id());
            removed += 1;
            failed = failed.take().or(result.err());
            false
        })
        .map_err(blocks::damaged)?;
        if let Some(error) = failed {
            return Err(error);
        }
        blocks::remove(connection, id)?;
        let up_to = Meta::EvictedUpTo.read(connection)?.max(last);
        Meta::EvictedUpTo.set(connection, up_to)?;
    }
    Meta::Sessions.subtract(connection, removed)?;
    Ok(removed)
}

fn remove_steps(
    connection: &Connection,
    table: &str,
    step: Step,
    from: i64,
) -> rusqlite::Result<usize> {
    // The end of the first so many rows, because a table without row ids cannot delete a number of them.
    let last = connection
        .prepare_cached(&format!(
            "SELECT max(time) FROM (SELECT time FROM {table} WHERE step = ? AND time < ?
             ORDER BY time LIMIT ?)"
        ))?
        .query_row(params![step.code(), from, STEP_ROWS], |row| row.get::<_, Option<i64>>(0))?;
    let Some(last) = last else { return Ok(0) };
    connection
        .prepare_cached(&format!("DELETE FROM {table} WHERE step = ? AND time <= ?"))?
        .execute(params![step.code(), last])
}

/// Blocks that one step removes: some milliseconds.
const STEP_BLOCKS: usize = 8;

/// Rows that one step removes, and what shares their minute.
const STEP_ROWS: i64 = 10_000;
