//! Lines that are not in the spool yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Gathers lines to batches. Whoever hands lines in never waits.
#[derive(Debug)]
pub(super) struct Intake {
    weigh: fn(&[u8]) -> u64,
    state: Mutex<State>,
    /// There are some lines.
    pub(super) some: Notify,
    /// There is a whole batch.
    pub(super) full: Notify,
}

#[derive(Debug, Default)]
struct State {
    made: VecDeque<Made>,
    open: Made,
    bytes: usize,
    taken: u64,
    dropped: u64,
}

/// The lines of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) lines: Vec<u8>,
    /// How many sessions they stand for.
    pub(super) sessions: u64,
}

impl Intake {
    pub(super) fn new(weigh: fn(&[u8]) -> u64) -> Self {
        Self { weigh, state: Mutex::default(), some: Notify::new(), full: Notify::new() }
    }

    /// Takes whole lines; false if some found no room, which are counted.
    pub(super) fn push(&self, lines: &[u8]) -> bool {
        let mut state = self.state();
        let (mut is_taken, was_empty, had) = (true, state.bytes == 0, state.made.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let sessions = (self.weigh)(line);
            state.taken = state.taken.saturating_add(sessions);
            let is_too_long = line.len() > super::MOST_BATCH_LEN;
            if is_too_long || state.bytes.saturating_add(line.len()) > MOST_BYTES {
                state.dropped = state.dropped.saturating_add(sessions);
                is_taken = false;
                continue;
            }
            if state.open.lines.len().saturating_add(line.len()) > super::MOST_BATCH_LEN {
                state.close();
            }
            state.bytes = state.bytes.saturating_add(line.len());
            state.open.lines.extend_from_slice(line);
            state.open.sessions = state.open.sessions.saturating_add(sessions);
        }
        let (is_some, is_full) = (was_empty && state.bytes > 0, state.made.len() > had);
        drop(state);
        if is_some {
            self.some.notify_one();
        }
        if is_full {
            self.full.notify_one();
        }
        is_taken
    }

    /// Takes all lines out.
    pub(super) fn take(&self) -> VecDeque<Made> {
        let mut state = self.state();
        state.close();
        state.bytes = 0;
        std::mem::take(&mut state.made)
    }

    /// Whether no line waits.
    pub(super) fn is_empty(&self) -> bool {
        self.state().bytes == 0
    }

    /// Sessions that were handed in, and those of them that found no room.
    pub(super) fn sessions(&self) -> (u64, u64) {
        let state = self.state();
        (state.taken, state.dropped)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close(&mut self) {
        if !self.open.lines.is_empty() {
            let open = std::mem::take(&mut self.open);
            self.made.push_back(open);
        }
    }
}

/// What comes in while the disk takes a rest.
const MOST_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_gathered_to_batches_and_no_line_is_cut() {
        let intake = Intake::new(|_line| 1);
        let line = [vec![b'x'; 999], vec![b'\n']].concat();
        let many = line.repeat(2000);
        assert!(intake.push(&many) && intake.push(b"last\n"));
        let made = intake.take();
        assert!(made.iter().all(|batch| batch.lines.len() <= super::super::MOST_BATCH_LEN));
        assert!(made.iter().all(|batch| batch.lines.ends_with(b"\n")));
        assert_eq!(made.iter().map(|batch| batch.sessions).sum::<u64>(), 2001);
        let all: Vec<u8> = made.into_iter().flat_map(|batch| batch.lines).collect();
        assert_eq!(all, [many.as_slice(), b"last\n"].concat());
        assert!(intake.take().is_empty());
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let intake = Intake::new(|_line| 3);
        let long = [vec![b'x'; super::super::MOST_BATCH_LEN], vec![b'\n']].concat();
        assert!(!intake.push(&long));
        assert_eq!(intake.sessions(), (3, 3));
        let line = [vec![b'x'; (256 << 10) - 1], vec![b'\n']].concat();
        let taken = (0..100).filter(|_| intake.push(&line)).count();
        assert_eq!(taken, 32);
        assert_eq!(intake.sessions(), (303, 3 + 68 * 3));
        intake.take();
        assert!(intake.push(&line));
    }
}
