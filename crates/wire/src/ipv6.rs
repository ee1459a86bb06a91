//! IPv6 headers and extension headers.

use crate::fragment::FragmentRange;
use crate::header_error::HeaderError;
use crate::ip_protocol::IpProtocol;
use crate::reader::{Reader, Truncated};

/// An IPv6 packet (RFC 8200 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6<'a> {
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
    /// What the payload is: an extension header or an upper protocol.
    pub next_header: IpProtocol,
    /// Length of the payload on the wire in bytes; `None` if the length field is 0, as it is in
    /// packets captured before their segmentation by the network card and in jumbograms.
    pub payload_len: Option<usize>,
    /// What follows the header, without padding of the link.
    pub payload: &'a [u8],
}

/// What follows the extension headers of a packet, or a fragment header (RFC 8200 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Extensions<'a> {
    /// What the payload is; of a fragment, what the whole datagram is.
    pub protocol: IpProtocol,
    /// Identification and place, if it is a fragment of a datagram.
    pub fragment: Option<(u32, FragmentRange)>,
    /// Length of the headers that were skipped in bytes.
    pub header_len: usize,
    /// What follows them.
    pub payload: &'a [u8],
}

impl<'a> Ipv6<'a> {
    /// Length of the header in bytes.
    pub const HEADER_LEN: usize = HEADER_LEN;

    /// The header of a packet of no traffic class and no flow label.
    #[inline]
    #[must_use]
    pub fn header(
        source: [u8; 16],
        destination: [u8; 16],
        next_header: IpProtocol,
        payload_len: u16,
    ) -> [u8; HEADER_LEN] {
        let [l0, l1] = payload_len.to_be_bytes();
        let mut header = [0; HEADER_LEN];
        let start = [0x60, 0, 0, 0, l0, l1, next_header.0, HOPS];
        let bytes = start.iter().chain(&source).chain(&destination);
        header.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        header
    }

    /// Reads the packet that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header, [`HeaderError::Version`] if it is
    /// of another version.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let Some((fixed, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            let missing = Self::HEADER_LEN.saturating_sub(bytes.len());
            return Err(Truncated { offset: 0, missing }.into());
        };
        let mut reader = Reader::new(fixed);
        let [version, _, _, _] = reader.array()?;
        if version >> 4 != 6 {
            return Err(HeaderError::Version);
        }
        let payload_len = match reader.u16()? {
            0 => None,
            len => Some(usize::from(len)),
        };
        let [next_header, _hop_limit] = reader.array()?;
        Ok(Self {
            source: reader.array()?,
            destination: reader.array()?,
            next_header: IpProtocol(next_header),
            payload_len,
            payload: payload_len.and_then(|len| rest.get(..len)).unwrap_or(rest),
        })
    }
}

impl<'a> Ipv6Extensions<'a> {
    /// Skips the extension headers that `payload` begins with, `protocol` being the first.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within one, [`HeaderError::TooMany`] if there are more
    /// than 8.
    #[inline]
    pub fn parse(protocol: IpProtocol, payload: &'a [u8]) -> Result<Self, HeaderError> {
        match protocol {
            IpProtocol::HOP_BY_HOP
            | IpProtocol::ROUTING
            | IpProtocol::FRAGMENT
            | IpProtocol::AUTHENTICATION
            | IpProtocol::DESTINATION_OPTIONS
            | MOBILITY
            | HOST_IDENTITY
            | SHIM6 => Self::skip(protocol, payload),
            IpProtocol(_) => Ok(Self { protocol, fragment: None, header_len: 0, payload }),
        }
    }

    fn skip(mut protocol: IpProtocol, payload: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(payload);
        for _ in 0..MAX_EXTENSION_HEADERS {
            let (unit, first) = match protocol {
                IpProtocol::HOP_BY_HOP
                | IpProtocol::ROUTING
                | IpProtocol::DESTINATION_OPTIONS
                | MOBILITY
                | HOST_IDENTITY
                | SHIM6 => (8, 8),
                // RFC 4302 section 2.2: in 4-byte units, minus 2.
                IpProtocol::AUTHENTICATION => (4, 8),
                IpProtocol::FRAGMENT => {
                    let (next, fragment) = fragment(&mut reader)?;
                    protocol = next;
                    // RFC 6946: an atomic fragment is a whole datagram.
                    if fragment.1 == (FragmentRange { offset: 0, more: false }) {
                        continue;
                    }
                    return Ok(Self::at(protocol, Some(fragment), &reader));
                }
                IpProtocol(_) => return Ok(Self::at(protocol, None, &reader)),
            };
            let [next, len] = reader.array()?;
            reader.take(usize::from(len) * unit + first - 2)?;
            protocol = IpProtocol(next);
        }
        Err(HeaderError::TooMany)
    }

