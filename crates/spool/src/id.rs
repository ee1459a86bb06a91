//! What tells an entry from all others.

use std::fmt;
use std::io;

/// The name of an entry, which no other one ever has: not after a crash, nor in another spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId {
    /// Of the file that it was written to.
    pub segment: SegmentId,
    /// Its place in the order of the entries of its spool, from 0.
    pub number: u64,
}

/// Chosen at random for each file of a spool.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentId(pub [u8; 16]);

impl SegmentId {
    pub(crate) fn random() -> io::Result<Self> {
        let mut bytes = [0; 16];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.segment, self.number)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentId({self})")
    }
}
