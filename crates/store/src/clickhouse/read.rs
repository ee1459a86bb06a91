//! Questions to the counts.

use std::collections::{BTreeMap, BTreeSet};

use event::Timestamp;

use super::Shared;
use super::ingest::{cell_kind, seconds, series_kind};
use super::schema::{COUNTS, Entry, Kind, SESSIONS};
use crate::analysis::{Sums, add_to_point, empty_series};
use crate::answer::{Count, SeriesPoint};
use crate::error::StoreError;
use crate::id::{EdgeId, PostureId};
use crate::query::Window;
use crate::status::{Agent, LossCount, Status, StoreKind};
use crate::steps::{Kept, Step};

/// Counts of one edge with one posture, or up to when counts are forgotten.
enum Counted {
    Pair(EdgeId, PostureId, u64, u64),
    Kept(Kept),
}

impl Shared {
    /// The counts of a window.
    pub(super) fn sums(&self, window: Window) -> Result<Sums, StoreError> {
        self.freshen()?;
        let (sums, unknown) = self.try_sums(window)?;
        if unknown.is_empty() {
            return Ok(sums);
        }
        // Others wrote them.
        self.learn(&unknown).map_err(|error| self.error(error))?;
        self.try_sums(window).map(|(sums, _)| sums)
    }

    fn try_sums(
        &self,
        window: Window,
    ) -> Result<(Sums, BTreeSet<(EdgeId, PostureId)>), StoreError> {
        let mut kept = self.kept();
        loop {
            let window = kept.widen(window);
            let rows = self.counted(kept, window)?;
            // What is kept came with the counts: where it is other than thought, so are the steps.
            let found = Kept::default();
            let found = rows.iter().fold(found, |found, row| match row {
                Counted::Kept(it) => Kept {
                    minutes_from: found.minutes_from.max(it.minutes_from),
                    hours_from: found.hours_from.max(it.hours_from),
                },
                Counted::Pair(..) => found,
            });
            if found.minutes_from > kept.minutes_from || found.hours_from > kept.hours_from {
                kept = self.note_kept(found);
                continue;
            }
            let catalog = self.catalog();
            let (mut sums, mut unknown) = (Sums::new(window), BTreeSet::new());
            for row in rows {
                let Counted::Pair(edge, posture, sessions, failures) = row else { continue };
                let numbers = (catalog.edge(edge), catalog.postures.number(&posture));
                let pair = match numbers {
                    (Some(edge), Some(posture)) => catalog.pairs.number(&(edge, posture)),
                    _ => None,
                };
                match pair {
                    Some(pair) => sums.add(pair, sessions, failures),
                    None => drop(unknown.insert((edge, posture))),
                }
            }
            return Ok((sums, unknown));
        }
    }

    fn counted(&self, kept: Kept, window: Window) -> Result<Vec<Counted>, StoreError> {
        let dialect = self.dialect;
        let ranges = kept.ranges(window).into_iter().map(|range| {
            let kind = cell_kind(range.step).name();
            format!(" OR ({})", within(kind, range.from, range.to))
        });
        let query = format!(
            "SELECT kind = 'kept', a, b, {}, {}, {} FROM {} WHERE kind = 'kept'{}
             GROUP BY kind = 'kept', a, b",
            dialect.sum("sessions"),
            dialect.sum("failures"),
            dialect.max("last"),
            COUNTS.read(self.client.url()),
            ranges.collect::<String>(),
        );
        let read = self.client.select(&query, |row| {
            let (is_kept, a, b) = (row.u8()? == 1, row.array::<16>()?, row.array()?);
            let (sessions, failures, last) = (row.u64()?, row.u64()?, row.i64()?);
            Ok(match (is_kept, a[0]) {
                (false, _) => Counted::Pair(EdgeId(a), PostureId(b), sessions, failures),
                (true, 0) => Counted::Kept(Kept { minutes_from: last, hours_from: 0 }),
                (true, _) => Counted::Kept(Kept { minutes_from: 0, hours_from: last }),
            })
        });
        read.map_err(|error| self.error(error))
    }

