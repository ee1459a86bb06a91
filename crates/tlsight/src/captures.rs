//! Several captures, read one after the other as one.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use capture::{Block, FileReader, Filled, More, Piece, ReadError};

use crate::keys::Keys;
use crate::message;
use crate::progress::Progress;

/// Captures still to be read.
///
/// What cannot be read is reported on standard error and counted, and the next capture follows.
pub(crate) struct Captures {
    waiting: VecDeque<PathBuf>,
    current: Option<FileReader>,
    /// Captures opened so far, of which the current is the last.
    opened: u64,
    progress: Option<Progress>,
    /// Bytes of the captures that are done.
    done_bytes: u64,
    failures: Failures,
    are_files: bool,
    /// Where secrets go that captures carry, if they are wanted.
    keys: Option<Keys>,
}

/// What a worker has got that asked for something to read.
pub(crate) enum Claim {
    /// A part of the capture with this number, to be read and framed in its turn.
    Piece(u64, Piece),
    /// The block has been filled with packets.
    Packets,
    /// There is no more.
    End,
}

/// What could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    /// Captures of which nothing was read.
    pub(crate) unopened: u64,
    /// Captures that could not be read to their end.
    pub(crate) damaged: u64,
    /// Packets whose time cannot be written and was replaced by the nearest that can.
    pub(crate) clamped_timestamps: u64,
    /// Packets without a time.
    pub(crate) untimed_packets: u64,
}

impl Captures {
    /// The captures at `paths`; `-` is standard input.
    pub(crate) fn new(paths: Vec<PathBuf>, progress: Option<Progress>) -> Self {
        let is_file = |path: &PathBuf| !is_stdin(path) && path.is_file();
        Self {
            are_files: paths.iter().all(is_file),
            waiting: paths.into(),
            current: None,
            opened: 0,
            progress,
            done_bytes: 0,
            failures: Failures::default(),
            keys: None,
        }
    }

    /// The same, with secrets in front of the packets that they open.
    pub(crate) fn with_keys(self, keys: Keys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// Size of the files among `paths`, in bytes.
    pub(crate) fn total_bytes(paths: &[PathBuf]) -> u64 {
        let sizes = paths.iter().filter(|path| !is_stdin(path)).filter_map(|path| {
            path.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len())
        });
        sizes.fold(0, u64::saturating_add)
    }

    /// Whether all captures are regular files, so that reading does not wait for packets to come.
    pub(crate) const fn are_files(&self) -> bool {
        self.are_files
    }

    /// Fills `block` with the next packets; `false` if there are no more.
    pub(crate) fn read_block(&mut self, block: &mut Block) -> bool {
        loop {
            let Some(reader) = &mut self.current else {
                if !self.open_next() {
                    return false;
                }
                continue;
            };
            let read = reader.read_block(block);
            if self.goes_on(read) {
                return true;
            }
        }
    }

    /// Gives something to read, which may be read while other pieces are; packets from where that
    /// cannot be are read into `block` at once.
    ///
    /// Claims have no end as long as the last piece of a file is not framed.
    pub(crate) fn claim(&mut self, block: &mut Block) -> Claim {
        loop {
            let Some(reader) = &mut self.current else {
                if !self.open_next() {
                    return Claim::End;
                }
                continue;
            };
            if let Some(piece) = reader.next_piece() {
                return Claim::Piece(self.opened, piece);
            }
            let read = reader.read_block(block);
            if self.goes_on(read) {
                return Claim::Packets;
            }
        }
    }

    /// Finds the packets in the block that a piece of capture `number` was read into. Pieces are to
    /// come in the order in which they were claimed.
    pub(crate) fn frame(&mut self, number: u64, filled: Filled, block: &mut Block) {
        if number != self.opened {
            return;
        }
        if let Some(reader) = &mut self.current {
            let read = reader.frame(filled, block);
            self.goes_on(read);
        }
    }

    /// Whether there may be more in the current capture. If not, it is closed.
    fn goes_on(&mut self, read: Result<More, ReadError>) -> bool {
        match read {
            Ok(More::Packets) => {
                self.read_keys();
                if let (Some(progress), Some(reader)) = (&mut self.progress, &self.current) {
                    progress.advance(self.done_bytes.saturating_add(reader.position()));
                }
                return true;
            }
            Ok(More::End) => {}
            Err(error) => {
                self.failures.damaged = self.failures.damaged.saturating_add(1);
                let text = format!("{error}; what comes before that was read");
                self.report(&text);
            }
        }
        self.close();
        false
    }

    /// Takes the secrets that have come with the packets read last. From a pipe packets come as long as
    /// key logs grow.
    fn read_keys(&mut self) {
        let (Some(keys), Some(reader)) = (&mut self.keys, &self.current) else { return };
        keys.read_blocks(reader);
        if !self.are_files
            && let Err(error) = keys.read_logs()
        {
            self.report(&format!("{error:#}"));
        }
    }

    /// What could not be read so far.
    pub(crate) const fn failures(&self) -> Failures {
        self.failures
    }

    /// Takes the progress bar away.
    pub(crate) fn finish(&self) {
        if let Some(progress) = &self.progress {
            progress.finish();
        }
    }

    fn open_next(&mut self) -> bool {
        let Some(path) = self.waiting.pop_front() else { return false };
        match FileReader::open(&path) {
            Ok(reader) => {
                self.opened = self.opened.saturating_add(1);
                self.current = Some(reader);
                if let Some(keys) = &mut self.keys {
                    keys.next_capture();
                }
            }
            Err(error) => {
                self.failures.unopened = self.failures.unopened.saturating_add(1);
                self.report(&error.to_string());
            }
        }
        true
    }

    fn close(&mut self) {
        if let Some(reader) = self.current.take() {
            self.done_bytes = self.done_bytes.saturating_add(reader.position());
            let notes = reader.notes();
            let failures = &mut self.failures;
            failures.clamped_timestamps =
                failures.clamped_timestamps.saturating_add(notes.clamped_timestamps);
            failures.untimed_packets =
                failures.untimed_packets.saturating_add(notes.untimed_packets);
        }
    }

    fn report(&self, text: &str) {
        match &self.progress {
            Some(progress) => progress.bar().suspend(|| message::error(text)),
            None => message::error(text),
        }
    }
}

/// The names of captures.
pub(crate) fn listed(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
