//! Forged frames, many at a time.

use event::Timestamp;
use wire::{SegmentFields, TcpPath};

/// Frames of Ethernet in one piece of memory, which is used again after [`Frames::clear`].
#[derive(Clone, Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// Comments of frames by index; few frames have one.
    comments: Vec<(usize, Box<str>)>,
}

/// One forged frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When what it tells happened. Of one connection, no frame is before another that precedes it.
    pub at: Timestamp,
    /// The frame, from the Ethernet header on, without check sequence.
    pub bytes: &'a [u8],
    /// Of the first frame of a connection: whose clear text it is.
    pub comment: Option<&'a str>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: Timestamp,
    end: usize,
}

impl Frames {
    /// No frames.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), places: Vec::new(), comments: Vec::new() }
    }

    /// How many frames there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How long they are together, in bytes.
    #[must_use]
    pub const fn total_len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are so many that more in a batch would make sending them no cheaper.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.places.len() >= FULL_FRAMES || self.bytes.len() >= FULL_LEN
    }

    /// Forgets the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
        self.comments.clear();
    }

    /// The frames, in order.
    pub fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut comments = self.comments.iter().peekable();
        let mut start = 0;
        self.places.iter().enumerate().map(move |(index, place)| {
            let bytes = self.bytes.get(start..place.end).unwrap_or_default();
            start = place.end;
            let comment = comments.next_if(|(of, _)| *of == index).map(|(_, comment)| &**comment);
            Frame { at: place.at, bytes, comment }
        })
    }

    /// Appends a frame and gives its length.
    #[inline]
    pub(crate) fn push(
        &mut self,
        at: Timestamp,
        path: &TcpPath,
        fields: &SegmentFields<'_>,
        data: &[u8],
    ) -> usize {
        let start = self.bytes.len();
        path.write(fields, data, &mut self.bytes);
        self.places.push(Place { at, end: self.bytes.len() });
        self.bytes.len().saturating_sub(start)
    }

    /// Says something of the frame that is pushed next.
    pub(crate) fn comment(&mut self, comment: Box<str>) {
        self.comments.push((self.places.len(), comment));
    }
}

/// As many as `sendmmsg` shares a system call's cost between well enough.
const FULL_FRAMES: usize = 64;

/// Half of a usual second-level cache.
const FULL_LEN: usize = 256 << 10;
