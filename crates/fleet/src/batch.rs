//! The lines of a batch, and its name.

use std::io;

use spool::{EntryId, SegmentId};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::get_frame_content_size;

use crate::v1::Batch;

/// Why a batch is not one that an honest agent sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBatch {
    /// The name of its segment has another length than names have.
    #[error("the segment's name has {0} bytes, and not 16")]
    Segment(usize),
    /// It is longer than batches may be.
    #[error("{len} bytes of lines, where at most {most} are taken")]
    TooLong {
        /// What it says of its length before compression.
        len: u32,
        /// The most that is taken.
        most: u32,
    },
    /// Its lines are not what it says: not compressed by zstd, or of another length.
    #[error("the lines cannot be decompressed to the length that is told")]
    Compression,
    /// Its last line has no end.
    #[error("the last line has no end")]
    TornLine,
}

/// Compresses the lines of a batch.
///
/// # Errors
/// There is no memory.
pub fn compress(lines: &[u8]) -> io::Result<Vec<u8>> {
    Compressor::new(LEVEL)?.compress(lines)
}

/// The lines of a batch, of which at most `most` bytes are taken. No more memory is used than that.
///
/// # Errors
/// See [`BadBatch`].
pub fn decompress(batch: &Batch, most: u32) -> Result<Vec<u8>, BadBatch> {
    let len = batch.lines_len;
    if len > most {
        return Err(BadBatch::TooLong { len, most });
    }
    if !matches!(get_frame_content_size(&batch.lines), Ok(Some(told)) if told == u64::from(len)) {
        return Err(BadBatch::Compression);
    }
    let expected = usize::try_from(len).unwrap_or(usize::MAX);
    // Into a buffer of that size at once: what a frame says of its window allocates nothing.
    let lines = Decompressor::new()
        .and_then(|mut decompressor| decompressor.decompress(&batch.lines, expected))
        .ok()
        .filter(|lines| lines.len() == expected)
        .ok_or(BadBatch::Compression)?;
    if lines.last().is_some_and(|last| *last != b'\n') {
        return Err(BadBatch::TornLine);
    }
    Ok(lines)
}

/// What a batch is called in logs and stores: the hexadecimal digits of its segment, `:`, and its number. No
/// other batch of any agent has this name.
///
/// # Errors
/// [`BadBatch::Segment`].
pub fn batch_name(batch: &Batch) -> Result<String, BadBatch> {
    let len = batch.segment.len();
    let segment =
        <[u8; 16]>::try_from(batch.segment.as_slice()).map_err(|_error| BadBatch::Segment(len))?;
    Ok(EntryId { segment: SegmentId(segment), number: batch.number }.to_string())
}

/// Half the size of level 1 for lines of edges, at some 200 MB/s.
const LEVEL: i32 = 3;
