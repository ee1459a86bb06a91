//! The streams of a connection as exchanges of messages.

use std::hash::RandomState;

use hashlink::LinkedHashMap;

use crate::counters::Counters;
use crate::fields::Fields;
use crate::frame::StreamId;
use crate::hpack::Decoder;
use crate::message::{self, Framing, Method};
use crate::reader::FrameEvent;
use crate::translator::{Ending, Event, Scratch, Sender};

/// The streams that are open, and what both sides need to read header blocks.
#[derive(Debug)]
pub(crate) struct Exchanges {
    client: Decoder,
    server: Decoder,
    /// Streams, that which was silent longest first.
    streams: LinkedHashMap<StreamId, Exchange, RandomState>,
    is_late: bool,
    first_seen: Option<StreamId>,
    last_seen: StreamId,
}

/// The two messages of a stream.
#[derive(Debug, Default)]
struct Exchange {
    method: Method,
    request: Message,
    response: Message,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Message {
    #[default]
    Awaited,
    /// In its content; the chunk that is being written is not over.
    Content {
        framing: Framing,
        in_chunk: bool,
    },
    Over,
}

/// Where the messages go.
pub(crate) struct Output<'a> {
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) counters: &'a mut Counters,
    pub(crate) on: &'a mut dyn FnMut(Event<'_>),
}

impl Output<'_> {
    fn bytes(&mut self, stream: StreamId, sender: Sender, bytes: &[u8]) {
        if !bytes.is_empty() {
            let counted = &mut self.counters.written_bytes;
            *counted = counted.saturating_add(bytes.len() as u64);
            (self.on)(Event::Bytes { stream, sender, bytes });
        }
    }
}

