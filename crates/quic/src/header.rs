//! Packet headers: RFC 8999 for what all versions share, RFC 9000 section 17.2 for the rest.

use wire::{Reader, Truncated};

use crate::connection_id::ConnectionId;
use crate::varint::{prefixed, varint};
use crate::version::Version;

/// One packet of a datagram.
pub(crate) enum Packet<'a> {
    /// A short header, whose packet reaches to the end of the datagram: all of it.
    Short(&'a [u8]),
    /// Bytes without the bits that begin a packet: padding, or another protocol.
    Padding,
    /// Version Negotiation, with its list of versions.
    VersionNegotiation(&'a [u8]),
    /// A long header of a version that is not known here.
    Unknown(Version),
    /// An Initial packet.
    Initial(Initial<'a>),
    /// A 0-RTT packet.
    ZeroRtt(Long<'a>),
    /// A Handshake packet.
    Handshake(Long<'a>),
    /// A Retry packet.
    Retry(Retry<'a>),
}

/// An Initial packet whose protection is still on.
#[derive(Clone, Copy)]
pub(crate) struct Initial<'a> {
    pub(crate) version: Version,
    pub(crate) destination: &'a [u8],
    pub(crate) source: &'a [u8],
    pub(crate) token: &'a [u8],
    /// The packet up to its packet number.
    pub(crate) clear: &'a [u8],
    /// The packet from its packet number on: at least [`MIN_PROTECTED_LEN`] bytes.
    pub(crate) protected: &'a [u8],
}

/// A packet with a long header that only secrets of its session open.
pub(crate) struct Long<'a> {
    pub(crate) version: Version,
    pub(crate) destination: ConnectionId,
    pub(crate) source: ConnectionId,
    /// The packet up to its packet number.
    pub(crate) clear: &'a [u8],
    /// The packet from its packet number on, or what the capture left of it.
    pub(crate) protected: &'a [u8],
}

/// A Retry packet.
pub(crate) struct Retry<'a> {
    pub(crate) version: Version,
    pub(crate) destination: ConnectionId,
    pub(crate) source: ConnectionId,
    /// The whole packet: it reaches to the end of the datagram.
    pub(crate) bytes: &'a [u8],
}

/// Why a header cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The datagram ends within the header.
    IncompleteHeader,
    /// The datagram ends within the body of an Initial packet.
    CutShort,
    /// The header breaks a rule.
    Malformed,
}

impl From<Truncated> for Refused {
    fn from(_: Truncated) -> Self {
        Self::IncompleteHeader
    }
}

/// Reads the next packet of a datagram, up to where the next one begins.
pub(crate) fn packet<'a>(datagram: &mut Reader<'a>) -> Result<Packet<'a>, Refused> {
    let start = *datagram;
    let first = datagram.u8()?;
    if first & LONG_HEADER == 0 {
        datagram.take(datagram.remaining())?;
        let is_padding = first & FIXED_BIT == 0;
        return Ok(if is_padding { Packet::Padding } else { Packet::Short(start.rest()) });
    }
    let version = Version(datagram.u32()?);
    let destination = datagram.prefixed_u8()?;
    let source = datagram.prefixed_u8()?;
    if version == Version::NEGOTIATION {
        let list = datagram.take(datagram.remaining())?;
        let whole = !list.is_empty() && list.len().is_multiple_of(size_of::<u32>());
        return if whole { Ok(Packet::VersionNegotiation(list)) } else { Err(Refused::Malformed) };
    }
    if !version.is_readable() {
        datagram.take(datagram.remaining())?;
        return Ok(Packet::Unknown(version));
    }
    let id = |bytes| ConnectionId::new(bytes).ok_or(Refused::Malformed);
    let (destination_id, source_id) = (id(destination)?, id(source)?);
    let kind = kind(version, first);
    Ok(match kind {
        Kind::Initial => {
            let token = prefixed(datagram)?;
            let (clear, protected) = initial_body(start, datagram)?;
            Packet::Initial(Initial { version, destination, source, token, clear, protected })
        }
        Kind::ZeroRtt | Kind::Handshake => {
            let (clear, protected) = protected_body(start, datagram)?;
            let (destination, source) = (destination_id, source_id);
            let long = Long { version, destination, source, clear, protected };
            if kind == Kind::ZeroRtt { Packet::ZeroRtt(long) } else { Packet::Handshake(long) }
        }
        Kind::Retry => {
            datagram.take(datagram.remaining())?;
            let bytes = start.rest();
            let destination = destination_id;
            Packet::Retry(Retry { version, destination, source: source_id, bytes })
        }
    })
}

/// Reads the length of an Initial packet and returns the packet before and from its packet number.
fn initial_body<'a>(
    mut start: Reader<'a>,
    datagram: &mut Reader<'a>,
) -> Result<(&'a [u8], &'a [u8]), Refused> {
    let len = varint(datagram)?;
    let len = usize::try_from(len).ok().filter(|len| (MIN_PROTECTED_LEN..=MAX_LEN).contains(len));
    let len = len.ok_or(Refused::Malformed)?;
    let clear = start.take(datagram.offset().saturating_sub(start.offset()))?;
    let protected = datagram.take(len).map_err(|Truncated { .. }| Refused::CutShort)?;
    Ok((clear, protected))
}

/// Reads the length of a packet and returns the packet before and from its packet number, or what the
/// capture left of it.
fn protected_body<'a>(
    mut start: Reader<'a>,
    datagram: &mut Reader<'a>,
) -> Result<(&'a [u8], &'a [u8]), Refused> {
    let len = varint(datagram)?;
    let clear = start.take(datagram.offset().saturating_sub(start.offset()))?;
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(datagram.remaining());
    Ok((clear, datagram.take(len)?))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
}

/// The packet type in the first byte of a long header (RFC 9000 section 17.2, RFC 9369 section
/// 3.2).
fn kind(version: Version, first: u8) -> Kind {
    match (first >> 4 & 0b11, version.is_v2()) {
        (0, false) | (1, true) => Kind::Initial,
        (1, false) | (2, true) => Kind::ZeroRtt,
        (2, false) | (3, true) => Kind::Handshake,
        _ => Kind::Retry,
    }
}

/// Set in the first byte of a long header (RFC 8999 section 5.1).
pub(crate) const LONG_HEADER: u8 = 0x80;

/// Set in the first byte of every packet of versions 1 and 2, Version Negotiation apart (RFC 9000
/// section 17.2), unless both ends agreed otherwise (RFC 9287).
pub(crate) const FIXED_BIT: u8 = 0x40;

/// Least number of bytes from the packet number on: the sample for header protection begins 4 bytes
/// into them and is 16 long (RFC 9001 section 5.4.2).
pub(crate) const MIN_PROTECTED_LEN: usize = 20;

/// Most bytes of a packet, its headers apart: what UDP carries.
const MAX_LEN: usize = 65_527;
