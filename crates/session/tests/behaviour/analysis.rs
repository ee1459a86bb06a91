//! An analyzer with a clock of its own.

use event::{Timestamp, TlsEvent, ToJson};
use flow::{Counters, Limits};
use session::{Analyzer, Settings};
use wire::{LinkType, Packet};

/// An analyzer and the time of the next packet.
pub(crate) struct Analysis {
    analyzer: Analyzer,
    now_ns: i64,
}

impl Analysis {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default(), Limits::default())
    }

    pub(crate) fn with(settings: Settings, limits: Limits) -> Self {
        Self { analyzer: Analyzer::new(settings, limits), now_ns: 1_790_000_000_000_000_000 }
    }

    /// Takes Ethernet frames, one each millisecond.
    pub(crate) fn take<'a>(&mut self, frames: impl IntoIterator<Item = &'a Vec<u8>>) {
        for frame in frames {
            self.now_ns += 1_000_000;
            self.packet(&Packet {
                timestamp_ns: self.now_ns,
                link_type: LinkType::ETHERNET,
                wire_len: u32::try_from(frame.len()).unwrap(),
                bytes: frame,
            });
        }
    }

    /// Takes a packet with the time that it has.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>) {
        self.analyzer.handle_packet(packet);
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now_ns += seconds * 1_000_000_000;
        self.analyzer.handle_timeout(Timestamp::from_nanos(self.now_ns));
    }

    /// The events so far.
    pub(crate) fn events(&mut self) -> Vec<TlsEvent> {
        std::iter::from_fn(|| self.analyzer.poll_event()).collect()
    }

    /// The events so far and those of the sessions that end with the input.
    pub(crate) fn finish(&mut self) -> Vec<TlsEvent> {
        self.analyzer.finish();
        self.events()
    }

    pub(crate) const fn counters(&self) -> &Counters {
        self.analyzer.counters()
    }
}

/// All events of a capture with these frames.
pub(crate) fn analyse(frames: &[Vec<u8>]) -> Vec<TlsEvent> {
    let mut analysis = Analysis::new();
    analysis.take(frames);
    analysis.finish()
}

/// The only event of a capture with these frames.
#[track_caller]
pub(crate) fn one(frames: &[Vec<u8>]) -> TlsEvent {
    let mut events = analyse(frames);
    assert_eq!(events.len(), 1, "events of {} frames", frames.len());
    events.remove(0)
}

/// The JSON of an event, which is to be that of serde.
pub(crate) fn json(event: &TlsEvent) -> serde_json::Value {
    let mut text = Vec::new();
    event.write_json(&mut text);
    assert_eq!(String::from_utf8_lossy(&text), serde_json::to_string(event).unwrap());
    serde_json::from_slice(&text).unwrap()
}
