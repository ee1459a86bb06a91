//! What every store does with a batch before it writes it.

mod counts;
mod named;
mod resolve;

pub(crate) use counts::{Cell, Counts};
pub(crate) use named::{Named, days};
pub(crate) use resolve::{Added, Resolved};

use std::sync::{PoisonError, RwLock};

use policy::Observation;

use crate::batch::{Ingested, NotTaken};
use crate::catalog::Catalog;

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
