//! What is wrong with bytes that should be of this format.

/// Why bytes are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// No frame has this kind.
    #[error("frame of unknown kind {0}")]
    FrameKind(u8),
    /// A frame announces a length that its kind does not have.
    #[error("frame of kind {kind} with {len} bytes")]
    FrameLen {
        /// The kind.
        kind: u8,
        /// Announced length of the body in bytes.
        len: u32,
    },
    /// The first frame is none of this protocol.
    #[error("no hello of this protocol")]
    Magic,
    /// The other side speaks another version.
    #[error("version {0} of the format")]
    Version(u16),
    /// A batch is longer than it may be.
    #[error("batch of {0} bytes")]
    BatchLen(u32),
    /// A batch is not compressed as it should be, or has another length than it says.
    #[error("batch cannot be decompressed")]
    Compression,
    /// No record has this kind.
    #[error("record of unknown kind {0}")]
    RecordKind(u8),
    /// A record ends in its middle, or one of its fields has no such value.
    #[error("record is cut short or has a value that does not exist")]
    Record,
    /// A record has no clear text or more than it may have, or more than a position can count.
    #[error("record of {0} bytes of clear text")]
    DataLen(u64),
    /// A reply is none.
    #[error("reply of unknown kind {0}")]
    ReplyKind(u8),
}
