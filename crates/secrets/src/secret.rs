//! A secret in memory.

use zeroize::Zeroizing;

/// Bytes that open sessions. They are wiped when dropped, and cannot be copied, compared or printed.
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes a copy of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Takes `bytes` over.
    pub(crate) fn of(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Zeroizing::new(std::mem::take(&mut *bytes).into_boxed_slice()))
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret itself: for key schedules only, never for a log or a record.
    #[must_use]
    pub fn dangerous_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the other holds the same bytes. Not in constant time: both came from the same place.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
