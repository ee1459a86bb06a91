//! Zstandard streams: frames one after another (RFC 8878).

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::source::at_end;

/// Decompresses frames one after another, and passes over skippable ones.
pub(crate) struct ZstdReader<R> {
    decoder: FrameDecoder,
    input: R,
    state: State,
}

enum State {
    BetweenFrames,
    InFrame,
    /// The frame is damaged: what the decoder holds is still given, then the error.
    Failed(io::Error),
    Ended,
}

impl<R: BufRead> ZstdReader<R> {
    pub(crate) fn new(input: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW_LEN);
        Self { decoder, input, state: State::BetweenFrames }
    }

    /// The compressed bytes.
    pub(crate) const fn input(&self) -> &R {
        &self.input
    }

    fn start_frame(&mut self) -> io::Result<()> {
        if at_end(&mut self.input)? {
            self.state = State::Ended;
            return Ok(());
        }
        match self.decoder.init(&mut self.input) {
            Ok(()) => self.state = State::InFrame,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut (&mut self.input).take(length), &mut io::sink())?;
                if skipped < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.state = State::BetweenFrames;
            }
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
        Ok(())
    }

    fn decode(&mut self) {
        let one = || BlockDecodingStrategy::UptoBlocks(1);
        if let Err(error) = self.decoder.decode_blocks(&mut self.input, one()) {
            self.state = State::Failed(io::Error::new(io::ErrorKind::InvalidData, error));
            // Until its last block the decoder keeps a window back. An empty last block, with room
            // for a checksum, makes it give out what came before the damage.
            self.decoder.decode_blocks(EMPTY_LAST_BLOCK, one()).ok();
        }
    }

    fn finish_frame(&mut self) -> io::Result<()> {
        self.state = State::BetweenFrames;
        let written = self.decoder.get_checksum_from_data();
        if written.is_some() && written != self.decoder.get_calculated_checksum() {
            self.state = State::Ended;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "wrong checksum of a frame"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !matches!(self.state, State::BetweenFrames) && self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            match std::mem::replace(&mut self.state, State::Ended) {
                State::BetweenFrames => self.start_frame()?,
                State::InFrame if self.decoder.is_finished() => self.finish_frame()?,
                State::InFrame => {
                    self.state = State::InFrame;
                    self.decode();
                }
                State::Failed(error) => return Err(error),
                State::Ended => return Ok(0),
            }
        }
    }
}

/// Largest window that is allocated, in bytes: what the `zstd` program decompresses by default
/// (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`, and `--long`).
const MAX_WINDOW_LEN: u64 = 1 << 27;

/// The header of a raw last block without content (RFC 8878 section 3.1.1.2), and a checksum.
const EMPTY_LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
