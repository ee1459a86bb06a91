//! What is wrong with bytes that should be of a format of this crate.

use wire::Truncated;

/// Why bytes are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The first frame is none of this protocol.
    #[error("no hello of this protocol")]
    Magic,
    /// It is of another version.
    #[error("version {0} of the format")]
    Version(u16),
    /// No frame or entry has this kind.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// A length is announced that this kind does not have.
    #[error("kind {kind} with {len} bytes")]
    Len {
        /// The kind.
        kind: u8,
        /// Announced length in bytes.
        len: u32,
    },
    /// It ends in its middle, goes on behind its end, or has a value that does not exist.
    #[error("cut short, too long, or with a value that does not exist")]
    Value,
}

impl From<Truncated> for Malformed {
    fn from(_: Truncated) -> Self {
        Self::Value
    }
}
