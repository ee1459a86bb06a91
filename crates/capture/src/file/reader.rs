//! Reading a capture file block by block.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::Stop;
use super::error::{Damage, OpenError, ReadError, Stream};
use super::recognise::{Format, HEADER_LEN};
use super::secrets::DecryptionSecrets;
use super::source::{Source, read_full};
use crate::block::{Block, More};

/// A capture being read: pcap or pcapng, plain, gzip or Zstandard, from a file or a pipe.
pub struct FileReader {
    name: Box<str>,
    source: Source,
    format: Format,
    /// The start of a record that the last block did not hold to its end.
    carry: Vec<u8>,
    /// Where `carry` begins in the capture.
    offset: u64,
    state: State,
    size: Option<u64>,
}

/// Things about a capture that are not in its packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Packets whose time cannot be told in nanoseconds and got the nearest that can.
    pub clamped_timestamps: u64,
    /// Packets recorded without a time, which got that of the packet before, or 0.
    pub untimed_packets: u64,
    /// Decryption Secrets Blocks not kept because there were too many.
    pub dropped_secrets: u64,
}

impl Notes {
    pub(crate) const NONE: Self =
        Self { clamped_timestamps: 0, untimed_packets: 0, dropped_secrets: 0 };
}

enum State {
    Reading,
    /// Found behind packets that were given first.
    Damaged(Damage),
    Ended,
}

impl FileReader {
    /// Opens a capture file; `-` is standard input.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be opened or is no capture.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if path == Path::new("-") {
            return Self::stdin();
        }
        let name = path.display().to_string();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(source) => return Err(OpenError::Open { name: name.into(), source }),
        };
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
        let mut reader = Self::from_reader(Box::new(file), &name)?;
        reader.size = size;
        Ok(reader)
    }

    /// Reads a capture from standard input. It waits for the first bytes.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be read or is no capture.
    pub fn stdin() -> Result<Self, OpenError> {
        Self::from_reader(Box::new(io::stdin()), "standard input")
    }

    /// Reads a capture from anything; `name` is for errors.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be read or is no capture.
    pub fn from_reader(input: Box<dyn Read + Send>, name: &str) -> Result<Self, OpenError> {
        let mut source =
            Source::new(input).map_err(|source| OpenError::Read { name: name.into(), source })?;
        let mut carry = vec![0; HEADER_LEN];
        let len = read_full(&mut source, &mut carry).map_err(|error| match source.stream() {
            Stream::File => OpenError::Read { name: name.into(), source: error },
            Stream::Decompressed => OpenError::Decompress { name: name.into(), source: error },
        })?;
        carry.truncate(len);
        let (format, header_len) = Format::recognise(name, source.stream(), &carry)?;
        carry.drain(..header_len);
        let offset = header_len as u64;
        let state = State::Reading;
        Ok(Self { name: name.into(), source, format, carry, offset, state, size: None })
    }

    /// Fills `block` with the next packets. From a pipe it takes what is there and waits only if
    /// that is not one packet.
    ///
    /// # Errors
    /// [`ReadError`], once, where the capture is damaged, cut short or cannot be read; all packets
    /// before that have been given. The block is empty then, and what follows is [`More::End`].
    pub fn read_block(&mut self, block: &mut Block) -> Result<More, ReadError> {
        block.restart(&self.carry, self.source.position());
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Reading => {}
            State::Damaged(damage) => return Err(self.error(damage)),
            State::Ended => {
                block.restart(&[], 0);
                return Ok(More::End);
            }
        }
        let stop = loop {
            let (bytes, start, records) = block.unindexed();
            let indexed = self.format.index(bytes, start, records);
            self.offset = self.offset.saturating_add(indexed.consumed as u64);
            if !block.is_empty() {
                self.carry.clear();
                self.carry.extend_from_slice(block.from(indexed.consumed));
                self.state = match indexed.stop {
                    Stop::Partial(_) => State::Reading,
                    Stop::Damaged(damage) => State::Damaged(damage),
                };
                return Ok(More::Packets);
            }
            block.drop_front(indexed.consumed);
            let partial = match indexed.stop {
                Stop::Partial(partial) => partial,
                Stop::Damaged(damage) => break Some(damage),
            };
            match self.read_more(block) {
                Ok(0) if block.from(0).is_empty() => break None,
                Ok(0) => break Some(partial.damage(block.from(0).len())),
                Ok(_) => {}
                Err(damage) => {
                    self.offset = self.offset.saturating_add(block.from(0).len() as u64);
                    break Some(damage);
                }
            }
        };
        block.restart(&[], 0);
        self.carry = Vec::new();
        match stop {
            None => Ok(More::End),
            Some(damage) => Err(self.error(damage)),
        }
    }

    /// What the errors call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes of the input have been used, before decompression.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.source.position()
    }

    /// The size of the input in bytes, before decompression, if it is a file.
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// The session secrets that the capture carried up to the last block, in its order.
    #[must_use]
    pub fn secrets(&self) -> &[DecryptionSecrets] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(reader) => reader.secrets(),
        }
    }

    /// What there is to say about the capture up to the last block.
    #[must_use]
    pub const fn notes(&self) -> Notes {
        match &self.format {
            Format::Pcap(_) => Notes::NONE,
            Format::Pcapng(reader) => reader.notes(),
        }
    }

    fn read_more(&mut self, block: &mut Block) -> Result<usize, Damage> {
        loop {
            match self.source.read(block.room()) {
                Ok(len) => {
                    block.fill(len);
                    return Ok(len);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.read_damage(error)),
            }
        }
    }

    fn read_damage(&self, source: io::Error) -> Damage {
        match self.source.stream() {
            Stream::File => Damage::Read(source),
            Stream::Decompressed => {
                Damage::Decompress { compressed_offset: self.source.position(), source }
            }
        }
    }

    fn error(&self, damage: Damage) -> ReadError {
        ReadError {
            name: self.name.clone(),
            offset: self.offset,
            stream: self.source.stream(),
            damage,
        }
    }
}
