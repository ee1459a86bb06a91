//! IPv4 headers.

use crate::checksum::Checksum;
use crate::fragment::FragmentRange;
use crate::header_error::HeaderError;
use crate::ip_protocol::IpProtocol;
use crate::reader::Truncated;

/// An IPv4 packet (RFC 791 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4<'a> {
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
    /// What the payload is.
    pub protocol: IpProtocol,
    /// Tells the fragments of one datagram from others.
    pub identification: u16,
    /// Its place in the datagram, if it is a fragment.
    pub fragment: Option<FragmentRange>,
    /// Length of the header with options in bytes.
    pub header_len: usize,
    /// Length of the payload on the wire in bytes; `None` if the length field is 0, as it is in
    /// packets captured before their segmentation by the network card.
    pub payload_len: Option<usize>,
    /// What follows the header, without padding of the link.
    pub payload: &'a [u8],
}

impl<'a> Ipv4<'a> {
    /// Reads the packet that begins with `bytes`. The checksum is not verified: captures on the
    /// sending host come before it is computed.
    ///
    /// # Errors
    /// [`HeaderError`] if it ends within the header, is of another version, or has lengths that
    /// contradict each other.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let Some((fixed, _)) = bytes.split_first_chunk::<FIXED_LEN>() else {
            return Err(cut_off(bytes, FIXED_LEN));
        };
        let [version, _, l0, l1, i0, i1, f0, f1, _, protocol, _, _, addresses @ ..] = *fixed;
        if version >> 4 != 4 {
            return Err(HeaderError::Version);
        }
        let header_len = usize::from(version & 15) * 4;
        if header_len < FIXED_LEN {
            return Err(HeaderError::HeaderLength);
        }
        let Some(rest) = bytes.get(header_len..) else {
            return Err(cut_off(bytes, header_len));
        };
        let payload_len = match usize::from(u16::from_be_bytes([l0, l1])) {
            0 => None,
            total => Some(total.checked_sub(header_len).ok_or(HeaderError::PayloadLength)?),
        };
        let [s0, s1, s2, s3, destination @ ..] = addresses;
        Ok(Self {
            source: [s0, s1, s2, s3],
            destination,
            protocol: IpProtocol(protocol),
            identification: u16::from_be_bytes([i0, i1]),
            fragment: FragmentRange::from_v4(u16::from_be_bytes([f0, f1])),
            header_len,
            payload_len,
            payload: payload_len.and_then(|len| rest.get(..len)).unwrap_or(rest),
        })
    }

    /// The header of a packet that is not to be fragmented, without options, with its checksum;
    /// `total_len` is its length with what follows.
    #[inline]
    #[must_use]
    pub fn header(
        source: [u8; 4],
        destination: [u8; 4],
        protocol: IpProtocol,
        identification: u16,
        total_len: u16,
    ) -> [u8; FIXED_LEN] {
        let ([l0, l1], [i0, i1]) = (total_len.to_be_bytes(), identification.to_be_bytes());
        let ([s0, s1, s2, s3], [d0, d1, d2, d3]) = (source, destination);
        let without = [
            0x45,
            0,
            l0,
            l1,
            i0,
            i1,
            DONT_FRAGMENT,
            0,
            HOPS,
            protocol.0,
            0,
            0,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ];
        let [c0, c1] = Checksum::default().with(&without).finish().to_be_bytes();
        let mut header = without;
        let [.., h0, h1, _, _, _, _, _, _, _, _] = &mut header;
        (*h0, *h1) = (c0, c1);
        header
    }
}

#[cold]
fn cut_off(bytes: &[u8], needed: usize) -> HeaderError {
    Truncated { offset: 0, missing: needed.saturating_sub(bytes.len()) }.into()
}

const FIXED_LEN: usize = 20;

/// The upper byte of flags and fragment offset (RFC 791 section 3.1).
const DONT_FRAGMENT: u8 = 0x40;

/// RFC 1700, "IP time to live": the default that most systems keep to.
const HOPS: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(header_words: u8, total_len: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x40 | header_words, 0];
        bytes.extend(total_len.to_be_bytes());
        bytes.extend([0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2]);
        bytes.resize(usize::from(header_words).max(5) * 4, 1);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn what_is_built_is_read_and_its_checksum_is_right() {
        let (from, to) = ([192, 0, 2, 1], [198, 51, 100, 2]);
        let mut bytes = Ipv4::header(from, to, IpProtocol::TCP, 0x1234, 23).to_vec();
        assert_eq!(Checksum::default().with(&bytes).finish(), 0);
        bytes.extend(b"abc");
        let parsed = Ipv4::parse(&bytes).unwrap();
        assert_eq!((parsed.source, parsed.destination), (from, to));
        assert_eq!((parsed.protocol, parsed.identification), (IpProtocol::TCP, 0x1234));
        assert_eq!((parsed.payload, parsed.fragment), (&b"abc"[..], None));
    }

    #[test]
    fn padding_of_the_link_is_cut_off() {
        let bytes = packet(5, 23, b"abc\0\0\0");
        let parsed = Ipv4::parse(&bytes).unwrap();
        assert_eq!((parsed.payload, parsed.payload_len), (&b"abc"[..], Some(3)));
        assert_eq!((parsed.source, parsed.destination), ([192, 0, 2, 1], [198, 51, 100, 2]));
        assert_eq!((parsed.protocol, parsed.identification), (IpProtocol::TCP, 0x1234));
        assert_eq!(parsed.fragment, None);
    }

    #[test]
    fn options_are_skipped() {
        let bytes = packet(7, 30, b"ab");
        assert_eq!(Ipv4::parse(&bytes).unwrap().payload, b"ab");
        for len in 0..28 {
            assert!(matches!(Ipv4::parse(&bytes[..len]), Err(HeaderError::Truncated(_))));
        }
    }

    #[test]
    fn length_0_means_all_there_is() {
        let bytes = packet(5, 0, b"abc");
        let parsed = Ipv4::parse(&bytes).unwrap();
        assert_eq!((parsed.payload, parsed.payload_len), (&b"abc"[..], None));
    }

    #[test]
    fn a_packet_cut_short_keeps_its_announced_length() {
        let bytes = packet(5, 120, b"abc");
        let parsed = Ipv4::parse(&bytes).unwrap();
        assert_eq!((parsed.payload, parsed.payload_len), (&b"abc"[..], Some(100)));
    }

    #[test]
    fn fragments_have_their_place() {
        let mut bytes = packet(5, 20, b"");
        for (bits, fragment) in [
            (0x4000_u16, None),
            (0x2000, Some(FragmentRange { offset: 0, more: true })),
            (0x0002, Some(FragmentRange { offset: 16, more: false })),
            (0x3fff, Some(FragmentRange { offset: 65_528, more: true })),
        ] {
            bytes[6..8].copy_from_slice(&bits.to_be_bytes());
            assert_eq!(Ipv4::parse(&bytes).unwrap().fragment, fragment);
        }
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(Ipv4::parse(&packet(5, 19, b"")), Err(HeaderError::PayloadLength));
        assert_eq!(Ipv4::parse(&packet(4, 20, b"")), Err(HeaderError::HeaderLength));
        let mut bytes = packet(5, 20, b"");
        bytes[0] = 0x65;
        assert_eq!(Ipv4::parse(&bytes), Err(HeaderError::Version));
    }
}
