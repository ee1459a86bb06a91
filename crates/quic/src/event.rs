//! What the datagrams of one five-tuple turn out to be.

use std::fmt;

use wire::Reader;

use crate::connection_id::ConnectionId;
use crate::version::Version;

/// One of the two directions of a five-tuple. Which is which is the caller's choice, as long as it
/// stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Towards what the caller calls the second endpoint.
    Forward,
    /// Towards what the caller calls the first endpoint.
    Backward,
}

impl Way {
    /// The opposite direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Forward => Self::Backward,
            Self::Backward => Self::Forward,
        }
    }
}

/// The endpoint of a connection that sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The endpoint that opened the connection.
    Client,
    /// The endpoint that accepted it.
    Server,
}

/// What a datagram told.
///
/// Connections of one five-tuple are numbered from 0 in the order in which their first packet was
/// opened; nearly always there is just one.
#[derive(Debug)]
pub enum Event<'a> {
    /// The first Initial packet of a connection was opened.
    Opened {
        /// Number of the connection.
        connection: u32,
        /// The direction in which the client sends; found by which key opened the packet.
        client: Way,
        /// Version of that packet.
        version: Version,
    },
    /// The connection goes on in another version (RFC 9368 section 2.3).
    VersionChanged {
        /// Number of the connection.
        connection: u32,
        /// The version from here on.
        version: Version,
    },
    /// The next bytes of the TLS handshake, in order and without a gap.
    Crypto {
        /// Number of the connection.
        connection: u32,
        /// Who sent them.
        side: Side,
        /// The bytes; messages may span several events.
        bytes: &'a [u8],
    },
    /// A CONNECTION_CLOSE frame in an Initial packet.
    ConnectionClose {
        /// Number of the connection.
        connection: u32,
        /// Who sent it.
        side: Side,
        /// Whose error codes these are.
        layer: CloseLayer,
        /// Why the connection ends.
        error: ErrorCode,
        /// The reason phrase, as sent.
        reason: &'a [u8],
    },
    /// A Retry packet: the client is asked to begin again with another connection id.
    Retry {
        /// Direction of the packet.
        from: Way,
        /// The connection id that the client is to use.
        connection_id: ConnectionId,
    },
    /// A Version Negotiation packet.
    VersionNegotiation {
        /// Direction of the packet.
        from: Way,
        /// The versions that its sender supports.
        versions: Versions<'a>,
    },
    /// The first 0-RTT packet in this direction.
    ZeroRtt {
        /// Direction of the packet.
        from: Way,
    },
    /// The first Handshake packet in this direction: its sender has handshake keys.
    Handshake {
        /// Direction of the packet.
        from: Way,
    },
    /// The first packet with a short header in this direction: its sender has application keys, and
    /// sends nothing more that can be read, save for retransmissions.
    ShortHeader {
        /// Direction of the packet.
        from: Way,
    },
    /// A packet of the newest connection that only secrets open; told if they are
    /// [wanted](crate::Connections::with_protected).
    Protected {
        /// Direction of the packet.
        from: Way,
        /// The packet.
        packet: Protected<'a>,
    },
    /// A packet of a version that is not known here, or is reserved to force negotiation.
    UnknownVersion {
        /// Direction of the packet.
        from: Way,
        /// The version.
        version: Version,
    },
    /// A packet that might have held handshake bytes could not be read.
    Unread {
        /// Direction of the packet.
        from: Way,
        /// Why not.
        cause: Unread,
    },
    /// Something that a conforming endpoint does not send.
    Anomaly {
        /// Direction of the packet.
        from: Way,
        /// Number of the connection, if the packet was opened.
        connection: Option<u32>,
        /// What is wrong.
        anomaly: Anomaly,
    },
}

/// A packet that only secrets of its session open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protected<'a> {
    /// Which of them.
    pub space: Space,
    /// The version, of which the labels of its keys are.
    pub version: Version,
    /// The packet up to its packet number.
    pub clear: &'a [u8],
    /// The packet from its packet number on.
    pub protected: &'a [u8],
}

/// Kinds of packets that only secrets open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Early data.
    ZeroRtt,
    /// The encrypted part of the handshake.
    Handshake,
    /// What follows it.
    OneRtt,
}

/// The versions that a Version Negotiation packet lists, in order.
#[derive(Clone, Copy)]
pub struct Versions<'a>(Reader<'a>);

impl<'a> Versions<'a> {
    pub(crate) const fn new(list: &'a [u8]) -> Self {
        Self(Reader::new(list))
    }
}

