//! Which batches the outlet has: what the store calls known need not have come that far before a server was killed.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

/// Batches whose lines this process has given to the outlet.
///
/// A batch comes again if its answer was lost. If this process gave its lines to the outlet they need not be given
/// once more; any other may have been stored by a process that was killed before it came to that.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    keys: RandomState,
    state: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

/// The name of a batch among those of all sources.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchKey(u64);

impl Handed {
    /// What a batch is called here. Two of them are called the same once in 2^46 times with as many as are known,
    /// and nobody can choose which.
    pub(crate) fn key(&self, source: &str, batch: &str) -> BatchKey {
        BatchKey(self.keys.hash_one((source, batch)))
    }

    /// Whether the outlet has it.
    pub(crate) fn contains(&self, batch: BatchKey) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.young.contains(&batch.0) || state.old.contains(&batch.0)
    }

    /// Takes note that the outlet has it. The oldest are forgotten, and go to the outlet again if they come again.
    pub(crate) fn add(&self, batch: BatchKey) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.young.len() >= GENERATION {
            state.old = std::mem::take(&mut state.young);
        }
        state.young.insert(batch.0);
    }
}

/// An agent has a few batches on their way: enough for thousands of agents, in some MiB.
const GENERATION: usize = 1 << 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_known_by_source_and_name_and_the_oldest_are_forgotten() {
        let handed = Handed::default();
        handed.add(handed.key("a", "1"));
        assert!(handed.contains(handed.key("a", "1")));
        assert!(!handed.contains(handed.key("b", "1")) && !handed.contains(handed.key("a", "2")));
        for number in 0..GENERATION * 2 {
            handed.add(handed.key("many", &number.to_string()));
        }
        assert!(!handed.contains(handed.key("a", "1")));
        let last = (GENERATION * 2 - 1).to_string();
        assert!(handed.contains(handed.key("many", &last)));
    }
}
