//! Connections that are short to write, and what is told of them.

use std::collections::BTreeMap;

use http2::{Counters, Ending, Event, Scratch, Sender, StreamId, Translator};

/// A translator, and what it has told so far.
pub(crate) struct Conversation {
    pub(crate) translator: Translator,
    pub(crate) scratch: Scratch,
    pub(crate) counters: Counters,
    pub(crate) told: BTreeMap<u32, Told>,
}

/// What was told of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
    /// Missing bytes, by sender.
    pub(crate) missing: Vec<(Sender, u32)>,
    pub(crate) ending: Option<Ending>,
}

impl Told {
    pub(crate) fn request(&self) -> String {
        String::from_utf8_lossy(&self.request).replace("\r\n", "|")
    }

    pub(crate) fn response(&self) -> String {
        String::from_utf8_lossy(&self.response).replace("\r\n", "|")
    }
}

impl Conversation {
    /// One whose client has said its preface.
    pub(crate) fn new() -> Self {
        let mut conversation = Self::with(Translator::new());
        conversation.says(Sender::Client, Translator::PREFACE);
        conversation
    }

    pub(crate) fn late() -> Self {
        Self::with(Translator::late())
    }

    pub(crate) fn with(translator: Translator) -> Self {
        let (scratch, counters) = (Scratch::default(), Counters::default());
        Self { translator, scratch, counters, told: BTreeMap::new() }
    }

    pub(crate) fn says(&mut self, sender: Sender, bytes: &[u8]) {
        let Self { translator, scratch, counters, told } = self;
        translator.read(sender, bytes, scratch, counters, &mut |event| tell(told, &event));
    }

    pub(crate) fn client(&mut self, bytes: &[u8]) {
        self.says(Sender::Client, bytes);
    }

    pub(crate) fn server(&mut self, bytes: &[u8]) {
        self.says(Sender::Server, bytes);
    }

    pub(crate) fn missing(&mut self, sender: Sender, len: u64) {
        let Self { translator, scratch, counters, told } = self;
        translator.missing(sender, len, scratch, counters, &mut |event| tell(told, &event));
    }

    pub(crate) fn finish(&mut self) {
        let Self { translator, scratch, counters, told } = self;
        let on = &mut |event: Event<'_>| tell(told, &event);
        translator.finish(Ending::Abandoned, scratch, counters, on);
    }

    pub(crate) fn stream(&self, stream: u32) -> &Told {
        &self.told[&stream]
    }
}

fn tell(told: &mut BTreeMap<u32, Told>, event: &Event<'_>) {
    match *event {
        Event::Opened { stream } => {
            let before = told.insert(stream.0, Told::default());
            assert!(before.is_none_or(|before| before.ending.is_some()), "{stream:?} is open");
        }
        Event::Bytes { stream, sender, bytes } => {
            assert!(!bytes.is_empty());
            match sender {
                Sender::Client => open(told, stream).request.extend_from_slice(bytes),
                Sender::Server => open(told, stream).response.extend_from_slice(bytes),
            }
        }
        Event::Missing { stream, sender, len } => open(told, stream).missing.push((sender, len)),
        Event::Closed { stream, ending } => open(told, stream).ending = Some(ending),
    }
}

fn open(told: &mut BTreeMap<u32, Told>, stream: StreamId) -> &mut Told {
    let told = told.get_mut(&stream.0).unwrap();
    assert_eq!(told.ending, None, "nothing after its end");
    told
}

pub(crate) const END_STREAM: u8 = 0x01;
pub(crate) const END_HEADERS: u8 = 0x04;
pub(crate) const PADDED: u8 = 0x08;
pub(crate) const PRIORITY: u8 = 0x20;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = len[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Fields as literals that no table keeps.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(0, name, value)).collect()
}

/// A field as a literal of the kind that `first` says.
pub(crate) fn literal(first: u8, name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![first];
    for text in [name, value] {
        put_len(text.len(), &mut bytes);
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn put_len(len: usize, bytes: &mut Vec<u8>) {
    let Some(mut rest) = len.checked_sub(0x7f) else {
        bytes.push(u8::try_from(len).unwrap());
        return;
    };
    bytes.push(0x7f);
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest % 0x80).unwrap() | 0x80);
        rest /= 0x80;
    }
    bytes.push(u8::try_from(rest).unwrap());
}

pub(crate) fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, flags | END_HEADERS, stream, &block(fields))
}

pub(crate) fn data(stream: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
    frame(0, flags, stream, bytes)
}

pub(crate) const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":path", "/a"), (":authority", "h")];

pub(crate) const POST: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "https"), (":path", "/a"), (":authority", "h")];

pub(crate) const OK: [(&str, &str); 1] = [(":status", "200")];
