//! Pieces of a sequence of bytes that came out of order.

/// Pieces of a sequence of bytes that came out of order, sorted by their place and not overlapping.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pieces: Vec<Piece>,
    buffered_bytes: usize,
}

#[derive(Debug)]
struct Piece {
    start: u64,
    bytes: Vec<u8>,
}

/// Whether a piece covers a place that another had covered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Overlap {
    None,
    SameBytes,
    OtherBytes,
}

impl Pieces {
    /// Adds what is not covered yet of `bytes`, which begin at `start`.
    ///
    /// The first copy of each byte stays: a second copy is how an attacker rewrites what we saw.
    pub(crate) fn insert(&mut self, start: u64, bytes: &[u8]) -> Overlap {
        let mut overlap = Overlap::None;
        let (mut start, mut bytes) = (start, bytes);
        let mut index = self.pieces.partition_point(|piece| piece.end() <= start);
        while !bytes.is_empty() {
            let ahead = match self.pieces.get(index) {
                Some(piece) if piece.start <= start => {
                    let place = start.saturating_sub(piece.start);
                    let before = piece.from(place);
                    let (copy, rest) = bytes.split_at(before.len().min(bytes.len()));
                    let same = before.starts_with(copy);
                    overlap =
                        overlap.max(if same { Overlap::SameBytes } else { Overlap::OtherBytes });
                    start = piece.end();
                    bytes = rest;
                    index += 1;
                    continue;
                }
                Some(piece) => usize::try_from(piece.start - start).unwrap_or(usize::MAX),
                None => usize::MAX,
            };
            let (fresh, rest) = bytes.split_at(ahead.min(bytes.len()));
            index = self.add(index, start, fresh);
            start = start.saturating_add(fresh.len() as u64);
            bytes = rest;
        }
        overlap
    }

    /// Moves all pieces by `distance`; a piece cannot move to before 0.
    pub(crate) fn shift(&mut self, distance: i64) {
        for piece in &mut self.pieces {
            piece.start = piece.start.saturating_add_signed(distance);
        }
    }

    /// Drops what is before `place`.
    pub(crate) fn drop_before(&mut self, place: u64) {
        for piece in &mut self.pieces {
            let len = place.saturating_sub(piece.start).min(piece.bytes.len() as u64);
            piece.bytes.drain(..usize::try_from(len).unwrap_or(0));
            piece.start = piece.start.saturating_add(len);
        }
        self.pieces.retain(|piece| !piece.bytes.is_empty());
        self.buffered_bytes = self.pieces.iter().map(|piece| piece.bytes.len()).sum();
    }

    /// Takes the first piece if it begins at `start`.
    pub(crate) fn take_at(&mut self, start: u64) -> Option<Vec<u8>> {
        if self.first_start() != Some(start) {
            return None;
        }
        let piece = self.pieces.remove(0);
        self.buffered_bytes = self.buffered_bytes.saturating_sub(piece.bytes.len());
        Some(piece.bytes)
    }

    #[inline]
    pub(crate) fn first_start(&self) -> Option<u64> {
        self.pieces.first().map(|piece| piece.start)
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) const fn count(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) const fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// Heap bytes that the pieces take, their spare capacity (at most as much again) included.
    #[inline]
    pub(crate) const fn heap_size(&self) -> usize {
        self.buffered_bytes * 2 + self.pieces.capacity() * size_of::<Piece>()
    }

    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.buffered_bytes = 0;
    }

    /// Makes it as new, without more memory than a stream usually needs.
    pub(crate) fn recycle(&mut self) {
        self.clear();
        if self.pieces.capacity() > MAX_RECYCLED_PIECES {
            self.pieces = Vec::new();
        }
    }

    /// Adds bytes that nothing overlaps in front of the piece at `index`, and gives the new index
    /// of that piece.
    fn add(&mut self, index: usize, start: u64, bytes: &[u8]) -> usize {
        self.buffered_bytes += bytes.len();
        let before = index.checked_sub(1).and_then(|before| self.pieces.get_mut(before));
        if let Some(before) = before
            && before.end() == start
        {
            before.bytes.extend_from_slice(bytes);
            return index;
        }
        self.pieces.insert(index, Piece { start, bytes: bytes.to_vec() });
        index + 1
    }
}

impl Piece {
    const fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }

    fn from(&self, place: u64) -> &[u8] {
        usize::try_from(place).ok().and_then(|place| self.bytes.get(place..)).unwrap_or_default()
    }
}

/// Places for pieces kept for the next stream: packets that came in another order leave few holes.
const MAX_RECYCLED_PIECES: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_become_one_piece() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.insert(10, b"ab"), Overlap::None);
        assert_eq!(pieces.insert(12, b"cd"), Overlap::None);
        assert_eq!((pieces.count(), pieces.buffered_bytes()), (1, 4));
        assert_eq!(pieces.take_at(9), None);
        assert_eq!(pieces.take_at(10).as_deref(), Some(&b"abcd"[..]));
        assert!(pieces.is_empty() && pieces.buffered_bytes() == 0);
    }

    #[test]
    fn the_first_copy_stays() {
        let mut pieces = Pieces::default();
        pieces.insert(2, b"cd");
        pieces.insert(6, b"gh");
        assert_eq!(pieces.insert(0, b"abcdefgh"), Overlap::SameBytes);
        assert_eq!(pieces.insert(0, b"abXd"), Overlap::OtherBytes);
        let mut all = Vec::new();
        while let Some(bytes) = pieces.take_at(all.len() as u64) {
            all.extend(bytes);
        }
        assert_eq!(all, b"abcdefgh");
    }

    proptest! {
        #[test]
        fn each_place_has_the_byte_that_came_first(
            inserts in prop::collection::vec(
                (0..60_usize, prop::collection::vec(0..3_u8, 0..20)),
                0..20,
            ),
        ) {
            let mut pieces = Pieces::default();
            let mut first_copies = [None; 80];
            for (start, bytes) in &inserts {
                let overlap = pieces.insert(*start as u64, bytes);
                let mut differs = false;
                for (first_copy, byte) in first_copies[*start..].iter_mut().zip(bytes) {
                    differs |= first_copy.get_or_insert(*byte) != byte;
                }
                prop_assert_eq!(overlap == Overlap::OtherBytes, differs);
            }
            let mut kept = [None; 80];
            while let Some(start) = pieces.first_start() {
                let bytes = pieces.take_at(start).unwrap();
                for (place, byte) in kept[usize::try_from(start).unwrap()..].iter_mut().zip(bytes) {
                    *place = Some(byte);
                }
            }
            prop_assert_eq!(kept, first_copies);
        }
    }
}
