//! Frames: a length, a kind, and what belongs to it.

use secrets::ShortText;
use wire::Reader;

use super::VERSION;
use crate::malformed::Malformed;

/// What one side says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// First on a connection.
    Hello(Peer),
    /// What somebody needs who is to open the records that follow: the bytes of a
    /// [`crate::seal::ContextRecord`]. From an agent, and on to a monitor.
    Context(&'a [u8]),
    /// What an end of a session told. From an agent.
    Deliver {
        /// More than that of the frame before.
        sequence: u64,
        /// The client's random, which the store keeps a keyed hash of.
        client_random: [u8; 32],
        /// Records for the archive, one behind the other.
        archive: &'a [u8],
        /// Records for monitors.
        live: &'a [u8],
    },
    /// Sessions whose secrets did not arrive as they should. From an agent.
    Incident {
        /// What became of them.
        kind: IncidentKind,
        /// How many.
        sessions: u32,
        /// Which one, if it is one.
        client_random: Option<[u8; 32]>,
        /// Why.
        reason: ShortText,
    },
    /// From a monitor: live copies are wanted. Texts of a grant and of the monitor's key.
    Subscribe {
        /// The grant.
        grant: &'a str,
        /// The key.
        key: &'a str,
    },
    /// From a monitor: so many live frames were taken on this connection.
    Taken(u64),
    /// Somebody is there.
    Ping,
    /// From the service: what it knows of keys, as lines of JSON.
    Announcement(&'a [u8]),
    /// From the service: up to these numbers, deliveries are in memory, on the disk, and with the monitors.
    Acknowledge {
        /// In memory.
        received: u64,
        /// On the disk.
        durable: u64,
        /// With all monitors that they were for, but for those that were missed.
        live: u64,
    },
    /// From the service: this delivery did not come to all monitors that it was for.
    Missed(u64),
    /// From the service: the connection ends.
    Refused(Refusal),
    /// From the service to a monitor: a record.
    Live {
        /// Name of the agent.
        agent: &'a str,
        /// The record.
        record: &'a [u8],
    },
}

/// Who somebody is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Tells secrets.
    Agent,
    /// Wants them.
    Monitor,
}

/// What became of sessions whose secrets did not arrive as they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IncidentKind {
    /// They went on.
    FailOpen,
    /// They were ended.
    Abort,
    /// They went on, and their secrets are lost.
    Gap,
}

/// Why the service ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// It speaks another version.
    #[error("another version of the protocol")]
    Version,
    /// What was sent is not of the protocol.
    #[error("malformed")]
    Malformed,
    /// There are too many connections.
    #[error("too many connections")]
    Busy,
    /// Records are sealed to a key that is none of an epoch that is sealed to.
    #[error("sealed to an unknown key")]
    UnknownKey,
    /// A monitor may not have what it asks for.
    #[error("not granted")]
    NotGranted,
    /// The disk fails.
    #[error("the disk of the service fails")]
    Storage,
    /// A record's context was not told before it.
    #[error("context not told")]
    NoContext,
}

impl<'a> Frame<'a> {
    /// Appends the frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend([0, 0, 0, 0, self.kind()]);
        match self {
            Self::Hello(peer) => {
                out.extend_from_slice(MAGIC);
                out.extend(VERSION.to_be_bytes());
                out.push(match peer {
                    Peer::Agent => 1,
                    Peer::Monitor => 2,
                });
            }
            Self::Context(bytes) | Self::Announcement(bytes) => out.extend_from_slice(bytes),
            Self::Deliver { sequence, client_random, archive, live } => {
                out.extend(sequence.to_be_bytes());
                out.extend_from_slice(client_random);
                put_u16(out, archive);
                out.extend_from_slice(live);
            }
            Self::Incident { kind, sessions, client_random, reason } => {
                out.push(match kind {
                    IncidentKind::FailOpen => 1,
                    IncidentKind::Abort => 2,
                    IncidentKind::Gap => 3,
                });
                out.extend(sessions.to_be_bytes());
                out.push(u8::from(client_random.is_some()));
                out.extend_from_slice(client_random.as_ref().map_or(&[][..], |it| it));
                out.extend_from_slice(reason.as_str().as_bytes());
            }
            Self::Subscribe { grant, key } => {
                put_u16(out, grant.as_bytes());
                out.extend_from_slice(key.as_bytes());
            }
            Self::Taken(number) | Self::Missed(number) => out.extend(number.to_be_bytes()),
            Self::Ping => {}
            Self::Acknowledge { received, durable, live } => {
                for number in [received, durable, live] {
                    out.extend(number.to_be_bytes());
                }
            }
            Self::Refused(refusal) => out.push(refusal.number()),
            Self::Live { agent, record } => {
                out.push(u8::try_from(agent.len()).unwrap_or(u8::MAX));
                out.extend_from_slice(agent.as_bytes());
                out.extend_from_slice(record);
            }
        }
        let len = out.len().saturating_sub(begin).saturating_sub(HEAD_LEN);
        let len = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        if let Some(head) = out.get_mut(begin..).and_then(<[u8]>::first_chunk_mut) {
            *head = len;
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
        let (least, most) = body_lens(kind).ok_or(Malformed::Kind(kind))?;
        if body_len < least || body_len > most {
            return Err(Malformed::Len { kind, len });
        }
        let Ok(body) = reader.take(body_len) else { return Ok(None) };
        let mut body = Reader::new(body);
        let frame = Self::body(kind, &mut body)?;
        if !body.is_empty() {
            return Err(Malformed::Value);
        }
        Ok(Some((frame, HEAD_LEN.saturating_add(body_len))))
    }

