//! When to try again.

use std::time::Duration;

/// Waits that double up to a bound, each shortened at random by up to a half, so that agents which lost
/// their sensor together do not come back together.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with the shortest wait.
    pub(super) const fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, next: least }
    }

    /// The next wait; `random` is any number.
    pub(super) fn wait(&mut self, random: u32) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.most);
        whole.saturating_sub(whole.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0))
    }

    /// Begins anew.
    pub(super) const fn reset(&mut self) {
        self.next = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_are_spread() {
        let seconds = Duration::from_secs;
        let mut backoff = Backoff::new(seconds(1), seconds(6));
        assert_eq!([(); 4].map(|()| backoff.wait(0)), [1, 2, 4, 6].map(seconds));
        assert_eq!(backoff.wait(u32::MAX), seconds(3));
        backoff.reset();
        assert_eq!(backoff.wait(0), seconds(1));
    }
}
