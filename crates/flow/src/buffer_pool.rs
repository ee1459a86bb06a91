//! Buffers that are used again.

/// Empty buffers that ended streams have left, so that a new stream needs no allocation.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    free: Vec<Vec<u8>>,
}

impl BufferPool {
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_default()
    }

    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let useful = (1..=MAX_BUFFER_CAPACITY).contains(&buffer.capacity());
        if useful && self.free.len() < MAX_BUFFERS {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}

/// Streams that begin and end between two moments are few; with the capacity it makes 8 MiB.
const MAX_BUFFERS: usize = 256;

/// Capacity in bytes above which a buffer is rather given back to the allocator.
const MAX_BUFFER_CAPACITY: usize = 32 << 10;
