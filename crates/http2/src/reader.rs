//! The frames of one direction, from bytes in any portions and with holes.

use crate::counters::Counters;
use crate::frame::{Flags, FrameHeader, FrameType, StreamId};

/// Cuts one direction of a connection into frames.
#[derive(Debug)]
pub(crate) struct FrameReader {
    state: State,
    /// What is held of a frame, or while looking for one.
    held: Vec<u8>,
    /// The header block being put together from several frames.
    block: Option<Block>,
}

/// What a direction says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FrameEvent<'a> {
    /// A DATA frame begins, with so many bytes of content.
    DataBegins { stream: StreamId, len: u32 },
    /// Content of it.
    Data { stream: StreamId, bytes: &'a [u8] },
    /// Content of it that is missing.
    DataMissing { stream: StreamId, len: u32 },
    /// The DATA frame is over, and perhaps the stream's direction.
    DataEnds { stream: StreamId, is_last: bool },
    /// A whole header block; `promised` is the stream that a push is for.
    Headers { stream: StreamId, promised: Option<StreamId>, block: &'a [u8], is_last: bool },
    /// A stream is reset.
    Reset { stream: StreamId },
    /// Streams after this one are not served.
    GoAway { last: StreamId },
    /// A header block cannot be read, and no later one that refers to what it inserted.
    HeadersLost,
    /// Frames were lost, and with them perhaps header blocks and content of any stream.
    Lost,
}

#[derive(Debug)]
enum State {
    /// Frames follow one another; `held` is the start of one.
    Frames,
    /// In a DATA frame.
    Data { stream: StreamId, left: u32, padding: u32, is_last: bool },
    /// In a frame that is not looked at.
    Skipped { left: u32 },
    /// Anywhere: looking for a frame in `held`.
    Lost,
}

#[derive(Debug)]
struct Block {
    stream: StreamId,
    promised: Option<StreamId>,
    bytes: Vec<u8>,
    is_last: bool,
    is_too_long: bool,
}

impl FrameReader {
    /// A reader of a direction from its first frame on.
    pub(crate) const fn new() -> Self {
        Self { state: State::Frames, held: Vec::new(), block: None }
    }

    /// A reader of a direction from anywhere on.
    pub(crate) const fn late() -> Self {
        Self { state: State::Lost, held: Vec::new(), block: None }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        let block = self.block.as_ref().map_or(0, |block| block.bytes.capacity());
        self.held.capacity().saturating_add(block)
    }

    /// Takes the next bytes.
    pub(crate) fn read(
        &mut self,
        mut bytes: &[u8],
        counters: &mut Counters,
        on: &mut impl FnMut(FrameEvent<'_>, &mut Counters),
    ) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Data { .. } => self.data(&mut bytes, counters, on),
                State::Skipped { left } => {
                    take(&mut bytes, left);
                    if *left == 0 {
                        self.state = State::Frames;
                    }
                }
                State::Frames => self.frame(&mut bytes, counters, on),
                State::Lost => {
                    self.held.extend_from_slice(bytes);
                    bytes = &[];
                    self.find(counters, on);
                }
            }
        }
    }

    /// Learns that so many bytes are missing.
    pub(crate) fn missing(
        &mut self,
        len: u64,
        counters: &mut Counters,
        on: &mut impl FnMut(FrameEvent<'_>, &mut Counters),
    ) {
        if len == 0 {
            return;
        }
        if let State::Data { stream, left, padding, is_last } = &mut self.state {
            let (stream, is_last) = (*stream, *is_last);
            let shown = u32::try_from(len).unwrap_or(u32::MAX).min(*left);
            *left -= shown;
            if shown > 0 {
                on(FrameEvent::DataMissing { stream, len: shown }, counters);
            }
            let behind = len.saturating_sub(shown.into());
            if behind <= u64::from(*padding) && *left == 0 {
                *padding = padding.saturating_sub(u32::try_from(behind).unwrap_or(u32::MAX));
                if *padding == 0 {
                    self.state = State::Frames;
                    on(FrameEvent::DataEnds { stream, is_last }, counters);
                }
                return;
            }
            if *left > 0 {
                return;
            }
        } else if let State::Skipped { left } = &mut self.state
            && len <= u64::from(*left)
        {
            *left = left.saturating_sub(u32::try_from(len).unwrap_or(u32::MAX));
            if *left == 0 {
                self.state = State::Frames;
            }
            return;
        }
        self.lose(counters, on);
    }

    /// Learns that the direction is over; counts what was held of a frame.
    pub(crate) fn finish(&mut self, counters: &mut Counters) {
        counters.lost(self.held.len());
        self.held = Vec::new();
        self.block = None;
    }

    fn lose(
        &mut self,
        counters: &mut Counters,
        on: &mut impl FnMut(FrameEvent<'_>, &mut Counters),
    ) {
        counters.lost(self.held.len());
        counters.resynchronisations = counters.resynchronisations.saturating_add(1);
        self.held.clear();
        self.block = None;
        self.state = State::Lost;
        on(FrameEvent::Lost, counters);
    }

    fn data(
        &mut self,
        bytes: &mut &[u8],
        counters: &mut Counters,
        on: &mut impl FnMut(FrameEvent<'_>, &mut Counters),
    ) {
        let State::Data { stream, left, padding, is_last } = &mut self.state else { return };
        let stream = *stream;
        let content = take(bytes, left);
        if !content.is_empty() {
            on(FrameEvent::Data { stream, bytes: content }, counters);
        }
        take(bytes, padding);
        if *left == 0 && *padding == 0 {
            let is_last = *is_last;
            self.state = State::Frames;
            on(FrameEvent::DataEnds { stream, is_last }, counters);
        }
    }

    /// Holds the bytes of a frame until it is whole, but for DATA, of which only the start is held.
    fn frame(
        &mut self,
        bytes: &mut &[u8],
        counters: &mut Counters,
        on: &mut impl FnMut(FrameEvent<'_>, &mut Counters),
    ) {
        if !self.hold(bytes, FrameHeader::LEN) {
            return;
        }
        let Some((header, _)) = self.held.split_first_chunk() else { return };
        let header = FrameHeader::parse(*header);
        if self.block.is_some() && header.kind != FrameType::CONTINUATION {
            // RFC 9113 section 6.10: nothing may come between.
            counters.malformed = counters.malformed.saturating_add(1);
            self.block = None;
            on(FrameEvent::HeadersLost, counters);
        }
        match header.kind {
            FrameType::DATA => self.begin_data(header, bytes, counters, on),
            FrameType::HEADERS
            | FrameType::PUSH_PROMISE
            | FrameType::CONTINUATION
            | FrameType::RST_STREAM
            | FrameType::GOAWAY => {
                let len = usize::try_from(header.len).unwrap_or(usize::MAX);
                if len > MAX_HELD_FRAME {
                    counters.too_long = counters.too_long.saturating_add(1);
                    counters.lost(self.held.len().saturating_add(len));
                    self.held.clear();
                    self.block = None;
                    self.state = State::Skipped { left: header.len };
                    on(FrameEvent::HeadersLost, counters);
                } else if self.hold(bytes, FrameHeader::LEN.saturating_add(len)) {
                    let held = std::mem::take(&mut self.held);
                    let payload = held.get(FrameHeader::LEN..).unwrap_or_default();
                    self.whole(header, payload, counters, on);
                    self.held = held;
                    self.held.clear();
                }
            }
            _ => {
                self.held.clear();
                if header.len > 0 {
                    self.state = State::Skipped { left: header.len };
                }
            }
        }
    }

    fn begin_data(
        &mut self,
        header: FrameHeader,
        bytes: &mut &[u8],
        counters: &mut Counters,
        on: &mut impl FnMut(FrameEvent<'_>, &mut Counters),
    ) {
        let is_padded = header.flags.contains(Flags::PADDED) && header.len > 0;
        if is_padded && !self.hold(bytes, FrameHeader::LEN + 1) {
            return;
        }
        let padding = if is_padded { self.held.last().copied().unwrap_or(0) } else { 0 };
        let room = header.len - u32::from(is_padded);
        let padding = u32::from(padding).min(room);
        let (stream, left) = (header.stream, room - padding);
        let is_last = header.flags.contains(Flags::END_STREAM);
        self.held.clear();
        on(FrameEvent::DataBegins { stream, len: left }, counters);
        if left == 0 && padding == 0 {
            on(FrameEvent::DataEnds { stream, is_last }, counters);
        } else {
            self.state = State::Data { stream, left, padding, is_last };
        }
    }

    /// A whole frame that is not DATA.
    fn whole(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
        counters: &mut Counters,
        on: &mut impl FnMut(FrameEvent<'_>, &mut Counters),
    ) {
        let stream = header.stream;
        let understood = match header.kind {
            FrameType::RST_STREAM => {
                on(FrameEvent::Reset { stream }, counters);
                true
            }
            FrameType::GOAWAY => payload.first_chunk().is_some_and(|&[a, b, c, d]| {
                let last = StreamId(u32::from_be_bytes([a & 0x7f, b, c, d]));
                on(FrameEvent::GoAway { last }, counters);
                true
            }),
            FrameType::CONTINUATION => match &mut self.block {
                Some(block) if block.stream == stream => {
                    block.extend(payload);
                    true
                }
                _ => false,
            },
            _ => {
                self.block = Block::begin(header, payload);
                self.block.is_some()
            }
        };
        if !understood {
            counters.malformed = counters.malformed.saturating_add(1);
            let has_block = matches!(
                header.kind,
                FrameType::HEADERS | FrameType::PUSH_PROMISE | FrameType::CONTINUATION
            );
            if has_block {
                self.block = None;
                on(FrameEvent::HeadersLost, counters);
            }
            return;
        }
        if header.flags.contains(Flags::END_HEADERS)
            && let Some(block) = self.block.take()
        {
            block.end(counters, on);
        }
    }

    /// Takes bytes until `len` are held, and says whether they are.
    fn hold(&mut self, bytes: &mut &[u8], len: usize) -> bool {
        let missing = len.saturating_sub(self.held.len());
        let (taken, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.held.extend_from_slice(taken);
        *bytes = rest;
        self.held.len() >= len
    }

    /// Looks for a frame in what is held, and goes on from there.
    fn find(
        &mut self,
        counters: &mut Counters,
        on: &mut impl FnMut(FrameEvent<'_>, &mut Counters),
    ) {
        let held = std::mem::take(&mut self.held);
        let mut start = 0;
        while let Some(rest) = held.get(start..) {
            match Likelihood::of(rest) {
                Likelihood::Frames => {
                    counters.lost(start);
                    self.state = State::Frames;
                    return self.read(rest, counters, on);
                }
                Likelihood::Unknown if rest.len() <= MAX_LOOKED_AT => break,
                Likelihood::Unknown | Likelihood::None => start += 1,
            }
        }
        counters.lost(start.min(held.len()));
        self.held = held;
        self.held.drain(..start.min(self.held.len()));
    }
}

impl Block {
    /// The block that a HEADERS or PUSH_PROMISE frame begins, or `None` if its padding is longer than
    /// the frame.
    fn begin(header: FrameHeader, mut payload: &[u8]) -> Option<Self> {
        if header.flags.contains(Flags::PADDED) {
            let (&padding, rest) = payload.split_first()?;
            payload = rest.get(..rest.len().checked_sub(padding.into())?)?;
        }
        let mut promised = None;
        if header.kind == FrameType::PUSH_PROMISE {
            let (&[a, b, c, d], rest) = payload.split_first_chunk()?;
            promised = Some(StreamId(u32::from_be_bytes([a & 0x7f, b, c, d])));
            payload = rest;
        } else if header.flags.contains(Flags::PRIORITY) {
            payload = payload.get(PRIORITY_LEN..)?;
        }
        let is_last = header.kind == FrameType::HEADERS && header.flags.contains(Flags::END_STREAM);
        let bytes = payload.to_vec();
        Some(Self { stream: header.stream, promised, bytes, is_last, is_too_long: false })
    }

    fn extend(&mut self, more: &[u8]) {
        if self.bytes.len().saturating_add(more.len()) > MAX_BLOCK {
            self.is_too_long = true;
        } else {
            self.bytes.extend_from_slice(more);
        }
    }

    fn end(self, counters: &mut Counters, on: &mut impl FnMut(FrameEvent<'_>, &mut Counters)) {
        if self.is_too_long {
            counters.too_long = counters.too_long.saturating_add(1);
            return on(FrameEvent::HeadersLost, counters);
        }
        let Self { stream, promised, bytes, is_last, .. } = self;
        on(FrameEvent::Headers { stream, promised, block: &bytes, is_last }, counters);
    }
}

/// How likely it is that bytes begin with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likelihood {
    /// They do: another follows, or they end with it.
    Frames,
    /// More bytes are needed.
    Unknown,
    /// They do not.
    None,
}

impl Likelihood {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let Some((header, rest)) = bytes.split_first_chunk() else {
            return Self::Unknown;
        };
        let header = FrameHeader::parse(*header);
        if !header.is_plausible() {
            return Self::None;
        }
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        let Some(after) = rest.get(len..) else { return Self::Unknown };
        match after.split_first_chunk() {
            Some((next, _)) if FrameHeader::parse(*next).is_plausible() => Self::Frames,
            Some(_) => Self::None,
            None if after.is_empty() => Self::Frames,
            None => Self::Unknown,
        }
    }
}

/// Takes at most `left` of `bytes`, and counts them off.
fn take<'a>(bytes: &mut &'a [u8], left: &mut u32) -> &'a [u8] {
    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    let (taken, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
    *bytes = rest;
    *left = left.saturating_sub(u32::try_from(len).unwrap_or(u32::MAX));
    taken
}

/// Longest frame that is held whole. Headers in frames longer than the initial bound of 16 KiB need a
/// peer that asked for it.
const MAX_HELD_FRAME: usize = 64 << 10;

/// Longest header block in its compressed form, over all of its frames: what servers take is 8 to
/// 64 KiB.
const MAX_BLOCK: usize = 64 << 10;

/// Most bytes that are looked at for a frame: two of the usual longest.
const MAX_LOOKED_AT: usize = 40 << 10;

/// RFC 9113 section 6.2.
const PRIORITY_LEN: usize = 5;
