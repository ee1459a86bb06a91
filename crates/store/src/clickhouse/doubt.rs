//! Blocks of which the answer was lost: they may be there, or be there a moment later.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::Shared;
use super::dialect::literal;
use super::failure::Failure;
use super::ingest::{BatchId, repeat_of};
use super::rows::Rows;
use super::schema::COUNTS;
use crate::batch::Ingested;

/// A block of which nobody knows whether it is there.
pub(super) struct Doubt {
    /// Its name.
    pub(super) token: String,
    /// Its rows.
    pub(super) counts: Rows,
    /// Rows of the sessions that its batches have.
    pub(super) sessions: Rows,
    /// What is told of its batches if it is there.
    pub(super) answers: Vec<(BatchId, Ingested)>,
}

impl Shared {
    /// Takes note of a block of which the answer was lost, unless another replica says at once that it is there.
    pub(super) fn doubt(&self, lost: Doubt, failed: Result<(), Failure>) -> Result<(), Failure> {
        if self.has_replicas() && self.insert_lost(&lost).is_ok() {
            return Ok(());
        }
        *super::lock(&self.doubt) = Some(lost);
        failed
    }

    /// Finds out what became of a block of which the answer was lost, before anything else is written.
    pub(super) fn settle_doubt(&self) -> Result<(), Failure> {
        let mut doubt = super::lock(&self.doubt);
        let Some(lost) = doubt.as_ref() else { return Ok(()) };
        if self.has_replicas() {
            self.insert_lost(lost)?;
            self.note_answers(lost.answers.iter().map(|(id, answer)| (*id, answer)));
            let mut settled = super::lock(&self.settled);
            if settled.len() >= MAX_SETTLED {
                settled.clear();
            }
            settled.extend(lost.answers.iter().cloned());
        } else {
            self.await_lost(&lost.token)?;
        }
        self.is_stale.store(true, Ordering::Relaxed);
        *doubt = None;
        Ok(())
    }

    /// What became of those of some batches that are there by now, though it was said that they are not.
    pub(super) fn take_settled(&self, ids: &[BatchId]) -> BTreeMap<BatchId, Ingested> {
        let mut settled = super::lock(&self.settled);
        ids.iter().filter_map(|id| settled.remove_entry(id)).collect()
    }

    /// Takes note of batches that have happened.
    pub(super) fn note_answers<'a>(
        &self,
        answers: impl Iterator<Item = (BatchId, &'a Ingested)> + Clone,
    ) {
        self.note_happened(answers.clone().map(|(id, _)| id));
        let repeats = answers.map(|(id, answer)| (id, repeat_of(answer))).collect();
        super::lock(&self.answers).note(repeats);
    }

    fn has_replicas(&self) -> bool {
        self.client.url().cluster.is_some()
    }

    /// Inserts a block again. Replicas know by their keeper whether one of them has it, though that one may be
    /// gone and the others may not have fetched it.
    fn insert_lost(&self, lost: &Doubt) -> Result<(), Failure> {
        self.insert_sessions(&lost.sessions)?;
        let table = COUNTS.written(self.client.url());
        self.client.insert_again(&table, &lost.counts, Some(&lost.token))
    }

    /// Waits for nobody, but refuses to go on while a block is on its way: what it counts would be counted
    /// twice. A single server of 2018 would not know it again.
    fn await_lost(&self, token: &str) -> Result<(), Failure> {
        let query = format!(
            "SELECT toUInt64(count()) FROM system.processes WHERE query_id = {}",
            literal(token.as_bytes())
        );
        match self.client.select(&query, |row| row.u64()) {
            Ok(rows) if rows.first().copied().unwrap_or(0) > 0 => {
                let reason = "it is still busy with rows of which the answer was lost";
                Err(Failure::Unreachable(reason.to_owned()))
            }
            // Whoever may not see what runs cannot wait for it.
            Ok(_) | Err(Failure::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Batches that are remembered until they come again: those of some dozen blocks.
const MAX_SETTLED: usize = 4096;
