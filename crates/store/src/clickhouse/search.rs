//! Sessions, newest first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use event::Timestamp;

use super::Shared;
use super::client::Answer;
use super::condition::Condition;
use super::failure::Failure;
use super::ingest::BatchId;
use super::schema::SESSIONS;
use crate::analysis::{cursor, describe, place};
use crate::answer::{SessionDetail, SessionLine, SessionRow};
use crate::batch::Record;
use crate::block::{Field, MAX_TEXT_LEN, Row, outcome};
use crate::error::StoreError;
use crate::id::{EdgeId, PostureId, SessionId};
use crate::page::{List, Page, Paged};
use crate::query::SessionQuery;
use crate::steps::Step;

/// A row as the server has it.
struct Found {
    row: Row,
    batch: BatchId,
    pair: (EdgeId, PostureId),
}

/// What a search found.
struct Hits {
    /// Newest first.
    rows: Vec<Row>,
    /// Before what to go on; absent if there is no more.
    next: Option<SessionId>,
}

impl Shared {
    /// A page of sessions.
    pub(super) fn sessions(
        &self,
        query: &SessionQuery,
        page: Page,
    ) -> Result<Paged<SessionRow>, StoreError> {
        let found = self.find(query, page)?;
        let catalog = self.catalog();
        let items = found.rows.iter().filter_map(|row| describe(&catalog, row)).collect();
        Ok(Paged { items, next: found.next.map(cursor), total: None })
    }

    /// A page of lines.
    pub(super) fn lines(
        &self,
        query: &SessionQuery,
        page: Page,
    ) -> Result<Paged<SessionLine>, StoreError> {
        let found = self.find(query, page)?;
        let ids: Vec<SessionId> = found.rows.iter().map(|row| row.id).collect();
        let mut lines = self.read_lines(&ids).map_err(|error| self.error(error))?;
        let items = ids.into_iter().filter_map(|id| {
            let line = lines.remove(&id)?;
            Some(SessionLine { id, line })
        });
        Ok(Paged { items: items.collect(), next: found.next.map(cursor), total: None })
    }

    /// One session with its line.
    pub(super) fn session(&self, id: SessionId) -> Result<Option<SessionDetail>, StoreError> {
        let failed = |error| self.error(error);
        let condition = format!(
            "time = {} AND digest = {} LIMIT {MAX_COPIES}",
            self.dialect.time(id.time()),
            id.digest
        );
        let rows = self.read_rows(&condition).map_err(failed)?;
        let rows = self.settle(rows).map_err(failed)?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let line = self.read_lines(&[id]).map_err(failed)?.remove(&id);
        Ok(describe(&self.catalog(), &row).zip(line).map(|(row, line)| SessionDetail { row, line }))
    }

    /// Finds the newest sessions of a query, in slices of time that grow.
    fn find(&self, query: &SessionQuery, page: Page) -> Result<Hits, StoreError> {
        self.freshen()?;
        let after = page.after(List::Sessions)?;
        let condition = Condition::new(&self.catalog(), query, self.dialect)?;
        let Some(condition) = condition else { return Ok(Hits { rows: Vec::new(), next: None }) };
        let end = SessionId { time: condition.to, digest: 0 };
        let after = after.map(|cursor| place(&cursor));
        let before = after.map_or(end, |after| after.min(end));
        self.search(&condition, before, page.limit()).map_err(|error| self.error(error))
    }

    fn search(
        &self,
        condition: &Condition<'_>,
        mut before: SessionId,
        limit: usize,
    ) -> Result<Hits, Failure> {
        let begin = Instant::now();
        let mut found: BTreeMap<SessionId, Row> = BTreeMap::new();
        let mut width = Step::Minute.nanos();
        let first = SessionId { time: condition.from, digest: 0 };
        while before > first && found.len() <= limit {
            if begin.elapsed() > PATIENCE {
                return Ok(page(found, limit, Some(before)));
            }
            let slice = Instant::now();
            let from = before.time().as_nanos().saturating_sub(width);
            let from = Timestamp::from_nanos(from).max(condition.from);
            let wanted = limit.saturating_add(1).saturating_sub(found.len()).saturating_add(SPARE);
            let rows = self.read_rows(&format!(
                "{} AND ({}) ORDER BY time DESC, digest DESC LIMIT {wanted}",
                self.between(from, before),
                condition.sql,
            ))?;
            let is_empty = rows.is_empty();
            let last = rows.last().filter(|_| rows.len() >= wanted).map(|last| last.row.id);
            let rows = self.settle(rows)?;
            {
                let catalog = self.catalog();
                let rows = rows.into_iter().filter(|row| condition.holds(&catalog, row));
                found.extend(rows.map(|row| (row.id, row)));
            }
            before = last.unwrap_or(SessionId { time: from, digest: 0 });
            match slice.elapsed() {
                _ if last.is_some() => {}
                short if short < SHORT => {
                    let growth = if is_empty { GROWTH * GROWTH } else { GROWTH };
                    width = width.saturating_mul(growth);
                }
                long if long > LONG => width = (width / 2).max(Step::Minute.nanos()),
                _ => {}
            }
        }
        Ok(page(found, limit, None))
    }

