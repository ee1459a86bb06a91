//! VXLAN headers.

use crate::header_error::HeaderError;
use crate::reader::Reader;

/// An Ethernet frame in VXLAN (RFC 7348 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vxlan<'a> {
    /// The network identifier, 24 bits.
    pub vni: u32,
    /// The Ethernet frame.
    pub payload: &'a [u8],
}

impl<'a> Vxlan<'a> {
    /// The port that IANA assigned.
    pub const PORT: u16 = 4789;
    /// The port that Linux used before there was an assigned one, and still does by default.
    pub const PORT_LINUX: u16 = 8472;

    /// Reads the packet that begins with `bytes`.
    ///
    /// The group policy bits and identifier (draft-smith-vxlan-group-policy) are let pass.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header, [`HeaderError::Reserved`] if the
    /// I flag is not set or a reserved bit is.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let [flags, policy_flags, ..] = reader.array::<4>()?;
        let vni = reader.u24()?;
        let reserved = reader.u8()?;
        let unknown = flags & !(VALID_VNI | POLICY) | policy_flags & !POLICY_FLAGS | reserved;
        if flags & VALID_VNI == 0 || unknown != 0 {
            return Err(HeaderError::Reserved);
        }
        Ok(Self { vni, payload: reader.rest() })
    }
}

const VALID_VNI: u8 = 0x08;
const POLICY: u8 = 0x80;
const POLICY_FLAGS: u8 = 0x48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_packet_with_a_valid_network_is_vxlan() {
        let mut bytes = [8, 0, 0, 0, 1, 2, 3, 0, 9];
        assert_eq!(Vxlan::parse(&bytes), Ok(Vxlan { vni: 0x01_0203, payload: &[9] }));
        for len in 0..8 {
            assert!(Vxlan::parse(&bytes[..len]).is_err());
        }
        bytes[0] = 0x0c;
        assert_eq!(Vxlan::parse(&bytes), Err(HeaderError::Reserved));
        bytes[0] = 0;
        assert_eq!(Vxlan::parse(&bytes), Err(HeaderError::Reserved));
    }
}
