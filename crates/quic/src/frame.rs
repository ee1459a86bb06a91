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
const CLOSE_TRANSPORT: u64 = 0x1c;
const CLOSE_APPLICATION: u64 = 0x1d;
