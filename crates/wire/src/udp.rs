//! UDP headers.

use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A UDP datagram (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpDatagram<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Length of the payload on the wire in bytes; `None` if the length field is 0 (RFC 2675, and
    /// packets captured before their segmentation by the network card).
    pub payload_len: Option<usize>,
    /// What follows the header, no longer than announced.
    pub payload: &'a [u8],
}

impl<'a> UdpDatagram<'a> {
    /// Reads the datagram that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the header, [`HeaderError::PayloadLength`] if
    /// its length is less than that.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let source_port = reader.u16()?;
        let destination_port = reader.u16()?;
        let payload_len = match usize::from(reader.u16()?) {
            0 => None,
            len => Some(len.checked_sub(HEADER_LEN).ok_or(HeaderError::PayloadLength)?),
        };
        let _checksum = reader.u16()?;
        let rest = reader.rest();
        let payload = payload_len.and_then(|len| rest.get(..len)).unwrap_or(rest);
        Ok(Self { source_port, destination_port, payload_len, payload })
    }
}

const HEADER_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_cuts_the_payload() {
        let bytes = [0, 53, 1, 0, 0, 10, 0, 0, 1, 2, 3];
        let datagram = UdpDatagram::parse(&bytes).unwrap();
        assert_eq!((datagram.source_port, datagram.destination_port), (53, 256));
        assert_eq!((datagram.payload, datagram.payload_len), (&[1, 2][..], Some(2)));
        for len in 0..8 {
            assert!(UdpDatagram::parse(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn length_0_means_all_there_is_and_less_than_the_header_nothing() {
        let mut bytes = [0, 53, 1, 0, 0, 0, 0, 0, 1, 2, 3];
        assert_eq!(UdpDatagram::parse(&bytes).unwrap().payload, [1, 2, 3]);
        bytes[5] = 7;
        assert_eq!(UdpDatagram::parse(&bytes), Err(HeaderError::PayloadLength));
    }
}
