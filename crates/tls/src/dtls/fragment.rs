//! Handshake fragments: the header that DTLS puts before each piece of a handshake message.

use wire::{Reader, Truncated};

/// A piece of a handshake message, possibly all of it (RFC 6347 section 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The `HandshakeType`.
    pub message_type: u8,
    /// Length of the whole message in bytes, without this header.
    pub message_len: u32,
    /// Number of the message within its direction and handshake.
    pub message_seq: u16,
    /// Where this piece begins in the message, in bytes.
    pub offset: u32,
    /// The piece; it never ends past the message.
    pub body: &'a [u8],
}

impl Fragment<'_> {
    /// Whether this piece is the whole message.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.offset == 0 && usize::try_from(self.message_len) == Ok(self.body.len())
    }
}

/// The handshake fragments of one record. It ends after the first error.
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    reader: Reader<'a>,
}

impl<'a> Fragments<'a> {
    /// Starts at the first byte of `fragment`, the contents of an unencrypted handshake record.
    #[must_use]
    pub const fn new(fragment: &'a [u8]) -> Self {
        Self { reader: Reader::new(fragment) }
    }
}

impl<'a> Iterator for Fragments<'a> {
    type Item = Result<Fragment<'a>, FragmentError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let fragment = read(&mut self.reader);
        if fragment.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(fragment)
    }
}

/// A handshake fragment that cannot be read; what follows it in the record cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// The record ends inside the fragment.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// The fragment ends past the message that it belongs to.
    #[error("fragment ends at {end} of a message of {message_len} bytes")]
    PastMessage {
        /// Where the fragment ends in the message, in bytes.
        end: u64,
        /// Length of the message in bytes.
        message_len: u32,
    },
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Fragment<'a>, FragmentError> {
    let message_type = reader.u8()?;
    let message_len = reader.u24()?;
    let message_seq = reader.u16()?;
    let offset = reader.u24()?;
    let body = reader.prefixed_u24()?;
    let end = u64::from(offset).saturating_add(body.len() as u64);
    if end > u64::from(message_len) {
        return Err(FragmentError::PastMessage { end, message_len });
    }
    Ok(Fragment { message_type, message_len, message_seq, offset, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fragments_of_a_record_are_told_apart() {
        let record =
            [1, 0, 0, 5, 0, 7, 0, 0, 2, 0, 0, 3, 9, 8, 7, 14, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0];
        let fragments = Fragments::new(&record).map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(
            fragments,
            [
                Fragment {
                    message_type: 1,
                    message_len: 5,
                    message_seq: 7,
                    offset: 2,
                    body: &[9, 8, 7]
                },
                Fragment { message_type: 14, message_len: 0, message_seq: 8, offset: 0, body: &[] },
            ]
        );
        assert_eq!(fragments.iter().map(Fragment::is_whole).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_fragment_that_ends_past_its_message_ends_the_record() {
        let record =
            [1, 0, 0, 4, 0, 0, 0, 0, 2, 0, 0, 3, 9, 8, 7, 14, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let fragments = Fragments::new(&record).collect::<Vec<_>>();
        assert_eq!(fragments, [Err(FragmentError::PastMessage { end: 5, message_len: 4 })]);
    }

    #[test]
    fn every_prefix_of_a_fragment_is_truncated() {
        let record = [1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 9, 8, 7];
        for len in 1..record.len() {
            let fragments = Fragments::new(&record[..len]).collect::<Vec<_>>();
            assert!(matches!(fragments[..], [Err(FragmentError::Truncated(_))]), "{len} bytes");
        }
    }
}
