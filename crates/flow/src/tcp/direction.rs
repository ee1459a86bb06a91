//! One direction of a TCP connection.

use wire::SeqNumber;

use super::hole::Hole;
use super::stream_buffer::StreamBuffer;
use crate::buffer_pool::BufferPool;
use crate::pieces::{Overlap, Pieces};

/// One direction of a TCP connection: what its sender has sent.
#[derive(Debug)]
pub(crate) struct TcpDirection {
    /// The byte behind those delivered in order; `None` before the first segment.
    pub(crate) next: Option<SeqNumber>,
    /// The place of `next` in the stream, counted from [`FIRST_POSITION`].
    position: u64,
    /// Behind the last byte, if a FIN was seen.
    pub(crate) fin: Option<SeqNumber>,
    /// The highest acknowledgment number of the peer.
    acknowledged: Option<SeqNumber>,
    /// The window that the sender offers to its peer, in bytes.
    pub(crate) offered_window: u32,
    window_shift: u8,
    stray_segments: u8,
    pub(crate) consumed_any: bool,
    pub(crate) stream: StreamBuffer,
    pub(crate) ahead: Pieces,
    pub(crate) hole: Option<Hole>,
}

/// Where a segment is in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It begins with the next byte.
    Next,
    /// It begins this many bytes before the next byte.
    Back(usize),
    /// It begins at this position, behind a hole.
    Ahead(u64),
    /// It is further away than any window reaches.
    Stray,
    /// Too many strays came in a row: the stream has gone on elsewhere.
    Elsewhere,
}

impl TcpDirection {
    /// Begins the stream with the byte `next`.
    pub(crate) const fn start(&mut self, next: SeqNumber) {
        self.next = Some(next);
        self.stray_segments = 0;
    }

    /// Finds the place of a segment that begins with `sequence`, in a stream that has begun.
    #[inline]
    pub(crate) fn place(&mut self, sequence: SeqNumber) -> Place {
        let ahead = match self.next {
            Some(next) => sequence.ahead_of(next),
            None => 0,
        };
        if ahead.unsigned_abs() > MAX_DISTANCE {
            self.stray_segments = self.stray_segments.saturating_add(1);
            let lost = self.stray_segments >= MAX_STRAY_SEGMENTS;
            return if lost { Place::Elsewhere } else { Place::Stray };
        }
        self.stray_segments = 0;
        match ahead {
            0 => Place::Next,
            1.. => Place::Ahead(self.position.saturating_add(u64::from(ahead.unsigned_abs()))),
            ..0 => Place::Back(ahead.unsigned_abs() as usize),
        }
    }

    /// Moves on by bytes that were delivered or given up.
    #[inline]
    pub(crate) const fn advance(&mut self, len: u32) {
        if let Some(next) = self.next {
            self.next = Some(next.plus(len));
        }
        self.position = self.position.saturating_add(len as u64);
    }

    #[inline]
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// Keeps bytes that cannot be delivered yet.
    pub(crate) fn keep(&mut self, position: u64, bytes: &[u8]) -> Overlap {
        self.ahead.insert(position, bytes)
    }

    /// Takes the bytes that have become deliverable.
    #[inline]
    pub(crate) fn take_ready(&mut self) -> Option<Vec<u8>> {
        if self.ahead.is_empty() {
            return None;
        }
        self.ahead.take_at(self.position)
    }

    /// Notes that the peer expects `acknowledgment` next.
    #[inline]
    pub(crate) fn acknowledge(&mut self, acknowledgment: SeqNumber) {
        let newer = self.acknowledged.is_none_or(|before| acknowledgment.is_after(before));
        if newer {
            self.acknowledged = Some(acknowledgment);
        }
    }

    /// Length of the hole in front of what is kept, of the FIN, or of what the peer has
    /// acknowledged; `None` if there is none.
    ///
    /// A single acknowledged byte is no hole: it is a FIN that was not captured.
    #[inline]
    pub(crate) fn hole_len(&self) -> Option<u32> {
        let next = self.next?;
        let to_end = || match self.fin {
            Some(fin) => fin.distance_from(next),
            None => self.acknowledged_beyond().filter(|len| *len > 1),
        };
        self.distance_to_kept().or_else(to_end).filter(|len| *len > 0)
    }

    /// Whether there may be something to deliver or to give up.
    #[inline]
    pub(crate) fn is_unsettled(&self) -> bool {
        self.hole.is_some() || !self.ahead.is_empty() || self.hole_len().is_some()
    }

    /// Bytes from the next one to the first that is kept.
    #[inline]
    pub(crate) fn distance_to_kept(&self) -> Option<u32> {
        let start = self.ahead.first_start()?;
        u32::try_from(start.saturating_sub(self.position)).ok()
    }

    /// Whether the peer has acknowledged bytes that are missing here.
    pub(crate) fn hole_is_acknowledged(&self) -> bool {
        self.acknowledged_beyond().is_some_and(|len| len > 0)
    }

    /// Whether more is kept than a hole is worth.
    pub(crate) const fn is_full(&self) -> bool {
        self.ahead.buffered_bytes() > MAX_AHEAD_BYTES || self.ahead.count() > MAX_AHEAD_PIECES
    }

