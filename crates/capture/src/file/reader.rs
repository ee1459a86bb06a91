//! Reading a capture file block by block.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::Stop;
use super::error::{Damage, OpenError, ReadError, Stream};
use super::piece::{Filled, Piece, Pieces};
use super::recognise::{Format, HEADER_LEN};
use super::secrets::DecryptionSecrets;
use super::source::{Source, read_full};
use crate::block::{Block, More};

/// A capture being read: pcap or pcapng, plain, gzip or Zstandard, from a file or a pipe.
pub struct FileReader {
    name: Box<str>,
    source: Source,
    /// How the rest of a file that is not compressed is read.
    pieces: Option<Pieces>,
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
    /// Blocks with secrets not kept because there were too many, or some of their parts are missing.
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
            Ok(file) => Arc::new(file),
            Err(source) => return Err(OpenError::Open { name: name.into(), source }),
        };
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
        let mut reader = Self::from_reader(Box::new(Arc::clone(&file)), &name)?;
        if size.is_some() && reader.source.stream() == Stream::File {
            reader.pieces = Some(Pieces::new(file, reader.source.position()));
        }
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
        let name = name.into();
        Ok(Self { name, source, pieces: None, format, carry, offset, state, size: None })
    }

    /// Fills `block` with the next packets. From a pipe it takes what is there and waits only if
    /// that is not one packet.
    ///
    /// # Errors
    /// [`ReadError`], once, where the capture is damaged, cut short or cannot be read; all packets
    /// before that have been given. The block is empty then, and what follows is [`More::End`].
    pub fn read_block(&mut self, block: &mut Block) -> Result<More, ReadError> {
        while let Some(piece) = self.next_piece() {
            let filled = piece.read(block);
            let more = self.frame(filled, block)?;
            if more == More::End || !block.is_empty() {
                return Ok(more);
            }
        }
        self.read_stream(block)
    }

    /// The next part of a file, which may be read while others are; `None` if the bytes come in
    /// order only, from a pipe or a decompressor.
    ///
    /// Pieces have no end. What was read of each is to be framed, in the order of the pieces, until
    /// [`Self::frame`] says that the file has ended.
    pub fn next_piece(&mut self) -> Option<Piece> {
        self.pieces.as_mut().map(Pieces::take)
    }

    /// Finds the packets in a block that has been filled with the piece behind the last one framed.
    /// There may be none though there are more to come.
    ///
    /// # Errors
    /// As [`Self::read_block`].
    pub fn frame(&mut self, filled: Filled, block: &mut Block) -> Result<More, ReadError> {
        if !matches!(self.state, State::Reading) {
            return self.conclude(block);
        }
        if let Some(pieces) = &mut self.pieces {
            pieces.framed = filled.end;
        }
        if !block.prepend(&self.carry) {
            self.carry.extend_from_slice(block.from(0));
            block.swap(&mut self.carry);
        }
        let (bytes, start, records) = block.unindexed();
        let indexed = self.format.index(bytes, start, records);
        self.offset = self.offset.saturating_add(indexed.consumed as u64);
        let rest = block.from(indexed.consumed);
        self.state = match (indexed.stop, filled.stop) {
            (Stop::Damaged(damage), _) => State::Damaged(damage),
            (Stop::Partial(_), None) => State::Reading,
            (Stop::Partial(_), Some(Ok(()))) if rest.is_empty() => State::Ended,
            (Stop::Partial(partial), Some(Ok(()))) => State::Damaged(partial.damage(rest.len())),
            (Stop::Partial(_), Some(Err(error))) => {
                self.offset = self.offset.saturating_add(rest.len() as u64);
                State::Damaged(self.read_damage(error))
            }
        };
        if !block.is_empty() {
            self.carry.clear();
            self.carry.extend_from_slice(rest);
            return Ok(More::Packets);
        }
        if !matches!(self.state, State::Reading) {
            return self.conclude(block);
        }
        block.drop_front(indexed.consumed);
        block.swap(&mut self.carry);
        block.restart(&[], 0);
        Ok(More::Packets)
    }

    /// Says why there are no more packets: the damage once, and then the end.
    fn conclude(&mut self, block: &mut Block) -> Result<More, ReadError> {
        block.restart(&[], 0);
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Reading | State::Ended => Ok(More::End),
            State::Damaged(damage) => Err(self.error(damage)),
        }
    }

    fn read_stream(&mut self, block: &mut Block) -> Result<More, ReadError> {
        if !matches!(self.state, State::Reading) {
            return self.conclude(block);
        }
        block.restart(&self.carry, self.source.position());
        self.state = State::Ended;
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
        self.pieces.as_ref().map_or_else(|| self.source.position(), |pieces| pieces.framed)
    }

    /// The size of the input in bytes, before decompression, if it is a file.
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// Whether the capture is pcapng.
    #[must_use]
    pub const fn is_pcapng(&self) -> bool {
        matches!(self.format, Format::Pcapng(_))
    }

    /// The session secrets that the capture carried up to the last block, in its order.
    #[must_use]
    pub fn secrets(&self) -> &[DecryptionSecrets] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(reader) => reader.secrets(),
        }
    }

    /// The sealed secrets that the capture carried up to the last block, in its order, as they were written
    /// by [`SecretsRewriter`](crate::SecretsRewriter).
    #[must_use]
    pub fn sealed(&self) -> &[Box<[u8]>] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(reader) => reader.sealed(),
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
