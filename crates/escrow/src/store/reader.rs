//! Reads segments: all of one, or the entries with some tags.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::entry::{CHAIN_LEN, ChainValue, LEN_LEN, MAX_ENTRY_LEN};
use super::index::{self, Tag};
use super::segment::{HEADER, index_file};
use crate::keys::FileError;

/// Reads the entries of a segment, one after the other.
pub struct SegmentReader {
    path: PathBuf,
    file: BufReader<Box<dyn Read>>,
    /// Length of the file when it was opened.
    len: u64,
    offset: u64,
    chain: ChainValue,
    /// The last entry, its length in front.
    entry: Vec<u8>,
    is_over: bool,
}

/// An entry as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Where it begins.
    pub offset: u64,
    /// What [`super::Entry::parse`] reads.
    pub bytes: &'a [u8],
    /// Whether it, and what is before it, is as it was written.
    pub is_whole: bool,
}

/// Something in a segment that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The file does not begin like a segment.
    Header,
    /// The entry at this offset, or what is in front of it, was changed.
    Entry(u64),
    /// From this offset on there is no whole entry: so many bytes.
    Tail {
        /// Where.
        offset: u64,
        /// How many.
        bytes: u64,
    },
    /// An entry of the index was changed, or is missing.
    Index,
}

impl SegmentReader {
    /// Opens a segment.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |cause| FileError::Io { path: path.to_owned(), cause };
        let file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        Self::of(path, len, Box::new(file))
    }

    /// Reads a segment of so many bytes from elsewhere; in errors it has this name.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(path: &Path, len: u64, source: Box<dyn Read>) -> Result<Self, FileError> {
        let failed = |cause| FileError::Io { path: path.to_owned(), cause };
        let mut file = BufReader::with_capacity(BUFFER_LEN, source);
        let mut header = [0; HEADER.len()];
        let is_segment = match file.read_exact(&mut header) {
            Ok(()) => header == *HEADER,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(failed(error)),
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            len,
            offset: if is_segment { HEADER.len() as u64 } else { 0 },
            chain: ChainValue::start(HEADER),
            entry: Vec::new(),
            is_over: !is_segment,
        })
    }

    /// The next entry; `None` at the end, or where there is no whole entry.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_entry(&mut self) -> Result<Option<Found<'_>>, FileError> {
        if self.is_over {
            return Ok(None);
        }
        let failed = |cause| FileError::Io { path: self.path.clone(), cause };
        let stored = read_entry(&mut self.file, &mut self.entry).map_err(failed)?;
        let Some(stored) = stored else {
            self.is_over = true;
            return Ok(None);
        };
        let is_whole = self.chain.next(&self.entry) == stored;
        // One that was changed is to be told apart from those behind it.
        self.chain = stored;
        let offset = self.offset;
        self.offset = offset.saturating_add((self.entry.len() + CHAIN_LEN) as u64);
        let bytes = self.entry.get(LEN_LEN..).unwrap_or_default();
        Ok(Some(Found { offset, bytes, is_whole }))
    }

    /// Bytes behind the last entry that was read.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.len.saturating_sub(self.offset)
    }

    /// Where the next entry begins.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The chain up to there.
    #[must_use]
    pub const fn chain(&self) -> ChainValue {
        self.chain
    }
}

/// Hands on the entries of a segment that have one of `tags`; gives what is damaged. An index that is not
/// there, or not whole, is not believed: then all of the segment is read.
///
/// # Errors
/// A file cannot be read.
pub fn find(
    path: &Path,
    tags: &HashSet<Tag>,
    each: &mut dyn FnMut(Found<'_>),
) -> Result<Vec<Damage>, FileError> {
    let failed = |cause| FileError::Io { path: path.to_owned(), cause };
    let index = fs::read(index_file(path)).unwrap_or_default();
    let mut offsets = Vec::new();
    let mut last = None;
    let mut is_whole = true;
    for located in index::entries(&index) {
        match located {
            Some((tag, offset)) => {
                is_whole &= last < Some(offset);
                last = Some(offset);
                offsets.extend(tags.contains(&tag).then_some(offset));
            }
            None => is_whole = false,
        }
    }
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut entry = Vec::new();
    // Entries that the index lacks are at the end of the segment.
    let len = file.get_ref().metadata().map_err(failed)?.len();
    let is_complete = is_whole && {
        file.seek(SeekFrom::Start(last.unwrap_or(HEADER.len() as u64))).map_err(failed)?;
        let end = match last {
            Some(last) => read_entry(&mut file, &mut entry)
                .map_err(failed)?
                .map(|_| last.saturating_add((entry.len() + CHAIN_LEN) as u64)),
            None => Some(HEADER.len() as u64),
        };
        end == Some(len)
    };
    if !is_complete {
        return find_all(path, tags, each, is_whole);
    }
    let mut damage = Vec::new();
    for offset in offsets {
        // The chain value in front is the end of the entry before, or follows from the header.
        let previous = if offset == HEADER.len() as u64 {
            ChainValue::start(HEADER)
        } else {
            let mut value = [0; CHAIN_LEN];
            let from = offset.saturating_sub(CHAIN_LEN as u64);
            file.seek(SeekFrom::Start(from)).map_err(failed)?;
            file.read_exact(&mut value).map_err(failed)?;
            ChainValue(value)
        };
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let stored = read_entry(&mut file, &mut entry).map_err(failed)?;
        let is_whole = stored.is_some_and(|stored| previous.next(&entry) == stored);
        if !is_whole {
            damage.push(Damage::Entry(offset));
        }
        if stored.is_some() {
            each(Found { offset, bytes: entry.get(LEN_LEN..).unwrap_or_default(), is_whole });
        }
    }
    Ok(damage)
}

fn find_all(
    path: &Path,
    tags: &HashSet<Tag>,
    each: &mut dyn FnMut(Found<'_>),
    is_index_whole: bool,
) -> Result<Vec<Damage>, FileError> {
    let mut damage = Vec::new();
    if !is_index_whole {
        damage.push(Damage::Index);
    }
    let mut reader = SegmentReader::open(path)?;
    while let Some(found) = reader.next_entry()? {
        if !found.is_whole {
            damage.push(Damage::Entry(found.offset));
        }
        let tag = super::Entry::parse(found.bytes).map(|entry| entry.tag());
        if tag.is_ok_and(|tag| tags.contains(&tag)) {
            each(found);
        }
    }
    Ok(damage)
}

/// Reads an entry with its length, and gives the chain value behind it; `None` if there is none that is
/// whole.
fn read_entry(file: &mut impl Read, entry: &mut Vec<u8>) -> io::Result<Option<ChainValue>> {
    let mut len = [0; LEN_LEN];
    if !is_read(file, &mut len)? {
        return Ok(None);
    }
    let body_len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
    if body_len == 0 || body_len > MAX_ENTRY_LEN {
        return Ok(None);
    }
    entry.clear();
    entry.extend_from_slice(&len);
    entry.resize(LEN_LEN.saturating_add(body_len), 0);
    let mut chain = [0; CHAIN_LEN];
    let is_whole =
        is_read(file, entry.get_mut(LEN_LEN..).unwrap_or_default())? && is_read(file, &mut chain)?;
    Ok(is_whole.then_some(ChainValue(chain)))
}

/// Whether there were as many bytes.
fn is_read(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

const BUFFER_LEN: usize = 1 << 20;
