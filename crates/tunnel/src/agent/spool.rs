//! Batches on the disk, for as long as the sensor is away. One file holds one batch, compressed.
//!
//! The bytes are clear text: files can be read by their owner only, and are removed when they are read,
//! when the agent ends, and when the next one starts.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::format::{Packer, Unpacker, shed};

/// Where batches are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Folder of its own; it is made if it is not there.
    pub folder: PathBuf,
    /// Most bytes on the disk.
    pub limit_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Spool {
    settings: SpoolSettings,
    files: VecDeque<File>,
    /// Files at the front that have no clear text any more.
    shed_files: usize,
    bytes: u64,
    /// Bytes of clear text that went to make room, since somebody asked.
    evicted: u64,
    next: u64,
    unpacker: Unpacker,
    packer: Packer,
}

/// A file of one batch.
#[derive(Clone, Copy, Debug)]
struct File {
    number: u64,
    /// What it takes of the disk.
    bytes: u64,
    data_bytes: u64,
}

/// A batch from the disk.
#[derive(Debug)]
pub(super) struct Spooled {
    /// The records.
    pub(super) records: Vec<u8>,
    /// Bytes of clear text that are lost if there are no records.
    pub(super) data_bytes: u64,
}

impl Spool {
    /// Opens the folder and removes what another process left there; says how many batches that were.
    ///
    /// # Errors
    /// The folder cannot be made or read, or what is in it not be removed.
    pub(super) fn open(settings: SpoolSettings) -> io::Result<(Self, u64)> {
        DirBuilder::new().recursive(true).mode(0o700).create(&settings.folder)?;
        let mut leftovers = 0_u64;
        for entry in fs::read_dir(&settings.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                fs::remove_file(path)?;
                leftovers = leftovers.saturating_add(1);
            }
        }
        let (packer, unpacker) = (Packer::new()?, Unpacker::new()?);
        let files = VecDeque::new();
        let (shed_files, bytes, evicted, next) = (0, 0, 0, 0);
        let spool = Self { settings, files, shed_files, bytes, evicted, next, unpacker, packer };
        Ok((spool, leftovers))
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Writes a batch behind the others, for which the oldest clear text makes room; false if there is no
    /// room nevertheless.
    ///
    /// # Errors
    /// The disk's; the batch is not in the spool then.
    pub(super) fn push(&mut self, records: &[u8], data_bytes: u64) -> io::Result<bool> {
        let mut packed = Vec::new();
        self.pack(records, &mut packed)?;
        let needed = on_disk(&packed);
        while self.bytes.saturating_add(needed) > self.settings.limit_bytes {
            if !self.evict_oldest()? {
                return Ok(false);
            }
        }
        let file = File { number: self.next, bytes: needed, data_bytes };
        write(&self.path(file), &packed)?;
        self.next = self.next.saturating_add(1);
        self.bytes = self.bytes.saturating_add(needed);
        self.files.push_back(file);
        Ok(true)
    }

    /// Takes the oldest batch out. Without records it could not be read.
    pub(super) fn pop(&mut self) -> Option<Spooled> {
        let file = self.files.pop_front()?;
        self.shed_files = self.shed_files.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(file.bytes);
        let records = self.read(file).unwrap_or_default();
        // A file that stays is removed by the next process.
        fs::remove_file(self.path(file)).ok();
        Some(Spooled { records, data_bytes: file.data_bytes })
    }

    /// How many bytes of clear text went since this was asked last.
    pub(super) const fn take_evicted(&mut self) -> u64 {
        std::mem::replace(&mut self.evicted, 0)
    }

    /// Removes the clear text of the oldest batch that has some; false if none has.
    fn evict_oldest(&mut self) -> io::Result<bool> {
        let Some(file) = self.files.get(self.shed_files).copied() else { return Ok(false) };
        // What cannot be read is lost as well.
        let (kept, evicted) = self
            .read(file)
            .and_then(|records| shed(&records).map_err(io::Error::other))
            .unwrap_or((Vec::new(), file.data_bytes));
        let mut packed = Vec::new();
        self.pack(&kept, &mut packed)?;
        write(&self.path(file), &packed)?;
        let bytes = on_disk(&packed);
        self.bytes = self.bytes.saturating_sub(file.bytes).saturating_add(bytes);
        if let Some(file) = self.files.get_mut(self.shed_files) {
            (file.bytes, file.data_bytes) = (bytes, 0);
        }
        self.shed_files = self.shed_files.saturating_add(1);
        self.evicted = self.evicted.saturating_add(evicted);
        Ok(true)
    }

    fn pack(&mut self, records: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let len = u32::try_from(records.len()).map_err(io::Error::other)?;
        out.extend_from_slice(&len.to_be_bytes());
        self.packer.pack(records, out)
    }

    fn read(&mut self, file: File) -> io::Result<Vec<u8>> {
        let bytes = fs::read(self.path(file))?;
        let (len, packed) = bytes.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut records = Vec::new();
        self.unpacker
            .unpack(packed, u32::from_be_bytes(*len), &mut records)
            .map_err(io::Error::other)?;
        Ok(records)
    }

    fn path(&self, file: File) -> PathBuf {
        self.settings.folder.join(format!("{:020}.{EXTENSION}", file.number))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        for file in std::mem::take(&mut self.files) {
            fs::remove_file(self.path(file)).ok();
        }
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension(format!("new.{EXTENSION}"));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        fs::remove_file(&new).ok();
    }
    written
}

/// What a file takes: whole blocks.
fn on_disk(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).div_ceil(BLOCK).max(1).saturating_mul(BLOCK)
}

const BLOCK: u64 = 4096;

const EXTENSION: &str = "tlsight-batch";
