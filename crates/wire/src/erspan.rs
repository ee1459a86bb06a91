//! ERSPAN headers.

use crate::ether_type::EtherType;
use crate::gre::Gre;
use crate::header_error::HeaderError;
use crate::reader::Reader;

/// A mirrored Ethernet frame in GRE (draft-foschiano-erspan-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erspan<'a> {
    /// The session id; `None` for type I, which has no header.
    pub session: Option<u16>,
    /// The Ethernet frame.
    pub payload: &'a [u8],
}

impl<'a> Erspan<'a> {
    /// Reads the payload of a GRE packet whose `EtherType` is one of the two of ERSPAN.
    ///
    /// # Errors
    /// [`HeaderError`] if it ends within the header, or if its version is not that of its
    /// `EtherType`.
    pub fn parse(gre: &Gre<'a>) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(gre.payload);
        // Section 4.1 of the draft: type I has neither a GRE sequence number nor a header.
        if gre.ether_type == EtherType::ERSPAN && gre.sequence.is_none() {
            return Ok(Self { session: None, payload: gre.payload });
        }
        let version = reader.u16()? >> 12;
        let session = reader.u16()? & SESSION_MASK;
        match (gre.ether_type, version) {
            (EtherType::ERSPAN, 1) => {
                reader.u32()?;
            }
            (EtherType::ERSPAN_III, 2) => {
                reader.array::<6>()?;
                let has_platform_header = reader.u16()? & 1 != 0;
                if has_platform_header {
                    reader.u64()?;
                }
            }
            _ => return Err(HeaderError::Version),
        }
        Ok(Self { session: Some(session), payload: reader.rest() })
    }
}

const SESSION_MASK: u16 = 0x03ff;

#[cfg(test)]
mod tests {
    use super::*;

    fn gre(ether_type: EtherType, sequence: Option<u32>, payload: &[u8]) -> Gre<'_> {
        Gre { ether_type, key: None, sequence, payload }
    }

    #[test]
    fn the_three_types_differ_in_their_headers() {
        let one = gre(EtherType::ERSPAN, None, b"frame");
        assert_eq!(Erspan::parse(&one), Ok(Erspan { session: None, payload: b"frame" }));

        let two = [&[0x10, 1, 0, 5, 0, 0, 0, 0][..], b"frame"].concat();
        let two = Erspan::parse(&gre(EtherType::ERSPAN, Some(1), &two)).unwrap();
        assert_eq!((two.session, two.payload), (Some(5), &b"frame"[..]));

        for (optional, platform) in [(0, &[][..]), (1, &[0; 8][..])] {
            let header = [0x20, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, optional];
            let three = [&header[..], platform, b"frame"].concat();
            let three = Erspan::parse(&gre(EtherType::ERSPAN_III, Some(1), &three)).unwrap();
            assert_eq!((three.session, three.payload), (Some(6), &b"frame"[..]));
        }
    }

    #[test]
    fn prefixes_and_other_versions_are_refused() {
        let header = [0x20, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        for len in 0..header.len() {
            assert!(Erspan::parse(&gre(EtherType::ERSPAN_III, None, &header[..len])).is_err());
        }
        let wrong = gre(EtherType::ERSPAN, Some(0), &header);
        assert_eq!(Erspan::parse(&wrong), Err(HeaderError::Version));
    }
}
