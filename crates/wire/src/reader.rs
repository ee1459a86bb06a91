//! A cursor over borrowed bytes that cannot read past their end.

use std::fmt;

/// A cursor over borrowed bytes. Integers are big-endian (network order).
///
/// A read that fails leaves the cursor where it was.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// A read past the end of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// Where the read began, in bytes from the start of the reader's input.
    pub offset: usize,
    /// How many bytes more the read needed.
    pub missing: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Takes the next `len` bytes.
    ///
    /// # Errors
    /// [`Truncated`] if fewer remain.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Truncated> {
        match self.bytes.split_at_checked(len) {
            Some((taken, rest)) => {
                self.bytes = rest;
                self.offset = self.offset.saturating_add(len);
                Ok(taken)
            }
            None => Err(self.truncated(len)),
        }
    }

    /// Takes the next `N` bytes as an array.
    ///
    /// # Errors
    /// [`Truncated`] if fewer remain.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        match self.bytes.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.bytes = rest;
                self.offset = self.offset.saturating_add(N);
                Ok(*taken)
            }
            None => Err(self.truncated(N)),
        }
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// [`Truncated`] at the end.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Reads a 16-bit integer.
    ///
    /// # Errors
    /// [`Truncated`] if fewer than 2 bytes remain.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads a 24-bit integer.
    ///
    /// # Errors
    /// [`Truncated`] if fewer than 3 bytes remain.
    #[inline]
    pub fn u24(&mut self) -> Result<u32, Truncated> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Reads a 32-bit integer.
    ///
    /// # Errors
    /// [`Truncated`] if fewer than 4 bytes remain.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads a 48-bit integer.
    ///
    /// # Errors
    /// [`Truncated`] if fewer than 6 bytes remain.
    #[inline]
    pub fn u48(&mut self) -> Result<u64, Truncated> {
        self.array().map(|[a, b, c, d, e, f]| u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// Reads a 64-bit integer.
    ///
    /// # Errors
    /// [`Truncated`] if fewer than 8 bytes remain.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        self.array().map(u64::from_be_bytes)
    }

    /// Takes a vector with an 8-bit length in front (`opaque x<0..2^8-1>`).
    ///
    /// # Errors
    /// [`Truncated`] if the length or what it announces is not all there; the cursor does not move.
    #[inline]
    pub fn prefixed_u8(&mut self) -> Result<&'a [u8], Truncated> {
        self.prefixed(|reader| reader.u8().map(usize::from))
    }

    /// Takes a vector with a 16-bit length in front (`opaque x<0..2^16-1>`).
    ///
    /// # Errors
    /// [`Truncated`] if the length or what it announces is not all there; the cursor does not move.
    #[inline]
    pub fn prefixed_u16(&mut self) -> Result<&'a [u8], Truncated> {
        self.prefixed(|reader| reader.u16().map(usize::from))
    }

    /// Takes a vector with a 24-bit length in front (`opaque x<0..2^24-1>`).
    ///
    /// # Errors
    /// [`Truncated`] if the length or what it announces is not all there; the cursor does not move.
    #[inline]
    pub fn prefixed_u24(&mut self) -> Result<&'a [u8], Truncated> {
        self.prefixed(|reader| reader.u24().map(|len| len as usize))
    }

    /// The bytes not yet read.
    #[inline]
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many bytes are not yet read.
    #[inline]
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all bytes are read.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes have been read.
    #[inline]
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    #[inline]
    fn prefixed(
        &mut self,
        length: impl FnOnce(&mut Self) -> Result<usize, Truncated>,
    ) -> Result<&'a [u8], Truncated> {
        let mut ahead = *self;
        let len = length(&mut ahead)?;
        let body = ahead.take(len)?;
        *self = ahead;
        Ok(body)
    }

    #[cold]
    fn truncated(&self, needed: usize) -> Truncated {
        Truncated { offset: self.offset, missing: needed.saturating_sub(self.bytes.len()) }
    }
}

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} more bytes needed at offset {}", self.missing, self.offset)
    }
}

impl std::error::Error for Truncated {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_big_endian() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(reader.u8(), Ok(0x01));
        assert_eq!(reader.u16(), Ok(0x0203));
        assert_eq!(reader.u24(), Ok(0x04_0506));
        assert_eq!(reader.u32(), Ok(0x0708_090a));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_short_read_says_how_much_is_missing_and_moves_nothing() {
        let mut reader = Reader::new(&[0, 5, 1, 2]);
        assert_eq!(reader.prefixed_u16(), Err(Truncated { offset: 2, missing: 3 }));
        assert_eq!(reader.offset(), 0);
        assert_eq!(reader.rest(), &[0, 5, 1, 2]);
    }
}
