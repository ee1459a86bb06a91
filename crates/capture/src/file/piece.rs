//! Reading parts of a file while other parts of it are read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::block::Block;

/// A part of a capture file, to be read by whoever has the time for it.
#[derive(Debug)]
#[must_use = "what comes behind a piece cannot be framed before it"]
pub struct Piece {
    file: Arc<File>,
    position: u64,
    len: usize,
}

/// What became of a piece whose bytes are in a block.
#[derive(Debug)]
#[must_use = "what comes behind a piece cannot be framed before it"]
pub struct Filled {
    /// Where in the file the bytes end.
    pub(crate) end: u64,
    /// The end of the file, or an error, if there are fewer bytes than were wanted.
    pub(crate) stop: Option<io::Result<()>>,
}

/// The pieces of a file.
pub(crate) struct Pieces {
    file: Arc<File>,
    /// Where the next one begins.
    next: u64,
    /// Where the last one that was framed ends.
    pub(crate) framed: u64,
}

impl Pieces {
    /// The pieces behind `position`.
    pub(crate) const fn new(file: Arc<File>, position: u64) -> Self {
        Self { file, next: position, framed: position }
    }

    /// The next one. They end where pages do.
    pub(crate) fn take(&mut self) -> Piece {
        let position = self.next;
        let end = (position / PIECE_LEN).saturating_add(1).saturating_mul(PIECE_LEN);
        let len = usize::try_from(end.saturating_sub(position)).unwrap_or(0);
        self.next = end;
        Piece { file: Arc::clone(&self.file), position, len }
    }
}

impl Piece {
    /// Reads the piece into a block, which has no packets before it is framed.
    pub fn read(self, block: &mut Block) -> Filled {
        block.prepare(FRONT_LEN, self.position);
        let (mut position, mut left) = (self.position, self.len);
        let stop = loop {
            let room = block.room();
            let wanted = room.len().min(left);
            let Some(room) = room.get_mut(..wanted).filter(|room| !room.is_empty()) else {
                break None;
            };
            match self.file.read_at(room, position) {
                Ok(0) => break Some(Ok(())),
                Ok(len) => {
                    block.fill(len);
                    position = position.saturating_add(len as u64);
                    left = left.saturating_sub(len);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(Err(error)),
            }
        };
        Filled { end: position, stop }
    }
}

/// Bytes read at once: whole pages.
const PIECE_LEN: u64 = 192 << 10;

/// Room in front of a piece for the beginning of its first record. Longer than nearly all records; a
/// longer beginning is copied once more.
const FRONT_LEN: usize = 32 << 10;
