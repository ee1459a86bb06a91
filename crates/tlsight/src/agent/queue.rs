//! Lines on their way from the capture to the output.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A bounded queue of chunks of whole lines. Whoever puts something in never waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    is_closed: bool,
}

/// Whole lines.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The lines.
    pub(super) lines: Vec<u8>,
    /// When they were put in.
    pub(super) since: Instant,
}

/// What is next.
#[derive(Debug)]
pub(super) enum Next {
    /// These lines.
    Chunk(Chunk),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Closed,
}

impl Queue {
    /// Puts lines in; false if there is no room, and then they are not.
    pub(super) fn push(&self, lines: &[u8]) -> bool {
        let mut state = self.state();
        if state.is_closed || state.bytes.saturating_add(lines.len()) > MAX_BYTES {
            return false;
        }
        state.bytes = state.bytes.saturating_add(lines.len());
        state.chunks.push_back(Chunk { lines: lines.to_vec(), since: Instant::now() });
        drop(state);
        self.ready.notify_one();
        true
    }

    /// The oldest lines, for which is waited up to `timeout`.
    pub(super) fn pop(&self, timeout: Duration) -> Next {
        let state = self.state();
        let wait = self.ready.wait_timeout_while(state, timeout, |state| {
            state.chunks.is_empty() && !state.is_closed
        });
        let (mut state, _) = wait.unwrap_or_else(PoisonError::into_inner);
        match state.chunks.pop_front() {
            Some(chunk) => {
                state.bytes = state.bytes.saturating_sub(chunk.lines.len());
                Next::Chunk(chunk)
            }
            None if state.is_closed => Next::Closed,
            None => Next::Nothing,
        }
    }

    /// Lets nothing more in.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.ready.notify_all();
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.state().bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some thousand sessions: what comes in the second in which a disk is slow.
pub(super) const MAX_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_in_order_and_then_the_end() {
        let queue = Queue::default();
        assert!(queue.push(b"a\n") && queue.push(b"b\n"));
        queue.close();
        assert!(!queue.push(b"c\n"));
        let lines = || match queue.pop(Duration::ZERO) {
            Next::Chunk(chunk) => chunk.lines,
            other @ (Next::Nothing | Next::Closed) => panic!("{other:?}"),
        };
        assert_eq!([lines(), lines()], [b"a\n", b"b\n"]);
        assert!(matches!(queue.pop(Duration::ZERO), Next::Closed));
    }

    #[test]
    fn a_full_queue_takes_nothing_until_there_is_room() {
        let queue = Queue::default();
        let half = vec![b'x'; MAX_BYTES / 2];
        assert!(queue.push(&half) && queue.push(&half) && !queue.push(b"\n"));
        assert_eq!(queue.bytes(), MAX_BYTES);
        assert!(matches!(queue.pop(Duration::ZERO), Next::Chunk(_)));
        assert!(queue.push(b"\n"));
        assert!(matches!(Queue::default().pop(Duration::ZERO), Next::Nothing));
    }
}
