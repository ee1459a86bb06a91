//! Compression of batches, within bounds.

use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{compress_bound, get_frame_content_size};

use super::{MAX_BATCH_LEN, Malformed};

/// Compresses batches.
pub struct Packer(Compressor<'static>);

impl Packer {
    /// Sets the compressor up.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new() -> io::Result<Self> {
        Compressor::new(LEVEL).map(Self)
    }

    /// Appends a batch, compressed.
    ///
    /// # Errors
    /// There is no memory.
    pub fn pack(&mut self, batch: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let begin = out.len();
        out.resize(begin.saturating_add(compress_bound(batch.len())), 0);
        let room = out.get_mut(begin..).unwrap_or_default();
        let len = self.0.compress_to_buffer(batch, room)?;
        out.truncate(begin.saturating_add(len));
        Ok(())
    }
}

/// Decompresses batches.
pub struct Unpacker(Decompressor<'static>);

impl Unpacker {
    /// Sets the decompressor up.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new() -> io::Result<Self> {
        Decompressor::new().map(Self)
    }

    /// Decompresses a batch of `len` bytes into `out`, which is emptied before.
    ///
    /// # Errors
    /// [`Malformed::BatchLen`] if that is more than [`MAX_BATCH_LEN`], [`Malformed::Compression`] if it is
    /// not what `packed` holds.
    pub fn unpack(&mut self, packed: &[u8], len: u32, out: &mut Vec<u8>) -> Result<(), Malformed> {
        out.clear();
        let expected = usize::try_from(len).unwrap_or(usize::MAX);
        if expected > MAX_BATCH_LEN {
            return Err(Malformed::BatchLen(len));
        }
        if !matches!(get_frame_content_size(packed), Ok(Some(said)) if said == u64::from(len)) {
            return Err(Malformed::Compression);
        }
        out.reserve(expected);
        match self.0.decompress_to_buffer(packed, out) {
            Ok(got) if got == expected && out.len() == expected => Ok(()),
            _ => Err(Malformed::Compression),
        }
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

/// The one that costs least: what is mirrored must not cost its host more than it did before.
const LEVEL: i32 = 1;
