//! Lines on their way into a queue on the disk.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bounded queue in memory. Whoever puts something in never waits.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    is_closed: bool,
}

/// Whole lines of one host.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) host: Arc<str>,
    pub(crate) lines: Vec<u8>,
    /// When they were given, in nanoseconds since 1970.
    pub(crate) at: i64,
}

/// What is next.
#[derive(Debug)]
pub(crate) enum Next {
    /// These lines.
    Chunk(Chunk),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Closed,
}

impl Inbox {
    /// Puts lines in; false if there is no room, and then they are not.
    pub(crate) fn push(&self, chunk: Chunk) -> bool {
        let mut state = self.state();
        if state.is_closed || state.bytes.saturating_add(chunk.lines.len()) > MAX_BYTES {
            return false;
        }
        state.bytes = state.bytes.saturating_add(chunk.lines.len());
        state.chunks.push_back(chunk);
        drop(state);
        self.ready.notify_one();
        true
    }

    /// The oldest lines, for which is waited up to `timeout`.
    pub(crate) fn pop(&self, timeout: Duration) -> Next {
        let wait = self.ready.wait_timeout_while(self.state(), timeout, |state| {
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
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.ready.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes in the seconds in which a disk is slow.
pub(crate) const MAX_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(len: usize) -> Chunk {
        Chunk { host: "h".into(), lines: vec![b'x'; len], at: 0 }
    }

    #[test]
    fn a_full_inbox_takes_nothing_until_there_is_room() {
        let inbox = Inbox::default();
        assert!(inbox.push(chunk(MAX_BYTES)) && !inbox.push(chunk(1)));
        assert!(matches!(inbox.pop(Duration::ZERO), Next::Chunk(_)));
        assert!(inbox.push(chunk(1)));
        inbox.close();
        assert!(!inbox.push(chunk(1)));
        assert!(matches!(inbox.pop(Duration::ZERO), Next::Chunk(_)));
        assert!(matches!(inbox.pop(Duration::ZERO), Next::Closed));
        assert!(matches!(Inbox::default().pop(Duration::ZERO), Next::Nothing));
    }
}
