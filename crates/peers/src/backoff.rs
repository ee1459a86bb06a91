//! When to try again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// Waits that double up to a bound, each shortened at random by up to a half: those who lost the same peer together
/// do not come back to it together.
#[derive(Clone, Debug)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with the shortest wait.
    #[must_use]
    pub const fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, next: least }
    }

    /// How long to wait after one more failure.
    pub fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.most);
        jittered(whole)
    }

    /// Begins anew: it worked.
    pub const fn reset(&mut self) {
        self.next = self.least;
    }
}

/// A wait, shortened at random by up to a half.
#[must_use]
pub fn jittered(whole: Duration) -> Duration {
    let part = f64::from(random()) / f64::from(u16::MAX) / 2.0;
    whole.saturating_sub(whole.mul_f64(part))
}

/// Keys of hashes are random in each process and differ by one from call to call.
fn random() -> u16 {
    let [first, second, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
    u16::from_le_bytes([first, second])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_are_never_shorter_than_half() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        for whole in [1, 2, 4].into_iter().chain([5; 40]) {
            let whole = Duration::from_secs(whole);
            let wait = backoff.wait();
            assert!(wait <= whole && wait >= whole / 2, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_secs(1));
    }

    #[test]
    fn waits_differ() {
        let waits: HashSet<_> = (0..20).map(|_| jittered(Duration::from_secs(60))).collect();
        assert!(waits.len() > 1);
    }

    #[test]
    fn the_longest_wait_there_is_does_not_overflow() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX);
        assert!(backoff.wait() >= Duration::MAX / 4 && backoff.wait() >= Duration::MAX / 4);
    }
}
