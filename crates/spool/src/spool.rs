//! The queue itself.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use crate::acknowledged::Acknowledged;
use crate::entry::{Entry, Head};
use crate::segment::{Segment, number_of};

/// Where a spool is, and how large it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Folder of its own, which is made if it is not there.
    pub folder: PathBuf,
    /// Most bytes on the disk; at least [`Spool::LEAST_BYTES`] count.
    pub limit_bytes: u64,
}

/// Entries that wait in the files of a folder. One process at a time has it.
#[derive(Debug)]
pub struct Spool {
    settings: SpoolSettings,
    /// In the order of their numbers.
    segments: VecDeque<Segment>,
    /// Whether this process made the last one: what an earlier one left is only read.
    writes_to_last: bool,
    /// What the next entry is called.
    next: u64,
    /// The first that was not read since the last [`Spool::rewind`].
    unread: u64,
    /// The first that is not acknowledged.
    unacknowledged: u64,
    acknowledged: Acknowledged,
    entries: usize,
    bytes: u64,
    lost: Lost,
    /// Held as long as the spool is open.
    _lock: File,
}

/// What an earlier process left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Entries that wait.
    pub entries: u64,
    /// Entries that cannot be read any more, as far as the numbers around them tell.
    pub damaged: u64,
}

/// What is gone without having been acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Entries that made room for others.
    pub evicted: u64,
    /// Their weights together.
    pub evicted_weight: u64,
    /// Entries whose bytes are not what was written.
    pub damaged: u64,
    /// Their weights together, where these are known.
    pub damaged_weight: u64,
}

/// Why a spool cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// Another process has it.
    #[error("another process uses {}", .0.display())]
    InUse(PathBuf),
    /// The disk's.
    #[error("{}: {error}", .folder.display())]
    Disk {
        /// The folder.
        folder: PathBuf,
        /// What is the matter with it.
        #[source]
        error: io::Error,
    },
}

/// Why an entry was not put in.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// It is longer than an entry may be.
    #[error("{len} bytes, where at most {most} have room")]
    TooLarge {
        /// Its length.
        len: usize,
        /// The longest there may be.
        most: u64,
    },
    /// The disk did not take it, although the oldest entries had been removed for it.
    #[error("the disk did not take it: {0}")]
    Disk(#[from] io::Error),
}

impl Spool {
    /// The least that a spool takes.
    pub const LEAST_BYTES: u64 = 64 << 10;

    /// Opens the folder, with what waits there.
    ///
    /// # Errors
    /// The folder cannot be made, read or written to, or another process has it.
    pub fn open(settings: SpoolSettings) -> Result<(Self, Recovered), CannotOpen> {
        let folder = settings.folder.clone();
        match Self::open_folder(settings) {
            Ok(Some(opened)) => Ok(opened),
            Ok(None) => Err(CannotOpen::InUse(folder)),
            Err(error) => Err(CannotOpen::Disk { folder, error }),
        }
    }

    fn open_folder(settings: SpoolSettings) -> io::Result<Option<(Self, Recovered)>> {
        let folder = &settings.folder;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let acknowledged = Acknowledged::open(&folder.join("acknowledged"))?;
        let (segments, damaged) = segments(folder)?;
        let unacknowledged = acknowledged.read();
        let next = segments.back().map_or(0, |last| {
            last.entries.back().map_or(last.first, |place| place.head.number).saturating_add(1)
        });
        let next = next.max(unacknowledged);
        let entries = segments.iter().map(|segment| segment.entries.len()).sum();
        let bytes = segments.iter().map(|segment| segment.bytes).sum();
        let lost = Lost { damaged, ..Lost::default() };
        let mut spool = Self {
            settings,
            segments,
            writes_to_last: false,
            next,
            unread: 0,
            unacknowledged: 0,
            acknowledged,
            entries,
            bytes,
            lost,
            _lock: lock,
        };
        spool.forget(unacknowledged)?;
        let recovered = Recovered { entries: spool.entries as u64, damaged };
        Ok(Some((spool, recovered)))
    }

    /// Puts an entry behind the others. `at` is when, `weight` how much is lost if it
    /// is. The oldest entries make room for it.
    ///
    /// # Errors
    /// It is too large, or the disk does not take it; then it is not in the spool.
    pub fn push(&mut self, at: i64, weight: u64, bytes: &[u8]) -> Result<(), NotKept> {
        let most = self.most_bytes();
        let len = u32::try_from(bytes.len()).ok().filter(|len| u64::from(*len) <= most);
        let Some(len) = len else { return Err(NotKept::TooLarge { len: bytes.len(), most }) };
        let needed = u64::from(len).saturating_add(Head::LEN as u64);
        while self.bytes.saturating_add(needed) > self.limit_bytes() || self.entries >= MOST_ENTRIES
        {
            if !self.evict_oldest()? {
                break;
            }
        }
        let head = Head::new(self.next, at, weight, len, bytes);
        while let Err(error) = self.write(head, bytes) {
            let is_full =
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if !is_full || !self.evict_oldest()? {
                return Err(NotKept::Disk(error));
            }
        }
        self.entries = self.entries.saturating_add(1);
        self.bytes = self.bytes.saturating_add(needed);
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    /// The oldest entry that was not read since the last [`Spool::rewind`], if there is one.
    ///
    /// # Errors
    /// The disk's; the entry is read again with the next call.
    pub fn read(&mut self) -> io::Result<Option<Entry>> {
        while let Some((segment, place)) = self
            .segments
            .iter()
            .find_map(|segment| segment.find(self.unread).map(|place| (segment, place)))
        {
            let entry = segment.read(place)?;
            self.unread = place.head.number.saturating_add(1);
            if entry.is_some() {
                return Ok(entry);
            }
            self.lost.damaged = self.lost.damaged.saturating_add(1);
            self.lost.damaged_weight = self.lost.damaged_weight.saturating_add(place.head.weight);
        }
        Ok(None)
    }

    /// Reads again from the oldest entry that is not acknowledged.
    pub const fn rewind(&mut self) {
        self.unread = self.unacknowledged;
    }

    /// Takes note that the entry of this number and all before it are somewhere else, and removes them.
    ///
    /// # Errors
    /// The disk's: the entries are removed from the queue all the same, and may come back with the next
    /// process.
    pub fn acknowledge(&mut self, number: u64) -> io::Result<()> {
        let next = number.saturating_add(1).min(self.next);
        if next <= self.unacknowledged {
            return Ok(());
        }
        let written = self.acknowledged.write(next);
        self.forget(next).and(written)
    }

    /// Entries that wait to be acknowledged.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries as u64
    }

