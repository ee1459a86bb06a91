//! How full the ring is.
#![expect(unsafe_code, reason = "the ring's positions are memory mapped from the kernel")]

use std::io;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// How full the ring is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingUse {
    /// Bytes that wait to be read.
    pub used: u64,
    /// Bytes that there is room for.
    pub len: u64,
}

/// The pages of a ring that say where its reader and its writers are
/// (Documentation/bpf/ringbuf.rst).
pub(crate) struct Positions {
    /// The reader's page; the writers' follows.
    base: NonNull<u8>,
    page_len: usize,
}

// SAFETY: the mapping belongs to this value alone, and is only read.
unsafe impl Send for Positions {}

impl Positions {
    /// Maps the positions of a ring.
    pub(crate) fn map(ring: impl AsFd) -> io::Result<Self> {
        let page_len = rustix::param::page_size();
        let len = page_len.saturating_mul(2);
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let base = unsafe {
            mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, ring.as_fd(), 0)?
        };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { base, page_len })
    }

    /// Bytes between the reader and the writers.
    pub(crate) fn used(&self) -> u64 {
        let read = self.position(0);
        self.position(self.page_len).saturating_sub(read)
    }

    fn position(&self, at: usize) -> u64 {
        // SAFETY: both pages are mapped as long as this value lives; each begins, aligned to the
        // page, with a position of 64 bits that the kernel writes whole.
        let position = unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(at).cast()) };
        position.load(Ordering::Relaxed)
    }
}

impl Drop for Positions {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this address and length, and no borrow outlives it.
        let result = unsafe { munmap(self.base.as_ptr().cast(), self.page_len.saturating_mul(2)) };
        debug_assert!(result.is_ok(), "address and length are those of the mapping");
    }
}
