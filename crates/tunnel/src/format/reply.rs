//! What a sensor says: that it has something, or why it does not want it.

use super::Malformed;

/// A sensor's answer to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It has this batch of the session and all before it.
    Acknowledged {
        /// Number of the batch; 0 is none.
        sequence: u64,
        /// Whether it does not know the session's earlier batches, and so none of its connections.
        is_new: bool,
    },
    /// It closes the connection.
    Refused(Refusal),
}

/// Why a sensor refuses what an agent sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Refusal {
    /// The bytes are none of this format, too many, or out of order.
    Malformed = 1,
    /// The agent speaks another version of the format.
    Version = 2,
    /// The sensor has the batch already.
    Replay = 3,
    /// A batch before it is missing.
    SequenceGap = 4,
    /// Records of a connection contradict those before them.
    Contradiction = 5,
    /// The agent has come again on another connection.
    Replaced = 6,
    /// The agent has as many sessions as it may have.
    TooManySessions = 7,
}

impl Reply {
    /// Length in bytes.
    pub const LEN: usize = 12;

    /// The bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let (kind, code, sequence) = match self {
            Self::Acknowledged { sequence, is_new } => (ACKNOWLEDGED, is_new as u8, sequence),
            Self::Refused(refusal) => (REFUSED, refusal as u8, 0),
        };
        let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
        [kind, code, 0, 0, a, b, c, d, e, f, g, h]
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// [`Malformed::ReplyKind`] if it is none.
    pub fn parse(bytes: [u8; Self::LEN]) -> Result<Self, Malformed> {
        let [kind, code, zero, zero_too, sequence @ ..] = bytes;
        let sequence = u64::from_be_bytes(sequence);
        match (kind, code, zero | zero_too) {
            (ACKNOWLEDGED, 0 | 1, 0) => Ok(Self::Acknowledged { sequence, is_new: code == 1 }),
            (REFUSED, code, 0) if sequence == 0 => Refusal::ALL
                .into_iter()
                .find(|refusal| *refusal as u8 == code)
                .map(Self::Refused)
                .ok_or(Malformed::ReplyKind(kind)),
            _ => Err(Malformed::ReplyKind(kind)),
        }
    }
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::Version,
        Self::Replay,
        Self::SequenceGap,
        Self::Contradiction,
        Self::Replaced,
        Self::TooManySessions,
    ];

    /// Name in metrics and audit lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::Replay => "replay",
            Self::SequenceGap => "sequence_gap",
            Self::Contradiction => "contradiction",
            Self::Replaced => "replaced",
            Self::TooManySessions => "too_many_sessions",
        }
    }
}

const ACKNOWLEDGED: u8 = 1;
const REFUSED: u8 = 2;