    /// Bytes on the disk.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the oldest entry was put in.
    #[must_use]
    pub fn oldest_at(&self) -> Option<i64> {
        let first = self.segments.iter().find_map(|segment| segment.entries.front());
        first.map(|place| place.head.at)
    }

    /// What was lost since this was asked last.
    pub const fn take_lost(&mut self) -> Lost {
        std::mem::replace(
            &mut self.lost,
            Lost { evicted: 0, evicted_weight: 0, damaged: 0, damaged_weight: 0 },
        )
    }

    /// Waits until the disk has all that was put in.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self) -> io::Result<()> {
        self.segments.back().map_or(Ok(()), Segment::sync)
    }

    fn write(&mut self, head: Head, bytes: &[u8]) -> io::Result<()> {
        let has_room = |segment: &Segment| {
            let bytes = segment.bytes.saturating_add(u64::from(head.len));
            bytes <= self.segment_bytes() || segment.entries.is_empty()
        };
        if !self.writes_to_last || !self.segments.back().is_some_and(has_room) {
            self.sync()?;
            let segment = Segment::create(&self.settings.folder, head.number)?;
            self.bytes = self.bytes.saturating_add(segment.bytes);
            self.segments.push_back(segment);
            self.writes_to_last = true;
        }
        match self.segments.back_mut() {
            Some(last) => last.push(head, bytes),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Removes the oldest file; false if there is none.
    fn evict_oldest(&mut self) -> io::Result<bool> {
        let Some(oldest) = self.segments.front() else { return Ok(false) };
        oldest.remove()?;
        let Some(oldest) = self.segments.pop_front() else { return Ok(false) };
        self.bytes = self.bytes.saturating_sub(oldest.bytes);
        self.entries = self.entries.saturating_sub(oldest.entries.len());
        for place in &oldest.entries {
            self.lost.evicted = self.lost.evicted.saturating_add(1);
            self.lost.evicted_weight = self.lost.evicted_weight.saturating_add(place.head.weight);
        }
        Ok(true)
    }

    /// Drops entries before `next`, and files that have no others.
    fn forget(&mut self, next: u64) -> io::Result<()> {
        self.unacknowledged = next;
        self.unread = self.unread.max(next);
        let mut removed = Ok(());
        while let Some(oldest) = self.segments.front_mut() {
            while oldest.entries.front().is_some_and(|place| place.head.number < next) {
                oldest.entries.pop_front();
                self.entries = self.entries.saturating_sub(1);
            }
            if !oldest.entries.is_empty() {
                break;
            }
            removed = removed.and(oldest.remove());
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            self.segments.pop_front();
        }
        removed
    }

    fn limit_bytes(&self) -> u64 {
        self.settings.limit_bytes.max(Self::LEAST_BYTES)
    }

    /// Of a file: what goes at once when there is no room.
    fn segment_bytes(&self) -> u64 {
        (self.limit_bytes() / SEGMENTS).min(MOST_SEGMENT_BYTES)
    }

    /// Of an entry.
    fn most_bytes(&self) -> u64 {
        (self.limit_bytes() / 4).min(MOST_SEGMENT_BYTES)
    }
}

/// The files of a folder by their numbers, and how many entries are missing in and between them.
fn segments(folder: &std::path::Path) -> io::Result<(VecDeque<Segment>, u64)> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        paths.extend(number_of(&path).map(|number| (number, path)));
    }
    paths.sort();
    let (mut segments, mut damaged) = (VecDeque::<Segment>::new(), 0_u64);
    for (_, path) in paths {
        let Some((segment, missing)) = Segment::open(path.clone())? else {
            // Not even its head can be read. It had an entry, or there would not have been a file.
            damaged = damaged.saturating_add(1);
            fs::remove_file(&path)?;
            continue;
        };
        damaged = damaged.saturating_add(missing);
        segments.push_back(segment);
    }
    Ok((segments, damaged))
}

/// How many files a full spool has.
const SEGMENTS: u64 = 16;

/// A file is read whole when a spool is opened.
const MOST_SEGMENT_BYTES: u64 = 16 << 20;

/// What is remembered of entries takes 4 MiB then; batches of some kilobytes never come so far.
const MOST_ENTRIES: usize = 1 << 16;
