//! Answers to messages, from wherever their secrets go.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use handover::{Answer, Reached};

/// Says how far the secrets of one message have come.
#[derive(Clone)]
pub struct Receipt {
    to: Asked,
    wait: Option<Reached>,
    is_answered: Arc<AtomicBool>,
}

/// Somebody in this process who is told that secrets have come as far as was asked for.
pub type Teller = Arc<dyn Fn() + Send + Sync>;

/// Who asks.
#[derive(Clone)]
enum Asked {
    Nobody,
    Process { answers: Arc<Answers>, connection: u64, sequence: u64 },
    Teller(Teller),
}

/// Answers that are to be sent.
pub(crate) struct Answers {
    waiting: Mutex<Vec<(u64, Answer)>>,
    /// Wakes whoever sends them (eventfd).
    pub(crate) wake: OwnedFd,
}

impl Receipt {
    /// For a process that has sent a message.
    pub(crate) fn to_process(
        answers: &Arc<Answers>,
        connection: u64,
        sequence: u64,
        wait: Option<Reached>,
    ) -> Self {
        let answers = Arc::clone(answers);
        Self::new(Asked::Process { answers, connection, sequence }, wait)
    }

    /// For somebody in this process.
    pub(crate) fn to_teller(teller: Teller, wait: Reached) -> Self {
        Self::new(Asked::Teller(teller), Some(wait))
    }

    /// For what nobody asks about.
    pub(crate) fn to_nobody() -> Self {
        Self::new(Asked::Nobody, None)
    }

    fn new(to: Asked, wait: Option<Reached>) -> Self {
        Self { to, wait, is_answered: Arc::default() }
    }

    /// What is waited for, if anything is.
    #[must_use]
    pub const fn wait(&self) -> Option<Reached> {
        self.wait
    }

    /// The secrets have come as far as that. Only what is waited for is told, and once.
    pub fn reach(&self, reached: Reached) {
        let is_enough = self.wait.is_some_and(|wait| reached >= wait);
        if !is_enough || self.is_answered.swap(true, Ordering::Relaxed) {
            return;
        }
        match &self.to {
            Asked::Nobody => {}
            Asked::Process { answers, connection, sequence } => {
                answers.put(*connection, Answer { sequence: *sequence, reached });
            }
            Asked::Teller(teller) => teller(),
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
