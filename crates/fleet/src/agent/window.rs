//! Batches on their way, and what the server answers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::limits::MOST_WINDOW;

/// Batches that were sent and not answered yet, in order.
#[derive(Debug)]
pub(super) struct Window {
    limit: usize,
    /// How many may be on their way: fewer than `limit` after the server has asked for a pause.
    room: usize,
    sent: VecDeque<Sent>,
    /// When to send again, from the oldest batch that was not answered for good.
    pause: Option<Instant>,
}

/// A batch on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) sessions: u64,
    pub(super) at: Instant,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The batch is done with.
    Done(Sent),
    /// It, and those behind it, will be sent again.
    Again,
}

/// An answer that no honest server gives: to a batch that was not sent, or not in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server answered batch {0}, which is not the oldest one on its way")]
pub(super) struct Improper(pub(super) u64);

impl Window {
    /// A window for as many batches as the server says, within bounds.
    pub(super) fn new(told: u32) -> Self {
        let limit = usize::try_from(told.clamp(1, MOST_WINDOW)).unwrap_or(1);
        Self { limit, room: limit, sent: VecDeque::new(), pause: None }
    }

    /// Whether another batch may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.pause.is_none() && self.sent.len() < self.room
    }

    /// Takes note of a batch that was sent.
    pub(super) fn sent(&mut self, sent: Sent) {
        self.sent.push_back(sent);
    }

    /// Takes an answer that is for good.
    pub(super) fn done(&mut self, number: u64) -> Result<Outcome, Improper> {
        let sent = self.answered(number)?;
        if self.pause.is_some() {
            return Ok(Outcome::Again);
        }
        self.room = self.room.saturating_mul(2).min(self.limit);
        Ok(Outcome::Done(sent))
    }

    /// Takes the answer that a batch is to come again in a while.
    pub(super) fn later(
        &mut self,
        number: u64,
        milliseconds: u32,
        now: Instant,
    ) -> Result<(), Improper> {
        self.answered(number)?;
        let wait = Duration::from_millis(milliseconds.into()).clamp(LEAST_PAUSE, MOST_PAUSE);
        self.pause.get_or_insert(now + wait);
        // One is enough to find out whether the server takes any again.
        self.room = 1;
        Ok(())
    }

    /// Whether to send again from the oldest batch that is not done with; ends the pause if so.
    pub(super) fn resumes(&mut self, now: Instant) -> bool {
        let is_due = self.sent.is_empty() && self.pause.is_some_and(|until| until <= now);
        if is_due {
            self.pause = None;
        }
        is_due
    }

    /// When the pause ends, if all that was on its way has been answered.
    pub(super) fn pause(&self) -> Option<Instant> {
        self.pause.filter(|_| self.sent.is_empty())
    }

    /// Since when the oldest batch waits for its answer.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        self.sent.front().map(|sent| sent.at)
    }

    /// Whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    fn answered(&mut self, number: u64) -> Result<Sent, Improper> {
        let oldest = self.sent.pop_front_if(|sent| sent.number == number);
        oldest.ok_or(Improper(number))
    }
}

/// A server that wants it again at once gets it after this.
const LEAST_PAUSE: Duration = Duration::from_millis(200);

/// A server that has nothing to say for longer than that is asked.
const MOST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(number: u64) -> Sent {
        Sent { number, sessions: number, at: Instant::now() }
    }

    #[test]
    fn only_the_oldest_batch_can_be_answered() {
        let mut window = Window::new(2);
        assert_eq!(window.done(0), Err(Improper(0)));
        window.sent(sent(4));
        window.sent(sent(7));
        assert!(!window.has_room());
        assert_eq!(window.done(7), Err(Improper(7)));
        assert!(matches!(window.done(4), Ok(Outcome::Done(Sent { number: 4, .. }))));
        assert_eq!(window.done(4), Err(Improper(4)));
        assert!(window.has_room());
    }

    #[test]
    fn after_a_later_nothing_counts_until_all_were_answered_and_then_one_goes_first() {
        let (mut window, now) = (Window::new(8), Instant::now());
        (0..4).for_each(|number| window.sent(sent(number)));
        assert!(matches!(window.done(0), Ok(Outcome::Done(_))));
        window.later(1, 0, now).unwrap();
        assert_eq!(window.done(2), Ok(Outcome::Again));
        let much_later = now + MOST_PAUSE;
        assert!(!window.resumes(much_later), "one is on its way");
        window.later(3, u32::MAX, now).unwrap();
        assert!(!window.resumes(now) && window.resumes(now + LEAST_PAUSE));
        window.sent(sent(1));
        assert!(!window.has_room());
        window.done(1).unwrap();
        window.sent(sent(2));
        assert!(window.has_room());
    }

    proptest! {
        #[test]
        fn whatever_is_answered_the_window_has_a_bound_and_nothing_is_done_twice(
            told in any::<u32>(),
            answers in prop::collection::vec((0_u64..40, any::<bool>()), 0..200),
        ) {
            let (mut window, mut next, mut done) = (Window::new(told), 0, Vec::new());
            let now = Instant::now();
            for (number, is_later) in answers {
                if window.resumes(now + MOST_PAUSE) {
                    next = done.last().map_or(0, |last| last + 1);
                }
                while window.has_room() {
                    window.sent(sent(next));
                    next += 1;
                }
                if is_later {
                    window.later(number, 1, now).ok();
                } else if let Ok(Outcome::Done(sent)) = window.done(number) {
                    done.push(sent.number);
                }
            }
            prop_assert!(done.iter().copied().eq(0..done.len() as u64));
            prop_assert!(window.sent.len() <= MOST_WINDOW as usize);
        }
    }
}
