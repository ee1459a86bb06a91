//! Clear text whose connection is not known yet.

use hashbrown::HashMap;

use super::record::{Direction, Progress};
use crate::record::ProcessKey;

/// Clear text by the object that it belongs to.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    objects: HashMap<u64, Vec<Piece>>,
    len: usize,
}

/// A piece of clear text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) process: ProcessKey,
    pub(crate) direction: Direction,
    pub(crate) before: Progress,
    /// Nanoseconds since the machine started.
    pub(crate) time: u64,
    pub(crate) bytes: Box<[u8]>,
}

impl Waiting {
    /// Adds a piece; gives whose bytes were left out for that.
    pub(crate) fn push(&mut self, object: u64, piece: Piece) -> Vec<(ProcessKey, u64)> {
        let queue = self.objects.entry(object).or_default();
        let own: usize = queue.iter().map(|piece| piece.bytes.len()).sum();
        let len = piece.bytes.len();
        if own.saturating_add(len) > MAX_OBJECT_LEN || self.len.saturating_add(len) > MAX_LEN {
            return vec![(piece.process, len as u64)];
        }
        self.len = self.len.saturating_add(len);
        queue.push(piece);
        Vec::new()
    }

    /// Gives what waits for an object.
    pub(crate) fn take(&mut self, object: u64) -> Vec<Piece> {
        let pieces = self.objects.remove(&object).unwrap_or_default();
        let len: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        self.len = self.len.saturating_sub(len);
        pieces
    }

    /// Gives up on what has waited for too long; gives whose bytes these were.
    pub(crate) fn expire(&mut self, now: u64) -> Vec<(ProcessKey, u64)> {
        let late: Vec<u64> = self
            .objects
            .iter()
            .filter(|(_, pieces)| {
                pieces.first().is_none_or(|first| now.saturating_sub(first.time) > MAX_WAIT_NS)
            })
            .map(|(object, _)| *object)
            .collect();
        let pieces = late.into_iter().flat_map(|object| self.take(object));
        pieces.map(|piece| (piece.process, piece.bytes.len() as u64)).collect()
    }
}

/// Clear text of one object that waits: a request with its header, or the first window of a response.
const MAX_OBJECT_LEN: usize = 256 << 10;

/// Clear text that waits in all.
const MAX_LEN: usize = 32 << 20;

/// How long it waits, in nanoseconds: what a library gives is sent as soon as the application can.
const MAX_WAIT_NS: u64 = 5_000_000_000;
