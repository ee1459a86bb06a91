//! Handshake messages out of the bytes of records or CRYPTO frames (RFC 9846 section 4).

use crate::detect::MAX_MESSAGE_LEN;

/// Finds messages, and keeps the beginning of one that goes on elsewhere.
#[derive(Debug, Default)]
pub(crate) struct MessageBuffer {
    kept: Vec<u8>,
}

/// What some bytes hold at their beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A message of this length, header included.
    Whole(usize),
    /// This many bytes that end the message kept: [`MessageBuffer::assembled`] has it.
    Assembled(usize),
    /// This many bytes of a message, which are kept.
    Kept(usize),
    /// The beginning of a message whose end will come in one piece with it.
    NeedMore,
    /// A message longer than is believed.
    TooLong,
}

/// A message is longer than is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl MessageBuffer {
    /// Finds a message at the start of `body`.
    ///
    /// `left` is the length of the record that `body` is the beginning of: a message that ends
    /// within it is waited for, and only one that crosses records is copied.
    pub(crate) fn take(&mut self, body: &[u8], left: usize) -> Taken {
        let kept = self.kept.len();
        let missing = match message_len(&self.kept, body) {
            Some(len) if len > MAX_MESSAGE_LEN => return Taken::TooLong,
            Some(len) => len.saturating_sub(kept),
            None => HEADER_LEN.saturating_sub(kept).max(body.len().saturating_add(1)),
        };
        if kept == 0 && missing <= body.len() {
            return Taken::Whole(missing);
        }
        if kept == 0 && missing <= left && body.len() < left {
            return Taken::NeedMore;
        }
        let taken = missing.min(body.len());
        self.kept.extend_from_slice(body.get(..taken).unwrap_or(body));
        if message_len(&self.kept, &[]) == Some(self.kept.len()) {
            Taken::Assembled(taken)
        } else {
            Taken::Kept(taken)
        }
    }

    /// Gives all messages that end in `bytes`, of which no more come in one piece with them, to `take`.
    /// What follows a message that is longer than is believed is not looked at.
    ///
    /// # Errors
    /// [`TooLong`], if there was one.
    pub(crate) fn take_all(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            let taken = match self.take(bytes, bytes.len()) {
                Taken::Whole(len) => {
                    take(bytes.get(..len).unwrap_or(bytes));
                    len
                }
                Taken::Assembled(len) => {
                    take(&self.assembled());
                    len
                }
                Taken::Kept(len) => len,
                Taken::NeedMore | Taken::TooLong => return Err(TooLong),
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// The message that the last [`Taken::Assembled`] completed.
    pub(crate) fn assembled(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// Forgets the beginning of a message whose end is lost.
    pub(crate) fn clear(&mut self) {
        self.kept = Vec::new();
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.kept.capacity()
    }
}

/// Length of the message, header included, that begins with `kept` and goes on with `body`.
fn message_len(kept: &[u8], body: &[u8]) -> Option<usize> {
    let mut header = kept.iter().chain(body).copied();
    let (_, high, middle, low) = (header.next()?, header.next()?, header.next()?, header.next()?);
    Some(HEADER_LEN + u32::from_be_bytes([0, high, middle, low]) as usize)
}

/// Message type and length.
const HEADER_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_one_record_is_not_copied() {
        let mut buffer = MessageBuffer::default();
        assert_eq!(buffer.take(&[1, 0, 0, 2, 7, 7, 9], 7), Taken::Whole(6));
        assert_eq!(buffer.take(&[1, 0, 0, 2, 7], 6), Taken::NeedMore);
        assert_eq!(buffer.heap_size(), 0);
    }

    #[test]
    fn a_message_over_records_is_the_same_however_it_is_cut() {
        let message = [1, 0, 0, 5, 10, 11, 12, 13, 14];
        for first in 0..=message.len() {
            for second in first..=message.len() {
                let mut buffer = MessageBuffer::default();
                let mut found = None;
                for piece in [&message[..first], &message[first..second], &message[second..]] {
                    match buffer.take(piece, piece.len()) {
                        Taken::Whole(len) => found = Some(piece[..len].to_vec()),
                        Taken::Assembled(taken) => {
                            assert_eq!(taken, piece.len());
                            found = Some(buffer.assembled());
                        }
                        Taken::Kept(taken) => assert_eq!(taken, piece.len()),
                        other @ (Taken::NeedMore | Taken::TooLong) => {
                            panic!("{other:?} at {first}, {second}")
                        }
                    }
                }
                assert_eq!(found.as_deref(), Some(&message[..]), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_message_longer_than_is_believed_is_refused() {
        let mut buffer = MessageBuffer::default();
        assert_eq!(buffer.take(&[11, 0xff, 0xff, 0xff, 0], 100), Taken::TooLong);
    }
}
