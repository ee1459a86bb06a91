//! When to try again.

use std::time::Duration;

/// Waits that double up to a bound, each shortened at random by up to a half: agents that lost their server
/// together do not come back together.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with the shortest wait.
    pub(super) const fn new((least, most): (Duration, Duration)) -> Self {
        Self { least, most, next: least }
    }

    /// The next wait.
    pub(super) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.most);
        jittered(whole)
    }

    /// Begins anew.
    pub(super) const fn reset(&mut self) {
        self.next = self.least;
    }
}

/// A wait, shortened at random by up to a half.
pub(super) fn jittered(whole: Duration) -> Duration {
    let mut random = [0; 4];
    // Without any the wait is the longest.
    crate::token::fill_random(&mut random).ok();
    let part = f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX) / 2.0;
    whole.saturating_sub(whole.mul_f64(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_never_shorter_than_half() {
        let mut backoff = Backoff::new((Duration::from_secs(1), Duration::from_secs(5)));
        for whole in [1, 2, 4, 5, 5] {
            let whole = Duration::from_secs(whole);
            let wait = backoff.wait();
            assert!(wait <= whole && wait >= whole / 2, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_secs(1));
    }
}
