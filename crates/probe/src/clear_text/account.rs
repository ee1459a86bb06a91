//! What became of each byte of clear text.

use std::ops::AddAssign;

/// Bytes of clear text that applications handed to TLS libraries or got from them, by what became of
/// them. [`Self::is_balanced`] says whether each is accounted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// All that went through functions with a probe.
    pub seen: u64,
    /// Those that were told as [`forge::RecordKind::Data`].
    pub delivered: u64,
    /// Those that a ring had no room for.
    pub ring_full: u64,
    /// Those that could not be read: memory that is not there, or files that the kernel encrypts.
    pub fault: u64,
    /// Those of which nobody knows the connection.
    pub unmapped: u64,
    /// Those that no rule allows.
    pub filtered: u64,
    /// Those that the other end of the connection, which is on this host as well, told already.
    pub duplicate: u64,
    /// Those that wait in a ring, or for their connection to become known.
    pub pending: u64,
}

impl Account {
    /// Whether all bytes are accounted for. While a ring is being read it may be off by those of the
    /// calls under way.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        self.seen == self.sum()
    }

    const fn sum(&self) -> u64 {
        self.delivered
            .saturating_add(self.ring_full)
            .saturating_add(self.fault)
            .saturating_add(self.unmapped)
            .saturating_add(self.filtered)
            .saturating_add(self.duplicate)
            .saturating_add(self.pending)
    }
}

impl Account {
    /// The same when nothing more will become known: what still waits has no connection.
    pub(crate) const fn settled(self) -> Self {
        Self { unmapped: self.unmapped.saturating_add(self.pending), pending: 0, ..self }
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        for (total, part) in [
            (&mut self.seen, other.seen),
            (&mut self.delivered, other.delivered),
            (&mut self.ring_full, other.ring_full),
            (&mut self.fault, other.fault),
            (&mut self.unmapped, other.unmapped),
            (&mut self.filtered, other.filtered),
            (&mut self.duplicate, other.duplicate),
            (&mut self.pending, other.pending),
        ] {
            *total = total.saturating_add(part);
        }
    }
}

/// What became of bytes that had come out of a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) delivered: u64,
    pub(crate) unmapped: u64,
    pub(crate) duplicate: u64,
}

impl Taken {
    /// The account of bytes that the kernel's side has counted as they were put into a ring
    /// (`enum tally` of `bpf/clear_scope.h`).
    pub(crate) const fn account(self, tallies: [u64; TALLIES]) -> Account {
        let [seen, copied, ring_full, fault, unmapped, filtered, duplicate, held, released] =
            tallies;
        let taken = self.delivered.saturating_add(self.unmapped).saturating_add(self.duplicate);
        Account {
            seen,
            delivered: self.delivered,
            ring_full,
            fault,
            unmapped: unmapped.saturating_add(self.unmapped),
            filtered,
            duplicate: duplicate.saturating_add(self.duplicate),
            pending: copied.saturating_sub(taken).saturating_add(held.saturating_sub(released)),
        }
    }
}

/// Counters of bytes on the kernel's side.
pub(crate) const TALLIES: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_balanced_if_nothing_is_left_out() {
        let taken = Taken { delivered: 70, unmapped: 5, duplicate: 15 };
        let mut account = taken.account([138, 100, 8, 7, 6, 5, 9, 7, 4]);
        assert_eq!((account.unmapped, account.duplicate, account.pending), (11, 24, 13));
        assert!(account.is_balanced());
        account += Account { seen: 1, ..Account::default() };
        assert!(!account.is_balanced());
    }
}
