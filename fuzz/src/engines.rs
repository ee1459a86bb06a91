//! What drives an engine with the packets of an input, and checks the bounds that it promises.

use std::io::Cursor;

use capture::{Block, FileReader, More};
use event::Timestamp;
use flow::{
    Application, Direction, EndReason, Engine, Flow, FlowAnomaly, Interest, Limits, Progress,
};
use quic::{Connections, Event, Scratch, Way};
use session::{Analyzer, Settings};

use crate::input::{Datagrams, Packets};

/// Reads a capture file to its end.
pub fn capture_file(input: &[u8]) {
    let input = Box::new(Cursor::new(input.to_vec()));
    let Ok(mut reader) = FileReader::from_reader(input, "fuzz") else { return };
    let mut block = Block::new();
    // The block is looked at as well after an error: it must hold whole packets only.
    while let Ok(More::Packets) = reader.read_block(&mut block) {
        for packet in block.packets() {
            std::hint::black_box(packet.bytes.iter().fold(0_u8, |sum, byte| sum ^ byte));
        }
    }
}

/// Reassembles packets with little memory, so that its bounds are met.
pub fn flow_engine(input: &[u8]) {
    let limits = Limits { max_flows: 64, ..Limits::for_memory(256 << 10) };
    let mut engine = Engine::new(Greedy, limits);
    for packet in Packets::new(input) {
        engine.handle_packet(&packet);
        assert!(engine.flows_tracked() <= limits.max_flows);
        assert!(engine.held_bytes() <= limits.max_buffered_bytes);
    }
    engine.handle_timeout(Timestamp::from_nanos(i64::MAX / 2));
    engine.finish();
    assert_eq!(engine.flows_tracked(), 0);
    let _ = engine.counters().losses();
}

/// Follows the QUIC connections of one five-tuple.
pub fn quic(input: &[u8]) {
    let (mut connections, mut scratch) = (Connections::new(), Scratch::default());
    let mut touch = |event: Event<'_>| {
        std::hint::black_box(format!("{event:?}"));
    };
    for (flags, datagram) in Datagrams::new(input) {
        let way = if flags & 1 == 0 { Way::Forward } else { Way::Backward };
        let known = ::quic::looks_like_quic(datagram);
        assert!(!known || ::quic::google_version(datagram).is_none());
        connections.handle(way, datagram, &mut scratch, &mut touch);
    }
    connections.finish(&mut touch);
    std::hint::black_box(connections.heap_size());
}

/// Turns packets into events.
pub fn session(input: &[u8]) {
    let limits = Limits { max_flows: 64, ..Limits::for_memory(1 << 20) };
    let settings = Settings { include_raw_certificates: true, ..Settings::default() };
    let mut analyzer = Analyzer::new(settings, limits);
    let drain = |analyzer: &mut Analyzer| {
        while let Some(event) = analyzer.poll_event() {
            std::hint::black_box(format!("{event:?}"));
        }
    };
    for packet in Packets::new(input) {
        analyzer.handle_packet(&packet);
        drain(&mut analyzer);
    }
    analyzer.finish();
    drain(&mut analyzer);
}

/// Takes streams in portions that depend on their bytes, and gives up some.
struct Greedy;

impl Application for Greedy {
    type State = Vec<u8>;

    fn open(&mut self, _: &Flow) -> Vec<u8> {
        Vec::new()
    }

    fn on_stream(&mut self, _: &Flow, state: &mut Vec<u8>, _: Direction, bytes: &[u8]) -> Progress {
        state.clear();
        let first = bytes.first().copied().unwrap_or_default();
        let consumed = bytes.len().min(usize::from(first & 0x7f));
        let interest = if first == 0xff { Interest::Done } else { Interest::Continue };
        Progress { consumed, opaque: consumed == bytes.len(), interest }
    }

    fn on_gap(
        &mut self,
        _: &Flow,
        _: &mut Vec<u8>,
        _: Direction,
        missing: Option<u32>,
        unconsumed: &[u8],
    ) -> Interest {
        assert_ne!(missing, Some(0), "a gap of no bytes behind {} bytes", unconsumed.len());
        Interest::Continue
    }

    fn on_datagram(
        &mut self,
        _: &Flow,
        state: &mut Vec<u8>,
        _: Direction,
        payload: &[u8],
    ) -> Interest {
        state.extend(payload.iter().take(100));
        if state.len() > 5_000 { Interest::Done } else { Interest::Continue }
    }

    fn on_anomaly(&mut self, _: &Flow, _: &mut Vec<u8>, _: Direction, _: FlowAnomaly) {}

    fn on_end(&mut self, flow: &Flow, _: Vec<u8>, _: EndReason) {
        std::hint::black_box(format!("{:?} {:?}", flow.initiator(), flow.responder()));
    }

    fn heap_size(state: &Vec<u8>) -> usize {
        state.capacity()
    }
}
