//! Writes one segment.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::entry::{CHAIN_LEN, ChainValue, LEN_LEN, put_context, put_session};
use super::index::{self, Tag};
use super::recovery::SegmentState;
use crate::keys::FileError;
use crate::keys::sync_folder;

/// The name of a segment: its epoch, and which of that epoch's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentName {
    /// The epoch that its records are sealed to.
    pub epoch: u64,
    /// From 1.
    pub number: u32,
}

/// A segment that grows.
#[derive(Debug)]
pub struct SegmentWriter {
    path: PathBuf,
    log: File,
    index: File,
    /// Entries that are not in the file yet.
    buffer: Vec<u8>,
    index_buffer: Vec<u8>,
    contexts: HashSet<[u8; 16]>,
    state: SegmentState,
}

impl SegmentName {
    /// Its file in a folder.
    #[must_use]
    pub fn file(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self}.log"))
    }

    /// The name of a file, if it is one of a segment.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        path.extension().filter(|extension| *extension == "log")?;
        let (epoch, number) =
            path.file_stem()?.to_str()?.strip_prefix("epoch-")?.split_once('-')?;
        Some(Self { epoch: epoch.parse().ok()?, number: number.parse().ok()? })
    }
}

impl std::fmt::Display for SegmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "epoch-{:06}-{:04}", self.epoch, self.number)
    }
}

impl SegmentWriter {
    /// Begins a segment in a file that is not there.
    ///
    /// # Errors
    /// It is there, or cannot be written.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let failed = |cause| FileError::Io { path: path.to_owned(), cause };
        let new =
            |path: &Path| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut log = new(path).map_err(failed)?;
        let index = new(&index_file(path)).map_err(failed)?;
        log.write_all(HEADER).and_then(|()| log.sync_all()).map_err(failed)?;
        sync_folder(path).map_err(failed)?;
        let state = SegmentState {
            entries: 0,
            bytes: HEADER.len() as u64,
            chain: ChainValue::start(HEADER),
            torn_bytes: 0,
            damaged: Vec::new(),
        };
        Ok(Self {
            path: path.to_owned(),
            log,
            index,
            buffer: Vec::new(),
            index_buffer: Vec::new(),
            contexts: HashSet::new(),
            state,
        })
    }

    /// Appends a context, unless it is there.
    pub fn push_context(&mut self, name: [u8; 16], context: &[u8]) {
        if self.contexts.insert(name) {
            let begin = self.buffer.len();
            put_context(context, &mut self.buffer);
            self.end_entry(Tag(name), begin);
        }
    }

    /// Appends what was told of a session.
    pub fn push_session(&mut self, tag: Tag, agent: &str, records: &[u8]) {
        let begin = self.buffer.len();
        put_session(tag, agent, records, &mut self.buffer);
        self.end_entry(tag, begin);
    }

    fn end_entry(&mut self, tag: Tag, begin: usize) {
        let entry = self.buffer.get(begin..).unwrap_or_default();
        let chain = self.state.chain.next(entry);
        let len = entry.len().saturating_add(CHAIN_LEN) as u64;
        self.buffer.extend_from_slice(&chain.0);
        index::put(tag, self.state.bytes, &mut self.index_buffer);
        self.state.chain = chain;
        self.state.bytes = self.state.bytes.saturating_add(len);
        self.state.entries = self.state.entries.saturating_add(1);
    }

    /// Bytes that are not in the file yet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Writes what was appended; it is on the disk then. The index follows later: it can be made anew.
    ///
    /// # Errors
    /// The disk's; what was appended is not there then.
    pub fn sync(&mut self) -> Result<(), FileError> {
        let written = self.write().and_then(|()| self.log.sync_data());
        written.map_err(|cause| FileError::Io { path: self.path.clone(), cause })
    }

    fn write(&mut self) -> io::Result<()> {
        self.log.write_all(&self.buffer)?;
        self.index.write_all(&self.index_buffer)?;
        self.buffer.clear();
        self.index_buffer.clear();
        Ok(())
    }

    /// Where it has come to.
    #[must_use]
    pub const fn state(&self) -> &SegmentState {
        &self.state
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The file that says where the entries of a segment are.
pub(crate) fn index_file(segment: &Path) -> PathBuf {
    segment.with_extension("idx")
}

/// How a segment begins.
pub(crate) const HEADER: &[u8; 16] = b"tlsight escrow 1";

const _: () = assert!(LEN_LEN == 4, "entries begin with 32 bits");
