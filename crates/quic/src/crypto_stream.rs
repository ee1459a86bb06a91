//! Reassembly of CRYPTO frames (RFC 9000 section 19.6).

use crate::event::Anomaly;

/// The handshake bytes of one side of one connection, put in order.
///
/// The first copy of each byte is kept: an endpoint must not send another value later (RFC 9000
/// section 2.2), and what came first is what the peer has most likely taken in already.
#[derive(Default)]
pub struct CryptoStream {
    /// All bytes from offset 0 to the first gap.
    contiguous: Vec<u8>,
    /// How many of them were handed out.
    delivered: usize,
    /// Bytes behind the first gap: in order, not empty, and without overlap.
    pieces: Vec<Piece>,
}

struct Piece {
    start: usize,
    bytes: Box<[u8]>,
}

impl CryptoStream {
    /// Takes in the bytes of one frame and reports what is wrong with them.
    pub fn insert(&mut self, offset: u64, bytes: &[u8], report: &mut impl FnMut(Anomaly)) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let room = MAX_CRYPTO_BYTES.saturating_sub(start);
        let mut rest = Unplaced { start, bytes };
        if let Some((within, _)) = bytes.split_at_checked(room)
            && within.len() < bytes.len()
        {
            rest.bytes = within;
            report(Anomaly::CryptoTooLong { offset: offset.max(MAX_CRYPTO_BYTES as u64) });
        }
        while !rest.bytes.is_empty() {
            let again = rest.split_off(self.contiguous.len());
            let kept = self.contiguous.get(again.start..);
            compare(&again, kept.unwrap_or_default(), report);
            if rest.start == self.contiguous.len() {
                let gap_end = self.pieces.first().map_or(usize::MAX, |piece| piece.start);
                self.contiguous.extend_from_slice(rest.split_off(gap_end).bytes);
                self.join();
            } else {
                self.insert_behind_gap(&mut rest, report);
            }
        }
    }

    /// The bytes from the last call's end to the first gap.
    pub fn take_new(&mut self) -> &[u8] {
        let new = self.contiguous.get(self.delivered..).unwrap_or_default();
        self.delivered = self.contiguous.len();
        new
    }

    /// Memory that the stream holds, in bytes.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let pieces: usize = self.pieces.iter().map(|piece| piece.bytes.len()).sum();
        let table = self.pieces.capacity().saturating_mul(size_of::<Piece>());
        self.contiguous.capacity().saturating_add(table).saturating_add(pieces)
    }

    /// Takes in bytes of which the first lies behind the first gap.
    fn insert_behind_gap(&mut self, rest: &mut Unplaced<'_>, report: &mut impl FnMut(Anomaly)) {
        let mut index = self.pieces.partition_point(|piece| piece.end() <= rest.start);
        while !rest.bytes.is_empty() {
            let next = self.pieces.get(index);
            let fresh = rest.split_off(next.map_or(usize::MAX, |piece| piece.start));
            if let Some(piece) = next {
                let again = rest.split_off(piece.end());
                let kept = piece.bytes.get(again.start.saturating_sub(piece.start)..);
                compare(&again, kept.unwrap_or_default(), report);
            }
            if !fresh.bytes.is_empty() {
                if self.pieces.len() >= MAX_PIECES {
                    return report(Anomaly::CryptoTooScattered { offset: fresh.start as u64 });
                }
                self.pieces.insert(index, Piece { start: fresh.start, bytes: fresh.bytes.into() });
                index = index.saturating_add(1);
            }
            index = index.saturating_add(1);
        }
    }

    /// Moves the pieces that no gap is left before to the contiguous bytes.
    fn join(&mut self) {
        let mut joined = 0;
        for piece in &self.pieces {
            if piece.start != self.contiguous.len() {
                break;
            }
            self.contiguous.extend_from_slice(&piece.bytes);
            joined += 1;
        }
        self.pieces.drain(..joined);
    }
}

impl Piece {
    fn end(&self) -> usize {
        self.start.saturating_add(self.bytes.len())
    }
}

/// Bytes of a frame that are not dealt with yet.
struct Unplaced<'a> {
    start: usize,
    bytes: &'a [u8],
}

impl<'a> Unplaced<'a> {
    /// Splits off what lies before `end`.
    fn split_off(&mut self, end: usize) -> Self {
        let len = end.saturating_sub(self.start).min(self.bytes.len());
        let (before, after) = self.bytes.split_at_checked(len).unwrap_or((self.bytes, &[]));
        let split = Self { start: self.start, bytes: before };
        self.start = self.start.saturating_add(before.len());
        self.bytes = after;
        split
    }
}

/// Reports the first byte of a second copy that differs from the first copy, `kept`.
fn compare(again: &Unplaced<'_>, kept: &[u8], report: &mut impl FnMut(Anomaly)) {
    if let Some(position) = again.bytes.iter().zip(kept).position(|(a, b)| a != b) {
        let offset = again.start.saturating_add(position) as u64;
        report(Anomaly::ConflictingCrypto { offset });
    }
}

/// Most handshake bytes taken in from one side. A ClientHello with post-quantum key shares has some
/// two thousand bytes and a ServerHello fewer; BoringSSL refuses handshake messages of more than
/// 16 KiB, and this is four times that.
pub(crate) const MAX_CRYPTO_BYTES: usize = 64 * 1024;

/// Most pieces kept behind the first gap. Chromium cuts a ClientHello into some ten frames a packet
/// and shuffles them.
pub(crate) const MAX_PIECES: usize = 128;
