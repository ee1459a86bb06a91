//! Two of a kind, one for each direction.

use crate::application::Direction;

/// Two of a kind, one for each direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerDirection<T> {
    from_initiator: T,
    from_responder: T,
}

impl<T> PerDirection<T> {
    pub(crate) const fn new(from_initiator: T, from_responder: T) -> Self {
        Self { from_initiator, from_responder }
    }

    #[inline]
    pub(crate) const fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::FromInitiator => &self.from_initiator,
            Direction::FromResponder => &self.from_responder,
        }
    }

    #[inline]
    pub(crate) const fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::FromInitiator => &mut self.from_initiator,
            Direction::FromResponder => &mut self.from_responder,
        }
    }

    pub(crate) const fn swap(&mut self) {
        std::mem::swap(&mut self.from_initiator, &mut self.from_responder);
    }

    pub(crate) fn both(&self) -> [&T; 2] {
        [&self.from_initiator, &self.from_responder]
    }

    pub(crate) fn both_mut(&mut self) -> [&mut T; 2] {
        [&mut self.from_initiator, &mut self.from_responder]
    }
}
