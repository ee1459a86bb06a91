//! All of a file's content into an empty database, part by part.
//!
//! A part is rows and a name. It is inserted as a batch is: when the block of `counts` that names it is there, it
//! has happened, and does not happen again. So whatever was cut off goes on where it was.

use sha2::{Digest as _, Sha256};

use super::failure::Failure;
use super::ingest::{
    BatchId, Block, NOTHING, cell_kind, named_batch, put_key, put_row, received_key, series_kind,
};
use super::rows::Rows;
use super::schema::{COUNTS, DICTIONARY, Kind, SESSIONS};
use super::{ClickHouseSessions, Shared};
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::id::digest_of;
use crate::intake::Added;
use crate::migrate::NotMigrated;
use crate::sqlite::{Counted, Export, Sender, Session};
use crate::steps::Step;

/// A database that takes what a file holds.
pub(crate) struct Import<'a> {
    shared: &'a Shared,
    export: &'a Export,
    fingerprint: [u8; 32],
    now: i64,
}

impl<'a> Import<'a> {
    /// Begins, or goes on with what was begun.
    ///
    /// # Errors
    /// [`NotMigrated::Done`] and [`NotMigrated::NotEmpty`].
    pub(crate) fn begin(
        store: &'a ClickHouseSessions,
        export: &'a Export,
        now: i64,
    ) -> Result<Self, NotMigrated> {
        let import =
            Self { shared: &store.shared, export, fingerprint: export.fingerprint()?, now };
        if import.has_happened("end")? {
            return Err(NotMigrated::Done);
        }
        if !import.has_happened("begin")? {
            if !import.is_empty()? {
                return Err(NotMigrated::NotEmpty);
            }
            import.part("begin", |_| {})?;
        }
        Ok(import)
    }

    /// Says that all of it is there.
    pub(crate) fn end(&self) -> Result<(), StoreError> {
        self.part("end", |_| {})
    }

    /// What sessions have in common, and who sent them. It replaces itself.
    pub(crate) fn dictionary(&self, senders: &[Sender]) -> Result<(), StoreError> {
        let catalog = &self.export.catalog;
        let causes = self.export.losses()?.into_iter().map(|lost| lost.cause);
        let causes: std::collections::BTreeSet<String> = causes.collect();
        let rows = super::dictionary::rows_of_all(
            catalog,
            &everything(catalog),
            senders,
            &causes,
            self.now,
        );
        let rows = rows.map_err(|error| self.failed(error))?;
        let table = DICTIONARY.written(self.shared.client.url());
        self.shared.client.insert_again(&table, &rows, None).map_err(|error| self.failed(error))
    }

    /// Some sessions, once.
    pub(crate) fn sessions(&self, number: usize, sessions: &[Session]) -> Result<(), StoreError> {
        let name = format!("sessions {number}");
        if self.has_happened(&name)? {
            return Ok(());
        }
        let (id, catalog) = (self.id(&name), &self.export.catalog);
        let (mut rows, mut count) = (Rows::default(), 0);
        for (row, line) in sessions {
            let Some((_, edge, posture)) = catalog.pair(row.pair) else { continue };
            put_key(&mut rows, row.id, &id);
            rows.raw(&edge.id.0).raw(&posture.id.0);
            put_row(&mut rows, row, line);
            count += 1;
        }
        let table = SESSIONS.written(self.shared.client.url());
        self.shared.client.insert_again(&table, &rows, None).map_err(|error| self.failed(error))?;
        self.part(&name, |block| {
            block.put((Kind::Total, 0, NOTHING, NOTHING), [count, 0], 0, 0);
        })
    }

    /// Counts of pairs, or of grades and classes, once.
    pub(crate) fn counts(
        &self,
        name: &str,
        counts: &[Counted],
        is_series: bool,
    ) -> Result<(), StoreError> {
        let catalog = &self.export.catalog;
        self.part(name, |block| {
            for it in counts {
                let Some(step) = Step::ALL.into_iter().find(|step| step.code() == it.step) else {
                    continue;
                };
                let sums = [it.sessions, it.failures];
                if is_series {
                    let mut a = NOTHING;
                    let byte = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
                    a[0] = byte(it.key.0);
                    a[1] = byte(it.key.1);
                    block.put((series_kind(step), it.time, a, NOTHING), sums, 0, 0);
                } else if let Some((_, edge, posture)) = catalog.pair(it.key.0) {
                    block.put((cell_kind(step), it.time, edge.id.0, posture.id.0), sums, 0, 0);
                }
            }
        })
    }

