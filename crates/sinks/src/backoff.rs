//! How long to wait before something is tried again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// Waits that double from one failure to the next, of which half is by chance: agents whose receiver comes back
/// do not come to it at the same time.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure; at least for what the receiver asked for.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(MOST_DOUBLINGS)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let chance = f64::from(u16::try_from(random() & 0xffff).unwrap_or(0)) / f64::from(u16::MAX);
        let wait = doubled.mul_f64(0.5 + 0.5 * chance);
        wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
    }

    /// Begins anew: it worked.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Keys of hashes are random in each process and differ by one from call to call.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

const FIRST: Duration = Duration::from_millis(500);

/// A receiver that was gone for a day is found within a minute.
const LONGEST: Duration = Duration::from_secs(60);

/// `FIRST` has reached `LONGEST` by then.
const MOST_DOUBLINGS: u32 = 10;

/// What a receiver may ask for: more is a mistake of it.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_differ() {
        let mut backoff = Backoff::default();
        for failures in 0..40_u32 {
            let most = FIRST * 2_u32.pow(failures.min(20));
            let wait = backoff.next(None);
            assert!(wait <= most.min(LONGEST) && wait >= most.min(LONGEST) / 2, "{failures}");
        }
        let waits: std::collections::HashSet<_> = (0..20).map(|_| backoff.next(None)).collect();
        assert!(waits.len() > 1);
        backoff.reset();
        assert!(backoff.next(None) <= FIRST);
    }

    #[test]
    fn what_a_receiver_asks_for_is_the_least_within_reason() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(Some(Duration::from_secs(90))), Duration::from_secs(90));
        assert_eq!(backoff.next(Some(Duration::from_secs(1 << 40))), LONGEST_ASKED);
    }
}
