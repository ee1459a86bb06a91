//! The bytes of a capture, decompressed if need be.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::Stream;
use super::zstd::ZstdReader;

/// A capture's bytes.
pub(crate) enum Source {
    Plain(Counted),
    Gzip(Box<MultiGzDecoder<Input>>),
    Zstd(Box<ZstdReader<Input>>),
}

/// Compressed bytes.
type Input = BufReader<Counted>;

/// The bytes of the file itself, counted. The first ones, read to recognise the format, come again.
pub(crate) struct Counted {
    head: [u8; MAGIC_LEN],
    head_len: usize,
    head_taken: usize,
    rest: Box<dyn Read + Send>,
    count: u64,
}

impl Source {
    /// Looks at the first bytes of `file` to see how they are compressed.
    pub(crate) fn new(mut file: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut head = [0; MAGIC_LEN];
        let head_len = read_full(&mut file, &mut head)?;
        let counted = Counted { head, head_len, head_taken: 0, rest: file, count: 0 };
        let input = |counted| BufReader::with_capacity(INPUT_LEN, counted);
        Ok(match head {
            // The third byte is the only compression method there is (RFC 1952 section 2.3.1).
            [0x1f, 0x8b, 8, _] => Self::Gzip(Box::new(MultiGzDecoder::new(input(counted)))),
            // A Zstandard frame, or a skippable one in front of it (RFC 8878 section 3.1).
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                Self::Zstd(Box::new(ZstdReader::new(input(counted))))
            }
            _ => Self::Plain(counted),
        })
    }

    /// Which bytes come out.
    pub(crate) const fn stream(&self) -> Stream {
        match self {
            Self::Plain(_) => Stream::File,
            Self::Gzip(_) | Self::Zstd(_) => Stream::Decompressed,
        }
    }

    /// How many bytes of the file have been used.
    pub(crate) fn position(&self) -> u64 {
        match self {
            Self::Plain(counted) => counted.count,
            Self::Gzip(decoder) => used(decoder.get_ref()),
            Self::Zstd(decoder) => used(decoder.input()),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(counted) => counted.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = self.head.get(self.head_taken..self.head_len).unwrap_or_default();
        let len = if head.is_empty() {
            self.rest.read(buffer)?
        } else {
            let len = (&*head).read(buffer)?;
            self.head_taken = self.head_taken.saturating_add(len);
            len
        };
        self.count = self.count.saturating_add(len as u64);
        Ok(len)
    }
}

/// Reads until `buffer` is full or the end is reached.
pub(crate) fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match input.read(room) {
            Ok(0) => break,
            Ok(len) => filled = filled.saturating_add(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn used(input: &Input) -> u64 {
    input.get_ref().count.saturating_sub(input.buffer().len() as u64)
}

/// Whether no byte is left, as far as can be known without an error.
pub(crate) fn at_end(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        match input.fill_buf() {
            Ok(bytes) => return Ok(bytes.is_empty()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Length of the longest compression magic looked for, in bytes.
const MAGIC_LEN: usize = 4;

/// Compressed bytes read at once: decompressing them takes far longer than the system call.
const INPUT_LEN: usize = 128 << 10;
