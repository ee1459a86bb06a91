//! A handshake message of which some pieces are here.

use super::fragment::Fragment;

/// A message that grows out of fragments; the first copy of every byte is kept.
#[derive(Debug)]
pub(super) struct Partial {
    message_type: u8,
    body: Vec<u8>,
    /// Start and end of what is here, sorted, neither overlapping nor touching.
    pieces: Vec<(usize, usize)>,
}

/// What became of a fragment.
pub(super) enum Stored {
    New,
    Duplicate,
    /// Keep the first copy of overlapping bytes: a second one is how an attacker rewrites what we saw.
    Conflict,
    TooManyPieces,
}

impl Partial {
    pub(super) fn new(message_type: u8, len: usize) -> Self {
        Self { message_type, body: vec![0; len], pieces: Vec::new() }
    }

    pub(super) fn store(&mut self, fragment: &Fragment<'_>) -> Stored {
        let start = usize::try_from(fragment.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(fragment.body.len());
        let same_message = fragment.message_type == self.message_type
            && usize::try_from(fragment.message_len) == Ok(self.body.len());
        if !same_message || end > self.body.len() {
            return Stored::Conflict;
        }
        let pieces = std::mem::take(&mut self.pieces);
        let (mut position, mut conflict) = (start, false);
        let mut new = self.body.is_empty() && pieces.is_empty();
        for &(piece_start, piece_end) in &pieces {
            if piece_end <= position {
                continue;
            }
            if piece_start >= end {
                break;
            }
            if position < piece_start {
                self.copy(fragment, start, position, piece_start);
                new = true;
            }
            let (from, to) = (position.max(piece_start), piece_end.min(end));
            conflict |= self.body.get(from..to) != part(fragment, start, from, to);
            position = to;
        }
        if position < end {
            self.copy(fragment, start, position, end);
            new = true;
        }
        self.pieces = if new { merged(pieces, start, end) } else { pieces };
        match (conflict, new) {
            _ if self.pieces.len() > MAX_PIECES => Stored::TooManyPieces,
            (true, _) => Stored::Conflict,
            (false, true) => Stored::New,
            (false, false) => Stored::Duplicate,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.pieces.first() == Some(&(0, self.body.len()))
    }

    pub(super) const fn message_type(&self) -> u8 {
        self.message_type
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    fn copy(&mut self, fragment: &Fragment<'_>, start: usize, from: usize, to: usize) {
        if let (Some(target), Some(source)) =
            (self.body.get_mut(from..to), part(fragment, start, from, to))
        {
            target.copy_from_slice(source);
        }
    }
}

/// The bytes from `from` to `to` of the message, out of a fragment that begins at `start`.
fn part<'a>(fragment: &Fragment<'a>, start: usize, from: usize, to: usize) -> Option<&'a [u8]> {
    fragment.body.get(from.checked_sub(start)?..to.checked_sub(start)?)
}

fn merged(
    mut pieces: Vec<(usize, usize)>,
    mut start: usize,
    mut end: usize,
) -> Vec<(usize, usize)> {
    pieces.retain(|&(piece_start, piece_end)| {
        let apart = piece_end < start || end < piece_start;
        if !apart {
            start = start.min(piece_start);
            end = end.max(piece_end);
        }
        apart
    });
    let index = pieces.partition_point(|&(piece_start, _)| piece_start < start);
    pieces.insert(index, (start, end));
    pieces
}

/// Most pieces with holes between them: a message of 64 KiB in every other fragment of the smallest
/// IPv4 path (548 bytes for UDP) has 64.
const MAX_PIECES: usize = 64;
