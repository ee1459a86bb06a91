//! Batches on their way to the server.
//!
//! A server has no transactions, but a block of rows of one partition is there as a whole or not at
//! all. So all that some batches add up is one block of `counts`, with a row that names each batch. When
//! that block is there, these batches have happened. What is written before it changes no answer: entries
//! of the dictionary of which nothing is counted, and sessions that bear the name of a batch that has
//! not happened. If it comes again, those sessions are known for its own.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::doubt::Doubt;
use super::failure::Failure;
use super::rows::Rows;
use super::schema::{COUNTS, Kind, SESSIONS};
use super::{Shared, Writer};
use crate::batch::{Batch, Ingested, NotTaken, Record};
use crate::block::Row;
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::id::{SessionId, digest_of};
use crate::intake::{self, Added, Counts, Named, Resolved};
use crate::settings::Retention;
use crate::steps::{SECOND, Step};

/// The name of a batch.
pub(super) type BatchId = [u8; 16];

/// A batch that has not happened yet, on its way.
struct Coming<'a> {
    named: &'a Named,
    id: BatchId,
    taken: Vec<Result<(), NotTaken>>,
    resolved: Vec<Option<Resolved>>,
    added: Added,
    answer: Ingested,
    counts: Counts,
}

impl Shared {
    /// Takes batches, each once: all of them or none.
    pub(super) fn ingest(
        &self,
        writer: &mut Writer,
        batches: &[Named],
    ) -> Result<Vec<Ingested>, StoreError> {
        let failed = |error| self.error(error);
        let ids: Vec<BatchId> = batches.iter().map(|named| batch_id(&named.batch)).collect();
        self.settle_doubt().map_err(failed)?;
        self.freshen()?;
        let mut answers = self.earlier(&ids).map_err(failed)?;
        let known: Vec<&Batch> = batches
            .iter()
            .zip(&ids)
            .filter_map(|(named, id)| answers.contains_key(id).then_some(&named.batch))
            .collect();
        if !known.is_empty() {
            self.note_sources(writer, &known).map_err(failed)?;
        }
        let mut coming: Vec<Coming<'_>> = Vec::new();
        for (named, id) in batches.iter().zip(&ids) {
            if !answers.contains_key(id) && coming.iter().all(|other| other.id != *id) {
                coming.push(Coming::new(named, *id, self.retention()));
            }
        }
        if !coming.is_empty() {
            self.take(writer, &mut coming)?;
        }
        let mut first: BTreeMap<BatchId, Ingested> =
            coming.into_iter().map(|it| (it.id, it.answer)).collect();
        // Whoever sent them was told of a failure.
        first.extend(self.take_settled(&ids));
        Ok(ids
            .iter()
            .map(|id| match first.remove(id) {
                Some(answer) => {
                    answers.insert(*id, repeat_of(&answer));
                    answer
                }
                None => answers.get(id).cloned().unwrap_or_default(),
            })
            .collect())
    }

