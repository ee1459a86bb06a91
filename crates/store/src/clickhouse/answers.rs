//! What became of the latest batches.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::ingest::BatchId;
use crate::batch::Ingested;

/// What is told of the latest batches if they come again, within a bound.
#[derive(Default)]
pub(super) struct Answers {
    latest: Generation,
    /// Those before: when there are as many of the latest ones, these are forgotten.
    earlier: Generation,
}

type Generation = HashMap<BatchId, Ingested, foldhash::fast::RandomState>;

impl Answers {
    /// What became of those of some batches that are known, and the others.
    pub(super) fn split(&self, asked: &[BatchId]) -> (BTreeMap<BatchId, Ingested>, Vec<BatchId>) {
        let (mut known, mut unknown) = (BTreeMap::new(), Vec::new());
        for id in asked {
            match self.latest.get(id).or_else(|| self.earlier.get(id)) {
                Some(answer) => {
                    known.insert(*id, answer.clone());
                }
                None => unknown.push(*id),
            }
        }
        (known, unknown)
    }

    /// Takes note of batches.
    pub(super) fn note(&mut self, answers: Vec<(BatchId, Ingested)>) {
        if self.latest.len().saturating_add(answers.len()) > MOST {
            self.earlier = std::mem::take(&mut self.latest);
        }
        self.latest.extend(answers);
    }
}

/// Batches of a generation, at some hundred bytes: a thousand agents make as many in half an hour.
const MOST: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_known_and_the_oldest_are_forgotten() {
        let id = |n: usize| (n as u128).to_be_bytes();
        let mut answers = Answers::default();
        for n in 0..3 * MOST {
            answers.note(vec![(id(n), Ingested { accepted: n as u64, ..Ingested::default() })]);
        }
        let (known, unknown) = answers.split(&[id(0), id(2 * MOST), id(3 * MOST - 1)]);
        assert_eq!(unknown, [id(0)]);
        assert_eq!(known[&id(2 * MOST)].accepted, 2 * MOST as u64);
        assert_eq!(known.len(), 2);
        assert!(answers.latest.len() + answers.earlier.len() <= 2 * MOST);
    }
}
