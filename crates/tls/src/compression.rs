//! Decompression of certificate messages (RFC 8879).

use std::borrow::Cow;

use brotli_decompressor::{
    Allocator, BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc,
};
use event::Name;
use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::FrameDecoder;

/// A `CertificateCompressionAlgorithm` (RFC 8879 section 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Algorithm(pub u16);

impl Algorithm {
    /// zlib (RFC 1950).
    pub const ZLIB: Self = Self(1);
    /// Brotli (RFC 7932).
    pub const BROTLI: Self = Self(2);
    /// Zstandard (RFC 8878).
    pub const ZSTD: Self = Self(3);

    /// The registered name, or `0x1234`.
    #[must_use]
    pub fn name(self) -> Name {
        match self {
            Self::ZLIB => Cow::Borrowed("zlib"),
            Self::BROTLI => Cow::Borrowed("brotli"),
            Self::ZSTD => Cow::Borrowed("zstd"),
            Self(code) => Cow::Owned(format!("{code:#06x}")),
        }
    }
}

/// Why a compressed certificate message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    /// The algorithm is none of those that RFC 8879 registers.
    #[error("unknown compression algorithm {:#06x}", .0.0)]
    UnknownAlgorithm(Algorithm),
    /// The message claims to be longer than the limit.
    #[error("claims {claimed} bytes, more than {limit}")]
    TooLong {
        /// The length that the message claims, in bytes.
        claimed: u32,
        /// The limit that applied, in bytes.
        limit: usize,
    },
    /// The window that the stream asks for is larger than [`MAX_WINDOW_LEN`].
    #[error("asks for too large a window")]
    WindowTooLarge,
    /// The stream is not valid, or bytes follow it.
    #[error("not a valid stream")]
    Corrupt,
    /// The stream does not hold as many bytes as the message claims.
    #[error("holds another number of bytes than claimed")]
    LengthMismatch,
}

/// Decompresses a certificate message of `uncompressed_length` bytes.
///
/// `max` is the caller's limit on that length in bytes; [`MAX_CERTIFICATE_MESSAGE_LEN`] applies
/// as well. The output is allocated once, with the claimed length, which both limits bound.
///
/// # Errors
/// [`DecompressError`] if the algorithm is unknown, a limit is passed, the stream is corrupt, or its
/// length is another than the claimed one, all of which RFC 8879 section 4 calls fatal.
pub fn decompress(
    algorithm: Algorithm,
    uncompressed_length: u32,
    bytes: &[u8],
    max: usize,
) -> Result<Vec<u8>, DecompressError> {
    let limit = max.min(MAX_CERTIFICATE_MESSAGE_LEN);
    let claimed = usize::try_from(uncompressed_length).unwrap_or(usize::MAX);
    if claimed > limit {
        return Err(DecompressError::TooLong { claimed: uncompressed_length, limit });
    }
    let mut output = vec![0; claimed];
    let written = match algorithm {
        Algorithm::ZLIB => zlib(bytes, &mut output)?,
        Algorithm::BROTLI => brotli(bytes, &mut output)?,
        Algorithm::ZSTD => zstd(bytes, &mut output)?,
        unknown => return Err(DecompressError::UnknownAlgorithm(unknown)),
    };
    if written == claimed { Ok(output) } else { Err(DecompressError::LengthMismatch) }
}

fn zlib(bytes: &[u8], output: &mut [u8]) -> Result<usize, DecompressError> {
    let mut stream = Decompress::new(true);
    let status = stream
        .decompress(bytes, output, FlushDecompress::Finish)
        .map_err(|_corrupt| DecompressError::Corrupt)?;
    let (read, written) = (stream.total_in(), stream.total_out());
    match status {
        Status::StreamEnd if read == bytes.len() as u64 => {
            Ok(usize::try_from(written).unwrap_or(usize::MAX))
        }
        Status::StreamEnd => Err(DecompressError::Corrupt),
        Status::Ok | Status::BufError if written == output.len() as u64 => {
            Err(DecompressError::LengthMismatch)
        }
        Status::Ok | Status::BufError => Err(DecompressError::Corrupt),
    }
}

fn brotli(bytes: &[u8], output: &mut [u8]) -> Result<usize, DecompressError> {
    let mut refused = false;
    let mut state = BrotliState::new_strict(
        WindowAllocator { refused: &mut refused },
        StandardAlloc::default(),
        StandardAlloc::default(),
    );
    let (mut left, mut read, mut room, mut written, mut total) =
        (bytes.len(), 0, output.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut read,
        bytes,
        &mut room,
        &mut written,
        output,
        &mut total,
        &mut state,
    );
    drop(state);
    match result {
        BrotliResult::ResultSuccess if left == 0 => Ok(written),
        BrotliResult::NeedsMoreOutput => Err(DecompressError::LengthMismatch),
        BrotliResult::ResultFailure if refused => Err(DecompressError::WindowTooLarge),
        BrotliResult::ResultSuccess
        | BrotliResult::NeedsMoreInput
        | BrotliResult::ResultFailure => Err(DecompressError::Corrupt),
    }
}

