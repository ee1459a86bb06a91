//! An answer: what was released, sealed to the key of the one who asked. The file is a segment.

use std::io::Cursor;
use std::path::Path;

use super::broker::Told;
use crate::clock::wall_clock;
use crate::hpke::{HpkeError, PrivateKey, PublicKey};
use crate::keys::FileError;
use crate::malformed::Malformed;
use crate::seal::{ContextRecord, NotOpened, Opener, Sealer, SealerLimits};
use crate::store::{Entry, SEGMENT_HEADER, SegmentReader, SegmentWriter, Tag};
use crate::tier::Part;
use wire::Reader;

/// Writes an answer.
pub struct AnswerWriter {
    segment: SegmentWriter,
    sealers: Vec<Sealer>,
}

/// Why an answer cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] HpkeError),
    /// It was changed, or is cut short.
    #[error("the answer is damaged at byte {0}")]
    Damaged(u64),
    /// It is none.
    #[error("the answer is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// It is for somebody else.
    #[error("the answer cannot be opened: {0}")]
    NotOpened(#[from] NotOpened),
}

impl AnswerWriter {
    /// Begins an answer to the holder of a key, in a file that is not there.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn create(path: &Path, requester: &PublicKey) -> Result<Self, AnswerError> {
        // All of it is for one, and read at once: its contexts need not be short.
        let limits = SealerLimits { records: u64::MAX, ..SealerLimits::default() };
        let sealer = |part| Sealer::new(part, requester.clone(), limits);
        let sealers = Part::ALL.into_iter().map(sealer).collect();
        Ok(Self { segment: SegmentWriter::create(path)?, sealers })
    }

    /// Appends what was told of a session.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn push(&mut self, told: &Told) -> Result<(), AnswerError> {
        let now = wall_clock();
        let mut records = Vec::new();
        for content in &told.contents {
            let sealer = self.sealers.iter().find(|sealer| sealer.part() == content.part);
            let context = sealer.ok_or(HpkeError)?.seal(
                now,
                &content.facts,
                content.origin.as_ref(),
                &content.secrets,
                &mut records,
            )?;
            let parsed = ContextRecord::parse(&mut Reader::new(&context))?;
            self.segment.push_context(parsed.context, &context);
        }
        // Nobody looks for it by a tag.
        self.segment.push_session(Tag([0; 16]), &told.agent, &records);
        if self.segment.buffered() >= MAX_BUFFERED {
            self.segment.sync()?;
        }
        Ok(())
    }

    /// Ends the answer; it is on the disk then.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn finish(mut self) -> Result<(), AnswerError> {
        self.segment.sync()?;
        std::fs::remove_file(crate::store::index_file(self.segment.path())).ok();
        Ok(())
    }
}

/// Whether bytes begin like an answer.
#[must_use]
pub fn is_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(SEGMENT_HEADER)
}

/// Opens an answer with the key of the one who asked, and hands on what is in it.
///
/// # Errors
/// See [`AnswerError`].
pub fn read_answer(
    path: &Path,
    requester: PrivateKey,
    each: &mut dyn FnMut(Told),
) -> Result<(), AnswerError> {
    let mut opener = Opener::default();
    opener.add_key(requester);
    read(SegmentReader::open(path)?, &mut opener, each)
}

/// The same of an answer in memory, with the keys that an opener has.
///
/// # Errors
/// See [`AnswerError`].
pub fn read_answer_bytes(
    answer: Box<[u8]>,
    opener: &mut Opener,
    each: &mut dyn FnMut(Told),
) -> Result<(), AnswerError> {
    let len = answer.len() as u64;
    let reader = SegmentReader::of(Path::new("answer"), len, Box::new(Cursor::new(answer)))?;
    read(reader, opener, each)
}

fn read(
    mut reader: SegmentReader,
    opener: &mut Opener,
    each: &mut dyn FnMut(Told),
) -> Result<(), AnswerError> {
    while let Some(found) = reader.next_entry()? {
        if !found.is_whole {
            return Err(AnswerError::Damaged(found.offset));
        }
        match Entry::parse(found.bytes)? {
            Entry::Context(context) => opener.add_context(&context)?,
            Entry::Session { agent, records, .. } => {
                let contents = records.iter().map(|record| opener.open(record));
                let contents = contents.collect::<Result<_, _>>()?;
                each(Told { agent: agent.to_owned(), contents });
            }
        }
    }
    if reader.left() > 0 || reader.offset() == 0 {
        return Err(AnswerError::Damaged(reader.offset()));
    }
    Ok(())
}

const MAX_BUFFERED: usize = 1 << 20;
