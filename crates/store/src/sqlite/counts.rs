//! What a batch adds to the counts.

use std::collections::BTreeMap;

use policy::{Observation, Outcome};
use rusqlite::{Connection, params};

use super::resolve::Resolved;
use crate::catalog::{Catalog, Tally};
use crate::steps::Step;

/// Counts by step and pair, and tallies of pairs and certificates.
#[derive(Default)]
pub(super) struct Counts {
    /// Sessions and failures by begin of the minute and pair, as they came.
    minutes: Vec<Cell>,
    pub(super) pairs: BTreeMap<u32, Tally>,
    pub(super) certificates: BTreeMap<u32, Tally>,
}

/// Sessions and failures of a pair in one step of time.
#[derive(Clone, Copy)]
struct Cell {
    time: i64,
    pair: u32,
    sessions: u64,
    failures: u64,
}

/// Adds up what falls into the same step.
fn merge(mut cells: Vec<Cell>, step: Step) -> Vec<Cell> {
    for cell in &mut cells {
        cell.time = step.floor(cell.time);
    }
    cells.sort_unstable_by_key(|cell| (cell.time, cell.pair));
    let mut merged: Vec<Cell> = Vec::with_capacity(cells.len());
    for cell in cells {
        match merged.last_mut() {
            Some(sum) if (sum.time, sum.pair) == (cell.time, cell.pair) => {
                sum.sessions = sum.sessions.saturating_add(cell.sessions);
                sum.failures = sum.failures.saturating_add(cell.failures);
            }
            _ => merged.push(cell),
        }
    }
    merged
}

impl Counts {
    /// Counts a record: a session when it began, the sessions of an edge when the last of them did.
    pub(super) fn add(&mut self, resolved: Resolved, seen: &Observation) {
        let (first, last) = if seen.is_session {
            (seen.first, seen.first)
        } else {
            (seen.first.min(seen.last), seen.last)
        };
        let sessions = if seen.is_session { 1 } else { seen.sessions };
        let failures = if seen.outcome == Outcome::Failure { sessions } else { 0 };
        if sessions == 0 {
            return;
        }
        let minute = Step::Minute.floor(last.as_nanos());
        self.minutes.push(Cell { time: minute, pair: resolved.pair, sessions, failures });
        self.pairs.entry(resolved.pair).or_default().add(sessions, failures, first, last);
        if let Some(certificate) = resolved.certificate {
            let tally = self.certificates.entry(certificate).or_default();
            tally.add(sessions, failures, first, last);
        }
    }

    /// Sessions of all pairs.
    pub(super) fn sessions(&self) -> u64 {
        self.pairs.values().fold(0, |sum, tally| sum.saturating_add(tally.sessions))
    }

    /// Adds to what the file has.
    pub(super) fn save(&self, connection: &Connection, catalog: &Catalog) -> rusqlite::Result<()> {
        let mut add = connection.prepare_cached(
            "INSERT INTO counts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             sessions = sessions + excluded.sessions, failures = failures + excluded.failures",
        )?;
        let mut series: BTreeMap<(Step, i64, usize, usize), u64> = BTreeMap::new();
        let mut cells = self.minutes.clone();
        for step in Step::ALL {
            cells = merge(cells, step);
            for cell in &cells {
                let Cell { time, pair, sessions, failures } = *cell;
                let counts = (sessions.cast_signed(), failures.cast_signed());
                add.execute(params![step.code(), time, pair, counts.0, counts.1])?;
                if let Some((_, _, posture)) = catalog.pair(pair) {
                    let key = (step, time, posture.grade_index(), posture.class_index());
                    let sum = series.entry(key).or_default();
                    *sum = sum.saturating_add(sessions);
                }
            }
        }
        let mut add = connection.prepare_cached(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             sessions = sessions + excluded.sessions",
        )?;
        for ((step, time, grade, class), sessions) in series {
            let (grade, class) = (grade as i64, class as i64);
            add.execute(params![step.code(), time, grade, class, sessions.cast_signed()])?;
        }
        self.save_tallies(connection)
    }

    fn save_tallies(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut update = connection.prepare_cached(
            "UPDATE pairs SET
             first = CASE WHEN sessions = 0 THEN ?1 ELSE min(first, ?1) END,
             last = CASE WHEN sessions = 0 THEN ?2 ELSE max(last, ?2) END,
             sessions = sessions + ?3, failures = failures + ?4 WHERE id = ?5",
        )?;
        for (pair, tally) in &self.pairs {
            let (first, last) = (tally.first.as_nanos(), tally.last.as_nanos());
            let (sessions, failures) = (tally.sessions.cast_signed(), tally.failures.cast_signed());
            update.execute(params![first, last, sessions, failures, pair])?;
        }
        let mut update = connection.prepare_cached(
            "UPDATE certificates SET
             first = CASE WHEN sessions = 0 THEN ?1 ELSE min(first, ?1) END,
             last = CASE WHEN sessions = 0 THEN ?2 ELSE max(last, ?2) END,
             sessions = sessions + ?3 WHERE id = ?4",
        )?;
        for (certificate, tally) in &self.certificates {
            let (first, last) = (tally.first.as_nanos(), tally.last.as_nanos());
            update.execute(params![first, last, tally.sessions.cast_signed(), certificate])?;
        }
        Ok(())
    }

    /// Adds to what the dictionaries say.
    pub(super) fn apply(&self, catalog: &mut Catalog) {
        for (pair, tally) in &self.pairs {
            if let Some(entry) = catalog.pairs.value_mut(*pair) {
                entry.tally.merge(tally);
            }
        }
        for (certificate, tally) in &self.certificates {
            if let Some(entry) = catalog.certificates.value_mut(*certificate) {
                entry.tally.merge(tally);
            }
        }
    }
}