    /// Whether all bytes up to the FIN have been delivered or given up.
    pub(crate) fn is_finished(&self) -> bool {
        self.fin.is_some() && self.fin == self.next
    }

    /// Takes a window field, scaled as the SYN said; that of a SYN itself is not
    /// (RFC 7323 section 2.2).
    #[inline]
    pub(crate) fn offer_window(&mut self, window: u16, is_syn: bool) {
        let shift = if is_syn { 0 } else { self.window_shift };
        self.offered_window = u32::from(window) << shift;
    }

    /// Takes the scale option of a SYN.
    pub(crate) fn scale_window(&mut self, shift: Option<u8>) {
        self.window_shift = shift.unwrap_or(0);
    }

    /// Notes a FIN behind the byte before `end`. The first one counts.
    pub(crate) fn finish(&mut self, end: SeqNumber) {
        let next = *self.next.get_or_insert(end);
        let plausible = end.distance_from(next).is_some_and(|len| len <= MAX_DISTANCE);
        if self.fin.is_none() && plausible {
            self.fin = Some(end);
        }
    }

    /// The first byte of the stream, as far as it was seen.
    pub(crate) fn first(&self) -> Option<SeqNumber> {
        let passed = self.position.wrapping_sub(FIRST_POSITION);
        let [a, b, c, d, ..] = passed.to_le_bytes();
        self.next.map(|next| next.minus(u32::from_le_bytes([a, b, c, d])))
    }

    /// Whether `sequence` is behind the first byte and not behind the next.
    pub(crate) fn is_within(&self, sequence: SeqNumber) -> bool {
        let (Some(first), Some(next)) = (self.first(), self.next) else { return false };
        !sequence.is_before(first) && !sequence.is_after(next)
    }

    /// Whether no byte of the stream has been seen.
    pub(crate) const fn is_untouched(&self) -> bool {
        self.position == FIRST_POSITION && self.ahead.is_empty()
    }

    /// Whether the receiver may take a RST with `sequence` for genuine (RFC 9293 section 3.5.3):
    /// it is in the window, or the receiver has not yet been sent what was captured.
    pub(crate) fn may_reset(&self, sequence: SeqNumber, receiver_window: u32) -> bool {
        let Some(next) = self.next else { return true };
        let oldest = match self.acknowledged {
            Some(acknowledged) if acknowledged.is_before(next) => acknowledged,
            Some(_) | None => next,
        };
        let newest = match self.acknowledged {
            Some(acknowledged) if acknowledged.is_after(next) => acknowledged,
            Some(_) | None => next,
        };
        let newest = newest.plus(receiver_window.clamp(MIN_RESET_WINDOW, MAX_DISTANCE));
        !sequence.is_before(oldest) && !sequence.is_after(newest)
    }

    /// Goes back to `next` with all that has been kept or delivered, which was not consumed.
    pub(crate) fn rebase(&mut self, next: SeqNumber) {
        let Some(first) = self.first() else { return self.start(next) };
        self.ahead.insert(FIRST_POSITION, self.stream.unconsumed());
        self.stream.clear();
        self.ahead.shift(i64::from(first.ahead_of(next)));
        self.ahead.drop_before(FIRST_POSITION);
        self.position = FIRST_POSITION;
        self.start(next);
    }

    /// Heap bytes that are held.
    #[inline]
    pub(crate) const fn heap_size(&self) -> usize {
        self.stream.heap_size() + self.ahead.heap_size()
    }

    /// Makes it as new, and gives its buffers back.
    pub(crate) fn reset(&mut self, pool: &mut BufferPool) {
        self.stream.release(pool);
        self.ahead.recycle();
        let (stream, ahead) = (std::mem::take(&mut self.stream), std::mem::take(&mut self.ahead));
        *self = Self { stream, ahead, ..Self::default() };
    }

    fn acknowledged_beyond(&self) -> Option<u32> {
        let beyond = self.acknowledged?.distance_from(self.next?)?;
        (beyond <= MAX_DISTANCE).then_some(beyond)
    }
}

impl Default for TcpDirection {
    fn default() -> Self {
        Self {
            next: None,
            position: FIRST_POSITION,
            fin: None,
            acknowledged: None,
            offered_window: 0,
            window_shift: 0,
            stray_segments: 0,
            consumed_any: false,
            stream: StreamBuffer::default(),
            ahead: Pieces::default(),
            hole: None,
        }
    }
}

/// Leaves room in front, for streams whose beginning turns out to be earlier.
const FIRST_POSITION: u64 = 1 << 32;

/// The largest window in bytes (RFC 7323 section 2.2): no segment is further away.
const MAX_DISTANCE: u32 = 1 << 30;

/// Segments further away than any window, after which the stream is taken to have gone on there:
/// more than one attacker's guess, less than a handshake.
const MAX_STRAY_SEGMENTS: u8 = 4;

/// Bytes kept behind a hole: with the largest records that TLS has it is a handshake of eight.
const MAX_AHEAD_BYTES: usize = 128 << 10;

/// Pieces kept behind a hole that do not touch each other; each stands for another hole.
const MAX_AHEAD_PIECES: usize = 128;

/// The window assumed at least, in bytes: its scale is not known in mid-stream, and senders may
/// have been granted more than the last segment offers.
const MIN_RESET_WINDOW: u32 = 64 << 10;