impl Exchanges {
    pub(crate) fn new(is_late: bool) -> Self {
        let decoder = || if is_late { Decoder::late() } else { Decoder::new() };
        Self {
            client: decoder(),
            server: decoder(),
            streams: LinkedHashMap::with_hasher(RandomState::new()),
            is_late,
            first_seen: None,
            last_seen: StreamId::CONNECTION,
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        let streams = self.streams.capacity().saturating_mul(STREAM_SIZE);
        streams.saturating_add(self.client.heap_size()).saturating_add(self.server.heap_size())
    }

    /// Takes what `sender` says.
    pub(crate) fn handle(
        &mut self,
        sender: Sender,
        event: &FrameEvent<'_>,
        output: &mut Output<'_>,
    ) {
        match *event {
            FrameEvent::DataBegins { stream, len } => self.chunk(stream, sender, len, output),
            FrameEvent::Data { stream, bytes } => self.content(stream, sender, bytes, output),
            FrameEvent::DataMissing { stream, len } => self.missing(stream, sender, len, output),
            FrameEvent::DataEnds { stream, is_last } => {
                self.chunk_end(stream, sender, is_last, output);
            }
            FrameEvent::Headers { stream, promised, block, is_last } => {
                self.headers(sender, (stream, promised), block, is_last, output);
            }
            FrameEvent::Reset { stream } => self.close(stream, Ending::Reset, output),
            FrameEvent::GoAway { last } => self.refused(sender, last, output),
            FrameEvent::HeadersLost => self.decoder(sender).forget(),
            FrameEvent::Lost => {
                self.decoder(sender).forget();
                self.break_off(sender, output);
            }
        }
    }

    /// Ends all streams.
    pub(crate) fn finish(&mut self, ending: Ending, output: &mut Output<'_>) {
        while let Some((stream, _)) = self.streams.pop_front() {
            (output.on)(Event::Closed { stream, ending });
        }
    }

    fn headers(
        &mut self,
        sender: Sender,
        (stream, promised): (StreamId, Option<StreamId>),
        block: &[u8],
        is_last: bool,
        output: &mut Output<'_>,
    ) {
        let mut fields = std::mem::take(&mut output.scratch.fields);
        fields.clear();
        if self.decoder(sender).decode(block, &mut fields).is_err() {
            output.counters.malformed = output.counters.malformed.saturating_add(1);
            self.decoder(sender).forget();
        }
        match (sender, promised) {
            (Sender::Server, Some(promised)) => {
                // A push has the request that the client did not make.
                if self.open(promised, output) {
                    self.head(promised, Sender::Client, &fields, true, output);
                }
            }
            _ => {
                if self.streams.contains_key(&stream) || self.may_open(stream, sender, output) {
                    self.head(stream, sender, &fields, is_last, output);
                } else {
                    output.counters.unclaimed(block.len());
                }
            }
        }
        output.scratch.fields = fields;
    }

    /// Opens a stream that is seen for the first time, unless it is an old one that was closed.
    fn may_open(&mut self, stream: StreamId, sender: Sender, output: &mut Output<'_>) -> bool {
        let is_older = self.is_late && self.first_seen.is_none_or(|first| stream < first);
        let is_new = stream > self.last_seen;
        let may = is_new || (sender == Sender::Server && is_older);
        if may && is_new {
            self.first_seen = self.first_seen.or(Some(stream));
            self.last_seen = stream;
        }
        may && self.open(stream, output)
    }

    fn open(&mut self, stream: StreamId, output: &mut Output<'_>) -> bool {
        if stream == StreamId::CONNECTION || self.streams.contains_key(&stream) {
            output.counters.malformed = output.counters.malformed.saturating_add(1);
            return false;
        }
        if self.streams.len() >= MAX_STREAMS
            && let Some((oldest, _)) = self.streams.pop_front()
        {
            let evicted = &mut output.counters.evicted_streams;
            *evicted = evicted.saturating_add(1);
            (output.on)(Event::Closed { stream: oldest, ending: Ending::Abandoned });
        }
        self.streams.insert(stream, Exchange::default());
        output.counters.streams = output.counters.streams.saturating_add(1);
        (output.on)(Event::Opened { stream });
        true
    }

    /// The head of a message, or its trailers.
    fn head(
        &mut self,
        stream: StreamId,
        sender: Sender,
        fields: &Fields,
        is_last: bool,
        output: &mut Output<'_>,
    ) {
        let Some(exchange) = self.streams.to_back(&stream) else { return };
        let mut head = std::mem::take(&mut output.scratch.head);
        head.clear();
        let method = exchange.method;
        let message = exchange.message(sender);
        match *message {
            Message::Awaited => {
                let framing = match sender {
                    Sender::Client => {
                        let (method, framing) =
                            message::request(fields, is_last, output.counters, &mut head);
                        exchange.method = method;
                        Some(framing)
                    }
                    Sender::Server => {
                        message::response(fields, method, is_last, output.counters, &mut head)
                    }
                };
                output.bytes(stream, sender, &head);
                if let Some(framing) = framing {
                    let content = Message::Content { framing, in_chunk: false };
                    *exchange.message(sender) = if is_last { Message::Over } else { content };
                }
            }
            Message::Content { framing: Framing::Chunked, .. } => {
                message::trailers(fields, output.counters, &mut head);
                output.bytes(stream, sender, &head);
                *message = Message::Over;
            }
            Message::Content { .. } => {
                let left_out = &mut output.counters.left_out_trailers;
                *left_out = left_out.saturating_add(fields.iter().count() as u64);
                self.end(stream, sender, output);
            }
            Message::Over => {
                output.counters.malformed = output.counters.malformed.saturating_add(1);
            }
        }
        output.scratch.head = head;
        self.close_if_over(stream, output);
    }

    fn chunk(&mut self, stream: StreamId, sender: Sender, len: u32, output: &mut Output<'_>) {
        let Some(exchange) = self.streams.to_back(&stream) else { return };
        if let Message::Content { framing: Framing::Chunked, in_chunk } = exchange.message(sender)
            && len > 0
        {
            *in_chunk = true;
            output.bytes(stream, sender, format!("{len:x}\r\n").as_bytes());
        }
    }

    fn content(&mut self, stream: StreamId, sender: Sender, bytes: &[u8], output: &mut Output<'_>) {
        if self.take_content(stream, sender, bytes.len() as u64) {
            output.bytes(stream, sender, bytes);
        } else {
            output.counters.unclaimed(bytes.len());
        }
    }

    fn missing(&mut self, stream: StreamId, sender: Sender, len: u32, output: &mut Output<'_>) {
        if self.take_content(stream, sender, len.into()) {
            (output.on)(Event::Missing { stream, sender, len });
        }
    }

    /// Whether a message has content, of which so many bytes come.
    fn take_content(&mut self, stream: StreamId, sender: Sender, len: u64) -> bool {
        let exchange = self.streams.get_mut(&stream);
        match exchange.map(|exchange| exchange.message(sender)) {
            Some(Message::Content { framing: Framing::Length(left), .. }) => {
                // What is more than it was said to be is written as well: it is what was sent. No
                // message is so long that this comes round to 0.
                *left = left.wrapping_sub(len);
                true
            }
            Some(Message::Content { framing: Framing::Chunked | Framing::Raw, .. }) => true,
            _ => false,
        }
    }

    fn chunk_end(
        &mut self,
        stream: StreamId,
        sender: Sender,
        is_last: bool,
        output: &mut Output<'_>,
    ) {
        let Some(exchange) = self.streams.get_mut(&stream) else { return };
        if let Message::Content { in_chunk, .. } = exchange.message(sender)
            && std::mem::take(in_chunk)
        {
            output.bytes(stream, sender, b"\r\n");
        }
        if is_last {
            self.end(stream, sender, output);
            self.close_if_over(stream, output);
        }
    }

    /// A message is over without trailers.
    fn end(&mut self, stream: StreamId, sender: Sender, output: &mut Output<'_>) {
        let Some(exchange) = self.streams.get_mut(&stream) else { return };
        let message = exchange.message(sender);
        match *message {
            Message::Content { framing: Framing::Chunked, .. } => {
                output.bytes(stream, sender, b"0\r\n\r\n");
            }
            Message::Content { framing: Framing::Length(left), .. } if left != 0 => {
                output.counters.wrong_lengths = output.counters.wrong_lengths.saturating_add(1);
            }
            Message::Content { .. } | Message::Awaited | Message::Over => {}
        }
        *message = Message::Over;
    }

    fn close_if_over(&mut self, stream: StreamId, output: &mut Output<'_>) {
        let Some(exchange) = self.streams.get(&stream) else { return };
        // A request that was not seen will not be.
        if exchange.response == Message::Over
            && matches!(exchange.request, Message::Over | Message::Awaited)
        {
            self.close(stream, Ending::Finished, output);
        }
    }

    fn close(&mut self, stream: StreamId, ending: Ending, output: &mut Output<'_>) {
        if self.streams.remove(&stream).is_some() {
            (output.on)(Event::Closed { stream, ending });
        }
    }

    /// `sender` does not serve the streams of its peer after `last`.
    fn refused(&mut self, sender: Sender, last: StreamId, output: &mut Output<'_>) {
        let parity = if sender == Sender::Server { 1 } else { 0 };
        let refused: Vec<_> = self
            .streams
            .keys()
            .copied()
            .filter(|stream| *stream > last && stream.0 % 2 == parity)
            .collect();
        for stream in refused {
            self.close(stream, Ending::Reset, output);
        }
    }

    /// Of what `sender` sends, any content may be lost.
    fn break_off(&mut self, sender: Sender, output: &mut Output<'_>) {
        let in_content =
            |exchange: &mut Exchange| matches!(exchange.message(sender), Message::Content { .. });
        let broken: Vec<_> = self
            .streams
            .iter_mut()
            .filter_map(|(stream, exchange)| in_content(exchange).then_some(*stream))
            .collect();
        for stream in broken {
            output.counters.broken_streams = output.counters.broken_streams.saturating_add(1);
            self.close(stream, Ending::Abandoned, output);
        }
    }

    const fn decoder(&mut self, sender: Sender) -> &mut Decoder {
        match sender {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        }
    }
}

impl Exchange {
    const fn message(&mut self, sender: Sender) -> &mut Message {
        match sender {
            Sender::Client => &mut self.request,
            Sender::Server => &mut self.response,
        }
    }
}

/// Most streams of a connection at a time: ten times what servers allow by default.
const MAX_STREAMS: usize = 1024;

/// With the links of the table.
const STREAM_SIZE: usize = size_of::<Exchange>() + size_of::<StreamId>() + 3 * size_of::<usize>();
