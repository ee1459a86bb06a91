//! Ethernet II and 802.3 frames.

use crate::ether_type::EtherType;
use crate::header_error::HeaderError;
use crate::reader::Reader;

/// An Ethernet frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet<'a> {
    /// Destination address.
    pub destination: [u8; 6],
    /// Source address.
    pub source: [u8; 6],
    /// What the payload is; for 802.3 frames that of their SNAP header, or 0 if they have none.
    pub ether_type: EtherType,
    /// What follows the header, with any padding.
    pub payload: &'a [u8],
}

impl<'a> Ethernet<'a> {
    /// Reads the frame that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let destination = reader.array()?;
        let source = reader.array()?;
        let type_or_len = reader.u16()?;
        let frame = Self {
            destination,
            source,
            ether_type: EtherType(type_or_len),
            payload: reader.rest(),
        };
        if type_or_len > MAX_802_3_LEN { Ok(frame) } else { frame.with_snap() }
    }

    /// The header of an Ethernet II frame.
    #[must_use]
    pub fn header(destination: [u8; 6], source: [u8; 6], ether_type: EtherType) -> [u8; 14] {
        let [d0, d1, d2, d3, d4, d5] = destination;
        let [s0, s1, s2, s3, s4, s5] = source;
        let [high, low] = ether_type.0.to_be_bytes();
        [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low]
    }

    #[cold]
    fn with_snap(self) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(self.payload);
        let logical_link = reader.array::<3>()?;
        if logical_link != SNAP {
            return Ok(Self { ether_type: EtherType(0), ..self });
        }
        let organisation = reader.array::<3>()?;
        let ether_type = reader.u16()?;
        let known = matches!(organisation, [0, 0, 0] | [0, 0, 0xf8]);
        let ether_type = EtherType(if known { ether_type } else { 0 });
        Ok(Self { ether_type, payload: reader.rest(), ..self })
    }
}

/// Values up to this one are the length of an 802.3 frame (IEEE 802.3 section 3.2.6).
const MAX_802_3_LEN: u16 = 1500;

/// DSAP, SSAP and control field in front of a SNAP header (IEEE 802).
const SNAP: [u8; 3] = [0xaa, 0xaa, 3];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_the_header_is_truncated() {
        let frame = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x86, 0xdd, 0x60];
        for len in 0..14 {
            assert!(matches!(Ethernet::parse(&frame[..len]), Err(HeaderError::Truncated(_))));
        }
        let frame = Ethernet::parse(&frame).unwrap();
        assert_eq!(frame.destination, [1, 2, 3, 4, 5, 6]);
        assert_eq!(frame.source, [7, 8, 9, 10, 11, 12]);
        assert_eq!((frame.ether_type, frame.payload), (EtherType::IPV6, &[0x60][..]));
    }

    #[test]
    fn what_is_built_is_read() {
        let header = Ethernet::header([1; 6], [2; 6], EtherType::IPV6);
        let frame = Ethernet::parse(&header).unwrap();
        assert_eq!((frame.destination, frame.source), ([1; 6], [2; 6]));
        assert_eq!((frame.ether_type, frame.payload), (EtherType::IPV6, &[][..]));
    }

    #[test]
    fn an_802_3_frame_has_the_type_of_its_snap_header() {
        let mut frame = vec![0; 12];
        frame.extend([0, 9, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45]);
        let parsed = Ethernet::parse(&frame).unwrap();
        assert_eq!((parsed.ether_type, parsed.payload), (EtherType::IPV4, &[0x45][..]));
        for len in 14..22 {
            assert!(matches!(Ethernet::parse(&frame[..len]), Err(HeaderError::Truncated(_))));
        }
        frame[14] = 0x42;
        assert_eq!(Ethernet::parse(&frame).unwrap().ether_type, EtherType(0));
    }
}
