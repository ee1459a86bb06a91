//! What a batch adds to the counts.

use std::collections::BTreeMap;

use policy::{Observation, Outcome};

use super::resolve::Resolved;
use crate::catalog::{Catalog, Tally};
use crate::steps::Step;

/// Counts by step and pair, and tallies of pairs and certificates.
#[derive(Default)]
pub(crate) struct Counts {
    /// Sessions and failures by begin of the minute and pair, as they came.
    minutes: Vec<Cell>,
    pub(crate) pairs: BTreeMap<u32, Tally>,
    pub(crate) certificates: BTreeMap<u32, Tally>,
}

/// Sessions and failures of a pair in one step of time.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) time: i64,
    pub(crate) pair: u32,
    pub(crate) sessions: u64,
    pub(crate) failures: u64,
}

/// Sessions by begin of the step, grade and class.
pub(crate) type Series = BTreeMap<(Step, i64, usize, usize), u64>;

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
    pub(crate) fn add(&mut self, resolved: Resolved, seen: &Observation) {
        let (first, last) = super::span(seen);
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
    pub(crate) fn sessions(&self) -> u64 {
        self.pairs.values().fold(0, |sum, tally| sum.saturating_add(tally.sessions))
    }

    /// Cells of every step, with what they add to the series.
    pub(crate) fn by_step(&self, catalog: &Catalog) -> (Vec<(Step, Vec<Cell>)>, Series) {
        let mut series = Series::new();
        let mut steps = Vec::with_capacity(Step::ALL.len());
        let mut cells = self.minutes.clone();
        for step in Step::ALL {
            cells = merge(cells, step);
            for Cell { time, pair, sessions, .. } in &cells {
                if let Some((_, _, posture)) = catalog.pair(*pair) {
                    let key = (step, *time, posture.grade_index(), posture.class_index());
                    let sum = series.entry(key).or_default();
                    *sum = sum.saturating_add(*sessions);
                }
            }
            steps.push((step, cells.clone()));
        }
        (steps, series)
    }

    /// Adds to what the dictionaries say.
    pub(crate) fn apply(&self, catalog: &mut Catalog) {
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
