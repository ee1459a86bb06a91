//! GENEVE headers.

use crate::ether_type::EtherType;
use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A packet in GENEVE (RFC 8926 section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geneve<'a> {
    /// The network identifier, 24 bits.
    pub vni: u32,
    /// What the payload is.
    pub ether_type: EtherType,
    /// What follows the header and its options.
    pub payload: &'a [u8],
}

impl<'a> Geneve<'a> {
    /// The port that IANA assigned.
    pub const PORT: u16 = 6081;

    /// Reads the packet that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header or its options,
    /// [`HeaderError::Version`] if its version is not 0.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let [version_and_len, _flags] = reader.array()?;
        if version_and_len >> 6 != 0 {
            return Err(HeaderError::Version);
        }
        let ether_type = EtherType(reader.u16()?);
        let vni = reader.u24()?;
        let _reserved = reader.u8()?;
        reader.take(usize::from(version_and_len & 0x3f) * 4)?;
        Ok(Self { vni, ether_type, payload: reader.rest() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_skipped() {
        let bytes = [1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 1, 1, 1, 9];
        let packet = Geneve::parse(&bytes).unwrap();
        assert_eq!((packet.vni, packet.ether_type), (7, EtherType::ETHERNET));
        assert_eq!(packet.payload, [9]);
        for len in 0..12 {
            assert!(Geneve::parse(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn another_version_is_refused() {
        assert_eq!(Geneve::parse(&[0x40; 8]), Err(HeaderError::Version));
    }
}