    /// All else that is added up, once.
    pub(crate) fn tallies(&self, senders: &[Sender]) -> Result<(), StoreError> {
        let (catalog, totals) = (&self.export.catalog, self.export.totals()?);
        let losses = self.export.losses()?;
        self.part("tallies", |block| {
            for (number, pair) in catalog.pairs.iter() {
                let Some((_, edge, posture)) = catalog.pair(number) else { continue };
                let key = (Kind::Pair, 0, edge.id.0, posture.id.0);
                let (first, last) = (pair.tally.first.as_nanos(), pair.tally.last.as_nanos());
                block.put(key, [pair.tally.sessions, pair.tally.failures], first, last);
            }
            for (_, entry) in catalog.certificates.iter() {
                let id = digest_of(&entry.certificate.fingerprint);
                let (first, last) = (entry.tally.first.as_nanos(), entry.tally.last.as_nanos());
                let sums = [entry.tally.sessions, 0];
                block.put((Kind::Certificate, 0, id, NOTHING), sums, first, last);
            }
            for it in senders {
                let key = (Kind::Source, 0, digest_of(&it.source.id), NOTHING);
                block.put(key, [it.sessions, 0], it.first, it.last);
            }
            for it in &losses {
                let key = (Kind::Loss, it.time, digest_of(&it.source), digest_of(&it.cause));
                block.put(key, [it.count, 0], 0, 0);
            }
            // Of all that ever were: what is gone is subtracted.
            let sums = [totals.evicted, totals.refused];
            block.put((Kind::Total, 0, NOTHING, NOTHING), sums, 0, 0);
            let for_age = totals.evicted.saturating_sub(totals.evicted_for_space);
            for (reason, gone) in [(0, for_age), (1, totals.evicted_for_space)] {
                let mut b = NOTHING;
                b[0] = reason;
                let day = Step::Day.floor(totals.evicted_up_to);
                let gone = i64::try_from(gone).unwrap_or(i64::MAX);
                if gone > 0 {
                    block.put((Kind::Evicted, day, self.id("evicted"), b), [0, 0], 0, gone);
                }
            }
            for (step, from) in [(0, totals.minutes_from), (1, totals.hours_from)] {
                let mut a = NOTHING;
                a[0] = step;
                block.put((Kind::Kept, 0, a, NOTHING), [0, 0], 0, from);
            }
        })
    }

    /// Batches that were taken, so that they count nothing if they come again.
    pub(crate) fn batches(
        &self,
        name: &str,
        batches: &[crate::sqlite::Taken],
    ) -> Result<(), StoreError> {
        self.part(name, |block| {
            for it in batches {
                let id = named_batch(&it.source, &it.id);
                let refused = i64::try_from(it.refused).unwrap_or(i64::MAX);
                let key = (Kind::Batch, 0, id, received_key(it.received));
                block.put(key, it.sums, refused, it.received);
            }
        })
    }

    /// Rows of `counts`, once.
    fn part(&self, name: &str, put: impl FnOnce(&mut Block<'_>)) -> Result<(), StoreError> {
        if self.has_happened(name)? {
            return Ok(());
        }
        let id = self.id(name);
        let mut block = Block { shared: self.shared, rows: Rows::default() };
        put(&mut block);
        block.put((Kind::Batch, 0, id, received_key(self.now)), [0, 0], 0, self.now);
        let token = format!("{:032x}", u128::from_be_bytes(id));
        let table = COUNTS.written(self.shared.client.url());
        let inserted = self.shared.client.insert(&table, &block.rows, Some(&token));
        inserted.map_err(|error| self.failed(error))
    }

    fn has_happened(&self, name: &str) -> Result<bool, StoreError> {
        let happened = self.shared.happened([self.id(name)].into_iter());
        Ok(!happened.map_err(|error| self.failed(error))?.is_empty())
    }

    fn is_empty(&self) -> Result<bool, StoreError> {
        let url = self.shared.client.url();
        for table in [&COUNTS, &SESSIONS] {
            let query = format!("SELECT toUInt64(count()) FROM {}", table.read(url));
            let count = self.shared.client.select(&query, |row| row.u64());
            let count = count.map_err(|error| self.failed(error))?;
            if count.first().copied().unwrap_or(0) > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn id(&self, name: &str) -> BatchId {
        let mut hash = Sha256::new();
        hash.update(b"tlsight store migrate");
        hash.update(self.fingerprint);
        hash.update(name);
        hash.finalize().first_chunk().copied().unwrap_or(NOTHING)
    }

    fn failed(&self, error: Failure) -> StoreError {
        self.shared.error(error)
    }
}

/// All numbers of the dictionaries.
fn everything(catalog: &Catalog) -> Added {
    let edges: Vec<u32> = catalog.edges.iter().map(|(number, _)| number).collect();
    let names = catalog.edges.iter().flat_map(|(number, edge)| {
        edge.server_names.iter().map(move |name| (number, std::sync::Arc::clone(name)))
    });
    Added {
        entities: catalog.entities.iter().map(|(number, _)| number).collect(),
        postures: catalog.postures.iter().map(|(number, _)| number).collect(),
        names: names.collect(),
        edges,
        certificates: catalog.certificates.iter().map(|(number, _)| number).collect(),
        ..Added::default()
    }
}
