//! What is forgotten: sessions by days, counts by rows.
//!
//! Servers can forget by themselves (TTL). They would neither say how much went nor go by the clock of
//! whoever asks, so it is done here.

use std::time::{Duration, Instant};

use event::Timestamp;
use sha2::{Digest as _, Sha256};

use super::Shared;
use super::dialect::{Dialect, literal};
use super::failure::Failure;
use super::ingest::{Block, NOTHING, day, received_key, seconds};
use super::rows::Rows;
use super::schema::{COUNTS, Entry, Kind, SESSIONS, Table};
use crate::catalog::{Unused, old_pairs};
use crate::error::StoreError;
use crate::id::digest_of;
use crate::intake::days;
use crate::settings::{HOUR_DAYS, MINUTE_DAYS};
use crate::steps::{Kept, Step};

impl Shared {
    /// Forgets what is too old or too much, and returns how many sessions went.
    pub(super) fn maintain(&self, now: Timestamp) -> Result<u64, StoreError> {
        let failed = |error| self.error(error);
        self.refresh().map_err(failed)?;
        self.is_stale.store(false, std::sync::atomic::Ordering::Relaxed);
        let now = now.as_nanos();
        let cutoff = now.saturating_sub(days(self.retention().days));
        let mut gone = 0_u64;
        for old in self.days_before(day(cutoff)).map_err(failed)? {
            gone = gone.saturating_add(self.forget_day(old, Reason::Age).map_err(failed)?);
        }
        gone = gone.saturating_add(self.make_room()?);
        self.forget_counts(now).map_err(failed)?;
        self.prune(now)?;
        Ok(gone)
    }

    /// Forgets the oldest days while there are too many bytes; the latest day stays.
    fn make_room(&self) -> Result<u64, StoreError> {
        let failed = |error| self.error(error);
        let mut gone = 0_u64;
        let mut days = self.days_before(u16::MAX).map_err(failed)?;
        days.pop();
        for old in days {
            if self.bytes()? <= self.retention().max_bytes {
                break;
            }
            gone = gone.saturating_add(self.forget_day(old, Reason::Space).map_err(failed)?);
        }
        Ok(gone)
    }

    /// Days that have sessions, before one of them, in ascending order.
    fn days_before(&self, end: u16) -> Result<Vec<u16>, Failure> {
        let query = format!(
            "SELECT DISTINCT toUInt16(day) FROM {} WHERE toUInt16(day) < {end} ORDER BY toUInt16(day)",
            SESSIONS.read(self.client.url())
        );
        self.client.select(&query, |row| row.u16())
    }

    /// Forgets the sessions of a day. How many these are is written first, under a name that follows
    /// from what they are: if this ends in between, it is written again and counts once.
    fn forget_day(&self, old: u16, reason: Reason) -> Result<u64, Failure> {
        let url = self.client.url();
        let happened = format!(
            "SELECT a FROM {} WHERE kind = 'batch' AND time = toDateTime(0)",
            COUNTS.read(url)
        );
        let global = if url.cluster.is_some() { "GLOBAL " } else { "" };
        let query = format!(
            "SELECT toUInt64(uniqExact(time, digest)), groupBitXor(digest), max(time) FROM {}
             WHERE toUInt16(day) = {old} AND batch {global}IN ({happened})",
            SESSIONS.read(url)
        );
        let rows = self.client.select(&query, |row| Ok((row.u64()?, row.u64()?, row.i64()?)))?;
        let (count, digests, last) = rows.first().copied().unwrap_or_default();
        if count > 0 {
            let mut hash = Sha256::new();
            for part in [count, digests, last.cast_unsigned()] {
                hash.update(part.to_be_bytes());
            }
            let name = hash.finalize().first_chunk().copied().unwrap_or(NOTHING);
            let mut b = NOTHING;
            b[0] = reason as u8;
            let time = i64::from(old).saturating_mul(Step::Day.nanos());
            let mut block = Block { shared: self, rows: Rows::default() };
            let gone = i64::try_from(count).unwrap_or(i64::MAX);
            block.put((Kind::Evicted, time, name, b), [0, 0], 0, gone);
            self.client.insert(&COUNTS.written(url), &block.rows, None)?;
        }
        let partition = Timestamp::from_nanos(i64::from(old).saturating_mul(Step::Day.nanos()));
        let partition = partition.to_rfc3339();
        let partition = partition.split('T').next().unwrap_or_default();
        let table = SESSIONS.altered(url);
        self.client.run(&format!("ALTER TABLE {table} DROP PARTITION '{partition}'"))?;
        Ok(count)
    }

