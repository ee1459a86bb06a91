//! TCP headers.

use crate::header_error::HeaderError;
use crate::reader::{Reader, Truncated};
use crate::sequence::SeqNumber;
use crate::tcp_flags::TcpFlags;
use crate::tcp_frame::SegmentFields;

/// A TCP segment (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSegment<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first byte, or of the SYN.
    pub sequence: SeqNumber,
    /// The next byte expected from the peer, if [`TcpFlags::ACK`] is set.
    pub acknowledgment: SeqNumber,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window, not scaled.
    pub window: u16,
    /// Length of the header with options in bytes.
    pub header_len: usize,
    /// The options, as far as they were captured.
    pub options: &'a [u8],
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> TcpSegment<'a> {
    /// Reads the segment that begins with `bytes`. Options that are cut off leave no payload.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it ends within the fixed part of the header,
    /// [`HeaderError::HeaderLength`] if its length is less than that.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED_LEN>() else {
            let missing = FIXED_LEN.saturating_sub(bytes.len());
            return Err(Truncated { offset: 0, missing }.into());
        };
        let [p0, p1, q0, q1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = *fixed;
        let header_len = usize::from(offset >> 4) * 4;
        let Some(options_len) = header_len.checked_sub(FIXED_LEN) else {
            return Err(HeaderError::HeaderLength);
        };
        let (options, payload) = rest.split_at_checked(options_len).unwrap_or((rest, &[]));
        Ok(Self {
            source_port: u16::from_be_bytes([p0, p1]),
            destination_port: u16::from_be_bytes([q0, q1]),
            sequence: SeqNumber(u32::from_be_bytes([s0, s1, s2, s3])),
            acknowledgment: SeqNumber(u32::from_be_bytes([a0, a1, a2, a3])),
            flags: TcpFlags(flags),
            window: u16::from_be_bytes([w0, w1]),
            header_len,
            options,
            payload,
        })
    }

    /// A header without its options; `len` is its length with them, in bytes.
    #[inline]
    #[must_use]
    pub(crate) fn header(
        [source_port, destination_port]: [u16; 2],
        fields: &SegmentFields<'_>,
        len: usize,
        checksum: u16,
    ) -> [u8; FIXED_LEN] {
        let ([p0, p1], [q0, q1]) = (source_port.to_be_bytes(), destination_port.to_be_bytes());
        let [s0, s1, s2, s3] = fields.sequence.0.to_be_bytes();
        let [a0, a1, a2, a3] = fields.acknowledgment.0.to_be_bytes();
        let words = u8::try_from(len / 4).unwrap_or(u8::MAX) << 4;
        let ([w0, w1], [c0, c1]) = (fields.window.to_be_bytes(), checksum.to_be_bytes());
        let flags = fields.flags.0;
        [p0, p1, q0, q1, s0, s1, s2, s3, a0, a1, a2, a3, words, flags, w0, w1, c0, c1, 0, 0]
    }

    /// The shift count of the window scale option (RFC 7323 section 2.2), if it is there.
    #[must_use]
    pub fn window_scale(&self) -> Option<u8> {
        let mut reader = Reader::new(self.options);
        loop {
            match reader.u8().ok()? {
                OPTION_END => return None,
                OPTION_PADDING => {}
                OPTION_WINDOW_SCALE => {
                    let [len, shift] = reader.array().ok()?;
                    return (len == 3).then_some(shift.min(MAX_WINDOW_SHIFT));
                }
                _ => {
                    let len = usize::from(reader.u8().ok()?);
                    reader.take(len.checked_sub(2)?).ok()?;
                }
            }
        }
    }
}

const FIXED_LEN: usize = 20;
const OPTION_END: u8 = 0;
const OPTION_PADDING: u8 = 1;
const OPTION_WINDOW_SCALE: u8 = 3;

/// RFC 7323 section 2.3.
const MAX_WINDOW_SHIFT: u8 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(header_words: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 80, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, header_words << 4, 0x12, 0, 9];
        bytes.extend([0; 4]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn every_field_is_read() {
        let bytes = segment(6, &[1, 3, 3, 7, b'x']);
        let parsed = TcpSegment::parse(&bytes).unwrap();
        assert_eq!((parsed.source_port, parsed.destination_port), (80, 256));
        assert_eq!(parsed.sequence, SeqNumber(0x0102_0304));
        assert_eq!(parsed.acknowledgment, SeqNumber(0x0506_0708));
        assert_eq!(parsed.flags, TcpFlags::SYN | TcpFlags::ACK);
        assert_eq!((parsed.window, parsed.header_len), (9, 24));
        assert_eq!(parsed.payload, b"x");
        assert_eq!(parsed.window_scale(), Some(7));
        for len in 0..20 {
            assert!(matches!(TcpSegment::parse(&bytes[..len]), Err(HeaderError::Truncated(_))));
        }
    }

    #[test]
    fn cut_off_options_leave_no_payload() {
        let bytes = segment(8, &[2, 4, 5]);
        let parsed = TcpSegment::parse(&bytes).unwrap();
        assert_eq!((parsed.payload, parsed.header_len), (&[][..], 32));
        assert_eq!(parsed.window_scale(), None);
    }

    #[test]
    fn a_header_shorter_than_its_fixed_part_is_refused() {
        assert_eq!(TcpSegment::parse(&segment(4, &[])), Err(HeaderError::HeaderLength));
    }

    #[test]
    fn bad_options_end_the_search() {
        for options in [&[2, 0, 3, 3][..], &[2, 1, 3, 3], &[3, 4, 1, 1], &[0, 3, 3, 7], &[2, 40]] {
            let mut options = options.to_vec();
            options.resize(4, 0);
            let bytes = segment(6, &options);
            assert_eq!(TcpSegment::parse(&bytes).unwrap().window_scale(), None);
        }
        let bytes = segment(6, &[3, 3, 200, 0]);
        assert_eq!(TcpSegment::parse(&bytes).unwrap().window_scale(), Some(14));
    }
}
