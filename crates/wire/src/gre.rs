//! GRE headers.

use crate::ether_type::EtherType;
use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A GRE packet of version 0 (RFC 2784, RFC 2890).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gre<'a> {
    /// What the payload is.
    pub ether_type: EtherType,
    /// The key.
    pub key: Option<u32>,
    /// The sequence number.
    pub sequence: Option<u32>,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// A GRE packet of version 1, with a PPP frame in it (RFC 2637 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnhancedGre<'a> {
    /// The call that the frame belongs to.
    pub call: u16,
    /// The PPP frame; empty if the packet only acknowledges.
    pub payload: &'a [u8],
}

impl<'a> Gre<'a> {
    /// Reads the packet that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError`] if it ends within the header, is of another version, or has the source
    /// routes of RFC 1701, which RFC 2784 tells receivers to refuse.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u16()?;
        if flags & VERSION != 0 {
            return Err(HeaderError::Version);
        }
        if flags & ROUTING != 0 {
            return Err(HeaderError::Reserved);
        }
        let ether_type = EtherType(reader.u16()?);
        if flags & CHECKSUM != 0 {
            reader.u32()?;
        }
        let key = if flags & KEY != 0 { Some(reader.u32()?) } else { None };
        let sequence = if flags & SEQUENCE != 0 { Some(reader.u32()?) } else { None };
        Ok(Self { ether_type, key, sequence, payload: reader.rest() })
    }
}

impl<'a> EnhancedGre<'a> {
    /// Reads the packet that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError`] if it ends within the header, is of another version, or does not carry PPP.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u16()?;
        let ether_type = EtherType(reader.u16()?);
        if flags & VERSION != 1 || ether_type != EtherType::PPP {
            return Err(HeaderError::Version);
        }
        if flags & (CHECKSUM | ROUTING | KEY) != KEY {
            return Err(HeaderError::Reserved);
        }
        let len = usize::from(reader.u16()?);
        let call = reader.u16()?;
        if flags & SEQUENCE != 0 {
            reader.u32()?;
        }
        if flags & ACKNOWLEDGMENT != 0 {
            reader.u32()?;
        }
        let rest = reader.rest();
        Ok(Self { call, payload: rest.get(..len).unwrap_or(rest) })
    }
}

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_come_in_order() {
        let bytes = [0xb0, 0, 8, 0, 9, 9, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6, 0x45];
        let packet = Gre::parse(&bytes).unwrap();
        assert_eq!((packet.ether_type, packet.payload), (EtherType::IPV4, &[0x45][..]));
        assert_eq!((packet.key, packet.sequence), (Some(5), Some(6)));
        for len in 0..16 {
            assert!(Gre::parse(&bytes[..len]).is_err());
        }
        let plain = Gre::parse(&[0, 0, 0x86, 0xdd]).unwrap();
        assert_eq!((plain.key, plain.sequence), (None, None));
    }

    #[test]
    fn source_routes_and_other_versions_are_refused() {
        assert_eq!(Gre::parse(&[0x40, 0, 8, 0]), Err(HeaderError::Reserved));
        assert_eq!(Gre::parse(&[0, 1, 8, 0]), Err(HeaderError::Version));
        assert_eq!(EnhancedGre::parse(&[0x20, 0, 8, 0]), Err(HeaderError::Version));
    }

    #[test]
    fn a_ppp_frame_ends_where_its_length_says() {
        let bytes = [0x30, 0x81, 0x88, 0x0b, 0, 2, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0x21, 0x45, 0xee];
        let packet = EnhancedGre::parse(&bytes).unwrap();
        assert_eq!((packet.call, packet.payload), (7, &[0x21, 0x45][..]));
        for len in 0..16 {
            assert!(EnhancedGre::parse(&bytes[..len]).is_err());
        }
    }
}
