//! The clear text of QUIC streams, each told as a connection of its own.

use std::collections::BTreeMap;

use event::Timestamp;
use flow::Direction;
use forge::Ending;

use super::text::{Ends, Text};
use crate::both::Both;
use crate::context::Context;

/// The streams of a QUIC connection.
pub(crate) struct Streams {
    ends: Ends,
    client: Direction,
    open: BTreeMap<u64, Stream>,
    buffered_bytes: usize,
}

struct Stream {
    text: Text,
    sides: Both<Assembly>,
}

/// What one side sends, put in order.
#[derive(Default)]
struct Assembly {
    next: u64,
    /// Bytes behind a gap, by their place.
    pieces: BTreeMap<u64, Box<[u8]>>,
    /// Where it ends, once that was said.
    end: Option<u64>,
}

/// A STREAM frame.
#[derive(Clone, Copy)]
pub(crate) struct StreamFrame<'a> {
    pub(crate) id: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) is_last: bool,
}

impl Streams {
    pub(crate) const fn new(ends: Ends, client: Direction) -> Self {
        Self { ends, client, open: BTreeMap::new(), buffered_bytes: 0 }
    }

    /// Takes a frame. Nothing is kept if nobody wants clear text.
    pub(crate) fn on_frame(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        frame: StreamFrame<'_>,
    ) {
        if context.text_sink.is_none() {
            return;
        }
        let Some(mut stream) = self.open.remove(&frame.id).or_else(|| self.begin(context, now))
        else {
            return;
        };
        let side = &mut stream.sides[direction];
        if frame.is_last {
            side.end = Some(frame.offset.saturating_add(frame.bytes.len() as u64));
        }
        self.buffered_bytes += side.keep(frame.offset, frame.bytes);
        loop {
            while let Some(bytes) = side.ready() {
                self.buffered_bytes = self.buffered_bytes.saturating_sub(bytes.len());
                stream.text.on_data(&mut context.text_sink, now, direction, &bytes);
            }
            if self.buffered_bytes <= MAX_BUFFERED_BYTES || !side.skip(&mut stream.text, direction)
            {
                break;
            }
        }
        let is_one_way = frame.id & ONE_WAY != 0;
        let is_over = |direction: Direction| stream.sides[direction].is_over();
        if Direction::BOTH.into_iter().all(is_over) || (is_one_way && is_over(direction)) {
            stream.text.end(&mut context.text_sink, now, Ending::Finished);
        } else {
            self.open.insert(frame.id, stream);
        }
    }

    /// Ends all streams.
    pub(crate) fn end(&mut self, context: &mut Context, now: Timestamp) {
        for stream in self.open.values_mut() {
            for direction in Direction::BOTH {
                let side = &mut stream.sides[direction];
                while side.skip(&mut stream.text, direction) {
                    while let Some(bytes) = side.ready() {
                        stream.text.on_data(&mut context.text_sink, now, direction, &bytes);
                    }
                }
            }
            stream.text.end(&mut context.text_sink, now, Ending::Abandoned);
        }
        self.open.clear();
        self.buffered_bytes = 0;
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.buffered_bytes + self.open.len() * size_of::<Stream>()
    }

    fn begin(&mut self, context: &mut Context, now: Timestamp) -> Option<Stream> {
        if self.open.len() >= MAX_STREAMS {
            let (_, mut oldest) = self.open.pop_first()?;
            let held: usize = oldest.sides.iter().map(Assembly::held_bytes).sum();
            self.buffered_bytes = self.buffered_bytes.saturating_sub(held);
            oldest.text.end(&mut context.text_sink, now, Ending::Abandoned);
        }
        let mut text = Text::new(context.next_connection(), self.ends);
        text.set_client(self.client);
        Some(Stream { text, sides: Both::default() })
    }
}

impl Assembly {
    /// Keeps what is new of a piece, and says how many bytes that is. Of two copies the first counts.
    fn keep(&mut self, offset: u64, bytes: &[u8]) -> usize {
        let passed = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(fresh) = bytes.get(passed..).filter(|fresh| !fresh.is_empty()) else { return 0 };
        let start = offset.max(self.next);
        if self.pieces.get(&start).is_some_and(|known| known.len() >= fresh.len()) {
            return 0;
        }
        let before = self.pieces.insert(start, fresh.into());
        fresh.len() - before.map_or(0, |before| before.len())
    }

    /// Takes the bytes that come next, if they are there.
    fn ready(&mut self) -> Option<Box<[u8]>> {
        let piece = self.pieces.first_entry().filter(|piece| *piece.key() <= self.next)?;
        let (start, bytes) = piece.remove_entry();
        let passed = usize::try_from(self.next - start).unwrap_or(usize::MAX);
        let fresh = bytes.get(passed..).unwrap_or_default();
        self.next = self.next.saturating_add(fresh.len() as u64);
        Some(if passed == 0 { bytes } else { fresh.into() })
    }

    /// Gives up the gap in front of what is kept, if there is one.
    fn skip(&mut self, text: &mut Text, direction: Direction) -> bool {
        let Some((&start, _)) = self.pieces.first_key_value() else { return false };
        text.on_missing(direction, start.saturating_sub(self.next));
        self.next = self.next.max(start);
        true
    }

    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    fn held_bytes(&self) -> usize {
        self.pieces.values().map(|piece| piece.len()).sum()
    }
}

/// Set in the id of a stream in which only one side sends (RFC 9000 section 2.1).
const ONE_WAY: u64 = 2;

/// Streams of one connection that are followed at a time: as many as servers allow by default.
const MAX_STREAMS: usize = 128;

/// Bytes kept behind gaps, of all streams of a connection: what a few lost packets hold back.
const MAX_BUFFERED_BYTES: usize = 256 << 10;
