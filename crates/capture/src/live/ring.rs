//! The memory that a packet socket shares with the kernel.
#![expect(unsafe_code, reason = "the ring is memory mapped from the kernel")]

use std::ffi::c_int;
use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

use super::socket::PacketSocket;

/// A receive ring of version 3: blocks that belong to the kernel or to us.
pub(super) struct Ring {
    base: NonNull<u8>,
    block_len: usize,
    blocks: usize,
}

// SAFETY: the mapping belongs to the ring alone and to no thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Asks for a ring of version 3 and maps it.
    pub(super) fn map(
        socket: &PacketSocket,
        block_len: u32,
        blocks: u32,
        retire_ms: u32,
    ) -> io::Result<Self> {
        let invalid = || io::Error::from_raw_os_error(libc::EINVAL);
        let frames = (block_len / FRAME_LEN).checked_mul(blocks).ok_or_else(invalid)?;
        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        socket.set(libc::PACKET_VERSION, &version)?;
        let request = libc::tpacket_req3 {
            tp_block_size: block_len,
            tp_block_nr: blocks,
            tp_frame_size: FRAME_LEN,
            tp_frame_nr: frames,
            tp_retire_blk_tov: retire_ms,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        socket.set(libc::PACKET_RX_RING, &request)?;
        let (block_len, blocks) = (block_len as usize, blocks as usize);
        let len = block_len.checked_mul(blocks).ok_or_else(invalid)?;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.raw(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(invalid)?;
        Ok(Self { base, block_len, blocks })
    }

    /// How many blocks there are.
    pub(super) const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The bytes of a block, if the kernel has handed it over.
    pub(super) fn block(&self, index: usize) -> Option<&[u8]> {
        // Acquire: what the kernel wrote before it handed the block over is seen after this.
        let status = self.status(index)?.load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: `status` found the block inside the mapping. A block with this status is left
        // alone by the kernel until `release`, which cannot be called while it is borrowed.
        Some(unsafe {
            slice::from_raw_parts(self.base.as_ptr().add(index * self.block_len), self.block_len)
        })
    }

    /// Hands a block back to the kernel.
    pub(super) fn release(&mut self, index: usize) {
        if let Some(status) = self.status(index) {
            // Release: our reads of the block are over before the kernel may write again.
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }

    fn status(&self, index: usize) -> Option<&AtomicU32> {
        if index >= self.blocks {
            return None;
        }
        // SAFETY: block `index` is inside the mapping of `blocks` blocks, each is aligned to a
        // page and longer than its header, and all access to this word goes through here.
        Some(unsafe {
            let status = self.base.as_ptr().add(index * self.block_len + STATUS_OFFSET);
            AtomicU32::from_ptr(status.cast())
        })
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this address and length, and no borrow outlives it.
        let result = unsafe {
            libc::munmap(self.base.as_ptr().cast(), self.block_len.saturating_mul(self.blocks))
        };
        debug_assert_eq!(result, 0, "address and length are those of the mapping");
    }
}

/// Of `block_status` in `struct tpacket_block_desc`.
const STATUS_OFFSET: usize = 8;

/// A frame's length only has to divide the block's: version 3 packs packets tightly.
const FRAME_LEN: u32 = 2048;
