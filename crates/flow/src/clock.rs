//! The time of the packets.

use event::Timestamp;

/// The time of the packets, which goes forward although they may not.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    now: Timestamp,
    started: bool,
    packets_behind: u16,
}

/// A coarse point in time of a [`Clock`]: a count of 2²⁴ ns, about 17 ms, that wraps in two years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tick(pub(crate) u32);

impl Clock {
    /// Takes the time of a packet.
    ///
    /// A packet from the past does not move the clock, so interfaces whose clocks differ may be
    /// mixed. If nothing but packets from the past comes, it was the present that was wrong.
    #[inline]
    pub(crate) fn observe(&mut self, time: Timestamp) -> Tick {
        if time >= self.now || !self.started {
            self.now = time;
            self.started = true;
            self.packets_behind = 0;
        } else if self.now.nanos_since(time) > FAR_BEHIND_NS {
            self.packets_behind += 1;
            if self.packets_behind >= MAX_PACKETS_BEHIND {
                self.now = time;
                self.packets_behind = 0;
            }
        } else {
            self.packets_behind = 0;
        }
        self.tick()
    }

    #[inline]
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    #[inline]
    pub(crate) const fn tick(&self) -> Tick {
        let [a, b, c, d, ..] = (self.now.as_nanos() >> TICK_BITS).to_le_bytes();
        Tick(u32::from_le_bytes([a, b, c, d]))
    }
}

impl Tick {
    /// Ticks between two points, whichever is the later.
    #[inline]
    pub(crate) const fn distance(self, other: Self) -> u32 {
        self.0.wrapping_sub(other.0).cast_signed().unsigned_abs()
    }

    /// The number of ticks in `nanos`.
    pub(crate) fn count(nanos: u64) -> u32 {
        u32::try_from(nanos >> TICK_BITS).unwrap_or(u32::MAX)
    }
}

const TICK_BITS: u32 = 24;

/// Packets of one host are never reordered by a minute.
const FAR_BEHIND_NS: u64 = 60_000_000_000;

/// More packets in a row than one interface delivers between two of another.
const MAX_PACKETS_BEHIND: u16 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_packet_from_the_past_does_not_move_the_clock() {
        let mut clock = Clock::default();
        clock.observe(Timestamp::from_nanos(-5 * SECOND));
        assert_eq!(clock.now().as_nanos(), -5 * SECOND);
        for _ in 0..u32::from(MAX_PACKETS_BEHIND) * 2 {
            clock.observe(Timestamp::from_nanos(7200 * SECOND));
            clock.observe(Timestamp::from_nanos(3600 * SECOND));
        }
        assert_eq!(clock.now().as_nanos(), 7200 * SECOND);
    }

    #[test]
    fn a_packet_from_the_far_future_does_not_stop_the_clock() {
        let mut clock = Clock::default();
        clock.observe(Timestamp::from_nanos(i64::MAX));
        for second in 0..2000 {
            clock.observe(Timestamp::from_nanos(second * SECOND));
        }
        assert_eq!(clock.now().as_nanos(), 1999 * SECOND);
    }

    #[test]
    fn ticks_wrap_and_have_no_order() {
        assert_eq!(Tick(3).distance(Tick(u32::MAX)), 4);
        assert_eq!(Tick(u32::MAX).distance(Tick(3)), 4);
        assert_eq!(Tick::count(u64::MAX), u32::MAX);
    }
}
