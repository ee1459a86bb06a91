//! Settings that change while the workers run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use probe::CommandLines;
use session::Settings;

/// What workers need of the settings.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    /// The choices for events.
    pub(super) settings: Settings,
    /// What becomes of command lines.
    pub(super) command_lines: CommandLines,
}

/// The newest settings, and their number.
#[derive(Debug)]
pub(super) struct Live {
    number: AtomicU64,
    choices: Mutex<Choices>,
}

impl Live {
    /// The settings of the start.
    pub(super) fn new(choices: Choices) -> Self {
        Self { number: AtomicU64::new(0), choices: Mutex::new(choices) }
    }

    /// Takes other settings.
    pub(super) fn change(&self, choices: Choices) {
        *self.choices.lock().unwrap_or_else(PoisonError::into_inner) = choices;
        self.number.fetch_add(1, Ordering::Release);
    }

    /// The settings, if there are others than those with the number `known`, which is updated.
    pub(super) fn changed(&self, known: &mut u64) -> Option<Choices> {
        let number = self.number.load(Ordering::Acquire);
        if number == *known {
            return None;
        }
        *known = number;
        Some(self.choices.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once_by_each_worker() {
        let choices =
            Choices { settings: Settings::default(), command_lines: CommandLines::default() };
        let live = Live::new(choices.clone());
        let (mut first, mut second) = (0, 0);
        assert!(live.changed(&mut first).is_none());
        live.change(Choices { command_lines: CommandLines::Omitted, ..choices });
        for known in [&mut first, &mut second] {
            assert_eq!(live.changed(known).unwrap().command_lines, CommandLines::Omitted);
            assert!(live.changed(known).is_none());
        }
    }
}