    /// Forgets counts of steps that are too fine for their age, and what is older than all.
    fn forget_counts(&self, now: i64) -> Result<(), Failure> {
        let retention = self.retention().days;
        let before = |kept: u32| Step::Day.floor(now.saturating_sub(days(kept)));
        let (minutes, hours) =
            (before(MINUTE_DAYS.min(retention)), before(HOUR_DAYS.min(retention)));
        let old = before(retention);
        let condition = format!(
            "(kind IN ('minute', 'minute_series') AND time < toDateTime({}))
             OR (kind IN ('hour', 'hour_series') AND time < toDateTime({}))
             OR (kind IN ('day', 'day_series', 'loss') AND time < toDateTime({}))
             OR (kind = 'batch' AND b < {})",
            seconds(minutes),
            seconds(hours),
            seconds(old),
            literal(&received_key(before(retention.saturating_add(1)))),
        );
        // What is gone is said before it goes, so that no answer misses it.
        let kept = self.kept();
        if minutes > kept.minutes_from || hours > kept.hours_from {
            let mut block = Block { shared: self, rows: Rows::default() };
            for (step, from) in [(0, minutes), (1, hours)] {
                let mut a = NOTHING;
                a[0] = step;
                block.put((Kind::Kept, 0, a, NOTHING), [0, 0], 0, from);
            }
            self.client.insert(&COUNTS.written(self.client.url()), &block.rows, None)?;
            self.note_kept(Kept { minutes_from: minutes, hours_from: hours });
        }
        let query =
            format!("SELECT count() FROM {} WHERE {condition}", COUNTS.read(self.client.url()));
        let count = self.client.select(&query, |row| row.u64())?;
        if count.first().copied().unwrap_or(0) == 0 {
            return Ok(());
        }
        self.delete(&COUNTS, &condition)
    }

    /// Forgets entries of the dictionary that neither sessions nor counts refer to.
    fn prune(&self, now: i64) -> Result<(), StoreError> {
        let cutoff = Step::Day.floor(now.saturating_sub(days(self.retention().days)));
        let oldest = self.oldest()?.map_or(i64::MAX, Timestamp::as_nanos).min(cutoff);
        let (pairs, unused, removed_pairs, removed) = {
            let catalog = self.catalog();
            let pairs: Vec<u32> = old_pairs(&catalog, oldest).collect();
            let unused = Unused::find(&catalog, &pairs, oldest);
            let names = pairs.iter().filter_map(|number| catalog.pair(*number));
            let names: Vec<_> = names.map(|(_, edge, posture)| (edge.id, posture.id)).collect();
            let edges = unused.edges.iter().filter_map(|it| catalog.edges.value(*it));
            let edges: Vec<[u8; 16]> = edges.map(|edge| edge.id.0).collect();
            let postures = unused.postures.iter().filter_map(|it| catalog.postures.value(*it));
            let entities = unused.entities.iter().filter_map(|it| catalog.entities.value(*it));
            let certificates =
                unused.certificates.iter().filter_map(|it| catalog.certificates.value(*it));
            let fingerprints = certificates.map(|entry| digest_of(&entry.certificate.fingerprint));
            let removed = [
                (Entry::Edge, edges.clone()),
                (Entry::ServerName, edges),
                (Entry::Posture, postures.map(|posture| posture.id.0).collect()),
                (Entry::Entity, entities.map(|entity| digest_of(&entity.id)).collect()),
                (Entry::Certificate, fingerprints.collect()),
            ];
            (pairs, unused, names, removed)
        };
        self.remove(&removed_pairs, &removed).map_err(|error| self.error(error))?;
        let mut catalog = self.catalog_mut();
        for number in pairs {
            catalog.pairs.remove(number);
        }
        unused.forget(&mut catalog);
        Ok(())
    }

    /// Deletes rows, and waits until they are gone.
    pub(super) fn delete(&self, table: &Table, condition: &str) -> Result<(), Failure> {
        let url = self.client.url();
        let settings = self.dialect.pick(" SETTINGS mutations_sync = 1", "");
        let name = table.altered(url);
        self.client.run(&format!("ALTER TABLE {name} DELETE WHERE {condition}{settings}"))?;
        if self.dialect == Dialect::Modern {
            return Ok(());
        }
        let query = format!(
            "SELECT toUInt64(count()) FROM system.mutations
             WHERE database = '{}' AND table = '{}' AND NOT is_done",
            url.database,
            table.stored_name(url)
        );
        let begin = Instant::now();
        while begin.elapsed() < DELETION_PATIENCE {
            let left = self.client.select(&query, |row| row.u64())?;
            if left.first().copied().unwrap_or(0) == 0 {
                return Ok(());
            }
            std::thread::sleep(DELETION_PAUSE);
        }
        // It goes on; until it is done, what is gone may be counted.
        Ok(())
    }
}

/// Why sessions went.
#[derive(Clone, Copy)]
enum Reason {
    Age = 0,
    Space = 1,
}

/// How long a deletion is waited for.
const DELETION_PATIENCE: Duration = Duration::from_secs(60);
const DELETION_PAUSE: Duration = Duration::from_millis(50);
