//! Connection ids.

use std::fmt;

use arrayvec::ArrayVec;

/// A connection id of at most 20 bytes, which is what every version read here allows (RFC 9000
/// section 17.2).
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ConnectionId(ArrayVec<u8, MAX_CONNECTION_ID_LEN>);

impl ConnectionId {
    /// The id made of `bytes`, or `None` if there are more than 20.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        ArrayVec::try_from(bytes).ok().map(Self)
    }

    /// The bytes of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    /// Writes lower-case hexadecimal; nothing for an empty id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

/// Longest connection id of QUIC v1 and v2, in bytes (RFC 9000 section 17.2).
pub(crate) const MAX_CONNECTION_ID_LEN: usize = 20;
