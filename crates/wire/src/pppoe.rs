//! PPP over Ethernet.

use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A packet of the session stage of `PPPoE` (RFC 2516 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PppoeSession<'a> {
    /// The session id.
    pub session: u16,
    /// The PPP frame, from its protocol field on, without padding.
    pub payload: &'a [u8],
}

impl<'a> PppoeSession<'a> {
    /// Reads the packet that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header, [`HeaderError::Version`] if it is
    /// not version 1, type 1, or not of the session stage.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let [version_and_type, code] = reader.array()?;
        let session = reader.u16()?;
        let len = usize::from(reader.u16()?);
        if (version_and_type, code) != (0x11, 0) {
            return Err(HeaderError::Version);
        }
        let rest = reader.rest();
        Ok(Self { session, payload: rest.get(..len).unwrap_or(rest) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_cut_off() {
        let bytes = [0x11, 0, 0, 7, 0, 3, 0, 0x21, 0x45, 0xee];
        let packet = PppoeSession::parse(&bytes).unwrap();
        assert_eq!((packet.session, packet.payload), (7, &[0, 0x21, 0x45][..]));
        for len in 0..6 {
            assert!(PppoeSession::parse(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn discovery_is_not_a_session() {
        assert_eq!(PppoeSession::parse(&[0x11, 9, 0, 0, 0, 0]), Err(HeaderError::Version));
    }
}
