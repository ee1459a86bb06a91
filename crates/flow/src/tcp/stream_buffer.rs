//! The newest bytes of a stream.

use crate::buffer_pool::BufferPool;

/// The newest bytes of a stream: those that the application has not consumed, and in front of them
/// some that it has, to be compared with retransmissions.
#[derive(Debug, Default)]
pub(crate) struct StreamBuffer {
    bytes: Vec<u8>,
    consumed: usize,
    /// Bytes of the stream behind those kept, which were consumed unseen.
    passed: usize,
}

impl StreamBuffer {
    #[inline]
    pub(crate) fn unconsumed(&self) -> &[u8] {
        self.bytes.get(self.consumed..).unwrap_or_default()
    }

    /// Takes the next `len` bytes of the stream as consumed, without a copy of them. There must be
    /// none that are not consumed.
    #[inline]
    pub(crate) const fn pass(&mut self, len: usize) {
        self.passed = self.passed.saturating_add(len);
    }

    /// Appends the next bytes of the stream.
    #[inline]
    pub(crate) fn append(&mut self, bytes: &[u8], pool: &mut BufferPool) {
        if self.passed > 0 {
            self.clear();
        }
        if self.bytes.capacity() == 0 {
            self.bytes = pool.take();
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next `len` bytes, or all, as consumed.
    #[inline]
    pub(crate) fn consume(&mut self, len: usize) {
        self.consumed = self.consumed.saturating_add(len).min(self.bytes.len());
        if self.consumed > 2 * HISTORY_LEN {
            self.bytes.drain(..self.consumed - HISTORY_LEN);
            self.consumed = HISTORY_LEN;
        }
    }

    /// Whether `copy`, which begins `back` bytes before the end of the stream, differs from what is
    /// kept of it.
    pub(crate) fn differs(&self, back: usize, copy: &[u8]) -> bool {
        let back = back.saturating_sub(self.passed);
        let forgotten = back.saturating_sub(self.bytes.len());
        let start = self.bytes.len().saturating_sub(back);
        let kept = self.bytes.get(start..).unwrap_or_default();
        let copy = copy.get(forgotten..).unwrap_or_default();
        kept.iter().zip(copy).any(|(kept, copy)| kept != copy)
    }

    /// Forgets all, as behind a gap.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        (self.consumed, self.passed) = (0, 0);
    }

    /// Gives the buffer back.
    pub(crate) fn release(&mut self, pool: &mut BufferPool) {
        (self.consumed, self.passed) = (0, 0);
        pool.give(std::mem::take(&mut self.bytes));
    }

    #[inline]
    pub(crate) const fn heap_size(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Consumed bytes kept for comparison with retransmissions: an initial window is ten segments, or
/// 14,600 bytes (RFC 6928), and a handshake seldom has more in flight.
const HISTORY_LEN: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(bytes: &[u8], consumed: usize) -> StreamBuffer {
        let mut buffer = StreamBuffer::default();
        buffer.append(bytes, &mut BufferPool::new(0));
        buffer.consume(consumed);
        buffer
    }

    #[test]
    fn consumed_bytes_are_still_compared() {
        let buffer = stream(b"abcdef", 4);
        assert_eq!(buffer.unconsumed(), b"ef");
        assert!(!buffer.differs(6, b"abcdef"));
        assert!(!buffer.differs(3, b"defghi"), "what is past the end is not a copy");
        assert!(buffer.differs(6, b"abXdef"));
        assert!(!buffer.differs(8, b"XXabcdef"), "what is forgotten cannot differ");
        assert!(buffer.differs(8, b"XXabcdeX"));
    }

    #[test]
    fn bytes_that_were_passed_are_not_compared() {
        let mut buffer = stream(b"abcdef", 6);
        buffer.pass(3);
        assert!(!buffer.differs(9, b"abcdefXXX"), "what was passed is not kept");
        assert!(!buffer.differs(2, b"XX"));
        assert!(buffer.differs(9, b"abcdeXghi"));
        buffer.append(b"jk", &mut BufferPool::new(0));
        buffer.consume(2);
        assert!(!buffer.differs(11, b"XXXXXXXXXjk"), "what is in front of it is forgotten");
        assert!(buffer.differs(11, b"abcdefghijX"));
    }

    #[test]
    fn history_is_bounded() {
        let mut buffer = StreamBuffer::default();
        for _ in 0..1000 {
            buffer.append(&[7; 1000], &mut BufferPool::new(0));
            buffer.consume(usize::MAX);
        }
        assert!(buffer.heap_size() <= 4 * HISTORY_LEN + 2000);
        assert!(buffer.differs(HISTORY_LEN, &[8]));
    }
}
