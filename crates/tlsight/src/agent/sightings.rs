//! What has been seen before, and how much of what is new there is room for.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::Instant;

/// Remembers, in bounded memory, what it has seen: the newest half of what there is room for at least.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    hasher: RandomState,
    young: HashSet<u64>,
    old: HashSet<u64>,
}

/// Lets through so many a second, and some more at once after a time with fewer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    left: f64,
    since: Instant,
}

impl Sightings {
    /// The number by which something is remembered.
    pub(super) fn number(&self, seen: &impl Hash) -> u64 {
        self.hasher.hash_one(seen)
    }

    /// Whether this number is seen for the first time, as far as is remembered.
    pub(super) fn is_first(&mut self, number: u64) -> bool {
        if self.young.contains(&number) {
            return false;
        }
        if self.young.len() >= MOST_YOUNG {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(number);
        !self.old.remove(&number)
    }

    /// Has it seen for the first time once more.
    pub(super) fn forget(&mut self, number: u64) {
        self.young.remove(&number);
        self.old.remove(&number);
    }

    /// Has everything seen for the first time once more.
    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

impl Allowance {
    /// A full one.
    pub(super) const fn new(now: Instant) -> Self {
        Self { left: BURST, since: now }
    }

    /// Whether one more is let through.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.since = now;
        self.left = passed.mul_add(A_SECOND, self.left).min(BURST);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

/// A busy host has some hundred edges a minute; both halves take 4 MiB.
const MOST_YOUNG: usize = 1 << 17;

/// A fifth of the sessions of a busy host: each costs some 4 KiB to the server, and a look at the policies.
const A_SECOND: f64 = 100.0;

/// The edges that a host has when its agent starts.
const BURST: f64 = 2000.0;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_are_remembered_and_memory_has_a_bound() {
        let mut sightings = Sightings::default();
        let most = MOST_YOUNG as u64;
        assert!((0..most * 3).all(|number| sightings.is_first(number)));
        assert!(sightings.young.len() + sightings.old.len() <= 2 * MOST_YOUNG);
        assert!((most * 2..most * 3).all(|number| !sightings.is_first(number)));
        assert!(sightings.is_first(0));
        sightings.forget(0);
        assert!(sightings.is_first(0));
        sightings.clear();
        assert!(sightings.is_first(most));
    }

    #[test]
    fn what_is_seen_again_and_again_is_not_forgotten() {
        let mut sightings = Sightings::default();
        sightings.is_first(u64::MAX);
        for number in 0..4 * MOST_YOUNG as u64 {
            sightings.is_first(number);
            if number % 1000 == 0 {
                assert!(!sightings.is_first(u64::MAX), "after {number}");
            }
        }
    }

    #[test]
    fn so_many_are_let_through_at_once_and_so_many_a_second() {
        let now = Instant::now();
        let mut allowance = Allowance::new(now);
        let let_through =
            |allowance: &mut Allowance, now| (0..10_000).filter(|_| allowance.allows(now)).count();
        assert_eq!(let_through(&mut allowance, now), 2000);
        assert_eq!(let_through(&mut allowance, now + Duration::from_secs(2)), 200);
        assert_eq!(let_through(&mut allowance, now + Duration::from_secs(1000)), 2000);
        assert_eq!(let_through(&mut allowance, now), 0, "a clock that goes back");
    }
}
