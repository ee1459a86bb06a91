//! VLAN tags.

use crate::ether_type::EtherType;
use crate::header_error::HeaderError;
use crate::reader::Reader;

/// What follows the `EtherType` of a VLAN tag (IEEE 802.1Q section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanTag<'a> {
    /// The VLAN id, 12 bits.
    pub id: u16,
    /// What the payload is.
    pub ether_type: EtherType,
    /// What follows the tag.
    pub payload: &'a [u8],
}

impl<'a> VlanTag<'a> {
    /// Reads the tag that begins with `bytes`, behind its `EtherType`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it is cut off.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let control = reader.u16()?;
        let ether_type = EtherType(reader.u16()?);
        Ok(Self { id: control & ID_MASK, ether_type, payload: reader.rest() })
    }

    /// A tag of no priority behind its `EtherType`. Of `id`, 12 bits count.
    #[must_use]
    pub const fn header(id: u16, ether_type: EtherType) -> [u8; 4] {
        let ([i0, i1], [t0, t1]) = ((id & ID_MASK).to_be_bytes(), ether_type.0.to_be_bytes());
        [i0, i1, t0, t1]
    }
}

const ID_MASK: u16 = 0x0fff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read() {
        let header = VlanTag::header(0xf123, EtherType::IPV4);
        let tag = VlanTag::parse(&header).unwrap();
        assert_eq!((tag.id, tag.ether_type, tag.payload), (0x123, EtherType::IPV4, &[][..]));
    }

    #[test]
    fn priority_bits_are_not_part_of_the_id() {
        let tag = VlanTag::parse(&[0xe1, 0x23, 0x81, 0, 9]).unwrap();
        assert_eq!((tag.id, tag.ether_type, tag.payload), (0x123, EtherType::VLAN, &[9][..]));
        for len in 0..4 {
            assert!(VlanTag::parse(&[0xe1, 0x23, 0x81, 0][..len]).is_err());
        }
    }
}
