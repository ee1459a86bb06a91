//! What an agent answers: one packet, big-endian.

use crate::hold::Reached;

/// How far the secrets of a message have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Sequence number of the message.
    pub sequence: u64,
    /// How far.
    pub reached: Reached,
}

/// A packet that is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer of a known version")]
pub struct NotAnAnswer;

/// Length of an answer in bytes.
pub const ANSWER_LEN: usize = 10;

impl Answer {
    /// Writes it: version, how far, sequence number.
    #[must_use]
    pub const fn encode(self) -> [u8; ANSWER_LEN] {
        let [a, b, c, d, e, f, g, h] = self.sequence.to_be_bytes();
        [VERSION, self.reached.code(), a, b, c, d, e, f, g, h]
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// [`NotAnAnswer`].
    pub fn decode(packet: &[u8]) -> Result<Self, NotAnAnswer> {
        let [VERSION, code, sequence @ ..] = packet else { return Err(NotAnAnswer) };
        let sequence = sequence.as_array().copied().ok_or(NotAnAnswer)?;
        let reached = Reached::of_code(*code).ok_or(NotAnAnswer)?;
        Ok(Self { sequence: u64::from_be_bytes(sequence), reached })
    }
}

const VERSION: u8 = 1;
