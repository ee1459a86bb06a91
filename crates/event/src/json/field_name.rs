//! Names of fields, ready to be copied.

/// The name of a field with the comma before it, its quotes and the colon after it.
///
/// `N` is a multiple of a vector register, so that the copy is a few instructions and no call.
pub struct FieldName<const N: usize> {
    /// Spaces after the first `len`.
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> FieldName<N> {
    /// The field `name`.
    ///
    /// # Panics
    /// At compile time, if a byte would have to be escaped or `N` is not [`padded_len`].
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
    pub const fn new(name: &str) -> Self {
        let name = name.as_bytes();
        let mut bytes = [b' '; N];
        bytes[0] = b',';
        bytes[1] = b'"';
        let mut index = 0;
        while index < name.len() {
            assert!(!super::text::has_to_be_escaped(name[index]), "a name with nothing to escape");
            bytes[index + 2] = name[index];
            index += 1;
        }
        bytes[index + 2] = b'"';
        bytes[index + 3] = b':';
        Self { bytes, len: index + 4 }
    }

    /// Appends the name. Not inlined: an event has a hundred fields, and their code would not stay in
    /// a core's instruction cache.
    #[inline(never)]
    pub fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend_from_slice(&self.bytes);
        out.truncate(end);
    }
}

/// The `N` of the [`FieldName`] of `name`.
#[must_use]
pub const fn padded_len(name: &str) -> usize {
    (name.len() + 4).next_multiple_of(16)
}
