//! What comes out of sessions with secrets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use event::TlsEvent;
use flow::Limits;
use forge::{ConnectionId, Ending, RecordKind, Side};
use secrets::{KeyLogReader, KeyStore};
use session::{Analyzer, Decryption, Extent, Patience, Settings};

use crate::captures::{Capture, Captured};

/// Events and clear text of a capture.
pub(crate) struct Decrypted {
    pub(crate) events: Vec<TlsEvent>,
    /// Of each connection that had any, in the order in which it began.
    pub(crate) texts: Vec<Text>,
}

/// The clear text of one connection: pieces, and how many bytes are missing between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) client: Stream,
    pub(crate) server: Stream,
    pub(crate) ending: Option<Ending>,
}

/// What one side sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Bytes, with zeros where some are missing.
    pub(crate) bytes: Vec<u8>,
    pub(crate) missing: u64,
}

/// A store of what a key log says.
pub(crate) fn store(key_log: &str) -> Arc<KeyStore> {
    let store = Arc::new(KeyStore::default());
    add(&store, key_log);
    store
}

/// Adds the lines of a key log.
pub(crate) fn add(store: &KeyStore, key_log: &str) {
    let mut reader = KeyLogReader::new();
    reader.feed(key_log.as_bytes(), &mut |entry| store.add(entry));
    reader.finish(&mut |entry| store.add(entry));
}

/// The event of a capture with one session, and behind how many packets it came.
pub(crate) fn event_of(capture: &Capture, extent: Extent) -> (usize, TlsEvent) {
    let decryption = Decryption { keys: store(&capture.key_log()), extent, patience: None };
    let settings = Settings { decryption: Some(decryption), ..Settings::default() };
    let mut analyzer = Analyzer::new(settings, Limits::default());
    for (number, packet) in capture.packets.iter().enumerate() {
        analyzer.handle_packet(&capture.view(packet));
        if let Some(event) = analyzer.poll_event() {
            return (number + 1, event);
        }
    }
    analyzer.finish();
    (capture.packets.len() + 1, analyzer.poll_event().unwrap())
}

impl Decrypted {
    /// All of a capture with a key log.
    pub(crate) fn of(capture: &Capture, key_log: &str) -> Self {
        Self::of_packets(capture, &capture.packets, &store(key_log), None, |_| {})
    }

    /// Some of its packets; `before` is called with the number of each.
    pub(crate) fn of_packets(
        capture: &Capture,
        packets: &[Captured],
        store: &Arc<KeyStore>,
        patience: Option<Patience>,
        mut before: impl FnMut(usize),
    ) -> Self {
        let decryption = Decryption { keys: Arc::clone(store), extent: Extent::Session, patience };
        let settings = Settings { decryption: Some(decryption), ..Settings::default() };
        let mut analyzer = Analyzer::new(settings, Limits::default());
        let told = Arc::new(Mutex::new(BTreeMap::<ConnectionId, Text>::new()));
        let sink = Arc::clone(&told);
        analyzer.set_text_sink(Box::new(move |record| {
            let mut told = sink.lock().unwrap();
            match &record.kind {
                RecordKind::Opened(_) => {
                    assert!(told.insert(record.connection, Text::default()).is_none());
                }
                RecordKind::Data { sender, position, bytes } => {
                    let stream = stream(told.get_mut(&record.connection).unwrap(), *sender);
                    assert_eq!(stream.bytes.len() as u64, *position, "positions have no holes");
                    stream.bytes.extend_from_slice(bytes);
                }
                RecordKind::Missing { sender, position, len, .. } => {
                    let stream = stream(told.get_mut(&record.connection).unwrap(), *sender);
                    assert_eq!(stream.bytes.len() as u64, *position, "positions have no holes");
                    stream.missing += len;
                    stream.bytes.resize(stream.bytes.len() + usize::try_from(*len).unwrap(), 0);
                }
                RecordKind::Closed(ending) => {
                    told.get_mut(&record.connection).unwrap().ending = Some(*ending);
                }
            }
        }));
        for (number, packet) in packets.iter().enumerate() {
            before(number);
            analyzer.handle_packet(&capture.view(packet));
        }
        analyzer.finish();
        let events = std::iter::from_fn(|| analyzer.poll_event()).collect();
        let texts = std::mem::take(&mut *told.lock().unwrap()).into_values().collect();
        Self { events, texts }
    }

    /// Names of `tlsight.partial` of the only event.
    #[track_caller]
    pub(crate) fn partial(&self) -> Vec<String> {
        let [event] = self.events.as_slice() else { panic!("{} events", self.events.len()) };
        event.tlsight.partial.iter().map(ToString::to_string).collect()
    }
}

fn stream(text: &mut Text, sender: Side) -> &mut Stream {
    match sender {
        Side::Client => &mut text.client,
        Side::Server => &mut text.server,
    }
}
