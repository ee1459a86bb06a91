//! A value for each direction of a flow.

use std::ops::{Index, IndexMut};

use flow::Direction;

/// One value for each direction of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Both<T> {
    from_initiator: T,
    from_responder: T,
}

impl<T> Both<T> {
    pub(crate) const fn new(from_initiator: T, from_responder: T) -> Self {
        Self { from_initiator, from_responder }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.from_initiator, &self.from_responder].into_iter()
    }
}

impl<T> Index<Direction> for Both<T> {
    type Output = T;

    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::FromInitiator => &self.from_initiator,
            Direction::FromResponder => &self.from_responder,
        }
    }
}

impl<T> IndexMut<Direction> for Both<T> {
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::FromInitiator => &mut self.from_initiator,
            Direction::FromResponder => &mut self.from_responder,
        }
    }
}