    /// The condition for sessions from one time on, before one of them.
    fn between(&self, from: Timestamp, before: SessionId) -> String {
        let (from, to) = (self.dialect.time(from), self.dialect.time(before.time()));
        if before.digest == 0 {
            return format!("time >= {from} AND time < {to}");
        }
        format!("time >= {from} AND time <= {to} AND (time < {to} OR digest < {})", before.digest)
    }

    fn read_rows(&self, condition: &str) -> Result<Vec<Found>, Failure> {
        let query = format!(
            "SELECT time, digest, batch, edge, posture, client_ip, client_port, server_ip,
             toInt8(outcome), server_name, client_process, client_executable, server_process,
             server_executable, alert, ja3, ja4 FROM {} WHERE {condition}",
            SESSIONS.read(self.client.url())
        );
        self.client.select(&query, read_row)
    }

    /// Rows of batches that have happened, with the numbers of their pairs.
    fn settle(&self, rows: Vec<Found>) -> Result<Vec<Row>, Failure> {
        let happened = self.happened(rows.iter().map(|found| found.batch))?;
        let is_unknown = |(edge, posture): &(EdgeId, PostureId)| {
            self.catalog().edge(*edge).is_none()
                || self.catalog().postures.number(posture).is_none()
        };
        let pairs: BTreeSet<_> = rows.iter().map(|found| found.pair).collect();
        let unknown: BTreeSet<_> = pairs.into_iter().filter(is_unknown).collect();
        if !unknown.is_empty() {
            self.learn(&unknown)?;
        }
        let catalog = self.catalog();
        let rows = rows.into_iter().filter(|found| happened.contains(&found.batch));
        let numbered = rows.filter_map(|Found { mut row, pair: (edge, posture), .. }| {
            let (edge, posture) = (catalog.edge(edge)?, catalog.postures.number(&posture)?);
            row.pair = catalog.pairs.number(&(edge, posture))?;
            Some(row)
        });
        Ok(numbered.collect())
    }

    fn read_lines(&self, ids: &[SessionId]) -> Result<BTreeMap<SessionId, Box<[u8]>>, Failure> {
        let (Some(newest), Some(oldest)) = (ids.iter().max(), ids.iter().min()) else {
            return Ok(BTreeMap::new());
        };
        let digests: Vec<String> = ids.iter().map(|id| id.digest.to_string()).collect();
        let query = format!(
            "SELECT time, digest, line FROM {} PREWHERE time >= {} AND time <= {} AND digest IN ({})",
            SESSIONS.read(self.client.url()),
            self.dialect.time(oldest.time()),
            self.dialect.time(newest.time()),
            digests.join(", "),
        );
        let lines = self.client.select(&query, |row| {
            let time = Timestamp::from_nanos(row.i64()?);
            let id = SessionId { time, digest: row.u64()? };
            Ok((id, row.bytes(Record::MAX_LINE_LEN)?.into_boxed_slice()))
        })?;
        Ok(lines.into_iter().collect())
    }
}

fn page(found: BTreeMap<SessionId, Row>, limit: usize, stopped: Option<SessionId>) -> Hits {
    let has_more = found.len() > limit;
    let rows: Vec<Row> = found.into_values().rev().take(limit).collect();
    let next = if has_more { rows.last().map(|row| row.id) } else { stopped };
    Hits { rows, next }
}

fn read_row(row: &mut Answer) -> Result<Found, Failure> {
    let time = Timestamp::from_nanos(row.i64()?);
    let id = SessionId { time, digest: row.u64()? };
    let batch = row.array()?;
    let pair = (EdgeId(row.array()?), PostureId(row.array()?));
    let address = |octets: [u8; 16]| std::net::Ipv6Addr::from(octets).to_canonical();
    let (client_ip, client_port) = (address(row.array()?), row.u16()?);
    let server_ip = address(row.array()?);
    let outcome = outcome(row.u8()?).ok_or(Failure::Malformed("no outcome"))?;
    let mut texts = [const { None }; Field::COUNT];
    for text in &mut texts {
        *text = row.optional_text(MAX_TEXT_LEN)?.map(Box::from);
    }
    let row = Row { id, pair: 0, client_ip, client_port, server_ip, outcome, texts, place: 0 };
    Ok(Found { row, batch, pair })
}

/// Copies of a session that are looked at: as many as batches brought it that did not happen.
const MAX_COPIES: usize = 16;

/// Rows beyond a page that are asked for: some come twice, or are of batches that have not happened.
const SPARE: usize = 16;

/// How long one request searches.
const PATIENCE: Duration = Duration::from_secs(2);

/// A slice that took less than this is followed by one that is so many times as long, or that square
/// if there was nothing in it.
const SHORT: Duration = Duration::from_millis(100);
const GROWTH: i64 = 4;

/// A slice that took more than this is followed by one of half its length.
const LONG: Duration = Duration::from_millis(400);
