//! A batch on its way to the server.
//!
//! A server has no transactions, but a block of rows of one partition is there as a whole or not at
//! all. So all that a batch adds up is one block of `counts`, with a row that names the batch. When
//! that block is there, the batch has happened. What is written before it changes no answer: entries
//! of the dictionary of which nothing is counted, and sessions that bear the name of a batch that has
//! not happened. If it comes again, those sessions are known for its own.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::dialect::literal;
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
use crate::steps::{SECOND, Step};

/// The name of a batch.
pub(super) type BatchId = [u8; 16];

impl Shared {
    /// Takes a batch, once.
    pub(super) fn ingest(
        &self,
        writer: &mut Writer,
        named: &Named,
    ) -> Result<Ingested, StoreError> {
        let id = batch_id(&named.batch);
        self.freshen()?;
        let earlier = self.earlier(&id).map_err(|error| self.error(error))?;
        if let Some(answer) = earlier {
            self.note_source(writer, &named.batch).map_err(|error| self.error(error))?;
            return Ok(answer);
        }
        let mut added = Added::default();
        match self.write(writer, named, &id, &mut added) {
            Ok((answer, counts)) => {
                counts.apply(&mut self.catalog_mut());
                self.note_happened([id]);
                Ok(answer)
            }
            Err(error) => {
                added.forget(&mut self.catalog_mut());
                // It may have happened and the answer was lost.
                self.is_stale.store(true, std::sync::atomic::Ordering::Relaxed);
                Err(self.error(error))
            }
        }
    }

    fn write(
        &self,
        writer: &mut Writer,
        named: &Named,
        id: &BatchId,
        added: &mut Added,
    ) -> Result<(Ingested, Counts), Failure> {
        let batch = &named.batch;
        let mut taken = named.judge_age(self.retention());
        self.judge_known(named, id, &mut taken)?;
        let resolved = intake::resolve(&self.catalog, named, &mut taken, added);
        let (mut answer, counts) = intake::tally(named, &taken, &resolved);
        {
            let catalog = self.catalog();
            let pairs = added.pairs.iter().filter_map(|number| catalog.pair(*number));
            answer.new_pairs = pairs.map(|(_, edge, posture)| (edge.id, posture.id)).collect();
        }
        let is_source_new = writer.note_source(&batch.source);
        self.save(added, batch, is_source_new).inspect_err(|_| writer.sources.clear())?;
        let (sessions, count) = self.session_rows(named, id, &resolved);
        if count > 0 {
            self.client.insert_again(&SESSIONS.written(self.client.url()), &sessions)?;
        }
        drop(sessions);
        let block = self.count_rows(named, id, &answer, &counts, count);
        let token = format!("{:032x}", u128::from_be_bytes(*id));
        self.client.insert(&COUNTS.written(self.client.url()), &block, Some(&token))?;
        Ok((answer, counts))
    }

    /// Notes that a source is there, though its batch is known.
    fn note_source(&self, writer: &mut Writer, batch: &Batch) -> Result<(), Failure> {
        let is_new = writer.note_source(&batch.source);
        self.save(&Added::default(), batch, is_new).inspect_err(|_| writer.sources.clear())?;
        let received = batch.received.as_nanos();
        let mut block = Block { shared: self, rows: Rows::default() };
        let key = (Kind::Source, 0, digest_of(&batch.source.id), NOTHING);
        block.put(key, [0, 0], received, received);
        self.client.insert(&COUNTS.written(self.client.url()), &block.rows, None)
    }

    /// What became of the batch when it came for the first time.
    fn earlier(&self, id: &BatchId) -> Result<Option<Ingested>, Failure> {
        let dialect = self.dialect;
        let query = format!(
            "SELECT {}, {}, {} FROM {} WHERE kind = 'batch' AND time = toDateTime(0) AND a = {}
             GROUP BY a, b",
            dialect.sum("sessions"),
            dialect.sum("failures"),
            dialect.min("first"),
            COUNTS.read(self.client.url()),
            literal(id),
        );
        let rows = self.client.select(&query, |row| {
            Ok(Ingested {
                accepted: row.u64()?,
                duplicates: row.u64()?,
                refused: u64::try_from(row.i64()?).unwrap_or(0),
                is_repeat: true,
                ..Ingested::default()
            })
        })?;
        Ok(rows.into_iter().next())
    }

