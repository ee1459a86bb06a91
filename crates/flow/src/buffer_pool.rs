//! Buffers that are used again.

/// Empty buffers that ended streams have left, so that a new stream needs no allocation.
#[derive(Debug)]
pub(crate) struct BufferPool {
    free: Vec<Vec<u8>>,
    held_bytes: usize,
    max_bytes: usize,
}

impl BufferPool {
    /// A pool that holds at most `max_bytes`, and never more than is of use.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { free: Vec::new(), held_bytes: 0, max_bytes: max_bytes.min(MAX_BYTES) }
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        let buffer = self.free.pop().unwrap_or_default();
        self.held_bytes = self.held_bytes.saturating_sub(buffer.capacity());
        buffer
    }

    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        let held = self.held_bytes.saturating_add(capacity);
        if (1..=MAX_BUFFER_CAPACITY).contains(&capacity) && held <= self.max_bytes {
            buffer.clear();
            self.free.push(buffer);
            self.held_bytes = held;
        }
    }

    /// Capacity of the buffers in bytes.
    #[inline]
    pub(crate) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Gives all buffers back to the allocator, and tells whether there were any.
    pub(crate) fn empty(&mut self) -> bool {
        self.free.clear();
        std::mem::replace(&mut self.held_bytes, 0) > 0
    }
}

/// Buffers of the largest size for the streams that begin and end between two moments, which are
/// few.
const MAX_BYTES: usize = 256 * MAX_BUFFER_CAPACITY;

/// Capacity in bytes above which a buffer is rather given back to the allocator.
const MAX_BUFFER_CAPACITY: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_no_more_than_it_may() {
        let mut pool = BufferPool::new(4000);
        for capacity in [1000, 0, MAX_BUFFER_CAPACITY + 1, 3500, 2500] {
            pool.give(Vec::with_capacity(capacity));
        }
        assert_eq!(pool.held_bytes(), 3500);
        assert_eq!((pool.take().capacity(), pool.held_bytes()), (2500, 1000));
        assert!(pool.empty() && !pool.empty());
        assert_eq!((pool.take().capacity(), pool.held_bytes()), (0, 0));
    }
}
