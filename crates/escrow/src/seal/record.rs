//! A sealed record as bytes. What is in front of the sealed bytes is authenticated with them.

use secrets::SessionStage;
use wire::Reader;

use super::content::{stage_number, stage_of};
use crate::malformed::Malformed;
use crate::tier::Part;

/// One part of what an end of a session told, sealed to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedRecord<'a> {
    /// Which part it is.
    pub part: Part,
    /// When it was told.
    pub stage: SessionStage,
    /// The key that it is sealed to ([`crate::hpke::PublicKey::id`]).
    pub recipient: [u8; 16],
    /// The context that it was sealed with.
    pub context: [u8; 16],
    /// Its number in this context.
    pub sequence: u64,
    /// When it was sealed, in milliseconds since 1970.
    pub time_ms: u64,
    /// The content and its tag.
    pub sealed: &'a [u8],
}

impl<'a> SealedRecord<'a> {
    /// Appends all but the length and the sealed bytes: what is authenticated with them.
    pub(super) fn put_header(&self, out: &mut Vec<u8>) {
        out.extend([VERSION, self.part.number(), stage_number(self.stage), 0]);
        out.extend_from_slice(&self.recipient);
        out.extend_from_slice(&self.context);
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.time_ms.to_be_bytes());
    }

    /// Appends the record.
    pub fn put(&self, out: &mut Vec<u8>) {
        self.put_header(out);
        out.extend(u16::try_from(self.sealed.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(self.sealed);
    }

    /// Reads the next record.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let version = reader.u8()?;
        if version != VERSION {
            return Err(Malformed::Version(version.into()));
        }
        let part = Part::numbered(reader.u8()?).ok_or(Malformed::Value)?;
        let stage = stage_of(reader.u8()?)?;
        if reader.u8()? != 0 {
            return Err(Malformed::Value);
        }
        let record = Self {
            part,
            stage,
            recipient: reader.array()?,
            context: reader.array()?,
            sequence: reader.u64()?,
            time_ms: reader.u64()?,
            sealed: reader.prefixed_u16()?,
        };
        let is_right = (TAG_LEN..=MAX_SEALED_LEN).contains(&record.sealed.len());
        if is_right { Ok(record) } else { Err(Malformed::Value) }
    }
}

/// Length of what is in front of the length of the sealed bytes.
pub(super) const HEADER_LEN: usize = 4 + 16 + 16 + 8 + 8;

const VERSION: u8 = 1;

/// Length of the tag of AES-256-GCM.
const TAG_LEN: usize = 16;

/// Most that is sealed: sixteen secrets of a part that may have the longest, or an origin with three
/// names.
pub(super) const MAX_SEALED_LEN: usize = 2048;
