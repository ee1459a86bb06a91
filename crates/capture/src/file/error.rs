//! What can be wrong with a capture file, said so that its owner can act on it.

use std::fmt;
use std::io;

/// A file that is not read because it cannot be, or is no capture.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened.
    #[error("{name}: cannot be opened: {source}")]
    Open {
        /// The file.
        name: Box<str>,
        /// What the system said.
        source: io::Error,
    },
    /// The first bytes cannot be read.
    #[error("{name}: cannot be read: {source}")]
    Read {
        /// The file.
        name: Box<str>,
        /// What the system said.
        source: io::Error,
    },
    /// The first bytes cannot be decompressed.
    #[error("{name}: cannot be decompressed: {source}")]
    Decompress {
        /// The file.
        name: Box<str>,
        /// What the decompressor said.
        source: io::Error,
    },
    /// There are no bytes.
    #[error("{name}: empty{stream}")]
    Empty {
        /// The file.
        name: Box<str>,
        /// Whether it is the file itself or what it decompresses to.
        stream: Stream,
    },
    /// The file begins like a capture and ends inside its header.
    #[error("{name}: cut short inside the header of the capture: {have} of {need} bytes{stream}")]
    HeaderCut {
        /// The file.
        name: Box<str>,
        /// Bytes there are.
        have: usize,
        /// Bytes a header has.
        need: usize,
        /// Whether it is the file itself or what it decompresses to.
        stream: Stream,
    },
    /// A capture of a version that nobody has written.
    #[error("{name}: pcap version {major}.{minor} is unknown; 2.0 to 2.4 are read")]
    Version {
        /// The file.
        name: Box<str>,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A known format that is not read.
    #[error("{name}: {format}, which is not read; {advice}")]
    OtherFormat {
        /// The file.
        name: Box<str>,
        /// The name of the format.
        format: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// Something else than a capture.
    #[error("{name}: neither pcap nor pcapng: begins with {beginning}{stream}")]
    NotACapture {
        /// The file.
        name: Box<str>,
        /// Its first bytes.
        beginning: Beginning,
        /// Whether it is the file itself or what it decompresses to.
        stream: Stream,
    },
}

/// A capture that cannot be read on. What came before it was given.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {damage} at offset {offset}{stream}")]
pub struct ReadError {
    /// The file.
    pub name: Box<str>,
    /// Where the record begins that cannot be read, in bytes of `stream`.
    pub offset: u64,
    /// Which bytes `offset` counts.
    pub stream: Stream,
    /// What is wrong.
    #[source]
    pub damage: Damage,
}

/// Which bytes an offset or a length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Those of the file.
    File,
    /// Those that the file decompresses to.
    Decompressed,
}

/// What is wrong with a capture.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The file ends inside the header of a packet record.
    #[error("truncated in the middle of a packet record's header, {have} of {need} bytes,")]
    RecordHeaderCut {
        /// Bytes there are.
        have: usize,
        /// Bytes the header has.
        need: usize,
    },
    /// The file ends inside a packet.
    #[error("truncated in the middle of a packet, {have} of {need} bytes,")]
    PacketCut {
        /// Bytes there are.
        have: usize,
        /// Bytes the packet has.
        need: usize,
    },
    /// The file ends inside the header of a pcapng block.
    #[error("truncated in the middle of a block's header, {have} of {need} bytes,")]
    BlockHeaderCut {
        /// Bytes there are.
        have: usize,
        /// Bytes the header has.
        need: usize,
    },
    /// The file ends inside a pcapng block.
    #[error("truncated in the middle of a block, {have} of {need} bytes,")]
    BlockCut {
        /// Bytes there are.
        have: usize,
        /// Bytes the block has.
        need: usize,
    },
    /// A record claims a packet longer than any.
    #[error("damaged: a packet of {len} bytes, more than the {max} of any link,")]
    PacketTooLong {
        /// The claimed length in bytes.
        len: u32,
        /// The longest that is believed.
        max: u32,
    },
    /// A packet does not fit the block that holds it.
    #[error("damaged: a packet of {len} bytes in a block with room for {room}")]
    PacketBeyondBlock {
        /// The claimed length in bytes.
        len: u32,
        /// What the block holds.
        room: usize,
    },
    /// A block's length is too small for its type, or no multiple of 4.
    #[error("damaged: a block of type {kind:#010x} with the impossible length {len}")]
    BlockLength {
        /// The block's type.
        kind: u32,
        /// Its length in bytes.
        len: u32,
    },
    /// A block longer than any is allowed to be.
    #[error("damaged: a block of type {kind:#010x} and {len} bytes, more than the {max} allowed,")]
    BlockTooLong {
        /// The block's type.
        kind: u32,
        /// Its length in bytes.
        len: u32,
        /// The most that is allowed.
        max: u32,
    },
    /// The length after a block is not the one before it.
    #[error("damaged: a block whose lengths, {len} before and {trailer} after it, differ,")]
    BlockTrailer {
        /// The length before the block.
        len: u32,
        /// The length after it.
        trailer: u32,
    },
    /// A section header without a byte-order magic.
    #[error("damaged: a section header with the unknown byte-order magic {magic:#010x}")]
    ByteOrder {
        /// The magic, read as big-endian.
        magic: u32,
    },
    /// A section of a version that is not known.
    #[error("a section of the unknown pcapng version {major}.{minor}")]
    SectionVersion {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A packet of an interface that the section does not describe.
    #[error("damaged: a packet of interface {interface}, of {described} described,")]
    UnknownInterface {
        /// The interface's number.
        interface: u32,
        /// How many were described.
        described: usize,
    },
    /// More interfaces than are kept.
    #[error("more than {max} interfaces in one section")]
    TooManyInterfaces {
        /// How many are kept.
        max: usize,
    },
    /// An option that does not fit its block or has the wrong length.
    #[error("damaged: option {code} of a block does not fit")]
    Option {
        /// The option's code.
        code: u16,
    },
    /// The system failed to read on.
    #[error("cannot be read ({0})")]
    Read(#[source] io::Error),
    /// The compressed stream is damaged or cut.
    #[error("cannot be decompressed ({source}, at byte {compressed_offset} of the file)")]
    Decompress {
        /// About where in the compressed file, in bytes.
        compressed_offset: u64,
        /// What the decompressor said.
        source: io::Error,
    },
}

/// The first bytes of a file, for the eye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning(Box<[u8]>);

impl Beginning {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.get(..MAX_SHOWN_LEN).unwrap_or(bytes).into())
    }
}

impl fmt::Display for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "",
            Self::Decompressed => " of the decompressed data",
        })
    }
}

/// Enough of a file to see what it is, short enough for a line.
const MAX_SHOWN_LEN: usize = 16;