    /// Sessions by grade and class over time.
    pub(super) fn series(&self, window: Window) -> Result<Vec<SeriesPoint>, StoreError> {
        let mut kept = self.kept();
        loop {
            let step = kept.drawing_step(window);
            let mut points = empty_series(step, window);
            let from = points.keys().next().copied().unwrap_or(0);
            let kind = series_kind(step).name();
            let query = format!(
                "SELECT kind = 'kept', toUInt32(time), a, {}, {} FROM {}
                 WHERE kind = 'kept' OR ({}) GROUP BY kind = 'kept', time, a",
                self.dialect.sum("sessions"),
                self.dialect.max("last"),
                COUNTS.read(self.client.url()),
                within(kind, from, window.to.as_nanos()),
            );
            let mut found = Kept::default();
            let read = self.client.select(&query, |row| {
                let (is_kept, time, a) = (row.u8()? == 1, row.u32()?, row.array::<16>()?);
                let (sessions, last) = (row.u64()?, row.i64()?);
                let [grade, class, ..] = a;
                if is_kept && grade == 0 {
                    found.minutes_from = found.minutes_from.max(last);
                } else if is_kept {
                    found.hours_from = found.hours_from.max(last);
                } else {
                    let time = i64::from(time).saturating_mul(crate::steps::SECOND);
                    if let Some(point) = points.get_mut(&time) {
                        add_to_point(point, grade, class, sessions);
                    }
                }
                Ok(())
            });
            read.map_err(|error| self.error(error))?;
            if found.minutes_from <= kept.minutes_from && found.hours_from <= kept.hours_from {
                return Ok(points.into_values().collect());
            }
            kept = self.note_kept(found);
        }
    }

