//! Answers to messages, from wherever their secrets go.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use handover::{Answer, Reached};

/// Says how far the secrets of one message have come.
#[derive(Clone)]
pub struct Receipt {
    answers: Arc<Answers>,
    connection: u64,
    sequence: u64,
    wait: Option<Reached>,
    is_answered: Arc<AtomicBool>,
}

/// Answers that are to be sent.
pub(crate) struct Answers {
    waiting: Mutex<Vec<(u64, Answer)>>,
    /// Wakes whoever sends them (eventfd).
    pub(crate) wake: OwnedFd,
}

impl Receipt {
    /// For somebody whom nobody asks.
    pub(crate) fn new(
        answers: &Arc<Answers>,
        connection: u64,
        sequence: u64,
        wait: Option<Reached>,
    ) -> Self {
        let answers = Arc::clone(answers);
        Self { answers, connection, sequence, wait, is_answered: Arc::default() }
    }

    /// What the process waits for, if it does.
    #[must_use]
    pub const fn wait(&self) -> Option<Reached> {
        self.wait
    }

    /// The secrets have come as far as that. Only what is waited for is told, and once.
    pub fn reach(&self, reached: Reached) {
        let is_enough = self.wait.is_some_and(|wait| reached >= wait);
        if is_enough && !self.is_answered.swap(true, Ordering::Relaxed) {
            let answer = Answer { sequence: self.sequence, reached };
            self.answers.put(self.connection, answer);
        }
    }
}

impl Answers {
    pub(crate) const fn new(wake: OwnedFd) -> Self {
        Self { waiting: Mutex::new(Vec::new()), wake }
    }

    fn put(&self, connection: u64, answer: Answer) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((connection, answer));
        drop(waiting);
        self.wake();
    }

    /// Wakes whoever sends them.
    pub(crate) fn wake(&self) {
        // If its counter is full, it is awake.
        rustix::io::write(&self.wake, &1_u64.to_ne_bytes()).ok();
    }

    pub(crate) fn take(&self) -> Vec<(u64, Answer)> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
