//! Frames of Initial packets (RFC 9000 section 19).

use wire::{Reader, Truncated};

use crate::event::{Anomaly, CloseLayer, ErrorCode};
use crate::varint::{prefixed, varint};
use crate::version::Version;

/// A frame that tells something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// PADDING, PING or ACK.
    Idle,
    /// CRYPTO.
    Crypto { offset: u64, bytes: &'a [u8] },
    /// CONNECTION_CLOSE.
    Close { layer: CloseLayer, error: ErrorCode, reason: &'a [u8] },
}

/// Reads the next frame; a run of PADDING is one frame.
pub(crate) fn frame<'a>(reader: &mut Reader<'a>, version: Version) -> Result<Frame<'a>, Anomaly> {
    let truncated = |Truncated { .. }| Anomaly::TruncatedFrame;
    let frame_type = varint(reader).map_err(truncated)?;
    match frame_type {
        PADDING => {
            let len = reader.rest().iter().take_while(|byte| **byte == 0).count();
            reader.take(len).map_err(truncated)?;
            Ok(Frame::Idle)
        }
        PING => Ok(Frame::Idle),
        ACK | ACK_ECN => skip_ack(reader, frame_type).map_err(truncated),
        CRYPTO => crypto(reader).map_err(truncated),
        CLOSE_TRANSPORT => close(reader, CloseLayer::Transport, version).map_err(truncated),
        CLOSE_APPLICATION => close(reader, CloseLayer::Application, version).map_err(truncated),
        _ => Err(Anomaly::UnexpectedFrame { frame_type }),
    }
}

/// A frame of a packet that secrets opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectedFrame<'a> {
    /// One that tells nothing here.
    Other,
    /// CRYPTO.
    Crypto {
        /// Place in the stream of handshake bytes.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// STREAM.
    Stream {
        /// Id of the stream.
        id: u64,
        /// Place in the stream.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
        /// Whether the stream ends behind them.
        is_last: bool,
    },
    /// CONNECTION_CLOSE.
    Close {
        /// Whose error codes these are.
        layer: CloseLayer,
        /// Why the connection ends.
        error: ErrorCode,
    },
}

/// Reads the next frame of a packet that secrets opened; a run of PADDING is one frame.
///
/// # Errors
/// [`Anomaly`] says what is wrong with it; the rest of the packet cannot be read then.
pub fn protected_frame<'a>(
    reader: &mut Reader<'a>,
    version: Version,
) -> Result<ProtectedFrame<'a>, Anomaly> {
    let truncated = |Truncated { .. }| Anomaly::TruncatedFrame;
    let mut ahead = *reader;
    let frame_type = varint(&mut ahead).map_err(truncated)?;
    let found = match frame_type {
        STREAM..=STREAM_LAST => stream(&mut ahead, frame_type).map_err(truncated)?,
        DATAGRAM => {
            ahead.take(ahead.remaining()).map_err(truncated)?;
            ProtectedFrame::Other
        }
        _ => match fields(frame_type) {
            Some(fields) => {
                skip(&mut ahead, fields).map_err(truncated)?;
                ProtectedFrame::Other
            }
            None => {
                return Ok(match frame(reader, version)? {
                    Frame::Idle => ProtectedFrame::Other,
                    Frame::Crypto { offset, bytes } => ProtectedFrame::Crypto { offset, bytes },
                    Frame::Close { layer, error, .. } => ProtectedFrame::Close { layer, error },
                });
            }
        },
    };
    *reader = ahead;
    Ok(found)
}

/// What a frame is made of that only has to be passed over.
#[derive(Clone, Copy)]
enum Field {
    Varint,
    /// Bytes with their length in front, a variable-length integer.
    Bytes,
    /// A connection id with its length in front, a byte, and a token behind it.
    IdAndToken,
    /// Eight bytes.
    Challenge,
}

/// The fields of frames that only packets which secrets open may have.
const fn fields(frame_type: u64) -> Option<&'static [Field]> {
    use Field::{Bytes, Challenge, IdAndToken, Varint};
    Some(match frame_type {
        0x04 => &[Varint, Varint, Varint],
        0x05 | 0x11 | 0x15 => &[Varint, Varint],
        0x07 | 0x31 => &[Bytes],
        0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => &[Varint],
        0x18 => &[Varint, Varint, IdAndToken],
        0x1a | 0x1b => &[Challenge],
        0x1e => &[],
        _ => return None,
    })
}

fn skip(reader: &mut Reader<'_>, fields: &[Field]) -> Result<(), Truncated> {
    for field in fields {
        match field {
            Field::Varint => drop(varint(reader)?),
            Field::Bytes => drop(prefixed(reader)?),
            Field::IdAndToken => {
                reader.prefixed_u8()?;
                reader.take(RESET_TOKEN_LEN)?;
            }
            Field::Challenge => drop(reader.u64()?),
        }
    }
    Ok(())
}

fn stream<'a>(reader: &mut Reader<'a>, kind: u64) -> Result<ProtectedFrame<'a>, Truncated> {
    let id = varint(reader)?;
    let offset = if kind & 0x04 == 0 { 0 } else { varint(reader)? };
    let bytes = if kind & 0x02 == 0 { reader.take(reader.remaining())? } else { prefixed(reader)? };
    Ok(ProtectedFrame::Stream { id, offset, bytes, is_last: kind & 0x01 != 0 })
}

fn skip_ack<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Frame<'a>, Truncated> {
    let _largest = varint(reader)?;
    let _delay = varint(reader)?;
    let ranges = varint(reader)?;
    let _first_range = varint(reader)?;
    // Each range takes two bytes or more, so the packet's end bounds the loop.
    for _ in 0..ranges {
        let _gap = varint(reader)?;
        let _len = varint(reader)?;
    }
    if frame_type == ACK_ECN {
        for _ in 0..3 {
            let _count = varint(reader)?;
        }
    }
    Ok(Frame::Idle)
}

fn crypto<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, Truncated> {
    let offset = varint(reader)?;
    let bytes = prefixed(reader)?;
    Ok(Frame::Crypto { offset, bytes })
}

fn close<'a>(
    reader: &mut Reader<'a>,
    layer: CloseLayer,
    version: Version,
) -> Result<Frame<'a>, Truncated> {
    let short = version.has_short_error_codes();
    let error = ErrorCode(if short { reader.u16()?.into() } else { varint(reader)? });
    if layer == CloseLayer::Transport {
        let _frame_type = varint(reader)?;
    }
    let reason = prefixed(reader)?;
    Ok(Frame::Close { layer, error, reason })
}

const PADDING: u64 = 0x00;
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_ECN: u64 = 0x03;
const CRYPTO: u64 = 0x06;
/// Its low bits say which fields there are.
const STREAM: u64 = 0x08;
const STREAM_LAST: u64 = 0x0f;
const CLOSE_TRANSPORT: u64 = 0x1c;
const CLOSE_APPLICATION: u64 = 0x1d;
/// Without a length: it reaches to the end of the packet (RFC 9221 section 4).
const DATAGRAM: u64 = 0x30;

/// Length of a stateless reset token in bytes (RFC 9000 section 10.3).
const RESET_TOKEN_LEN: usize = 16;
