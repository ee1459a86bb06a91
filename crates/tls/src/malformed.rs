//! What is wrong with bytes that cannot be what they claim to be.

use wire::Truncated;

/// Bytes that no implementation of the standard could have meant: which field, and where.
///
/// Offsets are in bytes from the start of what was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A field goes past the end.
    #[error("{field} needs {missing} more bytes at offset {offset}")]
    Truncated {
        /// The field's name in the standard.
        field: &'static str,
        /// Where its reading began.
        offset: usize,
        /// How many bytes are missing.
        missing: usize,
    },
    /// A length that the field cannot have.
    #[error("{field} cannot be {len} bytes long, at offset {offset}")]
    Length {
        /// The field's name in the standard.
        field: &'static str,
        /// Where the field is.
        offset: usize,
        /// The length found, in bytes.
        len: usize,
    },
    /// A value that the field cannot have.
    #[error("{field} cannot be {value:#x}, at offset {offset}")]
    Value {
        /// The field's name in the standard.
        field: &'static str,
        /// Where the field is.
        offset: usize,
        /// The value found.
        value: u32,
    },
    /// Bytes after the last field.
    #[error("{len} bytes follow {field}, at offset {offset}")]
    Trailing {
        /// The structure that should have ended.
        field: &'static str,
        /// Where it ended.
        offset: usize,
        /// How many bytes follow.
        len: usize,
    },
}

/// Names the field of a read that failed.
pub(crate) trait Field<T> {
    /// Turns a short read into [`Malformed::Truncated`] of `field`.
    fn field(self, field: &'static str) -> Result<T, Malformed>;
}

impl<T> Field<T> for Result<T, Truncated> {
    #[inline]
    fn field(self, field: &'static str) -> Result<T, Malformed> {
        self.map_err(|short| Malformed::Truncated {
            field,
            offset: short.offset,
            missing: short.missing,
        })
    }
}