fn zstd(bytes: &[u8], output: &mut [u8]) -> Result<usize, DecompressError> {
    use ruzstd::decoding::errors::FrameDecoderError;

    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_WINDOW_LEN as u64);
    let written = decoder.decode_all(bytes, output).map_err(|error| {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the other variants say what is corrupt"
        )]
        match error {
            FrameDecoderError::WindowSizeTooBig { .. } => DecompressError::WindowTooLarge,
            FrameDecoderError::TargetTooSmall => DecompressError::LengthMismatch,
            _ => DecompressError::Corrupt,
        }
    })?;
    let sums = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
    match sums {
        (Some(sent), Some(calculated)) if sent != calculated => Err(DecompressError::Corrupt),
        _ => Ok(written),
    }
}

/// Gives Brotli its ring buffer unless that is larger than [`MAX_WINDOW_LEN`].
///
/// The decoder takes an empty cell for a failed allocation of the ring buffer; its other cells of
/// bytes, the context maps, are at most 16 KiB by the format.
struct WindowAllocator<'a> {
    refused: &'a mut bool,
}

impl Allocator<u8> for WindowAllocator<'_> {
    type AllocatedMemory = <StandardAlloc as Allocator<u8>>::AllocatedMemory;

    fn alloc_cell(&mut self, len: usize) -> Self::AllocatedMemory {
        if len > MAX_WINDOW_LEN + RING_BUFFER_SLACK {
            *self.refused = true;
            return Self::AllocatedMemory::default();
        }
        StandardAlloc::default().alloc_cell(len)
    }

    fn free_cell(&mut self, cell: Self::AllocatedMemory) {
        Allocator::<u8>::free_cell(&mut StandardAlloc::default(), cell);
    }
}

/// Longest certificate message that is decompressed, in bytes.
///
/// Chains of classical certificates stay below 16 KiB and a chain of five with SLH-DSA-256f
/// signatures (49,856 bytes each) just below 256 KiB; OpenSSL refuses messages over 100 KiB.
pub const MAX_CERTIFICATE_MESSAGE_LEN: usize = 256 * 1024;

/// Largest window of a Brotli or Zstandard stream, in bytes.
///
/// Brotli's default window is 4 MiB whatever the size of the input, so less would refuse honest
/// servers; the pages of a window that the output does not reach are not touched.
pub const MAX_WINDOW_LEN: usize = 4 << 20;

