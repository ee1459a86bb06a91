//! Lists of code points, borrowed from a message.

use std::fmt;
use std::marker::PhantomData;

/// A list of 16-bit code points.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct U16List<'a, T> {
    bytes: &'a [u8],
    code_point: PhantomData<T>,
}

impl<'a, T: From<u16>> U16List<'a, T> {
    /// The list in `bytes`; an odd last byte is not part of it.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, code_point: PhantomData }
    }

    /// The code points, in the order sent.
    #[inline]
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator + Clone + use<'a, T> {
        self.bytes.as_chunks::<2>().0.iter().map(|pair| T::from(u16::from_be_bytes(*pair)))
    }

    /// How many code points there are.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() / 2
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes as sent.
    #[inline]
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<T: From<u16> + fmt::Debug> fmt::Debug for U16List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A list of 8-bit code points.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct U8List<'a, T> {
    bytes: &'a [u8],
    code_point: PhantomData<T>,
}

impl<'a, T: From<u8>> U8List<'a, T> {
    /// The list in `bytes`.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, code_point: PhantomData }
    }

    /// The code points, in the order sent.
    #[inline]
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator + Clone + use<'a, T> {
        self.bytes.iter().map(|byte| T::from(*byte))
    }

    /// How many code points there are.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes as sent.
    #[inline]
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<T: From<u8> + fmt::Debug> fmt::Debug for U8List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
