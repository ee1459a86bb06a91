//! GTP-U headers.

use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A user packet in GTP-U version 1 (3GPP TS 29.281 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GtpU<'a> {
    /// The tunnel endpoint identifier.
    pub teid: u32,
    /// The user's IP packet.
    pub payload: &'a [u8],
}

impl<'a> GtpU<'a> {
    /// The port that IANA assigned.
    pub const PORT: u16 = 2152;

    /// Reads the packet that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError`] if it ends within the header, is not a G-PDU of version 1, or has more than
    /// 8 extension headers.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let [flags, message] = reader.array()?;
        if flags & VERSION_AND_TYPE != VERSION_1_GTP || message != G_PDU {
            return Err(HeaderError::Version);
        }
        let len = usize::from(reader.u16()?);
        let teid = reader.u32()?;
        let rest = reader.rest();
        let mut reader = Reader::new(rest.get(..len).unwrap_or(rest));
        if flags & (EXTENSION | SEQUENCE | N_PDU) != 0 {
            let [_, _, _, next] = reader.array()?;
            if flags & EXTENSION != 0 {
                skip_extensions(&mut reader, next)?;
            }
        }
        Ok(Self { teid, payload: reader.rest() })
    }
}

fn skip_extensions(reader: &mut Reader<'_>, mut next: u8) -> Result<(), HeaderError> {
    for _ in 0..MAX_EXTENSIONS {
        if next == 0 {
            return Ok(());
        }
        // Section 5.2.1: the length counts units of 4 bytes, itself and the next type included.
        let units = usize::from(reader.u8()?);
        let body = units.checked_mul(4).and_then(|len| len.checked_sub(2));
        reader.take(body.ok_or(HeaderError::HeaderLength)?)?;
        next = reader.u8()?;
    }
    Err(HeaderError::TooMany)
}

const VERSION_AND_TYPE: u8 = 0xf0;
const VERSION_1_GTP: u8 = 0x30;
const EXTENSION: u8 = 0x04;
const SEQUENCE: u8 = 0x02;
const N_PDU: u8 = 0x01;
const G_PDU: u8 = 255;

/// 3GPP TS 29.281 defines six that may come with a user packet.
const MAX_EXTENSIONS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optional_part_and_extensions_are_skipped() {
        let bytes =
            [0x34, 255, 0, 13, 0, 0, 0, 7, 0, 0, 0, 0x85, 1, 0, 0, 0x85, 1, 0, 0, 0, 0x45, 0xee];
        let packet = GtpU::parse(&bytes).unwrap();
        assert_eq!((packet.teid, packet.payload), (7, &[0x45][..]));
        for len in 0..20 {
            assert!(GtpU::parse(&bytes[..len]).is_err());
        }
        let plain = GtpU::parse(&[0x30, 255, 0, 1, 0, 0, 0, 8, 0x60]).unwrap();
        assert_eq!((plain.teid, plain.payload), (8, &[0x60][..]));
    }

    #[test]
    fn an_echo_is_not_a_user_packet() {
        assert_eq!(GtpU::parse(&[0x32, 1, 0, 4, 0, 0, 0, 0]), Err(HeaderError::Version));
    }

    #[test]
    fn extensions_without_length_or_end_are_refused() {
        let mut bytes = vec![0x34, 255, 0, 255, 0, 0, 0, 7, 0, 0, 0, 0x85, 0, 0, 0, 0];
        assert_eq!(GtpU::parse(&bytes), Err(HeaderError::HeaderLength));
        bytes.truncate(12);
        bytes.extend([1, 0, 0, 0x85].repeat(MAX_EXTENSIONS + 1));
        assert_eq!(GtpU::parse(&bytes), Err(HeaderError::TooMany));
    }
}