    /// What was not seen, by time and source.
    fn lost(&self, from: i64, to: i64) -> Result<Vec<Lost>, StoreError> {
        let query = format!(
            "SELECT a, b, {} FROM {} WHERE {} GROUP BY time, a, b",
            self.dialect.sum("sessions"),
            COUNTS.read(self.client.url()),
            within(Kind::Loss.name(), from, to),
        );
        let rows = self.client.select(&query, |row| Ok((row.array()?, row.array()?, row.u64()?)));
        let mut sums: BTreeMap<([u8; 16], [u8; 16]), u64> = BTreeMap::new();
        for (source, cause, count) in rows.map_err(|error| self.error(error))? {
            let sum = sums.entry((source, cause)).or_default();
            *sum = sum.saturating_add(count.min(MAX_COUNT));
        }
        if sums.is_empty() {
            return Ok(Vec::new());
        }
        let causes = self.texts(Entry::Cause).map_err(|error| self.error(error))?;
        let known = sums.into_iter().filter_map(|((source, cause), count)| {
            let cause: String = serde_json::from_str(causes.get(&cause)?).ok()?;
            Some(Lost { source, cause, count })
        });
        let mut lost: Vec<Lost> = known.collect();
        lost.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(&b.cause)));
        Ok(lost)
    }

    /// What was not seen.
    pub(super) fn losses(&self, window: Window) -> Result<Vec<LossCount>, StoreError> {
        let from = Step::Hour.floor(window.from.as_nanos());
        let lost = self.lost(from, window.to.as_nanos())?;
        if lost.is_empty() {
            return Ok(Vec::new());
        }
        let sources = self.sources()?;
        let known = lost.into_iter().filter_map(|lost| {
            let source = sources.get(&lost.source)?.0.clone();
            Some(LossCount { source, cause: lost.cause, count: lost.count })
        });
        let mut losses: Vec<LossCount> = known.collect();
        losses.sort_by(|a, b| {
            let names = (&a.source, &a.cause).cmp(&(&b.source, &b.cause));
            b.count.cmp(&a.count).then(names)
        });
        losses.truncate(MAX_LOSSES);
        Ok(losses)
    }

    /// Ids, hosts and versions of sources.
    fn sources(&self) -> Result<BTreeMap<[u8; 16], SourceBody>, StoreError> {
        let bodies = self.texts(Entry::Source).map_err(|error| self.error(error))?;
        let read = bodies.into_iter().filter_map(|(digest, body)| {
            Some((digest, serde_json::from_str::<SourceBody>(&body).ok()?))
        });
        Ok(read.collect())
    }

    /// Who sends.
    pub(super) fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let dialect = self.dialect;
        let query = format!(
            "SELECT a, {}, {}, {} FROM {} WHERE kind = 'source' GROUP BY a",
            dialect.sum("sessions"),
            dialect.min("first"),
            dialect.max("last"),
            COUNTS.read(self.client.url()),
        );
        let rows = self
            .client
            .select(&query, |row| Ok((row.array::<16>()?, row.u64()?, row.i64()?, row.i64()?)));
        let rows = rows.map_err(|error| self.error(error))?;
        let mut sources = self.sources()?;
        let mut losses: BTreeMap<[u8; 16], Vec<Count>> = BTreeMap::new();
        for lost in self.lost(0, i64::MAX)? {
            let count = Count { name: lost.cause, count: lost.count };
            losses.entry(lost.source).or_default().push(count);
        }
        let known = rows.into_iter().filter_map(|(digest, sessions, first, last)| {
            let (id, host, version) = sources.remove(&digest)?;
            Some(Agent {
                id,
                host,
                version,
                first_seen: Timestamp::from_nanos(first),
                last_seen: Timestamp::from_nanos(last),
                sessions,
                losses: losses.remove(&digest).unwrap_or_default(),
            })
        });
        let mut agents: Vec<Agent> = known.collect();
        agents.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.id.cmp(&b.id)));
        agents.truncate(MAX_AGENTS);
        Ok(agents)
    }

    /// How the store does.
    pub(super) fn status(&self) -> Result<Status, StoreError> {
        let dialect = self.dialect;
        let query = format!(
            "SELECT kind = 'total', time, a, b, {}, {}, {} FROM {} WHERE kind IN ('total', 'evicted')
             GROUP BY kind = 'total', time, a, b",
            dialect.sum("sessions"),
            dialect.sum("failures"),
            dialect.max("last"),
            COUNTS.read(self.client.url()),
        );
        let (mut stored, mut refused, mut evicted, mut for_space) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut up_to = None;
        let read = self.client.select(&query, |row| {
            let (is_total, day) = (row.u8()? == 1, row.u32()?);
            let (_, b) = (row.array::<16>()?, row.array::<16>()?);
            let (sessions, refusals, last) = (row.u64()?, row.u64()?, row.i64()?);
            if is_total {
                (stored, refused) = (sessions, refusals);
                return Ok(());
            }
            let gone = u64::try_from(last).unwrap_or(0);
            evicted = evicted.saturating_add(gone);
            for_space = for_space.saturating_add(if b[0] == 1 { gone } else { 0 });
            let end = i64::from(day).saturating_mul(crate::steps::SECOND);
            let end = end.saturating_add(Step::Day.nanos()).saturating_sub(1);
            up_to = up_to.max(Some(Timestamp::from_nanos(end)));
            Ok(())
        });
        read.map_err(|error| self.error(error))?;
        Ok(Status {
            kind: StoreKind::Clickhouse,
            bytes: self.bytes()?,
            sessions: stored.saturating_sub(evicted),
            oldest: self.oldest()?,
            evicted_sessions: evicted,
            evicted_for_space: for_space,
            evicted_up_to: up_to,
            refused_records: refused,
            dictionaries: self.catalog().sizes(),
            retention: self.retention(),
            maintenance_error: self.trouble(),
        })
    }

    /// When the oldest session that is kept began.
    pub(super) fn oldest(&self) -> Result<Option<Timestamp>, StoreError> {
        let table = SESSIONS.read(self.client.url());
        let query = format!(
            "SELECT count(), min(time) FROM {table} WHERE day = (SELECT min(day) FROM {table})"
        );
        let rows = self.client.select(&query, |row| Ok((row.u64()?, row.i64()?)));
        let rows = rows.map_err(|error| self.error(error))?;
        let oldest = rows.first().filter(|(count, _)| *count > 0);
        Ok(oldest.map(|(_, time)| Timestamp::from_nanos(*time)))
    }

    /// Bytes on disk, of one replica of each part.
    pub(super) fn bytes(&self) -> Result<u64, StoreError> {
        let url = self.client.url();
        let parts = match &url.cluster {
            None => "system.parts".to_owned(),
            Some(cluster) => format!("cluster('{cluster}', system, parts)"),
        };
        let tables = super::schema::ALL.map(|table| format!("'{}'", table.stored_name(url)));
        let query = format!(
            "SELECT toUInt64(sum(bytes_on_disk)) FROM {parts} WHERE active AND database = '{}' AND table IN ({})",
            url.database,
            tables.join(", ")
        );
        let rows =
            self.client.select(&query, |row| row.u64()).map_err(|error| self.error(error))?;
        Ok(rows.first().copied().unwrap_or(0))
    }
}

/// Id, host and version of a source.
type SourceBody = (String, String, String);

/// Something that a source did not see.
struct Lost {
    source: [u8; 16],
    cause: String,
    count: u64,
}

/// The condition for rows of a kind from one point in time up to and without another.
pub(super) fn within(kind: &str, from: i64, to: i64) -> String {
    let (from, to) = (seconds(from), seconds_up(to));
    format!("kind = '{kind}' AND time >= toDateTime({from}) AND time < toDateTime({to})")
}

/// Seconds, rounded up.
fn seconds_up(nanos: i64) -> u32 {
    seconds(nanos.saturating_add(crate::steps::SECOND - 1))
}

/// The most that one hour of a loss counts.
const MAX_COUNT: u64 = 1 << 40;

/// Most losses told.
const MAX_LOSSES: usize = 1000;

/// Most agents told.
const MAX_AGENTS: usize = 10_000;
