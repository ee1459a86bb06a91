//! The place of a fragment in its datagram.

/// The place of a fragment in the payload of its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentRange {
    /// Where it begins, in bytes.
    pub offset: u16,
    /// Whether more follow.
    pub more: bool,
}

impl FragmentRange {
    /// Reads the 16 bits that IPv6 has for it (RFC 8200 section 4.5).
    #[must_use]
    pub(crate) const fn from_v6(bits: u16) -> Self {
        Self { offset: bits & !7, more: bits & 1 != 0 }
    }

    /// Reads the 16 bits that IPv4 has for it (RFC 791 section 3.1), or `None` if they say that the
    /// datagram is whole.
    #[inline]
    #[must_use]
    pub(crate) const fn from_v4(bits: u16) -> Option<Self> {
        if bits & (V4_OFFSET | V4_MORE) == 0 {
            return None;
        }
        Some(Self { offset: (bits & V4_OFFSET) << 3, more: bits & V4_MORE != 0 })
    }
}

const V4_OFFSET: u16 = 0x1fff;
const V4_MORE: u16 = 0x2000;
