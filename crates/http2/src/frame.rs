//! Frame headers (RFC 9113 section 4.1).

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Length of the payload in bytes, 24 bits.
    pub len: u32,
    /// What it is.
    pub kind: FrameType,
    /// Flags, whose meaning depends on the type.
    pub flags: Flags,
    /// The stream, or 0 for the connection; 31 bits.
    pub stream: StreamId,
}

/// A frame type (IANA HTTP/2 frame type registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameType(pub u8);

/// Flags of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u8);

/// A stream of a connection; those of clients are odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u32);

impl FrameType {
    /// Bytes of a message's content.
    pub const DATA: Self = Self(0);
    /// Opens a stream, answers in it, or ends it with trailers.
    pub const HEADERS: Self = Self(1);
    /// Who depends on whom; deprecated.
    pub const PRIORITY: Self = Self(2);
    /// Ends a stream at once.
    pub const RST_STREAM: Self = Self(3);
    /// Parameters of the connection.
    pub const SETTINGS: Self = Self(4);
    /// A request that the server makes in the client's place.
    pub const PUSH_PROMISE: Self = Self(5);
    /// Is the other end there.
    pub const PING: Self = Self(6);
    /// No more streams.
    pub const GOAWAY: Self = Self(7);
    /// How much more may be sent.
    pub const WINDOW_UPDATE: Self = Self(8);
    /// More of a header block.
    pub const CONTINUATION: Self = Self(9);
}

impl Flags {
    /// The last frame of a stream's direction.
    pub const END_STREAM: Self = Self(0x01);
    /// The last frame of a header block.
    pub const END_HEADERS: Self = Self(0x04);
    /// There is padding.
    pub const PADDED: Self = Self(0x08);
    /// There is a priority.
    pub const PRIORITY: Self = Self(0x20);

    /// Whether all bits of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl StreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);
}

impl FrameHeader {
    /// Length of a header in bytes.
    pub const LEN: usize = 9;

    /// Reads a header. The reserved bit of the stream is ignored.
    #[must_use]
    pub const fn parse(bytes: [u8; Self::LEN]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes;
        Self {
            len: u32::from_be_bytes([0, l0, l1, l2]),
            kind: FrameType(kind),
            flags: Flags(flags),
            stream: StreamId(u32::from_be_bytes([s0 & 0x7f, s1, s2, s3])),
        }
    }

    /// Whether bytes that begin with this header are likely to be a frame that an honest end sent: its
    /// type is known, and length, flags and stream are such as the type has.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        let (of_stream, flags, is_len_right) = match self.kind {
            FrameType::DATA => (true, 0x09, true),
            FrameType::HEADERS => (true, 0x2d, self.len > 0),
            FrameType::PRIORITY => (true, 0, self.len == 5),
            FrameType::RST_STREAM => (true, 0, self.len == 4),
            FrameType::SETTINGS => {
                let is_ack = self.flags.0 == 1;
                (false, 0x01, if is_ack { self.len == 0 } else { self.len.is_multiple_of(6) })
            }
            FrameType::PUSH_PROMISE => (true, 0x0c, self.len > 4),
            FrameType::PING => (false, 0x01, self.len == 8),
            FrameType::GOAWAY => (false, 0, self.len >= 8),
            FrameType::WINDOW_UPDATE => (self.stream.0 != 0, 0, self.len == 4),
            FrameType::CONTINUATION => (true, 0x04, true),
            _ => return false,
        };
        is_len_right
            && self.flags.0 & !flags == 0
            && of_stream == (self.stream != StreamId::CONNECTION)
            && self.len <= USUAL_LEN
            && self.stream.0 <= LIKELY_STREAMS
    }
}

/// The initial value of `SETTINGS_MAX_FRAME_SIZE` (RFC 9113 section 6.5.2), at which most ends leave it.
const USUAL_LEN: u32 = 1 << 14;

/// Connections are replaced long before they had so many streams.
const LIKELY_STREAMS: u32 = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        let header = FrameHeader::parse([0, 1, 2, 1, 5, 0x80, 0, 0, 3]);
        assert_eq!((header.len, header.kind), (258, FrameType::HEADERS));
        assert_eq!((header.flags, header.stream), (Flags(5), StreamId(3)));
        assert!(
            header.flags.contains(Flags::END_STREAM) && header.flags.contains(Flags::END_HEADERS)
        );
        assert!(!header.flags.contains(Flags::PADDED));
    }

    #[test]
    fn plausible_frames_are_those_that_an_honest_end_sends() {
        for bytes in [
            [0, 0, 0, 0, 1, 0, 0, 0, 1],
            [0, 0x40, 0, 0, 0, 0, 0, 0, 1],
            [0, 0, 9, 1, 0x25, 0, 0, 0, 3],
            [0, 0, 18, 4, 0, 0, 0, 0, 0],
            [0, 0, 0, 4, 1, 0, 0, 0, 0],
            [0, 0, 8, 6, 1, 0, 0, 0, 0],
            [0, 0, 4, 8, 0, 0, 0, 0, 0],
            [0, 0, 4, 8, 0, 0, 0, 0, 9],
        ] {
            assert!(FrameHeader::parse(bytes).is_plausible(), "{bytes:?}");
        }
        for bytes in [
            *b"GET / HTT",
            *b"HTTP/1.1 ",
            [0, 0, 0, 1, 4, 0, 0, 0, 1],
            [0, 0, 9, 1, 0x25, 0, 0, 0, 0],
            [0, 0, 17, 4, 0, 0, 0, 0, 0],
            [0, 0, 6, 4, 1, 0, 0, 0, 0],
            [0, 0, 4, 3, 0, 0, 0, 0, 0],
            [0, 0x40, 1, 0, 0, 0, 0, 0, 1],
            [0, 0, 9, 10, 0, 0, 0, 0, 1],
            [0, 0, 9, 0, 0, 0x7f, 0, 0, 1],
            [0; 9],
        ] {
            assert!(!FrameHeader::parse(bytes).is_plausible(), "{bytes:?}");
        }
    }
}
