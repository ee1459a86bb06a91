//! TCP sequence numbers.

use std::cmp::Ordering;

/// A TCP sequence number: a place in a circle of 2³² (RFC 9293 section 3.4).
///
/// One number is before another if the way forward to it is shorter than the way back, so the order
/// holds only for numbers less than 2³¹ apart and is not an [`Ord`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// The number `len` bytes ahead.
    #[inline]
    #[must_use]
    pub const fn plus(self, len: u32) -> Self {
        Self(self.0.wrapping_add(len))
    }

    /// The number `len` bytes back.
    #[inline]
    #[must_use]
    pub const fn minus(self, len: u32) -> Self {
        Self(self.0.wrapping_sub(len))
    }

    /// How many bytes this number is ahead of `other`; negative if it is behind.
    #[inline]
    #[must_use]
    pub const fn ahead_of(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// How many bytes this number is ahead of `other`, or `None` if it is behind.
    #[inline]
    #[must_use]
    pub const fn distance_from(self, other: Self) -> Option<u32> {
        let distance = self.0.wrapping_sub(other.0);
        if distance.cast_signed() < 0 { None } else { Some(distance) }
    }

    /// Whether this number is before `other`.
    #[inline]
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        self.ahead_of(other) < 0
    }

    /// Whether this number is behind `other`.
    #[inline]
    #[must_use]
    pub const fn is_after(self, other: Self) -> bool {
        self.ahead_of(other) > 0
    }

    /// The order of two numbers on the shorter way round.
    #[inline]
    #[must_use]
    pub fn order(self, other: Self) -> Ordering {
        self.ahead_of(other).cmp(&0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_goes_over_the_wrap() {
        let (before, after) = (SeqNumber(u32::MAX - 1), SeqNumber(3));
        assert!(before.is_before(after) && after.is_after(before));
        assert_eq!(after.ahead_of(before), 5);
        assert_eq!(before.ahead_of(after), -5);
        assert_eq!(after.distance_from(before), Some(5));
        assert_eq!(before.distance_from(after), None);
        assert_eq!(before.plus(5), after);
        assert_eq!(after.minus(5), before);
        assert_eq!(before.order(after), Ordering::Less);
        assert_eq!(before.order(before), Ordering::Equal);
    }
}
