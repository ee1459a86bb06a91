//! Empties a queue: hands lines over, again and again until each is taken or refused for good.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use peers::Backoff;

use crate::line::Line;
use crate::meter::Meter;
use crate::queue::{Batch, Queue};
use crate::receiver::{Failure, Outcome, Receiver};
use crate::settings::Log;

/// What hands the lines of one sink over.
pub(crate) struct Sender {
    pub(crate) name: String,
    pub(crate) queue: Arc<Queue>,
    pub(crate) receiver: Box<dyn Receiver>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) stop: Arc<Stop>,
    pub(crate) log: Log,
    pub(crate) backoff: Backoff,
    /// Whether what is due without lines failed last.
    pub(crate) cannot_tend: bool,
}

/// Tells that the run is over to threads that wait.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    is_set: AtomicBool,
    mutex: Mutex<()>,
    changed: Condvar,
}

/// Whether a batch is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Yes,
    /// The run is over before that.
    Stopped,
}

impl Sender {
    /// Works until the run is over: then once more through the queue, as long as the receiver takes it.
    pub(crate) fn run(mut self) {
        loop {
            let is_last = self.stop.is_set();
            let limits = self.receiver.limits();
            match self.queue.take(limits, if is_last { Duration::ZERO } else { LONGEST_WAIT }) {
                Ok(Some(batch)) => {
                    if self.deliver(batch) == Done::Stopped {
                        return;
                    }
                }
                Ok(None) if is_last => {
                    let finished = self.receiver.finish();
                    return self.tended(finished);
                }
                Ok(None) => {}
                Err(error) => {
                    self.tell_failure(&format!("its queue cannot be read: {error}"), IS_RETRIED);
                    self.pause(None);
                }
            }
            let tended = self.receiver.tend();
            self.tended(tended);
        }
    }

    /// Takes note of whether totals could be told.
    fn tended(&mut self, tended: Result<(), Failure>) {
        let why = match tended {
            Ok(()) => return self.cannot_tend = false,
            Err(Failure::Later { why, .. } | Failure::Refused { why }) => why,
            Err(Failure::TooLarge) => "the receiver finds it too large".to_owned(),
        };
        self.meter.failures.add(1);
        if !std::mem::replace(&mut self.cannot_tend, true) {
            (self.log)(&format!("sink {}: totals cannot be told: {why}", self.name));
        }
    }

    /// Hands a batch over, in parts where it is too much at once, and acknowledges it.
    fn deliver(&mut self, mut batch: Batch) -> Done {
        let mut parts = VecDeque::from([std::mem::take(&mut batch.lines)]);
        while let Some(part) = parts.pop_front().filter(|part| !part.is_empty()) {
            let len = part.len() as u64;
            match self.receiver.take(&part) {
                Ok(outcome) => {
                    if self.took(part, outcome, &mut parts) == Done::Stopped {
                        return Done::Stopped;
                    }
                }
                Err(Failure::TooLarge) if part.len() > 1 => {
                    let (first, second) = halves(part);
                    parts.push_front(second);
                    parts.push_front(first);
                }
                Err(Failure::TooLarge) => {
                    self.meter.rejected.add(len);
                    self.tell_failure("a line is longer than the receiver takes", IS_LOST);
                }
                Err(Failure::Refused { why }) => {
                    self.meter.rejected.add(len);
                    self.meter.failures.add(1);
                    self.tell_failure(&why, IS_LOST);
                    // Whoever refuses one request likely refuses the next: the queue is not emptied into it.
                    if !self.pause(None) {
                        break;
                    }
                }
                Err(Failure::Later { why, wait }) => {
                    self.meter.failures.add(1);
                    self.tell_failure(&why, IS_RETRIED);
                    parts.push_front(part);
                    if !self.pause(wait) {
                        return Done::Stopped;
                    }
                }
            }
        }
        if !parts.is_empty() {
            return Done::Stopped;
        }
        if let Err(error) = self.queue.acknowledge(&batch) {
            (self.log)(&format!(
                "sink {}: what was delivered cannot be noted and may come again: {error}",
                self.name
            ));
        }
        Done::Yes
    }

    /// Takes note of what became of lines, and has those wait that are to be handed over again.
    fn took(&mut self, part: Vec<Line>, outcome: Outcome, parts: &mut VecDeque<Vec<Line>>) -> Done {
        let again = outcome.again.len() as u64;
        let kept = (part.len() as u64).saturating_sub(again).saturating_sub(outcome.rejected);
        self.meter.delivered.add(kept);
        self.meter.rejected.add(outcome.rejected);
        if again == 0 {
            match outcome.why {
                Some(why) if outcome.rejected > 0 => self.tell_failure(&why, IS_LOST),
                Some(_) | None => self.tell_success(),
            }
            self.backoff.reset();
            return Done::Yes;
        }
        self.meter.failures.add(1);
        let why = outcome.why.as_deref().unwrap_or("some lines were not taken");
        self.tell_failure(why, IS_RETRIED);
        let mut places = outcome.again.into_iter().peekable();
        let rest = part
            .into_iter()
            .enumerate()
            .filter_map(|(place, line)| places.next_if_eq(&place).map(|_| line));
        parts.push_front(rest.collect());
        if self.pause(outcome.wait) { Done::Yes } else { Done::Stopped }
    }

    /// Waits; false if the run is over.
    fn pause(&mut self, asked: Option<Duration>) -> bool {
        let wait = at_least(self.backoff.wait(), asked);
        !self.stop.wait(wait)
    }

    /// Says once that the receiver fails.
    fn tell_failure(&self, why: &str, consequence: &str) {
        if self.meter.is_up() {
            (self.log)(&format!("sink {}: {why}; {consequence}", self.name));
        }
        self.meter.set_up(false);
    }

    fn tell_success(&self) {
        if !self.meter.is_up() {
            (self.log)(&format!("sink {}: it works again", self.name));
        }
        self.meter.set_up(true);
    }
}

impl Stop {
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self) {
        let _held = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_set.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// Waits so long; true, and at once, if the run is over.
    fn wait(&self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let mut held = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_set() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (held, _) =
                self.changed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

fn halves(mut lines: Vec<Line>) -> (Vec<Line>, Vec<Line>) {
    let second = lines.split_off(lines.len().div_ceil(2));
    (lines, second)
}

/// A wait, or what the receiver asked for if that is longer.
fn at_least(wait: Duration, asked: Option<Duration>) -> Duration {
    wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

const IS_RETRIED: &str = "lines wait in its queue, and it is tried again";

const IS_LOST: &str = "what it refuses for good is dropped and counted";

/// How long the end of the run may go unnoticed.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// What a receiver may ask for: more is a mistake of it.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_asks_for_is_the_least_within_reason() {
        let (wait, asked) = (Duration::from_secs(60), Duration::from_secs);
        assert_eq!(at_least(wait, None), wait);
        assert_eq!(at_least(wait, Some(asked(90))), asked(90));
        assert_eq!(at_least(wait, Some(asked(1 << 40))), LONGEST_ASKED);
    }
}