    fn body(kind: u8, body: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match kind {
            HELLO => Self::Hello(hello(body)?),
            CONTEXT => Self::Context(rest(body)?),
            DELIVER => Self::Deliver {
                sequence: body.u64()?,
                client_random: body.array()?,
                archive: body.prefixed_u16()?,
                live: rest(body)?,
            },
            INCIDENT => Self::Incident {
                kind: match body.u8()? {
                    1 => IncidentKind::FailOpen,
                    2 => IncidentKind::Abort,
                    3 => IncidentKind::Gap,
                    _ => return Err(Malformed::Value),
                },
                sessions: body.u32()?,
                client_random: match body.u8()? {
                    0 => None,
                    1 => Some(body.array()?),
                    _ => return Err(Malformed::Value),
                },
                reason: ShortText::new(text(rest(body)?)?),
            },
            SUBSCRIBE => {
                Self::Subscribe { grant: text(body.prefixed_u16()?)?, key: text(rest(body)?)? }
            }
            TAKEN => Self::Taken(body.u64()?),
            PING => Self::Ping,
            ANNOUNCEMENT => Self::Announcement(rest(body)?),
            ACKNOWLEDGE => {
                Self::Acknowledge { received: body.u64()?, durable: body.u64()?, live: body.u64()? }
            }
            MISSED => Self::Missed(body.u64()?),
            REFUSED => Self::Refused(Refusal::numbered(body.u8()?).ok_or(Malformed::Value)?),
            _ => Self::Live { agent: text(body.prefixed_u8()?)?, record: rest(body)? },
        })
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::Context(_) => CONTEXT,
            Self::Deliver { .. } => DELIVER,
            Self::Incident { .. } => INCIDENT,
            Self::Subscribe { .. } => SUBSCRIBE,
            Self::Taken(_) => TAKEN,
            Self::Ping => PING,
            Self::Announcement(_) => ANNOUNCEMENT,
            Self::Acknowledge { .. } => ACKNOWLEDGE,
            Self::Missed(_) => MISSED,
            Self::Refused(_) => REFUSED,
            Self::Live { .. } => LIVE,
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

impl Refusal {
    const ALL: [Self; 7] = [
        Self::Version,
        Self::Malformed,
        Self::Busy,
        Self::UnknownKey,
        Self::NotGranted,
        Self::Storage,
        Self::NoContext,
    ];

    fn number(self) -> u8 {
        let place = Self::ALL.iter().position(|refusal| *refusal == self);
        place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
    }

    fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Version(_) => Self::Version,
            Malformed::Magic | Malformed::Kind(_) | Malformed::Len { .. } | Malformed::Value => {
                Self::Malformed
            }
        }
    }
}

fn hello(body: &mut Reader<'_>) -> Result<Peer, Malformed> {
    if body.array()? != *MAGIC {
        return Err(Malformed::Magic);
    }
    let version = body.u16()?;
    if version != VERSION {
        return Err(Malformed::Version(version));
    }
    match body.u8()? {
        1 => Ok(Peer::Agent),
        2 => Ok(Peer::Monitor),
        _ => Err(Malformed::Value),
    }
}

fn put_u16(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn rest<'a>(body: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    Ok(body.take(body.remaining())?)
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_error| Malformed::Value)
}

/// The least and the most bytes that a body of this kind has.
const fn body_lens(kind: u8) -> Option<(usize, usize)> {
    Some(match kind {
        // Those of other versions are to be told from what is no hello at all.
        HELLO => (6, 64),
        CONTEXT => (1, 2 << 10),
        DELIVER => (8 + 32 + 2, 8 + 32 + 2 + MAX_ARCHIVE_LEN + MAX_LIVE_LEN),
        INCIDENT => (1 + 4 + 1, 1 + 4 + 1 + 32 + ShortText::MAX_LEN),
        SUBSCRIBE => (2, 32 << 10),
        TAKEN | MISSED => (8, 8),
        PING => (0, 0),
        ANNOUNCEMENT => (0, MAX_ANNOUNCEMENT_LEN),
        ACKNOWLEDGE => (24, 24),
        REFUSED => (1, 1),
        LIVE => (1, 1 + 255 + (4 << 10)),
        _ => return None,
    })
}

const MAGIC: &[u8; 4] = b"TLSE";

const HELLO: u8 = 1;
const CONTEXT: u8 = 2;
const DELIVER: u8 = 3;
const INCIDENT: u8 = 4;
const SUBSCRIBE: u8 = 5;
const TAKEN: u8 = 6;
const PING: u8 = 7;
const ANNOUNCEMENT: u8 = 16;
const ACKNOWLEDGE: u8 = 17;
const MISSED: u8 = 18;
const REFUSED: u8 = 19;
const LIVE: u8 = 20;

/// Length and kind.
const HEAD_LEN: usize = 5;

/// Sixteen records of the longest take less.
const MAX_ARCHIVE_LEN: usize = 40 << 10;

/// The same for each of the monitors.
const MAX_LIVE_LEN: usize = 512 << 10;

/// Two epochs with five keys of X-Wing, and some dozens of monitors.
pub(super) const MAX_ANNOUNCEMENT_LEN: usize = 512 << 10;
