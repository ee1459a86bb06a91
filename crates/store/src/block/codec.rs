//! Numbers and texts as bytes.

use std::cell::RefCell;

use zstd::bulk::Decompressor;

use super::Damaged;

/// Writes numbers in as few bytes as they need, seven bits in each.
#[derive(Default)]
pub(super) struct Encoder {
    pub(super) bytes: Vec<u8>,
}

/// Reads what an [`Encoder`] wrote, and refuses whatever it would not have written.
pub(super) struct Decoder<'a> {
    bytes: &'a [u8],
}

impl Encoder {
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.push(value.to_le_bytes()[0]);
    }

    /// A number that may be negative and is likely to be small.
    pub(super) fn difference(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    pub(super) fn text(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }
}

impl<'a> Decoder<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) const fn take_rest(self) -> &'a [u8] {
        self.bytes
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.bytes.split_first().ok_or(Damaged)?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damaged)
    }

    /// A number below a limit.
    pub(super) fn below(&mut self, limit: usize) -> Result<usize, Damaged> {
        let value = usize::try_from(self.number()?).map_err(|_error| Damaged)?;
        if value < limit { Ok(value) } else { Err(Damaged) }
    }

    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Damaged> {
        T::try_from(self.number()?).map_err(|_error| Damaged)
    }

    pub(super) fn difference(&mut self) -> Result<i64, Damaged> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(Damaged)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8], Damaged> {
        let len = usize::try_from(self.number()?).map_err(|_error| Damaged)?;
        self.take(len)
    }
}

/// Compresses some bytes.
pub(super) fn pack(bytes: &[u8]) -> Result<Vec<u8>, Damaged> {
    zstd::bulk::compress(bytes, super::COMPRESSION).map_err(|_error| Damaged)
}

/// Unpacks bytes of which there are at most `limit`.
pub(super) fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Damaged> {
    let declared = zstd::zstd_safe::get_frame_content_size(bytes).map_err(|_error| Damaged)?;
    let len = usize::try_from(declared.ok_or(Damaged)?).map_err(|_error| Damaged)?;
    if len > limit {
        return Err(Damaged);
    }
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(Decompressor::new().map_err(|_error| Damaged)?),
        };
        unpacker.decompress(bytes, len).map_err(|_error| Damaged)
    })
}

thread_local! {
    /// Making one takes longer than unpacking the rows of a block.
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}
