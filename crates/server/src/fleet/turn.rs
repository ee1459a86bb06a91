//! Whose turn it is: what waits, one line for each connection, and a fair pick of all of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What connections have that waits to be kept.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
}

#[derive(Debug)]
struct State<T> {
    lines: BTreeMap<u64, Line<T>>,
    /// Connections with something that waits and of which nothing is being worked on.
    ready: VecDeque<u64>,
    bytes: usize,
    next: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Line<T> {
    waiting: VecDeque<(T, usize)>,
    is_busy: bool,
    is_gone: bool,
}

/// Some of what waits, in the order of each connection. Nobody else gets anything of these connections
/// until it is [`Turns::done`].
#[derive(Debug)]
pub(crate) struct Group<T> {
    pub(crate) items: Vec<(u64, T)>,
    connections: Vec<u64>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        let state = State {
            lines: BTreeMap::new(),
            ready: VecDeque::new(),
            bytes: 0,
            next: 0,
            is_closed: false,
        };
        Self { state: Mutex::new(state), wake: Condvar::new() }
    }
}

impl<T> Turns<T> {
    /// Adds a connection and returns its number.
    pub(crate) fn join(&self) -> u64 {
        let mut state = self.state();
        state.next = state.next.saturating_add(1);
        let number = state.next;
        let line = Line { waiting: VecDeque::new(), is_busy: false, is_gone: false };
        state.lines.insert(number, line);
        number
    }

    /// A connection is over: what it has that waits still gets its turn.
    pub(crate) fn leave(&self, connection: u64) {
        let mut state = self.state();
        let Some(line) = state.lines.get_mut(&connection) else { return };
        line.is_gone = true;
        if line.waiting.is_empty() && !line.is_busy {
            state.lines.remove(&connection);
        }
    }

    /// Whether there is room for so many bytes more.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.state().bytes.saturating_add(bytes) <= MOST_BYTES
    }

    /// Puts something at the end of a connection's line.
    pub(crate) fn push(&self, connection: u64, item: T, bytes: usize) {
        let mut state = self.state();
        let Some(line) = state.lines.get_mut(&connection) else { return };
        let was_idle = line.waiting.is_empty() && !line.is_busy;
        line.waiting.push_back((item, bytes));
        state.bytes = state.bytes.saturating_add(bytes);
        if was_idle {
            state.ready.push_back(connection);
            drop(state);
            self.wake.notify_one();
        }
    }

    /// The next ones, as soon as there is one: one of each connection in turn, then a second one where
    /// there is still room. None when it is over.
    pub(crate) fn take(&self) -> Option<Group<T>> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if !state.ready.is_empty() {
                return Some(state.pick());
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Work on a group is over, so that its connections get their next turn: behind all others.
    pub(crate) fn done(&self, connections: &[u64]) {
        let mut state = self.state();
        for connection in connections {
            let Some(line) = state.lines.get_mut(connection) else { continue };
            line.is_busy = false;
            if !line.waiting.is_empty() {
                state.ready.push_back(*connection);
            } else if line.is_gone {
                state.lines.remove(connection);
            }
        }
        let is_ready = !state.ready.is_empty();
        drop(state);
        if is_ready {
            self.wake.notify_one();
        }
    }

    /// Lets everybody go who waits in [`Turns::take`].
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.wake.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn pick(&mut self) -> Group<T> {
        let (mut items, mut connections) = (Vec::new(), Vec::new());
        let mut bytes = 0_usize;
        let has_room = |count: usize, bytes: usize| count < MOST_ITEMS && bytes < MOST_GROUP_BYTES;
        while has_room(items.len(), bytes) {
            let Some(connection) = self.ready.pop_front() else { break };
            bytes = bytes.saturating_add(self.pop(connection, &mut items));
            connections.push(connection);
        }
        let mut before = 0;
        while items.len() > before {
            before = items.len();
            for connection in &connections {
                if has_room(items.len(), bytes) {
                    bytes = bytes.saturating_add(self.pop(*connection, &mut items));
                }
            }
        }
        Group { items, connections }
    }

    /// Moves the first of a line, and returns how large it is.
    fn pop(&mut self, connection: u64, items: &mut Vec<(u64, T)>) -> usize {
        let Some(line) = self.lines.get_mut(&connection) else { return 0 };
        line.is_busy = true;
        let Some((item, bytes)) = line.waiting.pop_front() else { return 0 };
        self.bytes = self.bytes.saturating_sub(bytes);
        items.push((connection, item));
        bytes
    }
}

impl<T> Group<T> {
    /// The connections that it is of.
    pub(crate) fn connections(&self) -> Vec<u64> {
        self.connections.clone()
    }
}

/// Of all that waits: some hundred batches that compression made no shorter. Beyond that, agents come
/// again later.
const MOST_BYTES: usize = 256 << 20;

/// A transaction of so many batches takes well below a second.
const MOST_ITEMS: usize = 64;

/// Of batches that are kept together, as they came: eight that compression made no shorter.
const MOST_GROUP_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(turns: &Turns<u32>) -> Vec<u32> {
        let group = turns.take().unwrap();
        turns.done(&group.connections());
        group.items.into_iter().map(|(_, item)| item).collect()
    }

    #[test]
    fn whoever_has_one_waits_for_one_of_whoever_has_many() {
        let turns = Turns::default();
        let (many, few) = (turns.join(), turns.join());
        for number in 0..200 {
            turns.push(many, number, 1);
        }
        turns.push(few, 1000, 1);
        let first = taken(&turns);
        assert_eq!(first[..3], [0, 1000, 1]);
        assert_eq!(first.len(), MOST_ITEMS);
        assert_eq!(taken(&turns)[0], 63);
    }

    #[test]
    fn a_connection_is_worked_on_by_one_at_a_time() {
        let turns = Turns::default();
        let (one, other) = (turns.join(), turns.join());
        turns.push(one, 1, MOST_GROUP_BYTES);
        turns.push(one, 2, 1);
        let group = turns.take().unwrap();
        turns.push(other, 3, 1);
        assert_eq!(taken(&turns), [3]);
        turns.leave(one);
        turns.done(&group.connections());
        assert_eq!(taken(&turns), [2], "what it left behind");
        assert!(turns.state().lines.keys().eq([&other]));
        turns.close();
        assert!(turns.take().is_none());
    }

    #[test]
    fn there_is_room_for_so_much() {
        let turns = Turns::default();
        let one = turns.join();
        turns.push(one, 1, MOST_BYTES);
        assert!(!turns.has_room(1));
        taken(&turns);
        assert!(turns.has_room(MOST_BYTES));
    }
}
