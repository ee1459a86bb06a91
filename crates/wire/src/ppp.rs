//! PPP frames.

use crate::ether_type::EtherType;
use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A PPP frame, perhaps in HDLC-like framing (RFC 1661, RFC 1662).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ppp<'a> {
    /// What the payload is.
    pub protocol: PppProtocol,
    /// What follows the protocol field.
    pub payload: &'a [u8],
}

/// A PPP protocol number (IANA PPP numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PppProtocol(pub u16);

impl PppProtocol {
    /// IPv4.
    pub const IPV4: Self = Self(0x0021);
    /// IPv6.
    pub const IPV6: Self = Self(0x0057);
    /// MPLS, unicast.
    pub const MPLS: Self = Self(0x0281);

    /// The same as an `EtherType`; 0 if it has none that this crate reads.
    #[must_use]
    pub const fn ether_type(self) -> EtherType {
        match self {
            Self::IPV4 => EtherType::IPV4,
            Self::IPV6 => EtherType::IPV6,
            Self::MPLS => EtherType::MPLS,
            _ => EtherType(0),
        }
    }
}

impl<'a> Ppp<'a> {
    /// Reads the frame that begins with `bytes`.
    ///
    /// The address and control fields may be there or not, and the protocol field may be compressed
    /// to one byte (RFC 1661 section 6.5). The captured flag bytes of a serial line, if any, are
    /// skipped. Cisco HDLC frames have an `EtherType`, which is turned into a protocol number.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let [first, second] = reader.array()?;
        match (first, second) {
            (ALL_STATIONS, UNNUMBERED) => {}
            (CISCO_UNICAST | CISCO_MULTICAST, 0) => return Self::cisco(reader),
            _ => reader = Reader::new(bytes),
        }
        let first = reader.u8()?;
        // The last byte of a protocol number is odd and no other byte is (RFC 1661 section 2).
        let protocol = if first & 1 == 1 {
            u16::from(first)
        } else {
            u16::from_be_bytes([first, reader.u8()?])
        };
        Ok(Self { protocol: PppProtocol(protocol), payload: reader.rest() })
    }

    fn cisco(mut reader: Reader<'a>) -> Result<Self, HeaderError> {
        let protocol = match EtherType(reader.u16()?) {
            EtherType::IPV4 => PppProtocol::IPV4,
            EtherType::IPV6 => PppProtocol::IPV6,
            EtherType::MPLS => PppProtocol::MPLS,
            EtherType(_) => PppProtocol(0),
        };
        Ok(Self { protocol, payload: reader.rest() })
    }
}

/// Address field of HDLC-like framing (RFC 1662 section 3.1).
const ALL_STATIONS: u8 = 0xff;
/// Control field of HDLC-like framing (RFC 1662 section 3.1).
const UNNUMBERED: u8 = 3;
const CISCO_UNICAST: u8 = 0x0f;
const CISCO_MULTICAST: u8 = 0x8f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_and_compression_are_optional() {
        for header in
            [&[0xff, 3, 0, 0x21][..], &[0xff, 3, 0x21], &[0, 0x21], &[0x21], &[0x0f, 0, 8, 0]]
        {
            let bytes = [header, &[0x45, 0]].concat();
            let frame = Ppp::parse(&bytes).unwrap();
            assert_eq!((frame.protocol, frame.payload), (PppProtocol::IPV4, &[0x45, 0][..]));
        }
        assert_eq!(Ppp::parse(&[0x02, 0x81]).unwrap().protocol.ether_type(), EtherType::MPLS);
        assert!(Ppp::parse(&[0xff, 3]).is_err());
        assert!(Ppp::parse(&[]).is_err());
    }
}
