//! Linux cooked captures, as the `any` device gives them.

use crate::ether_type::EtherType;
use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A packet of `LINKTYPE_LINUX_SLL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookedV1<'a> {
    /// What the payload is.
    pub ether_type: EtherType,
    /// The sender's link-layer address, if it has 6 bytes.
    pub source: Option<[u8; 6]>,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// A packet of `LINKTYPE_LINUX_SLL2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookedV2<'a> {
    /// What the payload is.
    pub ether_type: EtherType,
    /// The sender's link-layer address, if it has 6 bytes.
    pub source: Option<[u8; 6]>,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> CookedV1<'a> {
    /// Reads the packet that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let _packet_type = reader.u16()?;
        let hardware = reader.u16()?;
        let address_len = reader.u16()?;
        let address = reader.array::<8>()?;
        let ether_type = EtherType(reader.u16()?);
        let source = ethernet_address(hardware, address_len, address);
        Ok(Self { ether_type, source, payload: reader.rest() })
    }
}

impl<'a> CookedV2<'a> {
    /// Reads the packet that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let ether_type = EtherType(reader.u16()?);
        let _reserved = reader.u16()?;
        let _interface = reader.u32()?;
        let hardware = reader.u16()?;
        let _packet_type = reader.u8()?;
        let address_len = reader.u8()?;
        let address = reader.array::<8>()?;
        let source = ethernet_address(hardware, u16::from(address_len), address);
        Ok(Self { ether_type, source, payload: reader.rest() })
    }
}

fn ethernet_address(hardware: u16, len: u16, address: [u8; 8]) -> Option<[u8; 6]> {
    let [a, b, c, d, e, f, ..] = address;
    (hardware == ARPHRD_ETHER && len == 6).then_some([a, b, c, d, e, f])
}

/// The hardware type of Ethernet (IANA ARP parameters).
const ARPHRD_ETHER: u16 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_has_its_type_last() {
        let bytes = [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0, 0x45];
        let packet = CookedV1::parse(&bytes).unwrap();
        assert_eq!((packet.ether_type, packet.payload), (EtherType::IPV4, &[0x45][..]));
        assert_eq!(packet.source, Some([1, 2, 3, 4, 5, 6]));
        for len in 0..16 {
            assert!(CookedV1::parse(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn version_2_has_its_type_first() {
        let bytes = [0x86, 0xdd, 0, 0, 0, 0, 0, 2, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0x60];
        let packet = CookedV2::parse(&bytes).unwrap();
        assert_eq!((packet.ether_type, packet.payload), (EtherType::IPV6, &[0x60][..]));
        assert_eq!(packet.source, None, "loopback has no Ethernet address");
        for len in 0..20 {
            assert!(CookedV2::parse(&bytes[..len]).is_err());
        }
    }
}
