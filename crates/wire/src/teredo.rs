//! Teredo packets.

use crate::header_error::HeaderError;
use crate::ipv6::Ipv6;
use crate::reader::Reader;

/// An IPv6 packet in Teredo (RFC 4380 section 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Teredo<'a> {
    /// The IPv6 packet.
    pub payload: &'a [u8],
}

impl<'a> Teredo<'a> {
    /// The port that IANA assigned.
    pub const PORT: u16 = 3544;

    /// Reads the packet that begins with `bytes`.
    ///
    /// Nothing but the port marks Teredo, so the length of the IPv6 packet must be that of the rest.
    ///
    /// # Errors
    /// [`HeaderError`] if there is no IPv6 packet behind the optional indications.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        if reader.rest().starts_with(&AUTHENTICATION) {
            reader.u16()?;
            let [client_id_len, value_len] = reader.array()?;
            reader.take(usize::from(client_id_len) + usize::from(value_len) + NONCE_LEN)?;
        }
        if reader.rest().starts_with(&ORIGIN) {
            reader.u64()?;
        }
        let packet = Ipv6::parse(reader.rest())?;
        let announced = packet.payload_len.unwrap_or(0);
        if reader.remaining().saturating_sub(Ipv6::HEADER_LEN) > announced {
            return Err(HeaderError::PayloadLength);
        }
        Ok(Self { payload: reader.rest() })
    }
}

const AUTHENTICATION: [u8; 2] = [0, 1];
const ORIGIN: [u8; 2] = [0, 0];
/// Nonce and confirmation byte.
const NONCE_LEN: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indications_are_skipped() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 1, 6, 64];
        packet.resize(41, 0);
        let authentication = [0, 1, 1, 2, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let origin = [0, 0, 1, 2, 3, 4, 5, 6];
        for front in [&[][..], &origin, &authentication, &[&authentication[..], &origin].concat()] {
            let bytes = [front, &packet].concat();
            assert_eq!(Teredo::parse(&bytes).unwrap().payload, packet);
            for len in 0..front.len() + 40 {
                assert!(Teredo::parse(&bytes[..len]).is_err());
            }
        }
        packet.push(0);
        assert_eq!(Teredo::parse(&packet), Err(HeaderError::PayloadLength));
    }
}
