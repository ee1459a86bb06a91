//! What became of the packets of an interface.

/// Counts of packets since the capture began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Put into the ring by the kernel.
    pub received: u64,
    /// Dropped by the kernel because the ring was full.
    pub dropped: u64,
    /// How often the ring was full.
    pub freezes: u64,
    /// Given with fewer bytes than they had.
    pub cut_short: u64,
    /// Not given because the link is none of those known and the packet is not IP.
    pub unknown_link: u64,
    /// Not given because a loopback interface shows each packet going out and coming in.
    pub loopback_copies: u64,
    /// Not given because the kernel's record of them made no sense.
    pub unreadable: u64,
}

impl Statistics {
    /// The sum over the workers of a group.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            received: self.received.saturating_add(other.received),
            dropped: self.dropped.saturating_add(other.dropped),
            freezes: self.freezes.saturating_add(other.freezes),
            cut_short: self.cut_short.saturating_add(other.cut_short),
            unknown_link: self.unknown_link.saturating_add(other.unknown_link),
            loopback_copies: self.loopback_copies.saturating_add(other.loopback_copies),
            unreadable: self.unreadable.saturating_add(other.unreadable),
        }
    }
}
