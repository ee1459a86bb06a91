//! Questions to the file.

use std::collections::BTreeMap;

use event::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::meta::Meta;
use super::plan::Plan;
use super::search::{self, Found};
use super::{Shared, blocks, retention};
use crate::analysis::{Sums, add_to_point, cursor, describe, empty_series, place};
use crate::answer::{Count, SeriesPoint, SessionDetail, SessionLine, SessionRow};
use crate::block::{Lines, Row, Rows};
use crate::error::StoreError;
use crate::id::SessionId;
use crate::page::{List, Page, Paged};
use crate::query::{SessionQuery, Window};
use crate::status::{Agent, LossCount, Status, StoreKind};
use crate::steps::{Kept, Step};

impl Shared {
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        // One transaction, so that what is read belongs together.
        let answer = self.pool.read(|connection| {
            connection.execute_batch("BEGIN")?;
            let answer = read(connection);
            connection.execute_batch("COMMIT")?;
            answer
        });
        answer.map_err(|error| self.file.error(error))
    }

    /// The counts of a window.
    pub(super) fn sums(&self, window: Window) -> Result<Sums, StoreError> {
        self.read(|connection| {
            let kept = kept(connection)?;
            let window = kept.widen(window);
            let mut sums = Sums::new(window);
            let mut read = connection.prepare_cached(
                "SELECT pair, sessions, failures FROM counts
                 WHERE step = ? AND time >= ? AND time < ?",
            )?;
            for range in kept.ranges(window) {
                let mut rows = read.query(params![range.step.code(), range.from, range.to])?;
                while let Some(row) = rows.next()? {
                    let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
                    sums.add(row.get(0)?, count(1)?, count(2)?);
                }
            }
            Ok(sums)
        })
    }

    /// Sessions by grade and class over time.
    pub(super) fn series(&self, window: Window) -> Result<Vec<SeriesPoint>, StoreError> {
        self.read(|connection| {
            let step = kept(connection)?.drawing_step(window);
            let mut points = empty_series(step, window);
            let from = step.floor(window.from.as_nanos());
            let to = window.to.as_nanos();
            let mut read = connection.prepare_cached(
                "SELECT time, grade, class, sessions FROM series
                 WHERE step = ? AND time >= ? AND time < ?",
            )?;
            let mut rows = read.query(params![step.code(), from, to])?;
            while let Some(row) = rows.next()? {
                let Some(point) = points.get_mut(&row.get(0)?) else { continue };
                let sessions = row.get::<_, i64>(3)?.cast_unsigned();
                add_to_point(point, row.get(1)?, row.get(2)?, sessions);
            }
            Ok(points.into_values().collect())
        })
    }

    /// A page of sessions.
    pub(super) fn sessions(
        &self,
        query: &SessionQuery,
        page: Page,
    ) -> Result<Paged<SessionRow>, StoreError> {
        let found = self.find(query, page, |_, found| Ok(found))?;
        let catalog = self.catalog();
        let items = found.rows.iter().filter_map(|(row, _)| describe(&catalog, row)).collect();
        Ok(Paged { items, next: found.next.map(cursor), total: None })
    }

    /// A page of lines.
    pub(super) fn lines(
        &self,
        query: &SessionQuery,
        page: Page,
    ) -> Result<Paged<SessionLine>, StoreError> {
        self.find(query, page, |connection, found| {
            let mut unpacked: BTreeMap<i64, Lines> = BTreeMap::new();
            let mut items = Vec::with_capacity(found.rows.len());
            for (row, block) in &found.rows {
                if !unpacked.contains_key(block) {
                    if unpacked.len() >= MAX_UNPACKED {
                        unpacked.clear();
                    }
                    unpacked.insert(*block, unpack(connection, *block)?);
                }
                let Some(lines) = unpacked.get(block) else { continue };
                items.push(SessionLine { id: row.id, line: line(lines, row)? });
            }
            Ok(Paged { items, next: found.next.map(cursor), total: None })
        })
    }

    /// One session with its line.
    pub(super) fn session(&self, id: SessionId) -> Result<Option<SessionDetail>, StoreError> {
        let found = self.read(|connection| {
            let time = id.time().as_nanos();
            let known = connection
                .prepare_cached("SELECT 1 FROM seen WHERE time = ? AND digest = ?")?
                .query_row(params![time, id.digest.cast_signed()], |_| Ok(()))
                .optional()?;
            if known.is_none() {
                return Ok(None);
            }
            let mut list = connection
                .prepare_cached("SELECT id FROM blocks WHERE last >= ? AND first <= ?")?;
            let mut list = list.query([time, time])?;
            while let Some(block) = list.next()? {
                let block: i64 = block.get(0)?;
                let packed = blocks::rows(connection, block)?.unwrap_or_default();
                let mut rows = Rows::open(&packed).map_err(blocks::damaged)?;
                let rows = rows.select(|view| view.id() == id).map_err(blocks::damaged)?;
                if let Some(row) = rows.into_iter().next() {
                    let line = line(&unpack(connection, block)?, &row)?;
                    return Ok(Some((row, line)));
                }
            }
            Ok(None)
        })?;
        let catalog = self.catalog();
        Ok(found
            .and_then(|(row, line)| Some(SessionDetail { row: describe(&catalog, &row)?, line })))
    }

    fn find<T>(
        &self,
        query: &SessionQuery,
        page: Page,
        take: impl FnOnce(&Connection, Found) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let after = page.after(List::Sessions)?;
        // The dictionaries are let go before the search: whoever writes has to wait for them.
        let plan = Plan::new(&self.catalog(), query)?;
        self.read(|connection| {
            let Some(plan) = plan else {
                return take(connection, Found { rows: Vec::new(), next: None });
            };
            let end = SessionId { time: plan.to, digest: 0 };
            let after = after.map(|cursor| place(&cursor));
            let before = after.map_or(end, |after| after.min(end));
            let found = search::search(connection, &plan, before, page.limit())?;
            take(connection, found)
        })
    }

    /// What was not seen.
    pub(super) fn losses(&self, window: Window) -> Result<Vec<LossCount>, StoreError> {
        self.read(|connection| {
            let mut read = connection.prepare_cached(
                "SELECT sources.name, cause, sum(min(count, 1 << 40)) FROM losses
                 JOIN sources ON sources.id = losses.source
                 WHERE time >= ? AND time < ? GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?",
            )?;
            let (from, to) = (window.from.as_nanos(), window.to.as_nanos());
            let rows = read.query_map(params![Step::Hour.floor(from), to, MAX_LOSSES], |row| {
                let count = row.get::<_, i64>(2)?.cast_unsigned();
                Ok(LossCount { source: row.get(0)?, cause: row.get(1)?, count })
            })?;
            rows.collect()
        })
    }

    /// Who sends.
    pub(super) fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        self.read(|connection| {
            let mut read = connection.prepare_cached(
                "SELECT id, name, host, version, first, last, sessions FROM sources
                 ORDER BY last DESC, name LIMIT ?",
            )?;
            let rows = read.query_map([MAX_AGENTS], |row| {
                let time = |column| row.get(column).map(Timestamp::from_nanos);
                let agent = Agent {
                    id: row.get(1)?,
                    host: row.get(2)?,
                    version: row.get(3)?,
                    first_seen: time(4)?,
                    last_seen: time(5)?,
                    sessions: row.get::<_, i64>(6)?.cast_unsigned(),
                    losses: Vec::new(),
                };
                Ok((row.get::<_, i64>(0)?, agent))
            })?;
            let mut agents = rows.collect::<rusqlite::Result<Vec<(i64, Agent)>>>()?;
            let mut losses: BTreeMap<i64, Vec<Count>> = BTreeMap::new();
            super::dictionaries::each(
                connection,
                "SELECT source, cause, sum(min(count, 1 << 40)) FROM losses
                 GROUP BY 1, 2 ORDER BY 3 DESC",
                |row| {
                    let count = row.get::<_, i64>(2)?.cast_unsigned();
                    let count = Count { name: row.get(1)?, count };
                    losses.entry(row.get(0)?).or_default().push(count);
                    Ok(())
                },
            )?;
            for (id, agent) in &mut agents {
                agent.losses = losses.remove(id).unwrap_or_default();
            }
            Ok(agents.into_iter().map(|(_, agent)| agent).collect())
        })
    }

    /// How the store does.
    pub(super) fn status(&self) -> Result<Status, StoreError> {
        let mut status = self.read(|connection| {
            let count = |meta: Meta| meta.read(connection).map(i64::cast_unsigned);
            let up_to = Meta::EvictedUpTo.read(connection)?;
            let (used, free) = retention::used_bytes(connection)?;
            Ok(Status {
                kind: StoreKind::Sqlite,
                bytes: used.saturating_add(free),
                sessions: count(Meta::Sessions)?,
                oldest: retention::oldest(connection)?.map(Timestamp::from_nanos),
                evicted_sessions: count(Meta::Evicted)?,
                evicted_for_space: count(Meta::EvictedForSpace)?,
                evicted_up_to: (up_to != 0).then_some(Timestamp::from_nanos(up_to)),
                refused_records: count(Meta::Refused)?,
                dictionaries: Vec::new(),
                retention: self.retention(),
                maintenance_error: None,
            })
        })?;
        status.dictionaries = self.catalog().sizes();
        let trouble = self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        status.maintenance_error.clone_from(&trouble);
        Ok(status)
    }
}

fn kept(connection: &Connection) -> rusqlite::Result<Kept> {
    Ok(Kept {
        minutes_from: Meta::MinutesFrom.read(connection)?,
        hours_from: Meta::HoursFrom.read(connection)?,
    })
}

fn unpack(connection: &Connection, block: i64) -> rusqlite::Result<Lines> {
    let packed = blocks::lines(connection, block)?.unwrap_or_default();
    Lines::unpack(&packed).map_err(blocks::damaged)
}

fn line(lines: &Lines, row: &Row) -> rusqlite::Result<Box<[u8]>> {
    let place = usize::try_from(row.place).unwrap_or(usize::MAX);
    lines.line(place).map(Box::from).map_err(blocks::damaged)
}

/// Unpacked blocks of lines that are kept for a page: 16 of 4 MiB.
const MAX_UNPACKED: usize = 16;

/// Most losses told.
const MAX_LOSSES: i64 = 1000;

/// Most agents told.
const MAX_AGENTS: i64 = 10_000;
