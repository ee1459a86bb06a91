//! All decisions up to an entry, in sealed parts.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use rusqlite::Connection;

use super::key::ControlKey;
use super::log::Body;
use super::tables::Table;
use super::{Decided, Place, Replica, lock, place, set_place};
use crate::clickhouse::{Decisions, Name, Part};
use crate::error::StoreError;
use crate::settings::Durability;
use crate::sqlite::StoreFile;

impl Replica {
    /// A copy of the file to make a snapshot of, if this server's last entry was one after which there
    /// should be one.
    pub(in crate::control) fn copy_if_due(
        &self,
        file: &StoreFile,
        applier: &Connection,
    ) -> Result<Option<(Copy, Place)>, StoreError> {
        if !self.is_snapshot_due.swap(false, Ordering::Relaxed) {
            return Ok(None);
        }
        let place = place(applier).map_err(|error| file.error(error))?;
        let place = place.ok_or(StoreError::Damaged("the file lost its place"))?;
        *lock(&self.since_snapshot) = (0, 0);
        Ok(Some((Copy::of(file, applier)?, place)))
    }

    /// Makes a snapshot that is due, and has it be due still if that fails.
    pub(in crate::control) fn put_due_snapshot(
        &self,
        copy: &Copy,
        place: Place,
    ) -> Result<(), StoreError> {
        let put = self.put_snapshot(copy, place);
        if put.is_err() {
            self.is_snapshot_due.store(true, Ordering::Relaxed);
        }
        put
    }

    /// Makes a snapshot of a copy, and has what nobody needs any more forgotten.
    pub(super) fn put_snapshot(&self, copy: &Copy, place: Place) -> Result<(), StoreError> {
        let before = self.decisions.snapshots()?.first().map(|(position, _)| *position);
        let failed = |error: io::Error| copy.failed(error);
        let mut input = File::open(&copy.path).map_err(failed)?;
        let parts = Parts {
            decisions: &self.decisions,
            key: &self.key,
            of: (place.position, place.entry),
            number: 0,
            part: Vec::with_capacity(PART_LEN),
            error: None,
        };
        let mut packer = zstd::stream::write::Encoder::new(parts, COMPRESSION).map_err(failed)?;
        let copied = io::copy(&mut input, &mut packer);
        if let Some(error) = packer.get_mut().error.take() {
            return Err(error);
        }
        copied.map_err(failed)?;
        let mut parts = packer.finish().map_err(failed)?;
        parts.put(true)?;
        match before {
            // The entry of a snapshot is kept, so that it can be seen to be one of the log.
            Some(before) => self.decisions.forget(before, HOURS_KEPT),
            None => Ok(()),
        }
    }

    /// Takes all decisions from the last snapshot that is in the log.
    pub(super) fn load(
        &self,
        file: &StoreFile,
        applier: &mut Connection,
    ) -> Result<(), StoreError> {
        for (position, id) in self.decisions.snapshots()? {
            let heads = self.decisions.heads(position, MOST_AT_A_POSITION)?;
            // A server that began a log at the same time as another one left its snapshot behind.
            if heads.iter().any(|head| head.position == position && head.id == id) {
                return self.load_from(file, applier, (position, id));
            }
        }
        Err(self.differs(file, "there is no snapshot before its first entry"))
    }

    fn load_from(
        &self,
        file: &StoreFile,
        applier: &mut Connection,
        of: (u64, Name),
    ) -> Result<(), StoreError> {
        let copy = Copy::new(file, "incoming")?;
        let reader = Reading {
            decisions: &self.decisions,
            key: &self.key,
            of,
            number: 0,
            part: Vec::new(),
            at: 0,
            is_over: false,
            error: None,
        };
        let failed = |error: io::Error| copy.failed(error);
        let mut unpacker = zstd::stream::read::Decoder::with_buffer(BufReader::new(reader))
            .map_err(failed)?
            .single_frame();
        let mut output = OpenOptions::new().write(true).open(&copy.path).map_err(failed)?;
        let copied = io::copy(&mut (&mut unpacker).take(MAX_LEN), &mut output);
        let not_opened = || self.not_opened(&Body::Snapshot(of.0));
        match unpacker.get_mut().get_mut().error.take() {
            Some(NotRead::Store(error)) => return Err(error),
            Some(NotRead::NotOpened) => return Err(not_opened()),
            None => {}
        }
        let len = copied.map_err(|_error| not_opened())?;
        if len >= MAX_LEN {
            let (found, limit) = (usize::MAX, usize::try_from(MAX_LEN).unwrap_or(usize::MAX));
            return Err(StoreError::TooLarge { what: "length of a snapshot", found, limit });
        }
        drop(output);
        // One of an older version becomes one of this version here.
        let snapshot = StoreFile::take(&copy.path)?;
        let opened = snapshot.writer(&super::super::file::SCHEMA, Durability::Process)?;
        let found = place(&opened).map_err(|error| snapshot.error(error))?;
        let found = found.filter(|it| (it.position, it.entry) == of).ok_or_else(not_opened)?;
        drop(opened);
        let path = copy.path.display().to_string();
        applier
            .execute("ATTACH DATABASE ? AS snapshot", [path])
            .map_err(|error| file.error(error))?;
        let taken = take_over(applier, found);
        let detached = applier.execute_batch("DETACH DATABASE snapshot");
        taken.and(detached).map_err(|error| file.error(error))?;
        self.note(found.position, 0, 0);
        *lock(&self.since_snapshot) = (0, 0);
        lock(&self.news).extend(Decided::ALL);
        Ok(())
    }
}

