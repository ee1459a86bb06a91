//! What a segment has come to, and what is to be done with those that nobody writes to any more.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::entry::{ChainValue, Entry};
use super::index;
use super::reader::{Damage, SegmentReader};
use super::segment::{SegmentName, index_file};
use crate::audit::AuditEvent;
use crate::keys::FileError;

/// How far a segment is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentState {
    /// Entries in it.
    pub entries: u64,
    /// Bytes that they and the header take.
    pub bytes: u64,
    /// The chain up to there.
    pub chain: ChainValue,
    /// Bytes behind them.
    pub torn_bytes: u64,
    /// What is not as it was written. Bytes behind the last entry are not told here: a kill leaves them.
    pub damaged: Vec<Damage>,
}

/// The segments of a folder, in order.
///
/// # Errors
/// It cannot be read.
pub fn segments(folder: &Path) -> Result<Vec<SegmentName>, FileError> {
    let failed = |cause| FileError::Io { path: folder.to_owned(), cause };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.extend(SegmentName::of(&entry.map_err(failed)?.path()));
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads all of a segment and its index, and says whether they are as they were written.
///
/// # Errors
/// A file cannot be read.
pub fn state_of(path: &Path) -> Result<SegmentState, FileError> {
    let mut reader = SegmentReader::open(path)?;
    let mut damaged = Vec::new();
    let mut entries = 0_u64;
    let mut expected = Vec::new();
    if reader.offset() == 0 {
        damaged.push(Damage::Header);
    }
    while let Some(found) = reader.next_entry()? {
        entries = entries.saturating_add(1);
        match Entry::parse(found.bytes) {
            Ok(entry) if found.is_whole => index::put(entry.tag(), found.offset, &mut expected),
            Ok(_) | Err(_) => damaged.push(Damage::Entry(found.offset)),
        }
    }
    let index = fs::read(index_file(path)).unwrap_or_default();
    // It is written behind the log, and a kill may have come between the two.
    let (common, _) = index.split_at(index.len() - index.len() % index::INDEX_LEN);
    if damaged.is_empty() && !expected.starts_with(common) {
        damaged.push(Damage::Index);
    }
    Ok(SegmentState {
        entries,
        bytes: reader.offset(),
        chain: reader.chain(),
        torn_bytes: reader.left(),
        damaged,
    })
}

/// Finds the segments that are not among `closed`, which nobody writes to; gives what the audit log is to
/// say of them.
///
/// # Errors
/// A file cannot be read.
pub fn close_open_segments(
    folder: &Path,
    closed: &HashSet<String>,
) -> Result<Vec<AuditEvent>, FileError> {
    let mut events = Vec::new();
    for name in segments(folder)? {
        if !closed.contains(&name.to_string()) {
            events.push(closed_event(name, &state_of(&name.file(folder))?));
        }
    }
    Ok(events)
}

/// What the audit log says of a segment that nobody writes to any more.
pub(crate) fn closed_event(name: SegmentName, state: &SegmentState) -> AuditEvent {
    AuditEvent::SegmentClosed {
        segment: name.to_string(),
        entries: state.entries,
        bytes: state.bytes,
        chain: state.chain.text(),
        torn_bytes: state.torn_bytes,
    }
}

/// Removes the segments of some epochs, whose keys are destroyed; gives what the audit log is to say.
///
/// # Errors
/// A file cannot be removed.
pub fn remove_segments(folder: &Path, epochs: &[u64]) -> Result<Vec<AuditEvent>, FileError> {
    let mut events = Vec::new();
    for name in segments(folder)? {
        if epochs.contains(&name.epoch) {
            let path = name.file(folder);
            let failed = |cause| FileError::Io { path: path.clone(), cause };
            fs::remove_file(&path).map_err(failed)?;
            // The index may be missing.
            fs::remove_file(index_file(&path)).ok();
            events.push(AuditEvent::SegmentRemoved { segment: name.to_string() });
        }
    }
    Ok(events)
}