    /// Takes batches that have not happened.
    fn take(&self, writer: &mut Writer, coming: &mut [Coming<'_>]) -> Result<(), StoreError> {
        match self.write(writer, coming) {
            Ok(()) => {
                let mut catalog = self.catalog_mut();
                coming.iter().for_each(|it| it.counts.apply(&mut catalog));
                drop(catalog);
                self.note_answers(coming.iter().map(|it| (it.id, &it.answer)));
                Ok(())
            }
            Err(error) => {
                let mut catalog = self.catalog_mut();
                // The last first: what an earlier one changed, a later one may have changed again.
                for it in coming.iter_mut().rev() {
                    std::mem::take(&mut it.added).forget(&mut catalog);
                }
                drop(catalog);
                // They may have happened and the answer was lost.
                self.is_stale.store(true, std::sync::atomic::Ordering::Relaxed);
                Err(self.error(error))
            }
        }
    }

    fn write(&self, writer: &mut Writer, coming: &mut [Coming<'_>]) -> Result<(), Failure> {
        self.judge_known(coming)?;
        for it in &mut *coming {
            it.resolved = intake::resolve(&self.catalog, it.named, &mut it.taken, &mut it.added);
            (it.answer, it.counts) = intake::tally(it.named, &it.taken, &it.resolved);
            let catalog = self.catalog();
            let pairs = it.added.pairs.iter().filter_map(|number| catalog.pair(*number));
            it.answer.new_pairs = pairs.map(|(_, edge, posture)| (edge.id, posture.id)).collect();
        }
        let new = |it: &Coming<'_>| writer.note_source(&it.named.batch.source);
        let are_new: Vec<bool> = coming.iter().map(new).collect();
        let entries = coming.iter().zip(&are_new);
        let entries: Vec<_> =
            entries.map(|(it, is_new)| (&it.added, &it.named.batch, *is_new)).collect();
        self.save(&entries).inspect_err(|_| writer.sources.clear())?;
        let mut sessions = Rows::default();
        let counts: Vec<u64> =
            coming.iter().map(|it| self.put_sessions(&mut sessions, it)).collect();
        self.insert_sessions(&sessions)?;
        let mut block = Block { shared: self, rows: Rows::default() };
        let mut name = Sha256::new();
        for (it, count) in coming.iter().zip(counts) {
            self.put_counts(&mut block, it, count);
            name.update(it.id);
        }
        let name: BatchId = name.finalize().first_chunk().copied().unwrap_or(NOTHING);
        let token = format!("{:032x}", u128::from_be_bytes(name));
        let rows = block.rows;
        let inserted = self.client.insert(&COUNTS.written(self.client.url()), &rows, Some(&token));
        if inserted.as_ref().is_err_and(Failure::is_doubtful) {
            let answers = coming.iter().map(|it| (it.id, it.answer.clone())).collect();
            return self.doubt(Doubt { token, counts: rows, sessions, answers }, inserted);
        }
        inserted
    }

    pub(super) fn insert_sessions(&self, sessions: &Rows) -> Result<(), Failure> {
        if sessions.bytes.is_empty() {
            return Ok(());
        }
        self.client.insert_again(&SESSIONS.written(self.client.url()), sessions, None)
    }

    /// Notes that sources are there, though their batches are known.
    fn note_sources(&self, writer: &mut Writer, batches: &[&Batch]) -> Result<(), Failure> {
        let nothing = Added::default();
        let new = |batch: &&Batch| writer.note_source(&batch.source);
        let are_new: Vec<bool> = batches.iter().map(new).collect();
        let entries: Vec<_> =
            batches.iter().zip(are_new).map(|(batch, is_new)| (&nothing, *batch, is_new)).collect();
        self.save(&entries).inspect_err(|_| writer.sources.clear())?;
        let mut block = Block { shared: self, rows: Rows::default() };
        for batch in batches {
            let received = batch.received.as_nanos();
            let key = (Kind::Source, 0, digest_of(&batch.source.id), NOTHING);
            block.put(key, [0, 0], received, received);
        }
        // It adds nothing up.
        self.client.insert_again(&COUNTS.written(self.client.url()), &block.rows, None)
    }

    /// What became of those batches that came before.
    pub(super) fn earlier(&self, ids: &[BatchId]) -> Result<BTreeMap<BatchId, Ingested>, Failure> {
        let (mut answers, ids) = super::lock(&self.answers).split(ids);
        if ids.is_empty() {
            return Ok(answers);
        }
        let dialect = self.dialect;
        let query = format!(
            "SELECT a, {}, {}, {} FROM {} WHERE kind = 'batch' AND time = toDateTime(0) AND a IN {}
             GROUP BY a, b",
            dialect.sum("sessions"),
            dialect.sum("failures"),
            dialect.min("first"),
            COUNTS.read(self.client.url()),
            super::dialect::list(&ids),
        );
        let rows = self.client.select(&query, |row| {
            let id = row.array()?;
            let answer = Ingested {
                accepted: row.u64()?,
                duplicates: row.u64()?,
                refused: u64::try_from(row.i64()?).unwrap_or(0),
                is_repeat: true,
                ..Ingested::default()
            };
            Ok((id, answer))
        })?;
        answers.extend(rows);
        Ok(answers)
    }

    /// Which sessions are known from other batches that have happened, or come twice in these.
    fn judge_known(&self, coming: &mut [Coming<'_>]) -> Result<(), Failure> {
        let mut sessions = Vec::new();
        for (batch, it) in coming.iter().enumerate() {
            let is_taken = |place: usize| matches!(it.taken.get(place), Some(Ok(())));
            let own = it.named.sessions().into_iter().filter(|(_, place)| is_taken(*place));
            sessions.extend(own.map(|(session, place)| (session, batch, place)));
        }
        // What comes in several batches is of the first one.
        sessions.sort_unstable();
        let ids: Vec<BatchId> = coming.iter().map(|it| it.id).collect();
        let mut known = BTreeSet::new();
        for part in sessions.chunks(JUDGED_AT_ONCE) {
            known.extend(self.known(part, &ids)?);
        }
        let mut before = None;
        for (session, batch, place) in sessions {
            let is_known = known.contains(&session) || before == Some(session);
            let taken = coming.get_mut(batch).and_then(|it| it.taken.get_mut(place));
            if let Some(taken) = taken.filter(|_| is_known) {
                *taken = Err(NotTaken::Duplicate);
            }
            before = Some(session);
        }
        Ok(())
    }

    fn known(
        &self,
        part: &[(SessionId, usize, usize)],
        ids: &[BatchId],
    ) -> Result<Vec<SessionId>, Failure> {
        let (Some((first, ..)), Some((last, ..))) = (part.first(), part.last()) else {
            return Ok(Vec::new());
        };
        let digests: Vec<String> = part.iter().map(|(id, ..)| id.digest.to_string()).collect();
        let query = format!(
            "SELECT time, digest, batch FROM {} WHERE time >= {} AND time <= {} AND digest IN ({})
             AND batch NOT IN {}",
            SESSIONS.read(self.client.url()),
            self.dialect.time(first.time()),
            self.dialect.time(last.time()),
            digests.join(", "),
            super::dialect::list(ids),
        );
        let found = self.client.select(&query, |row| {
            let time = event::Timestamp::from_nanos(row.i64()?);
            Ok((SessionId { time, digest: row.u64()? }, row.array()?))
        })?;
        let happened = self.happened(found.iter().map(|(_, batch)| *batch))?;
        let found = found.into_iter().filter(|(_, batch)| happened.contains(batch));
        Ok(found.map(|(session, _)| session).collect())
    }

    /// Which of some batches have happened.
    pub(super) fn happened(
        &self,
        batches: impl Iterator<Item = BatchId>,
    ) -> Result<BTreeSet<BatchId>, Failure> {
        let asked: BTreeSet<BatchId> = batches.collect();
        let (mut happened, unknown) = self.split_happened(asked);
        for part in unknown.chunks(JUDGED_AT_ONCE) {
            let query = format!(
                "SELECT DISTINCT a FROM {} WHERE kind = 'batch' AND time = toDateTime(0) AND a IN {}",
                COUNTS.read(self.client.url()),
                super::dialect::list(part)
            );
            let found = self.client.select(&query, |row| row.array())?;
            self.note_happened(found.iter().copied());
            happened.extend(found);
        }
        Ok(happened)
    }

    /// Adds rows of the sessions that are taken, by time, and returns how many these are.
    fn put_sessions(&self, rows: &mut Rows, coming: &Coming<'_>) -> u64 {
        let catalog = self.catalog();
        let batch = &coming.named.batch;
        let mut count = 0;
        for (session, place) in coming.named.sessions() {
            let pair = coming.resolved.get(place).copied().flatten().map(|it| it.pair);
            let pair = pair.and_then(|pair| catalog.pair(pair));
            let (Some((_, edge, posture)), Some(record)) = (pair, batch.records.get(place)) else {
                continue;
            };
            put_key(rows, session, &coming.id);
            rows.raw(&edge.id.0).raw(&posture.id.0);
            put_session(rows, session, record);
            count += 1;
        }
        count
    }

    /// Adds what a batch has to the block of `counts`.
    fn put_counts(&self, block: &mut Block<'_>, coming: &Coming<'_>, sessions: u64) {
        let Coming { answer, counts, .. } = coming;
        let batch = &coming.named.batch;
        let received = batch.received.as_nanos();
        let catalog = self.catalog();
        block.cells(&catalog, counts);
        block.tallies(&catalog, counts);
        let source = digest_of(&batch.source.id);
        block.put((Kind::Source, 0, source, NOTHING), [counts.sessions(), 0], received, received);
        let mut losses: BTreeMap<&str, u64> = BTreeMap::new();
        for loss in &batch.losses {
            let sum = losses.entry(&loss.cause).or_default();
            *sum = sum.saturating_add(loss.count).min(MAX_LOSS);
        }
        for (cause, count) in losses {
            let key = (Kind::Loss, Step::Hour.floor(received), source, digest_of(cause));
            block.put(key, [count, 0], 0, 0);
        }
        block.put((Kind::Total, 0, NOTHING, NOTHING), [sessions, answer.refused], 0, 0);
        let sums = [answer.accepted, answer.duplicates];
        let refused = i64::try_from(answer.refused).unwrap_or(i64::MAX);
        block.put((Kind::Batch, 0, coming.id, received_key(received)), sums, refused, received);
    }
}

impl<'a> Coming<'a> {
    fn new(named: &'a Named, id: BatchId, retention: Retention) -> Self {
        Self {
            named,
            id,
            taken: named.judge_age(retention),
            resolved: Vec::new(),
            added: Added::default(),
            answer: Ingested::default(),
            counts: Counts::default(),
        }
    }
}

/// What is told when the same batch comes again.
pub(super) fn repeat_of(first: &Ingested) -> Ingested {
    let Ingested { accepted, duplicates, refused, .. } = *first;
    Ingested { accepted, duplicates, refused, is_repeat: true, ..Ingested::default() }
}

/// A block of `counts`.
pub(super) struct Block<'a> {
    pub(super) shared: &'a Shared,
    pub(super) rows: Rows,
}

impl Block<'_> {
    /// Adds a row: its kind, time, `a` and `b`, and its counts.
    pub(super) fn put(
        &mut self,
        key: (Kind, i64, [u8; 16], [u8; 16]),
        sums: [u64; 2],
        first: i64,
        last: i64,
    ) {
        let (kind, time, a, b) = key;
        self.rows.u8(kind as u8).u32(seconds(time)).raw(&a).raw(&b);
        self.shared.dialect.put_counts(&mut self.rows, sums, first, last);
    }

    fn cells(&mut self, catalog: &Catalog, counts: &Counts) {
        let (steps, series) = counts.by_step(catalog);
        for (step, cells) in steps {
            for cell in cells {
                let Some((_, edge, posture)) = catalog.pair(cell.pair) else { continue };
                let key = (cell_kind(step), cell.time, edge.id.0, posture.id.0);
                self.put(key, [cell.sessions, cell.failures], 0, 0);
            }
        }
        for ((step, time, grade, class), sessions) in series {
            let mut a = NOTHING;
            a[0] = u8::try_from(grade).unwrap_or(u8::MAX);
            a[1] = u8::try_from(class).unwrap_or(u8::MAX);
            self.put((series_kind(step), time, a, NOTHING), [sessions, 0], 0, 0);
        }
    }

    fn tallies(&mut self, catalog: &Catalog, counts: &Counts) {
        for (pair, tally) in &counts.pairs {
            let Some((_, edge, posture)) = catalog.pair(*pair) else { continue };
            let key = (Kind::Pair, 0, edge.id.0, posture.id.0);
            let (first, last) = (tally.first.as_nanos(), tally.last.as_nanos());
            self.put(key, [tally.sessions, tally.failures], first, last);
        }
        for (certificate, tally) in &counts.certificates {
            let Some(entry) = catalog.certificates.value(*certificate) else { continue };
            let id = digest_of(&entry.certificate.fingerprint);
            let (first, last) = (tally.first.as_nanos(), tally.last.as_nanos());
            self.put((Kind::Certificate, 0, id, NOTHING), [tally.sessions, 0], first, last);
        }
    }
}

/// The kind of cells of a step.
pub(super) const fn cell_kind(step: Step) -> Kind {
    match step {
        Step::Minute => Kind::Minute,
        Step::Hour => Kind::Hour,
        Step::Day => Kind::Day,
    }
}

/// The kind of the series of a step.
pub(super) const fn series_kind(step: Step) -> Kind {
    match step {
        Step::Minute => Kind::MinuteSeries,
        Step::Hour => Kind::HourSeries,
        Step::Day => Kind::DaySeries,
    }
}

/// Seconds as a column of dates and times holds them, which ends in 2106.
pub(super) fn seconds(nanos: i64) -> u32 {
    u32::try_from(nanos.div_euclid(SECOND).max(0)).unwrap_or(u32::MAX)
}

/// When a batch came, as bytes in the order of time.
pub(super) fn received_key(nanos: i64) -> [u8; 16] {
    u128::from(nanos.max(0).cast_unsigned()).to_be_bytes()
}

/// The day of a session, as a column of dates holds it.
pub(super) fn day(nanos: i64) -> u16 {
    u16::try_from(nanos.div_euclid(Step::Day.nanos()).max(0)).unwrap_or(u16::MAX)
}

/// Puts what a row of `sessions` begins with.
pub(super) fn put_key(rows: &mut Rows, session: SessionId, batch: &BatchId) {
    let nanos = session.time().as_nanos();
    rows.u16(day(nanos)).i64(nanos).u64(session.digest).raw(batch);
}

fn put_session(rows: &mut Rows, session: SessionId, record: &Record) {
    put_row(rows, &Row::new(session, 0, &record.seen, 0), &record.line);
}

/// Puts what a row of `sessions` has behind its edge and posture.
pub(super) fn put_row(rows: &mut Rows, row: &Row, line: &[u8]) {
    let octets = |ip: std::net::IpAddr| match ip.to_canonical() {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        std::net::IpAddr::V6(ip) => ip.octets(),
    };
    rows.raw(&octets(row.client_ip)).u16(row.client_port).raw(&octets(row.server_ip));
    rows.u8(crate::block::outcome_code(row.outcome));
    for text in &row.texts {
        rows.optional_text(text.as_deref());
    }
    rows.text(line);
}

fn batch_id(batch: &Batch) -> BatchId {
    named_batch(&batch.source.id, &batch.id)
}

/// The name of a batch of a source.
pub(super) fn named_batch(source: &str, id: &str) -> BatchId {
    let mut hash = Sha256::new();
    hash.update(source.len().to_be_bytes());
    hash.update(source);
    hash.update(id);
    hash.finalize().first_chunk().copied().unwrap_or(NOTHING)
}

/// A key that says nothing.
pub(super) const NOTHING: [u8; 16] = [0; 16];

/// Sessions of which one request asks whether they are known.
const JUDGED_AT_ONCE: usize = 8192;

/// A loss of one batch beyond this is no honest count; sums of these stay numbers.
const MAX_LOSS: u64 = 1 << 40;
