//! Frames of an agent.

use std::fmt;

use wire::Reader;
use zstd::zstd_safe::compress_bound;

use super::{MAX_BATCH_LEN, Malformed, VERSION};

/// One life of an agent. It is random, so that a sensor tells an agent that came back from one that was
/// started anew.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub [u8; 16]);

/// How an agent begins on each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Its session.
    pub session: SessionId,
    /// Number of the last batch that it knows to be acknowledged; 0 is none.
    pub acknowledged: u64,
}

/// What an agent says of itself, from its start on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bytes of clear text that were handed in.
    pub seen_bytes: u64,
    /// Those of them that were dropped.
    pub dropped_bytes: u64,
    /// Connections of which nothing is told, because there was no room for them.
    pub untold_connections: u64,
}

/// What an agent sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// First on a connection.
    Hello(Hello),
    /// Records.
    Batch {
        /// One more than that of the batch before.
        sequence: u64,
        /// Length before compression in bytes.
        len: u32,
        /// The records, compressed.
        packed: &'a [u8],
    },
    /// Connections that are still open and were told to a sensor which has forgotten them: only records
    /// of openings. It has no number, and the sensor takes it only before the first batch.
    Known {
        /// Length before compression in bytes.
        len: u32,
        /// The records, compressed.
        packed: &'a [u8],
    },
    /// The agent is there.
    Heartbeat(Report),
    /// The session is over.
    Goodbye(Report),
}

impl<'a> Frame<'a> {
    /// Appends the frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[0; HEAD_LEN]);
        match self {
            Self::Hello(hello) => {
                out.extend_from_slice(MAGIC);
                out.extend_from_slice(&VERSION.to_be_bytes());
                out.extend_from_slice(&hello.session.0);
                out.extend_from_slice(&hello.acknowledged.to_be_bytes());
            }
            Self::Batch { sequence, len, packed } => {
                out.extend_from_slice(&sequence.to_be_bytes());
                out.extend_from_slice(&len.to_be_bytes());
                out.extend_from_slice(packed);
            }
            Self::Known { len, packed } => {
                out.extend_from_slice(&len.to_be_bytes());
                out.extend_from_slice(packed);
            }
            Self::Heartbeat(report) | Self::Goodbye(report) => {
                for value in [report.seen_bytes, report.dropped_bytes, report.untold_connections] {
                    out.extend_from_slice(&value.to_be_bytes());
                }
            }
        }
        let len = out.len().saturating_sub(begin).saturating_sub(HEAD_LEN);
        let [a, b, c, d] = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        if let Some(head) = out.get_mut(begin..).and_then(<[u8]>::first_chunk_mut::<HEAD_LEN>) {
            *head = [a, b, c, d, self.kind()];
        }
    }

    /// Reads the first frame of `bytes` and its length, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`Malformed`], as soon as the first five bytes are there if it is their fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let mut reader = Reader::new(bytes);
        let (Ok(len), Ok(kind)) = (reader.u32(), reader.u8()) else { return Ok(None) };
        let body_len = usize::try_from(len).unwrap_or(usize::MAX);
        let (least, most) = body_lens(kind).ok_or(Malformed::FrameKind(kind))?;
        if body_len < least || body_len > most {
            return Err(Malformed::FrameLen { kind, len });
        }
        let Ok(body) = reader.take(body_len) else { return Ok(None) };
        let mut body = Reader::new(body);
        let frame = match kind {
            HELLO => hello(&mut body)?,
            BATCH => Self::Batch { sequence: body.u64()?, len: body.u32()?, packed: body.rest() },
            KNOWN => Self::Known { len: body.u32()?, packed: body.rest() },
            HEARTBEAT => Self::Heartbeat(report(&mut body)?),
            _ => Self::Goodbye(report(&mut body)?),
        };
        Ok(Some((frame, HEAD_LEN.saturating_add(body_len))))
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::Batch { .. } => BATCH,
            Self::Known { .. } => KNOWN,
            Self::Heartbeat(_) => HEARTBEAT,
            Self::Goodbye(_) => GOODBYE,
        }
    }
}

/// Puts frames together from bytes as they come. It holds at most one frame and the bytes that were
/// pushed last.
#[derive(Debug, Default)]
pub struct FrameReader {
    bytes: Vec<u8>,
    read: usize,
}

impl FrameReader {
    /// Takes bytes in. Whoever pushes asks for frames until there is none before it pushes more.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.read.min(self.bytes.len()));
        self.read = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`Malformed`]; then there is no next frame.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Malformed> {
        let Some((frame, len)) = Frame::parse(self.bytes.get(self.read..).unwrap_or_default())?
        else {
            return Ok(None);
        };
        self.read = self.read.saturating_add(len);
        Ok(Some(frame))
    }
}

fn hello<'a>(body: &mut Reader<'_>) -> Result<Frame<'a>, Malformed> {
    if body.array()? != *MAGIC {
        return Err(Malformed::Magic);
    }
    let version = body.u16()?;
    if version != VERSION {
        return Err(Malformed::Version(version));
    }
    let hello = Hello { session: SessionId(body.array()?), acknowledged: body.u64()? };
    if body.is_empty() { Ok(Frame::Hello(hello)) } else { Err(Malformed::Magic) }
}

fn report(body: &mut Reader<'_>) -> Result<Report, Malformed> {
    Ok(Report {
        seen_bytes: body.u64()?,
        dropped_bytes: body.u64()?,
        untold_connections: body.u64()?,
    })
}

/// The least and the most bytes that a body of this kind has.
fn body_lens(kind: u8) -> Option<(usize, usize)> {
    let packed = compress_bound(MAX_BATCH_LEN);
    match kind {
        // Those of other versions are to be told from what is no hello at all.
        HELLO => Some((6, MAX_HELLO_LEN)),
        BATCH => Some((12, packed.saturating_add(12))),
        KNOWN => Some((4, packed.saturating_add(4))),
        HEARTBEAT | GOODBYE => Some((REPORT_LEN, REPORT_LEN)),
        _ => None,
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

const MAGIC: &[u8; 4] = b"TLSM";

const HELLO: u8 = 1;
const BATCH: u8 = 2;
const KNOWN: u8 = 3;
const HEARTBEAT: u8 = 4;
const GOODBYE: u8 = 5;

/// Length and kind.
const HEAD_LEN: usize = 5;

const MAX_HELLO_LEN: usize = 256;

const REPORT_LEN: usize = 24;
