//! BSD loopback captures.

use crate::ether_type::EtherType;
use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A packet of `LINKTYPE_NULL` or `LINKTYPE_LOOP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loopback<'a> {
    /// What the payload is; 0 for a protocol family other than IP.
    pub ether_type: EtherType,
    /// What follows the protocol family.
    pub payload: &'a [u8],
}

impl<'a> Loopback<'a> {
    /// Reads the packet that begins with `bytes`, in whichever byte order its family makes sense.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let family = reader.u32()?;
        let family = if family > u32::from(u16::MAX) { family.swap_bytes() } else { family };
        let ether_type = match family {
            AF_INET => EtherType::IPV4,
            AF_INET6_LINUX | AF_INET6_BSD | AF_INET6_FREEBSD | AF_INET6_DARWIN => EtherType::IPV6,
            _ => EtherType(0),
        };
        Ok(Self { ether_type, payload: reader.rest() })
    }
}

const AF_INET: u32 = 2;
const AF_INET6_LINUX: u32 = 10;
/// NetBSD and OpenBSD.
const AF_INET6_BSD: u32 = 24;
const AF_INET6_FREEBSD: u32 = 28;
const AF_INET6_DARWIN: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_all_systems_are_known_in_both_byte_orders() {
        for (family, ether_type) in [
            (2_u32, EtherType::IPV4),
            (10, EtherType::IPV6),
            (24, EtherType::IPV6),
            (28, EtherType::IPV6),
            (30, EtherType::IPV6),
            (7, EtherType(0)),
        ] {
            for bytes in [family.to_be_bytes(), family.to_le_bytes()] {
                assert_eq!(Loopback::parse(&bytes).unwrap().ether_type, ether_type);
            }
        }
        assert!(Loopback::parse(&[0, 0, 0]).is_err());
    }
}
