//! Telling captures from everything else by their first bytes.

use super::error::{Beginning, OpenError, Stream};
use super::order::Order;
use super::pcap::{self, PcapReader};
use super::pcapng::{self, PcapngReader};
use super::{Indexed, Stop};
use crate::block::Record;

/// A capture format and where in it the reader is.
pub(crate) enum Format {
    Pcap(PcapReader),
    Pcapng(Box<PcapngReader>),
}

impl Format {
    /// Recognises a capture by its first [`HEADER_LEN`] bytes, or all it has if fewer. Gives also
    /// how many of them are a header that records follow.
    pub(crate) fn recognise(
        name: &str,
        stream: Stream,
        bytes: &[u8],
    ) -> Result<(Self, usize), OpenError> {
        let name = || Box::from(name);
        if bytes.is_empty() {
            return Err(OpenError::Empty { name: name(), stream });
        }
        let cut = |need| OpenError::HeaderCut { name: name(), have: bytes.len(), need, stream };
        if let Some(magic) = bytes.first_chunk() {
            if let Some(variant) = pcap::Variant::of(*magic) {
                let header = bytes.first_chunk().ok_or_else(|| cut(pcap::HEADER_LEN))?;
                let reader = PcapReader::new(variant, header)
                    .map_err(|(major, minor)| OpenError::Version { name: name(), major, minor })?;
                return Ok((Self::Pcap(reader), pcap::HEADER_LEN));
            }
            if *magic == pcapng::SECTION_HEADER.to_be_bytes() {
                let start = bytes.first_chunk().ok_or_else(|| cut(pcapng::START_LEN))?;
                if pcapng::byte_order(start).is_ok() {
                    return Ok((Self::Pcapng(Box::new(PcapngReader::new())), 0));
                }
            }
        }
        Err(match OTHERS.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
            Some((_, format, advice)) => OpenError::OtherFormat { name: name(), format, advice },
            None => {
                OpenError::NotACapture { name: name(), beginning: Beginning::of(bytes), stream }
            }
        })
    }

    /// Adds the whole records at the front of `bytes`, which begin at `start` in the block.
    pub(crate) fn index(
        &mut self,
        bytes: &[u8],
        start: usize,
        records: &mut Vec<Record>,
    ) -> Indexed {
        match self {
            Self::Pcap(reader) => reader.index(bytes, start, records),
            Self::Pcapng(reader) => reader.index(bytes, start, records),
        }
    }
}

impl Indexed {
    pub(crate) const fn new(consumed: usize, stop: Stop) -> Self {
        Self { consumed, stop }
    }
}

impl Order {
    /// The order in which `bytes` spell `magic`.
    pub(crate) fn spelling(magic: u32, bytes: [u8; 4]) -> Option<Self> {
        [Self::Little, Self::Big].into_iter().find(|order| order.u32(bytes) == magic)
    }
}

/// Bytes needed to recognise a capture: those of the longest header looked at.
pub(crate) const HEADER_LEN: usize = pcap::HEADER_LEN;

/// What people have at hand that is not read: first bytes, name, and what to do about it.
const OTHERS: &[(&[u8], &str, &str)] = &[
    (b"\xfd7zXZ\0", "compressed with xz", DECOMPRESS),
    (b"BZh", "compressed with bzip2", DECOMPRESS),
    (b"\x04\x22\x4d\x18", "compressed with lz4", DECOMPRESS),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (b"snoop\0\0\0", "a snoop capture", CONVERT),
    (b"GMBU", "a Microsoft Network Monitor capture", CONVERT),
    (b"RTSS", "a Microsoft Network Monitor 1 capture", CONVERT),
    (b"TRSNIFF data    \x1a", "a Sniffer capture", CONVERT),
];

const DECOMPRESS: &str = "decompress it first and pipe it in";
const CONVERT: &str = "convert it with `editcap -F pcap` first";
