//! The record layer of TLS over a byte stream (RFC 9846 section 5.1).

use wire::Reader;

use crate::malformed::Malformed;
use crate::registry::ContentType;
use crate::version::ProtocolVersion;

/// The five bytes in front of each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the record carries.
    pub content_type: ContentType,
    /// The record's version, which says little about the one negotiated.
    pub version: ProtocolVersion,
    /// Length of the body that follows, in bytes.
    pub len: u16,
}

impl RecordHeader {
    /// Length of a header in bytes.
    pub const LEN: usize = 5;

    /// The header as it is on the wire.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let ([major, minor], [high, low]) = (self.version.0.to_be_bytes(), self.len.to_be_bytes());
        [self.content_type.0, major, minor, high, low]
    }

    /// Reads the header that `bytes` begin with, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`Malformed`], as soon as the bytes show it, if no TLS record begins so: an unknown content
    /// type, a version whose major number is not 3, or a body longer than [`MAX_RECORD_LEN`].
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader::new(bytes);
        let Ok(content_type) = reader.u8() else { return Ok(None) };
        if !(ContentType::CHANGE_CIPHER_SPEC.0..=ContentType::HEARTBEAT.0).contains(&content_type) {
            let value = u32::from(content_type);
            return Err(Malformed::Value { field: "content_type", offset: 0, value });
        }
        if let Some(major) = reader.rest().first().filter(|major| **major != MAJOR_VERSION) {
            let value = u32::from(*major);
            return Err(Malformed::Value { field: "record_version", offset: 1, value });
        }
        let (Ok(version), Ok(len)) = (reader.u16(), reader.u16()) else { return Ok(None) };
        if len > MAX_RECORD_LEN {
            return Err(Malformed::Length { field: "fragment", offset: 3, len: usize::from(len) });
        }
        Ok(Some(Self {
            content_type: ContentType(content_type),
            version: ProtocolVersion(version),
            len,
        }))
    }
}

/// Longest record body any TLS version allows, in bytes (RFC 5246 section 6.2.3; TLS 1.3 allows
/// less).
pub const MAX_RECORD_LEN: u16 = (1 << 14) + 2048;

/// Major number of every version that has this record layer, SSL 3.0 to TLS 1.3.
const MAJOR_VERSION: u8 = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: [u8; 5] = [22, 3, 1, 0x02, 0x00];

    #[test]
    fn a_header_needs_all_its_bytes() {
        for len in 0..HEADER.len() {
            assert_eq!(RecordHeader::parse(&HEADER[..len]), Ok(None), "prefix of {len} bytes");
        }
        let header = RecordHeader::parse(&HEADER).unwrap().unwrap();
        assert_eq!(header.content_type, ContentType::HANDSHAKE);
        assert_eq!(header.version, ProtocolVersion::TLS10);
        assert_eq!(header.len, 512);
    }

    #[test]
    fn the_first_bytes_of_other_protocols_are_refused_early() {
        for bytes in [&b"G"[..], b"SSH-2.0", &[22, 0], &[19, 3, 1, 0, 0], &[25, 3, 3, 0, 0]] {
            assert!(RecordHeader::parse(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_record_is_at_most_as_long_as_the_standard_allows() {
        let header = |len: u16| {
            let [high, low] = len.to_be_bytes();
            RecordHeader::parse(&[23, 3, 3, high, low])
        };
        assert!(header(MAX_RECORD_LEN).is_ok());
        let error = Malformed::Length { field: "fragment", offset: 3, len: 18_433 };
        assert_eq!(header(MAX_RECORD_LEN + 1), Err(error));
    }

    proptest! {
        #[test]
        fn a_longer_prefix_never_changes_a_verdict(bytes in prop::collection::vec(any::<u8>(), 5)) {
            let whole = RecordHeader::parse(&bytes);
            for len in 0..bytes.len() {
                match RecordHeader::parse(&bytes[..len]) {
                    Ok(None) => {}
                    early => prop_assert_eq!(early, whole),
                }
            }
        }
    }
}
