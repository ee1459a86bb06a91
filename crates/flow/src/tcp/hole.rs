//! How long a hole in a stream is waited for.

use event::Timestamp;

/// A hole in a stream that may still be filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hole {
    since: Timestamp,
    later_segments: u8,
}

impl Hole {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { since: now, later_segments: 0 }
    }

    /// Counts a segment from behind the hole.
    pub(crate) const fn count_segment(&mut self) {
        self.later_segments = self.later_segments.saturating_add(1);
    }

    /// Whether what the receiver has acknowledged, and is missing here, is missing for good.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        self.later_segments >= MAX_LATER_SEGMENTS || now.nanos_since(self.since) >= PATIENCE_NS
    }
}

/// Segments from behind a hole that its receiver has acknowledged, after which it is given up:
/// receive queues of a network card mix up packets over some tens of positions.
const MAX_LATER_SEGMENTS: u8 = 32;

/// Time after which such a hole is given up: the queues of a capture are drained every few
/// milliseconds, and the smallest retransmission time-out of Linux is 200 ms.
const PATIENCE_NS: u64 = 200_000_000;
