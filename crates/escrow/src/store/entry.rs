//! Entries of segments, and the chain between them.

use aws_lc_rs::digest::{self, SHA256};
use wire::Reader;

use super::index::Tag;
use crate::malformed::Malformed;
use crate::seal::{ContextRecord, SealedRecord};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// What the records behind it need to be opened.
    Context(ContextRecord<'a>),
    /// What an end of a session told at one stage.
    Session {
        /// By which it is found.
        tag: Tag,
        /// Who told it.
        agent: &'a str,
        /// Its parts.
        records: Vec<SealedRecord<'a>>,
    },
}

/// A digest of an entry and of all that are before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainValue(pub [u8; 32]);

impl<'a> Entry<'a> {
    /// Reads what is between the length of an entry and its chain value.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let entry = match reader.u8()? {
            CONTEXT => Self::Context(ContextRecord::parse(&mut reader)?),
            SESSION => {
                let tag = Tag(reader.array()?);
                let agent = std::str::from_utf8(reader.prefixed_u8()?);
                let agent = agent.map_err(|_error| Malformed::Value)?;
                Self::Session { tag, agent, records: records(reader.rest())? }
            }
            kind => return Err(Malformed::Kind(kind)),
        };
        // The records were all the rest.
        let is_whole = matches!(entry, Self::Session { .. }) || reader.is_empty();
        if is_whole { Ok(entry) } else { Err(Malformed::Value) }
    }

    /// By what it is found.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        match self {
            Self::Context(context) => Tag(context.context),
            Self::Session { tag, .. } => *tag,
        }
    }
}

/// Reads records until there are no more bytes.
///
/// # Errors
/// See [`Malformed`].
pub(crate) fn records(bytes: &[u8]) -> Result<Vec<SealedRecord<'_>>, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut records = Vec::new();
    while !reader.is_empty() {
        if records.len() >= MAX_RECORDS {
            return Err(Malformed::Value);
        }
        records.push(SealedRecord::parse(&mut reader)?);
    }
    Ok(records)
}

/// Appends an entry with a context, without its chain value.
pub(crate) fn put_context(context: &[u8], out: &mut Vec<u8>) {
    put(&[&[CONTEXT], context], out);
}

/// Appends an entry with a session, without its chain value.
pub(crate) fn put_session(tag: Tag, agent: &str, records: &[u8], out: &mut Vec<u8>) {
    let len = [u8::try_from(agent.len()).unwrap_or(u8::MAX)];
    put(&[&[SESSION], &tag.0, &len, agent.as_bytes(), records], out);
}

fn put(parts: &[&[u8]], out: &mut Vec<u8>) {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend(u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

impl ChainValue {
    /// The chain of a segment that begins with these bytes.
    pub(super) fn start(header: &[u8]) -> Self {
        Self::of([b"tlsight escrow segment", header])
    }

    /// Goes on with an entry, its length in front.
    pub(super) fn next(self, entry: &[u8]) -> Self {
        Self::of([&self.0, entry])
    }

    fn of(parts: [&[u8]; 2]) -> Self {
        let mut context = digest::Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Self(context.finish().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// The value as text.
    #[must_use]
    pub fn text(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

const CONTEXT: u8 = 1;
const SESSION: u8 = 2;

/// One of each part, and as many again for those that were held back.
const MAX_RECORDS: usize = 16;

/// Longest entry in bytes: sixteen records of the longest.
pub(super) const MAX_ENTRY_LEN: usize = 64 << 10;

/// Length of the length of an entry.
pub(super) const LEN_LEN: usize = 4;
pub(super) const CHAIN_LEN: usize = 32;
