//! The format of a beacon: magic, version, context, record, and a tag over all of it.

use wire::Reader;

use super::key::{BeaconKey, TAG_LEN};
use crate::malformed::Malformed;
use crate::seal::{ContextRecord, SealedRecord};

/// What a datagram has, as far as anybody can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon<'a> {
    /// What the record was sealed with.
    pub context: ContextRecord<'a>,
    /// A part of a session.
    pub record: SealedRecord<'a>,
    /// What the tag is of.
    authenticated: &'a [u8],
    tag: &'a [u8],
}

impl<'a> Beacon<'a> {
    /// Whether a datagram claims to be one.
    #[must_use]
    pub fn is_claimed(datagram: &[u8]) -> bool {
        datagram.starts_with(MAGIC)
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let len = datagram.len().checked_sub(TAG_LEN).ok_or(Malformed::Value)?;
        let (authenticated, tag) = datagram.split_at_checked(len).ok_or(Malformed::Value)?;
        let mut reader = Reader::new(authenticated);
        if reader.array()? != *MAGIC {
            return Err(Malformed::Magic);
        }
        let version = reader.u8()?;
        if version != VERSION {
            return Err(Malformed::Version(version.into()));
        }
        let context = ContextRecord::parse(&mut reader)?;
        let record = SealedRecord::parse(&mut reader)?;
        let belong = context.context == record.context
            && context.recipient == record.recipient
            && context.part == record.part;
        if reader.is_empty() && belong {
            Ok(Self { context, record, authenticated, tag })
        } else {
            Err(Malformed::Value)
        }
    }

    /// Whether whoever made it has this key.
    #[must_use]
    pub fn is_by(&self, key: &BeaconKey) -> bool {
        key.verifies(self.authenticated, self.tag)
    }

    /// Its tag, which no two beacons have in common.
    pub(super) fn tag(&self) -> [u8; TAG_LEN] {
        self.tag.as_array().copied().unwrap_or_default()
    }
}

/// A datagram of a context and a record, as bytes of these.
pub(super) fn datagram(context: &[u8], record: &[u8], key: &BeaconKey) -> Vec<u8> {
    let mut datagram = [&MAGIC[..], &[VERSION], context, record].concat();
    let tag = key.tag(&datagram);
    datagram.extend_from_slice(&tag);
    datagram
}

const MAGIC: &[u8; 4] = b"TLSB";

const VERSION: u8 = 1;
