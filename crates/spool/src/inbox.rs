//! What is on its way to a disk: a bounded queue in memory before it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bounded queue in memory between who must not wait for a disk and the thread that does.
#[derive(Debug)]
pub struct Inbox<T> {
    limit_bytes: usize,
    state: Mutex<State<T>>,
    ready: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// With the length of each.
    items: VecDeque<(T, usize)>,
    bytes: usize,
    is_closed: bool,
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// The oldest.
    Item(T),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Closed,
}

impl<T> Inbox<T> {
    /// An empty queue, whose items have no more bytes together than this.
    #[must_use]
    pub const fn new(limit_bytes: usize) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, is_closed: false };
        Self { limit_bytes, state: Mutex::new(state), ready: Condvar::new() }
    }

    /// Puts in something of so many bytes, without waiting.
    ///
    /// # Errors
    /// There is no room, or it is closed; then it comes back.
    pub fn push(&self, item: T, len: usize) -> Result<(), T> {
        let mut state = self.state();
        if state.is_closed || state.bytes.saturating_add(len) > self.limit_bytes {
            return Err(item);
        }
        state.bytes = state.bytes.saturating_add(len);
        state.items.push_back((item, len));
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// The oldest, for which is waited up to `timeout`.
    pub fn pop(&self, timeout: Duration) -> Next<T> {
        let wait = self.ready.wait_timeout_while(self.state(), timeout, |state| {
            state.items.is_empty() && !state.is_closed
        });
        let (mut state, _) = wait.unwrap_or_else(PoisonError::into_inner);
        match state.items.pop_front() {
            Some((item, len)) => {
                state.bytes = state.bytes.saturating_sub(len);
                Next::Item(item)
            }
            None if state.is_closed => Next::Closed,
            None => Next::Nothing,
        }
    }

    /// Lets nothing more in.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.ready.notify_all();
    }

    /// For how many bytes more there is room.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit_bytes.saturating_sub(self.state().bytes)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_in_order_and_then_the_end() {
        let inbox = Inbox::new(10);
        assert_eq!((inbox.push('a', 1), inbox.push('b', 1)), (Ok(()), Ok(())));
        inbox.close();
        assert_eq!(inbox.push('c', 1), Err('c'));
        let next = || inbox.pop(Duration::ZERO);
        assert_eq!([next(), next(), next()], [Next::Item('a'), Next::Item('b'), Next::Closed]);
    }

    #[test]
    fn a_full_inbox_takes_nothing_until_there_is_room() {
        let inbox = Inbox::new(10);
        assert_eq!(inbox.pop(Duration::ZERO), Next::Nothing);
        assert_eq!((inbox.push('a', 5), inbox.push('b', 5)), (Ok(()), Ok(())));
        assert_eq!(inbox.push('c', 1), Err('c'));
        assert_eq!(inbox.room(), 0);
        assert_eq!(inbox.pop(Duration::ZERO), Next::Item('a'));
        assert_eq!((inbox.push('c', 6), inbox.push('c', 5)), (Err('c'), Ok(())));
    }
}