/// Has a file be what the attached one is, in one transaction.
fn take_over(applier: &mut Connection, place: Place) -> rusqlite::Result<()> {
    let transaction = applier.transaction()?;
    for table in Table::all(&transaction)? {
        let (name, columns) = (&table.name, table.columns.join(", "));
        transaction.execute_batch(&format!(
            "DELETE FROM main.{name};
             INSERT INTO main.{name} ({columns}) SELECT {columns} FROM snapshot.{name};"
        ))?;
    }
    transaction.execute_batch(
        "DELETE FROM main.sqlite_sequence;
         INSERT INTO main.sqlite_sequence SELECT * FROM snapshot.sqlite_sequence;",
    )?;
    set_place(&transaction, place)?;
    transaction.commit()
}

/// A file beside the one of decisions, that is gone at the end.
pub(in crate::control) struct Copy {
    path: PathBuf,
}

impl Copy {
    /// A copy of the file as it is.
    pub(super) fn of(file: &StoreFile, connection: &Connection) -> Result<Self, StoreError> {
        let copy = Self::new(file, "outgoing")?;
        connection
            .execute("VACUUM INTO ?", [copy.path.display().to_string()])
            .map_err(|error| file.error(error))?;
        Ok(copy)
    }

    fn new(file: &StoreFile, extension: &str) -> Result<Self, StoreError> {
        let copy = Self { path: file.path.with_added_extension(extension) };
        copy.remove();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(&copy.path).map_err(|error| copy.failed(error))?;
        Ok(copy)
    }

    fn failed(&self, source: io::Error) -> StoreError {
        let path = self.path.display().to_string();
        if source.kind() == io::ErrorKind::StorageFull {
            return StoreError::Full { path };
        }
        StoreError::File { path, source }
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            std::fs::remove_file(path).ok();
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What is written goes into the database, a part at a time.
struct Parts<'a> {
    decisions: &'a Decisions,
    key: &'a ControlKey,
    of: (u64, Name),
    number: u32,
    part: Vec<u8>,
    /// What the database said, which is more than an error of the system can say.
    error: Option<StoreError>,
}

impl Parts<'_> {
    fn put(&mut self, is_last: bool) -> Result<(), StoreError> {
        let (position, id) = self.of;
        let part = Part { position, id, number: self.number, is_last };
        let sealed = self.key.seal(&context_of_part(part), &self.part)?;
        self.decisions.put_part(part, &sealed)?;
        self.number = self.number.saturating_add(1);
        self.part.clear();
        Ok(())
    }
}

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() >= PART_LEN
            && let Err(error) = self.put(false)
        {
            let told = io::Error::other(error.to_string());
            self.error = Some(error);
            return Err(told);
        }
        let room = PART_LEN.saturating_sub(self.part.len());
        let (taken, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.part.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is read comes from the database, a part at a time.
struct Reading<'a> {
    decisions: &'a Decisions,
    key: &'a ControlKey,
    of: (u64, Name),
    number: u32,
    part: Vec<u8>,
    at: usize,
    is_over: bool,
    error: Option<NotRead>,
}

enum NotRead {
    Store(StoreError),
    NotOpened,
}

impl Reading<'_> {
    fn next(&mut self) -> Result<(), NotRead> {
        let found = self.decisions.part(self.of, self.number, PART_LEN.saturating_add(SEAL_LEN));
        let (is_last, body) = found.map_err(NotRead::Store)?.ok_or(NotRead::NotOpened)?;
        let (position, id) = self.of;
        let part = Part { position, id, number: self.number, is_last };
        let opened = self.key.open(&context_of_part(part), body);
        self.part = opened.map_err(|_not_opened| NotRead::NotOpened)?;
        (self.at, self.is_over) = (0, is_last);
        self.number = self.number.saturating_add(1);
        Ok(())
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.part.len() {
            if self.is_over {
                return Ok(0);
            }
            if let Err(error) = self.next() {
                self.error = Some(error);
                return Err(io::ErrorKind::Other.into());
            }
        }
        let mut rest = self.part.get(self.at..).unwrap_or_default();
        let count = rest.read(out)?;
        self.at = self.at.saturating_add(count);
        Ok(count)
    }
}

/// What a part is said to be.
fn context_of_part(part: Part) -> Vec<u8> {
    let mut context = b"tlsight snapshot\0".to_vec();
    context.extend_from_slice(&part.position.to_le_bytes());
    context.extend_from_slice(&part.id);
    context.extend_from_slice(&part.number.to_le_bytes());
    context.push(part.is_last.into());
    context
}

/// Bytes of a part before it is sealed: a row that each database takes.
const PART_LEN: usize = 1 << 20;

/// More than sealing adds.
const SEAL_LEN: usize = 64;

/// Most bytes of a snapshot that is loaded: some ten times what all limits of tables allow in practice.
const MAX_LEN: u64 = 4 << 30;

/// Entries at one position: more than one only if the database forgot that it was taken.
const MOST_AT_A_POSITION: usize = 16;

/// For how long entries are kept at least that a snapshot has: a server that is away for less need not
/// load the snapshot.
const HOURS_KEPT: u32 = 24;

/// Level of compression.
const COMPRESSION: i32 = 3;
