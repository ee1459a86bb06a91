//! L2TP data messages.

use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A data message of L2TP version 2 (RFC 2661 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2tp<'a> {
    /// The PPP frame.
    pub payload: &'a [u8],
}

impl<'a> L2tp<'a> {
    /// The port that IANA assigned.
    pub const PORT: u16 = 1701;

    /// Reads the message that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError`] if it ends within the header, is of another version, or is a control message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u16()?;
        if flags & (VERSION | CONTROL) != 2 {
            return Err(HeaderError::Version);
        }
        if flags & RESERVED != 0 {
            return Err(HeaderError::Reserved);
        }
        if flags & LENGTH != 0 {
            reader.u16()?;
        }
        let _tunnel_and_session = reader.u32()?;
        if flags & SEQUENCE != 0 {
            reader.u32()?;
        }
        if flags & OFFSET != 0 {
            let padding = usize::from(reader.u16()?);
            reader.take(padding)?;
        }
        Ok(Self { payload: reader.rest() })
    }
}

const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
const RESERVED: u16 = 0x34f0;
const VERSION: u16 = 0x000f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_are_skipped() {
        let bytes = [0x4a, 2, 0, 20, 0, 1, 0, 2, 0, 3, 0, 4, 0, 1, 0xee, 0xff, 3];
        assert_eq!(L2tp::parse(&bytes), Ok(L2tp { payload: &[0xff, 3] }));
        for len in 0..15 {
            assert!(L2tp::parse(&bytes[..len]).is_err());
        }
        assert_eq!(L2tp::parse(&[0, 2, 0, 1, 0, 2, 9]), Ok(L2tp { payload: &[9] }));
    }

    #[test]
    fn control_messages_are_not_data() {
        assert_eq!(L2tp::parse(&[0xc8, 2, 0, 12]), Err(HeaderError::Version));
    }
}