    /// Which sessions are known from other batches that have happened, or come twice in this one.
    fn judge_known(
        &self,
        named: &Named,
        id: &BatchId,
        taken: &mut [Result<(), NotTaken>],
    ) -> Result<(), Failure> {
        let sessions = named.sessions();
        let is_taken = |place: usize| matches!(taken.get(place), Some(Ok(())));
        let sessions: Vec<_> = sessions.into_iter().filter(|(_, at)| is_taken(*at)).collect();
        let mut known = BTreeSet::new();
        for part in sessions.chunks(JUDGED_AT_ONCE) {
            known.extend(self.known(part, id)?);
        }
        let mut before = None;
        for (session, place) in sessions {
            let is_known = known.contains(&session) || before == Some(session);
            if let Some(taken) = taken.get_mut(place).filter(|_| is_known) {
                *taken = Err(NotTaken::Duplicate);
            }
            before = Some(session);
        }
        Ok(())
    }

    fn known(&self, part: &[(SessionId, usize)], id: &BatchId) -> Result<Vec<SessionId>, Failure> {
        let (Some((first, _)), Some((last, _))) = (part.first(), part.last()) else {
            return Ok(Vec::new());
        };
        let digests: Vec<String> = part.iter().map(|(id, _)| id.digest.to_string()).collect();
        let query = format!(
            "SELECT time, digest, batch FROM {} WHERE time >= {} AND time <= {} AND digest IN ({})
             AND batch != {}",
            SESSIONS.read(self.client.url()),
            self.dialect.time(first.time()),
            self.dialect.time(last.time()),
            digests.join(", "),
            literal(id),
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

    /// Rows of the sessions that are taken, by time, and how many these are.
    fn session_rows(
        &self,
        named: &Named,
        batch: &BatchId,
        resolved: &[Option<Resolved>],
    ) -> (Rows, u64) {
        let catalog = self.catalog();
        let (mut rows, mut count) = (Rows::default(), 0);
        for (session, place) in named.sessions() {
            let pair = resolved.get(place).copied().flatten().map(|it| it.pair);
            let pair = pair.and_then(|pair| catalog.pair(pair));
            let (Some((_, edge, posture)), Some(record)) = (pair, named.batch.records.get(place))
            else {
                continue;
            };
            put_key(&mut rows, session, batch);
            rows.raw(&edge.id.0).raw(&posture.id.0);
            put_session(&mut rows, session, record);
            count += 1;
        }
        (rows, count)
    }

    /// The block of `counts` of a batch.
    fn count_rows(
        &self,
        named: &Named,
        id: &BatchId,
        answer: &Ingested,
        counts: &Counts,
        sessions: u64,
    ) -> Rows {
        let batch = &named.batch;
        let received = batch.received.as_nanos();
        let catalog = self.catalog();
        let mut block = Block { shared: self, rows: Rows::default() };
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
        block.put((Kind::Batch, 0, *id, received_key(received)), sums, refused, received);
        block.rows
    }
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

fn put_key(rows: &mut Rows, session: SessionId, batch: &BatchId) {
    let nanos = session.time().as_nanos();
    rows.u16(day(nanos)).i64(nanos).u64(session.digest).raw(batch);
}

fn put_session(rows: &mut Rows, session: SessionId, record: &Record) {
    let row = Row::new(session, 0, &record.seen, 0);
    let octets = |ip: std::net::IpAddr| match ip.to_canonical() {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        std::net::IpAddr::V6(ip) => ip.octets(),
    };
    rows.raw(&octets(row.client_ip)).u16(row.client_port).raw(&octets(row.server_ip));
    rows.u8(crate::block::outcome_code(row.outcome));
    for text in &row.texts {
        rows.optional_text(text.as_deref());
    }
    rows.text(&record.line);
}

fn batch_id(batch: &Batch) -> BatchId {
    let mut hash = Sha256::new();
    hash.update(batch.source.id.len().to_be_bytes());
    hash.update(&batch.source.id);
    hash.update(&batch.id);
    hash.finalize().first_chunk().copied().unwrap_or(NOTHING)
}

/// A key that says nothing.
pub(super) const NOTHING: [u8; 16] = [0; 16];

/// Sessions of which one request asks whether they are known.
const JUDGED_AT_ONCE: usize = 8192;

/// A loss of one batch beyond this is no honest count; sums of these stay numbers.
const MAX_LOSS: u64 = 1 << 40;
