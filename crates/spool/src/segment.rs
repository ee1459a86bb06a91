//! One file of a spool: a head with its id, then entries with ascending numbers.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::entry::{Entry, Head};
use crate::id::{EntryId, SegmentId};

#[derive(Debug)]
pub(crate) struct Segment {
    path: PathBuf,
    file: File,
    id: SegmentId,
    /// The number that its name says: entries are at or behind it.
    pub(crate) first: u64,
    /// Entries that nobody has acknowledged, in order.
    pub(crate) entries: VecDeque<Place>,
    /// Its length on the disk.
    pub(crate) bytes: u64,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) head: Head,
    offset: u64,
}

impl Segment {
    /// Makes a file for entries from `first` on.
    pub(crate) fn create(folder: &Path, first: u64) -> io::Result<Self> {
        let id = SegmentId::random()?;
        let path = folder.join(format!("{first:020}.{EXTENSION}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        let entries = VecDeque::new();
        let segment = Self { path, file, id, first, entries, bytes: HEAD_LEN };
        match segment.file.write_all_at(&head(id), 0) {
            Ok(()) => Ok(segment),
            Err(error) => {
                segment.remove().ok();
                Err(error)
            }
        }
    }

    /// Opens a file that is there; none if it is not one of a spool, an error if it is one of another version. Says how many of its entries are damaged
    /// as far as their numbers tell.
    pub(crate) fn open(path: PathBuf) -> io::Result<Option<(Self, u64)>> {
        let Some(first) = number_of(&path) else { return Ok(None) };
        let bytes = fs::read(&path)?;
        let Some((magic, rest)) = bytes.split_first_chunk::<16>() else { return Ok(None) };
        if *magic != MAGIC && magic.starts_with(MAGIC_OF_ALL) {
            let told = format!("{} has a form that this version does not know", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, told));
        }
        let Some((id, _)) = rest.split_first_chunk::<16>().filter(|_| *magic == MAGIC) else {
            return Ok(None);
        };
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let (entries, damaged) = scan(&bytes, first);
        let len = bytes.len() as u64;
        Ok(Some((Self { path, file, id: SegmentId(*id), first, entries, bytes: len }, damaged)))
    }

    /// Writes an entry behind the others.
    pub(crate) fn push(&mut self, head: Head, bytes: &[u8]) -> io::Result<()> {
        let offset = self.bytes;
        let whole = [head.encode().as_slice(), bytes].concat();
        if let Err(error) = self.file.write_all_at(&whole, offset) {
            // What was written of it is not counted as a part of the file, and written over by the next one.
            self.file.set_len(offset).ok();
            return Err(error);
        }
        self.bytes = offset.saturating_add(whole.len() as u64);
        self.entries.push_back(Place { head, offset });
        Ok(())
    }

    /// Reads an entry; none if its bytes are not what was written.
    pub(crate) fn read(&self, place: Place) -> io::Result<Option<Entry>> {
        let Head { number, at, weight, len, .. } = place.head;
        let mut bytes = vec![0; len as usize];
        let from = place.offset.saturating_add(Head::LEN as u64);
        match self.file.read_exact_at(&mut bytes, from) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let id = EntryId { segment: self.id, number };
        Ok(place.head.fits(&bytes).then_some(Entry { id, at, weight, bytes }))
    }

    /// Where the first entry at or behind `number` is.
    pub(crate) fn find(&self, number: u64) -> Option<Place> {
        let at = self.entries.partition_point(|place| place.head.number < number);
        self.entries.get(at).copied()
    }

    /// Writes what the system has of it to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Removes the file.
    pub(crate) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// The number in the name of a file of a spool.
pub(crate) fn number_of(path: &Path) -> Option<u64> {
    if path.extension()? != EXTENSION {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok()
}

/// The entries in the bytes of a file, and how many are missing among them. Where the bytes make no sense the
/// next head that does is looked for.
fn scan(bytes: &[u8], first: u64) -> (VecDeque<Place>, u64) {
    let mut entries = VecDeque::new();
    let (mut offset, mut next, mut damaged, mut is_torn) = (HEAD_BYTES, first, 0_u64, false);
    while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
        let head = Head::decode(rest).filter(|head| {
            let body = rest.get(Head::LEN..).and_then(|body| body.get(..head.len as usize));
            head.number >= next && body.is_some_and(|body| head.fits(body))
        });
        let Some(head) = head else {
            is_torn = true;
            let behind = rest.get(1..).unwrap_or_default();
            let found = behind.windows(Head::MAGIC.len()).position(|four| four == Head::MAGIC);
            let Some(at) = found else { break };
            offset = offset.saturating_add(at).saturating_add(1);
            continue;
        };
        damaged = damaged.saturating_add(head.number.saturating_sub(next));
        next = head.number.saturating_add(1);
        is_torn = false;
        entries.push_back(Place { head, offset: offset as u64 });
        offset = offset.saturating_add(Head::LEN).saturating_add(head.len as usize);
    }
    // What is damaged at the end has no number behind it: one at least.
    (entries, damaged.saturating_add(u64::from(is_torn)))
}

fn head(id: SegmentId) -> Vec<u8> {
    [MAGIC, id.0].concat()
}

const MAGIC: [u8; 16] = *b"tlsight spool 1\n";

/// What files of all versions begin with.
const MAGIC_OF_ALL: &[u8] = b"tlsight spool ";

const HEAD_BYTES: usize = 32;

const HEAD_LEN: u64 = HEAD_BYTES as u64;

const EXTENSION: &str = "spool";
