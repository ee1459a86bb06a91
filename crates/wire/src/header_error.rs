//! Why a header cannot be read.

use std::fmt;

use crate::reader::Truncated;

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The bytes end within the header.
    Truncated(Truncated),
    /// The version field is not the one of this protocol.
    Version,
    /// The header's own length is less than its fixed part.
    HeaderLength,
    /// A length field is less than the header.
    PayloadLength,
    /// Bits that must be zero, or must have one value, do not.
    Reserved,
    /// There are more headers in a row than the limit.
    TooMany,
}

impl From<Truncated> for HeaderError {
    fn from(truncated: Truncated) -> Self {
        Self::Truncated(truncated)
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(truncated) => write!(f, "header cut off: {truncated}"),
            Self::Version => f.write_str("unknown version of the header"),
            Self::HeaderLength => f.write_str("header length below its minimum"),
            Self::PayloadLength => f.write_str("length field below the header length"),
            Self::Reserved => f.write_str("reserved bits of the header are set"),
            Self::TooMany => f.write_str("too many headers in a row"),
        }
    }
}

impl std::error::Error for HeaderError {}