/// What the decoder adds to the window, in bytes: 42 of slack and 24 for a dictionary word.
const RING_BUFFER_SLACK: usize = 42 + 24;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    #[test]
    fn every_algorithm_gives_back_what_was_compressed() {
        for message in messages() {
            for (algorithm, bytes) in compressed(&message) {
                assert_eq!(
                    decompress(algorithm, len_of(&message), &bytes, usize::MAX).as_deref(),
                    Ok(&*message),
                    "{algorithm:?}, {} bytes",
                    message.len()
                );
            }
        }
    }

    #[test]
    fn a_length_other_than_the_claimed_one_is_refused() {
        for message in messages() {
            for (algorithm, bytes) in compressed(&message) {
                for claimed in [len_of(&message) + 1, len_of(&message).saturating_sub(1)] {
                    if claimed as usize == message.len() || claimed as usize > 256 * 1024 {
                        continue;
                    }
                    let result = decompress(algorithm, claimed, &bytes, usize::MAX);
                    assert_eq!(result, Err(DecompressError::LengthMismatch), "{algorithm:?}");
                }
            }
        }
    }

    #[test]
    fn every_prefix_and_trailing_bytes_are_refused() {
        let message = b"a message that is a message".repeat(9);
        for (algorithm, mut bytes) in compressed(&message) {
            let result = |bytes: &[u8]| decompress(algorithm, len_of(&message), bytes, 1 << 20);
            for len in 0..bytes.len() {
                assert!(result(&bytes[..len]).is_err(), "{algorithm:?}, prefix of {len} bytes");
            }
            bytes.push(0);
            assert!(result(&bytes).is_err(), "{algorithm:?}");
        }
    }

    #[test]
    fn a_claim_past_either_limit_is_refused_before_anything_is_read() {
        for (claimed, max, limit) in [
            (u32::MAX, usize::MAX, MAX_CERTIFICATE_MESSAGE_LEN),
            (256 * 1024 + 1, usize::MAX, MAX_CERTIFICATE_MESSAGE_LEN),
            (101, 100, 100),
        ] {
            let result = decompress(Algorithm::ZLIB, claimed, &[], max);
            assert_eq!(result, Err(DecompressError::TooLong { claimed, limit }));
        }
    }

    #[test]
    fn a_stream_that_holds_far_more_than_claimed_is_cut_off() {
        let bomb = vec![0; 16 << 20];
        for (algorithm, bytes) in compressed(&bomb) {
            let result = decompress(algorithm, 1000, &bytes, usize::MAX);
            assert!(
                matches!(
                    result,
                    Err(DecompressError::LengthMismatch | DecompressError::WindowTooLarge)
                ),
                "{algorithm:?}: {result:?}"
            );
        }
    }

    #[test]
    fn a_window_past_the_limit_is_refused() {
        const SKIPPABLE_FRAME: u32 = 0x184d_2a50;
        let window_of_8_mib = [0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3, 0b001, 0, 0];
        let result = decompress(Algorithm::ZSTD, 0, &window_of_8_mib, usize::MAX);
        assert_eq!(result, Err(DecompressError::WindowTooLarge));
        let window_of_4_mib = [0x28, 0xb5, 0x2f, 0xfd, 0, 12 << 3, 0b001, 0, 0];
        assert_eq!(decompress(Algorithm::ZSTD, 0, &window_of_4_mib, usize::MAX), Ok(vec![]));
        let skipped = [&SKIPPABLE_FRAME.to_le_bytes()[..], &[0xff; 4]].concat();
        let result = decompress(Algorithm::ZSTD, 0, &skipped, usize::MAX);
        assert_eq!(result, Err(DecompressError::Corrupt));

        let message = vec![7; 9000];
        for (bits, expected) in
            [(22, Ok(message.clone())), (24, Err(DecompressError::WindowTooLarge))]
        {
            let bytes = brotli_in_pieces(&message, bits);
            assert_eq!(decompress(Algorithm::BROTLI, 9000, &bytes, usize::MAX), expected);
        }
    }

    #[test]
    fn an_unknown_algorithm_is_named_by_its_code() {
        let unknown = Algorithm(0x1a2b);
        let result = decompress(unknown, 1, &[1], usize::MAX);
        assert_eq!(result, Err(DecompressError::UnknownAlgorithm(unknown)));
        assert_eq!(unknown.name(), "0x1a2b");
        assert_eq!(Algorithm::ZSTD.name(), "zstd");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            algorithm in 0_u16..5,
            claimed in 0_u32..2000,
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Ok(message) = decompress(Algorithm(algorithm), claimed, &bytes, 1000) {
                prop_assert_eq!(message.len(), claimed as usize);
                prop_assert!(claimed <= 1000);
            }
        }

        #[test]
        fn changed_bytes_are_read_or_refused(
            index in any::<proptest::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let message = b"a message that is a message".repeat(9);
            for (algorithm, mut bytes) in compressed(&message) {
                let index = index.index(bytes.len());
                bytes[index] = byte;
                if let Ok(read) = decompress(algorithm, len_of(&message), &bytes, 1000) {
                    prop_assert_eq!(read.len(), message.len());
                }
            }
        }
    }

    fn len_of(message: &[u8]) -> u32 {
        u32::try_from(message.len()).unwrap()
    }

    fn messages() -> Vec<Vec<u8>> {
        let noise = (0..5000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8);
        vec![vec![], vec![1], noise.collect(), vec![7; MAX_CERTIFICATE_MESSAGE_LEN]]
    }

    fn compressed(message: &[u8]) -> [(Algorithm, Vec<u8>); 3] {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(message).unwrap();
        [
            (Algorithm::ZLIB, zlib.finish().unwrap()),
            (Algorithm::BROTLI, brotli_whole(message)),
            (Algorithm::ZSTD, compress_to_vec(message, CompressionLevel::Fastest)),
        ]
    }

    fn brotli_whole(message: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
        brotli::BrotliCompress(&mut &*message, &mut bytes, &params).unwrap();
        bytes
    }

    /// Several metablocks keep the decoder from making the ring buffer smaller than the window.
    fn brotli_in_pieces(message: &[u8], window_bits: u32) -> Vec<u8> {
        let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, window_bits);
        for piece in message.chunks(3000) {
            writer.write_all(piece).unwrap();
            writer.flush().unwrap();
        }
        writer.into_inner()
    }
}
