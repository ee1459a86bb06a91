//! Telling QUIC from other datagrams.

use wire::Reader;

use crate::event::Versions;
use crate::header::{FIXED_BIT, LONG_HEADER, Packet, Refused, packet};
use crate::version::Version;

/// Whether a datagram begins with a QUIC packet that [`crate::Connections`] can make something of:
/// a long header of a version it can read, a Version Negotiation packet, or an attempt to provoke
/// one.
///
/// An Initial packet that the capture cut short is recognised if its header is whole. A packet with
/// a short header has nothing that tells it from noise, so it is never recognised.
#[must_use]
pub fn looks_like_quic(datagram: &[u8]) -> bool {
    let fixed = datagram.first().is_some_and(|first| first & FIXED_BIT != 0);
    match packet(&mut Reader::new(datagram)) {
        Ok(Packet::VersionNegotiation(list)) => Versions::new(list)
            .any(|version| version.is_readable() || version.is_reserved() || version.is_google()),
        Ok(Packet::Unknown(version)) => {
            fixed && version.is_reserved() && datagram.len() >= MIN_FIRST_DATAGRAM_LEN
        }
        Ok(
            Packet::Initial(_)
            | Packet::ZeroRtt { .. }
            | Packet::Handshake { .. }
            | Packet::Retry(_),
        )
        | Err(Refused::CutShort) => fixed,
        Ok(Packet::Short(_) | Packet::Padding)
        | Err(Refused::IncompleteHeader | Refused::Malformed) => false,
    }
}

/// The version of a datagram of Google's own QUIC, with its own cryptographic handshake, as far as
/// the datagram names it. There is no TLS in it.
#[must_use]
pub fn google_version(datagram: &[u8]) -> Option<Version> {
    let mut reader = Reader::new(datagram);
    let first = reader.u8().ok()?;
    if first & LONG_HEADER == 0 {
        if first & (GOOGLE_VERSION | GOOGLE_RESET) != GOOGLE_VERSION {
            return None;
        }
        if first & GOOGLE_CONNECTION_ID != 0 {
            reader.take(GOOGLE_CONNECTION_ID_LEN).ok()?;
        }
    }
    let version = Version(reader.u32().ok()?);
    version.is_google().then_some(version)
}

/// Least length of a datagram with a client's Initial packet, in bytes (RFC 9000 section 14.1). No
/// other version's rule is known, but versions that force negotiation are sent in its place.
const MIN_FIRST_DATAGRAM_LEN: usize = 1200;

/// Public flags of Google's QUIC up to version 43.
const GOOGLE_VERSION: u8 = 0x01;
const GOOGLE_RESET: u8 = 0x02;
const GOOGLE_CONNECTION_ID: u8 = 0x08;
const GOOGLE_CONNECTION_ID_LEN: usize = 8;
