//! What takes lines.

use std::time::Duration;

use crate::line::Line;

/// Somebody who takes lines. One thread asks it, and may wait for it.
pub(crate) trait Receiver: Send {
    /// Hands lines over, at most [`Receiver::limits`] of them.
    ///
    /// # Errors
    /// What became of all of them, if none is known to be taken.
    fn take(&mut self, lines: &[Line]) -> Result<Outcome, Failure>;

    /// Does what is due without lines.
    ///
    /// # Errors
    /// It could not be done, and is done another time.
    fn tend(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Does what is to be done at the end.
    ///
    /// # Errors
    /// It could not be done.
    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// What it takes at once.
    fn limits(&self) -> Limits {
        Limits { lines: 1000, bytes: 1 << 20 }
    }
}

/// What is handed over at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) lines: usize,
    /// Of the lines themselves; one line may have more.
    pub(crate) bytes: usize,
}

/// What became of lines of which some were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// How many it will never take.
    pub(crate) rejected: u64,
    /// The places of those to be handed over again, in order.
    pub(crate) again: Vec<usize>,
    /// Why, of the first that was not taken.
    pub(crate) why: Option<String>,
    /// How long it asked to be left alone.
    pub(crate) wait: Option<Duration>,
}

/// What became of lines of which none is known to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// They are to be handed over again.
    Later {
        /// What went wrong.
        why: String,
        /// How long it asked to be left alone.
        wait: Option<Duration>,
    },
    /// They are too much at once.
    TooLarge,
    /// It will never take them.
    Refused {
        /// What it said.
        why: String,
    },
}

impl Failure {
    /// To be tried again.
    pub(crate) fn later(why: impl ToString) -> Self {
        Self::Later { why: why.to_string(), wait: None }
    }
}

/// The begin of what a stranger says, in one line.
pub(crate) fn told(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.trim().chars().map(|it| if it.is_control() { ' ' } else { it });
    text.take(MAX_TOLD).collect()
}

/// Enough to see what is wrong.
const MAX_TOLD: usize = 300;