impl Iterator for Versions<'_> {
    type Item = Version;

    fn next(&mut self) -> Option<Version> {
        self.0.u32().ok().map(Version)
    }
}

impl fmt::Debug for Versions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// Whose error codes a CONNECTION_CLOSE frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseLayer {
    /// QUIC's own (frame type 0x1c).
    Transport,
    /// The application's (frame type 0x1d), which no Initial packet should carry.
    Application,
}

/// An error code of CONNECTION_CLOSE (RFC 9000 section 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u64);

impl ErrorCode {
    /// The TLS alert that this stands for: 0x100 to 0x1ff are CRYPTO_ERROR (RFC 9001 section 4.8).
    #[must_use]
    pub const fn tls_alert(self) -> Option<u8> {
        match self.0.to_be_bytes() {
            [0, 0, 0, 0, 0, 0, 1, alert] => Some(alert),
            _ => None,
        }
    }

    /// The name that RFC 9000 section 20.1 gives to a transport error code.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "NO_ERROR",
            0x01 => "INTERNAL_ERROR",
            0x02 => "CONNECTION_REFUSED",
            0x03 => "FLOW_CONTROL_ERROR",
            0x04 => "STREAM_LIMIT_ERROR",
            0x05 => "STREAM_STATE_ERROR",
            0x06 => "FINAL_SIZE_ERROR",
            0x07 => "FRAME_ENCODING_ERROR",
            0x08 => "TRANSPORT_PARAMETER_ERROR",
            0x09 => "CONNECTION_ID_LIMIT_ERROR",
            0x0a => "PROTOCOL_VIOLATION",
            0x0b => "INVALID_TOKEN",
            0x0c => "APPLICATION_ERROR",
            0x0d => "CRYPTO_BUFFER_EXCEEDED",
            0x0e => "KEY_UPDATE_ERROR",
            0x0f => "AEAD_LIMIT_REACHED",
            0x10 => "NO_VIABLE_PATH",
            0x11 => "VERSION_NEGOTIATION_ERROR",
            0x100..=0x1ff => "CRYPTO_ERROR",
            _ => return None,
        })
    }
}

/// Why a packet that might have held handshake bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unread {
    /// The datagram ends before its packet does, most likely because the capture cuts packets.
    Truncated,
    /// No connection id that was seen gives keys that open it, and nothing more will be seen.
    NoKeys,
    /// As [`Self::NoKeys`], and there was no room to keep it until the keys might be known.
    NotKept,
}

/// Something in a packet that a conforming endpoint does not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anomaly {
    /// A long header that breaks the rules of its version.
    MalformedHeader,
    /// More coalesced packets than any endpoint sends; the rest of the datagram was not looked at.
    TooManyPackets,
    /// A Retry packet whose integrity tag does not fit the connection id that it answers.
    ForgedRetry,
    /// A server's Initial packet with a token (RFC 9000 section 17.2.2).
    ServerToken,
    /// Reserved bits of an Initial packet that are not zero (RFC 9000 section 17.2).
    ReservedBits,
    /// An Initial packet without any frame (RFC 9000 section 12.4).
    NoFrames,
    /// A frame that does not belong in Initial packets; the rest of the packet was not looked at.
    UnexpectedFrame {
        /// Type of the frame.
        frame_type: u64,
    },
    /// A frame whose fields run past the packet's end.
    TruncatedFrame,
    /// Handshake bytes that came a second time, with other values; the first copy was kept.
    ConflictingCrypto {
        /// Offset of the first byte that differs.
        offset: u64,
    },
    /// Handshake bytes past the most that is taken in; they were dropped.
    CryptoTooLong {
        /// Offset of the first byte dropped.
        offset: u64,
    },
    /// Handshake bytes in more separate pieces than are kept; a piece was dropped.
    CryptoTooScattered {
        /// Offset of the first byte dropped.
        offset: u64,
    },
}

impl Anomaly {
    /// A short name, stable over releases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MalformedHeader => "quic_malformed_header",
            Self::TooManyPackets => "quic_too_many_packets",
            Self::ForgedRetry => "quic_forged_retry",
            Self::ServerToken => "quic_server_token",
            Self::ReservedBits => "quic_reserved_bits",
            Self::NoFrames => "quic_no_frames",
            Self::UnexpectedFrame { .. } => "quic_unexpected_frame",
            Self::TruncatedFrame => "quic_truncated_frame",
            Self::ConflictingCrypto { .. } => "quic_conflicting_crypto",
            Self::CryptoTooLong { .. } => "quic_crypto_too_long",
            Self::CryptoTooScattered { .. } => "quic_crypto_too_scattered",
        }
    }
}
