//! What every store does with a batch before it writes it.

mod counts;
mod named;
mod resolve;

pub(crate) use counts::{Cell, Counts};
pub(crate) use named::{Named, days};
pub(crate) use resolve::{Added, Resolved};

use std::sync::{PoisonError, RwLock};

use policy::Observation;

use crate::batch::{Batch, Ingested, NotTaken};
use crate::catalog::Catalog;
use crate::error::StoreError;

/// Refuses more records at once than one batch may have.
pub(crate) fn check_many(batches: &[Batch]) -> Result<(), StoreError> {
    let found = batches.iter().map(|batch| batch.records.len()).sum();
    let limit = Batch::MAX_RECORDS;
    if found > limit {
        return Err(StoreError::TooLarge { what: "records in batches", found, limit });
    }
    Ok(())
}

/// Has those batches taken that passed the check, and puts what became of them in the order of all.
pub(crate) fn each<T>(
    checked: Vec<Result<T, StoreError>>,
    take: impl FnOnce(Vec<T>) -> Result<Vec<Ingested>, StoreError>,
) -> Result<Vec<Result<Ingested, StoreError>>, StoreError> {
    let mut good = Vec::with_capacity(checked.len());
    let mut outcomes = Vec::with_capacity(checked.len());
    for batch in checked {
        outcomes.push(batch.map(|batch| good.push(batch)));
    }
    let mut answers = if good.is_empty() { Vec::new() } else { take(good)? }.into_iter();
    let answered = |outcome: Result<(), StoreError>| match outcome {
        Ok(()) => answers.next().ok_or(StoreError::Closed),
        Err(error) => Err(error),
    };
    Ok(outcomes.into_iter().map(answered).collect())
}

/// What became of the only batch.
pub(crate) fn one(answers: Vec<Ingested>) -> Result<Ingested, StoreError> {
    answers.into_iter().next().ok_or(StoreError::Closed)
}

/// Numbers for all that is taken; refuses what the dictionaries have no room for.
pub(crate) fn resolve(
    catalog: &RwLock<Catalog>,
    named: &Named,
    taken: &mut [Result<(), NotTaken>],
    added: &mut Added,
) -> Vec<Option<Resolved>> {
    let mut catalog = catalog.write().unwrap_or_else(PoisonError::into_inner);
    let mut resolved = Vec::with_capacity(taken.len());
    let records = named.batch.records.iter().zip(&named.postures);
    for ((record, posture), taken) in records.zip(taken) {
        if taken.is_err() {
            resolved.push(None);
            continue;
        }
        let numbers = added.resolve(&mut catalog, record, *posture);
        if numbers.is_err() {
            *taken = Err(NotTaken::DictionaryFull);
        }
        resolved.push(numbers.ok());
    }
    resolved
}

/// What is told of a batch, and what it adds to the counts.
pub(crate) fn tally(
    named: &Named,
    taken: &[Result<(), NotTaken>],
    resolved: &[Option<Resolved>],
) -> (Ingested, Counts) {
    let (mut answer, mut counts) = (Ingested::default(), Counts::default());
    for (place, (record, outcome)) in named.batch.records.iter().zip(taken).enumerate() {
        match (outcome, resolved.get(place).copied().flatten()) {
            (Ok(()), Some(resolved)) => {
                answer.accepted += 1;
                counts.add(resolved, &record.seen);
            }
            (Ok(()), None) => {}
            (Err(reason), _) => {
                match reason {
                    NotTaken::Duplicate => answer.duplicates += 1,
                    NotTaken::TooOld | NotTaken::Future | NotTaken::DictionaryFull => {
                        answer.refused += 1;
                    }
                }
                answer.not_taken.push((place, *reason));
            }
        }
    }
    (answer, counts)
}

/// When the sessions of a record began: one of itself, those of an edge from the first to the last.
pub(crate) fn span(seen: &Observation) -> (event::Timestamp, event::Timestamp) {
    if seen.is_session { (seen.first, seen.first) } else { (seen.first.min(seen.last), seen.last) }
}
