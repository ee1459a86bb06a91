//! One connection.

use crate::counters::Counters;
use crate::exchange::{Exchanges, Output};
use crate::fields::Fields;
use crate::frame::StreamId;
use crate::reader::FrameReader;

/// Makes HTTP/1.1 messages of the two directions of an HTTP/2 connection, one exchange for each
/// stream.
#[derive(Debug)]
pub struct Translator {
    client: FrameReader,
    server: FrameReader,
    exchanges: Exchanges,
    /// Bytes of the preface to come.
    preface: usize,
}

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The end that connected.
    Client,
    /// The end that accepted.
    Server,
}

/// What becomes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It is seen for the first time.
    Opened {
        /// The stream.
        stream: StreamId,
    },
    /// A side goes on with its message.
    Bytes {
        /// The stream.
        stream: StreamId,
        /// Whose message it is.
        sender: Sender,
        /// Bytes of HTTP/1.1.
        bytes: &'a [u8],
    },
    /// Bytes of a message's content are missing.
    Missing {
        /// The stream.
        stream: StreamId,
        /// Whose message it is.
        sender: Sender,
        /// How many.
        len: u32,
    },
    /// It is over.
    Closed {
        /// The stream.
        stream: StreamId,
        /// How.
        ending: Ending,
    },
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Both messages are whole, or were when they were joined.
    Finished,
    /// One end broke it off, or the connection was.
    Reset,
    /// It cannot be followed any longer.
    Abandoned,
}

/// Memory that connections share.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) fields: Fields,
    pub(crate) head: Vec<u8>,
}

impl Translator {
    /// What a client begins an HTTP/2 connection with (RFC 9113 section 3.4).
    pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /// A translator from the preface on.
    #[must_use]
    pub fn new() -> Self {
        Self {
            client: FrameReader::new(),
            server: FrameReader::new(),
            exchanges: Exchanges::new(false),
            preface: Self::PREFACE.len(),
        }
    }

    /// A translator of a connection that is joined anywhere.
    #[must_use]
    pub fn late() -> Self {
        Self {
            client: FrameReader::late(),
            server: FrameReader::late(),
            exchanges: Exchanges::new(true),
            preface: 0,
        }
    }

    /// Bytes that it holds on the heap.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let readers = self.client.heap_size().saturating_add(self.server.heap_size());
        readers.saturating_add(self.exchanges.heap_size())
    }

    /// Takes the next bytes of a side, and tells what they say.
    pub fn read(
        &mut self,
        sender: Sender,
        mut bytes: &[u8],
        scratch: &mut Scratch,
        counters: &mut Counters,
        on: &mut dyn FnMut(Event<'_>),
    ) {
        counters.bytes = counters.bytes.saturating_add(bytes.len() as u64);
        if sender == Sender::Client && self.preface > 0 {
            let (skipped, rest) = bytes.split_at_checked(self.preface).unwrap_or((bytes, &[]));
            self.preface = self.preface.saturating_sub(skipped.len());
            bytes = rest;
        }
        let (reader, exchanges) = self.side(sender);
        reader.read(bytes, counters, &mut |event, counters| {
            exchanges.handle(sender, &event, &mut Output { scratch, counters, on });
        });
    }

    /// Learns that the next bytes of a side are missing.
    pub fn missing(
        &mut self,
        sender: Sender,
        len: u64,
        scratch: &mut Scratch,
        counters: &mut Counters,
        on: &mut dyn FnMut(Event<'_>),
    ) {
        if sender == Sender::Client {
            self.preface = 0;
        }
        let (reader, exchanges) = self.side(sender);
        reader.missing(len, counters, &mut |event, counters| {
            exchanges.handle(sender, &event, &mut Output { scratch, counters, on });
        });
    }

    /// Ends the streams that are still open as `ending`.
    pub fn finish(
        &mut self,
        ending: Ending,
        scratch: &mut Scratch,
        counters: &mut Counters,
        on: &mut dyn FnMut(Event<'_>),
    ) {
        self.client.finish(counters);
        self.server.finish(counters);
        self.exchanges.finish(ending, &mut Output { scratch, counters, on });
    }

    const fn side(&mut self, sender: Sender) -> (&mut FrameReader, &mut Exchanges) {
        let reader = match sender {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        };
        (reader, &mut self.exchanges)
    }
}

impl Default for Translator {
    fn default() -> Self {
        Self::new()
    }
}