    fn at(
        protocol: IpProtocol,
        fragment: Option<(u32, FragmentRange)>,
        reader: &Reader<'a>,
    ) -> Self {
        Self { protocol, fragment, header_len: reader.offset(), payload: reader.rest() }
    }
}

fn fragment(reader: &mut Reader<'_>) -> Result<(IpProtocol, (u32, FragmentRange)), HeaderError> {
    let [next, _reserved] = reader.array()?;
    let range = FragmentRange::from_v6(reader.u16()?);
    Ok((IpProtocol(next), (reader.u32()?, range)))
}

const HEADER_LEN: usize = 40;

/// As for IPv4: the default that most systems keep to.
const HOPS: u8 = 64;
const MOBILITY: IpProtocol = IpProtocol(135);
const HOST_IDENTITY: IpProtocol = IpProtocol(139);
const SHIM6: IpProtocol = IpProtocol(140);

/// RFC 8200 section 4.1 lets each of the six headers occur once, destination options twice.
const MAX_EXTENSION_HEADERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read() {
        let mut bytes = Ipv6::header([1; 16], [2; 16], IpProtocol::TCP, 3).to_vec();
        bytes.extend(b"abc");
        let parsed = Ipv6::parse(&bytes).unwrap();
        assert_eq!((parsed.source, parsed.destination), ([1; 16], [2; 16]));
        assert_eq!((parsed.next_header, parsed.payload), (IpProtocol::TCP, &b"abc"[..]));
        assert_eq!(parsed.payload_len, Some(3));
    }

    #[test]
    fn the_payload_length_cuts_padding_off() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 3, 6, 64];
        bytes.extend([1; 16]);
        bytes.extend([2; 16]);
        bytes.extend(b"abc\0\0");
        let packet = Ipv6::parse(&bytes).unwrap();
        assert_eq!((packet.source, packet.destination), ([1; 16], [2; 16]));
        assert_eq!((packet.next_header, packet.payload), (IpProtocol::TCP, &b"abc"[..]));
        for len in 0..40 {
            assert!(matches!(Ipv6::parse(&bytes[..len]), Err(HeaderError::Truncated(_))));
        }
        bytes[0] = 0x40;
        assert_eq!(Ipv6::parse(&bytes), Err(HeaderError::Version));
    }

    #[test]
    fn all_extension_headers_are_skipped() {
        let mut bytes = vec![43, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([51, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([44, 4]);
        bytes.extend([0; 22]);
        bytes.extend([6, 0, 0, 0, 0, 0, 0, 9]);
        let headers_len = bytes.len();
        bytes.extend(b"tcp");
        let parsed = Ipv6Extensions::parse(IpProtocol::HOP_BY_HOP, &bytes).unwrap();
        assert_eq!((parsed.protocol, parsed.payload), (IpProtocol::TCP, &b"tcp"[..]));
        assert_eq!((parsed.fragment, parsed.header_len), (None, headers_len));
        for len in 0..headers_len {
            let prefix = Ipv6Extensions::parse(IpProtocol::HOP_BY_HOP, &bytes[..len]);
            assert!(matches!(prefix, Err(HeaderError::Truncated(_))));
        }
    }

    #[test]
    fn a_fragment_ends_the_chain() {
        let bytes = [60, 0, 0, 0x11, 0, 0, 0, 7, 1, 2, 3];
        let parsed = Ipv6Extensions::parse(IpProtocol::FRAGMENT, &bytes).unwrap();
        assert_eq!(parsed.protocol, IpProtocol::DESTINATION_OPTIONS);
        assert_eq!(parsed.fragment, Some((7, FragmentRange { offset: 16, more: true })));
        assert_eq!(parsed.payload, [1, 2, 3]);
    }

    #[test]
    fn a_chain_without_end_is_refused() {
        let bytes = [60, 0, 0, 0, 0, 0, 0, 0].repeat(MAX_EXTENSION_HEADERS + 1);
        let parsed = Ipv6Extensions::parse(IpProtocol::DESTINATION_OPTIONS, &bytes);
        assert_eq!(parsed, Err(HeaderError::TooMany));
    }
}
