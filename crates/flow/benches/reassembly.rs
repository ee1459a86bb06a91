//! Speed of the engine in packets, by kind of traffic.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flow::{
    Application, Direction, EndReason, Engine, Flow, FlowAnomaly, Interest, Limits, Lookout,
    Progress,
};
use wire::{LinkType, Packet};

/// Consumes everything, and wants no more of a flow after so many bytes.
struct Sink {
    enough: usize,
}

fn reassembly(criterion: &mut Criterion) {
    let in_order = segments(FLOWS, 1448, 20);
    let lossy = in_order.iter().enumerate().filter(|(index, _)| index % 50 != 7);
    let lossy: Vec<_> = lossy.map(|(_, frame)| frame.clone()).collect();
    for (name, frames, enough) in [
        ("in_order", in_order.clone(), usize::MAX),
        ("two_percent_lost", lossy, usize::MAX),
        ("one_byte_segments", segments(FLOWS, 1, 20), usize::MAX),
        ("opaque_packets_of_done_flows", in_order, 0),
    ] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(frames.len() as u64));
        let packets: Vec<Packet<'_>> = frames.iter().map(|frame| packet(frame)).collect();
        group.bench_function("one_by_one", |bencher| {
            let run = |mut engine: Engine<Sink>| {
                for packet in &packets {
                    engine.handle_packet(packet);
                }
                black_box(engine)
            };
            bencher.iter_batched(|| engine(enough), run, BatchSize::LargeInput);
        });
        group.bench_function("in_batches", |bencher| {
            let run = |mut engine: Engine<Sink>| {
                let lookout = Lookout::new(1, 1);
                let mut sighted = packets.iter().map(|packet| (*packet, lookout.sight(packet)));
                while engine.handle_some(&mut sighted) {}
                black_box(engine)
            };
            bencher.iter_batched(|| engine(enough), run, BatchSize::LargeInput);
        });
        group.finish();
    }
}

impl Application for Sink {
    type State = usize;

    fn open(&mut self, _: &Flow) -> usize {
        0
    }

    fn on_stream(&mut self, _: &Flow, seen: &mut usize, _: Direction, bytes: &[u8]) -> Progress {
        *seen += bytes.len();
        let interest = if *seen > self.enough { Interest::Done } else { Interest::Continue };
        Progress { consumed: bytes.len(), opaque: false, interest }
    }

    fn on_gap(
        &mut self,
        _: &Flow,
        _: &mut usize,
        _: Direction,
        _: Option<u32>,
        _: &[u8],
    ) -> Interest {
        Interest::Continue
    }

    fn on_datagram(&mut self, _: &Flow, _: &mut usize, _: Direction, _: &[u8]) -> Interest {
        Interest::Continue
    }

    fn on_anomaly(&mut self, _: &Flow, _: &mut usize, _: Direction, _: FlowAnomaly) {}

    fn on_end(&mut self, _: &Flow, _: usize, _: EndReason) {}

    fn heap_size(_: &usize) -> usize {
        0
    }
}

fn engine(enough: usize) -> Engine<Sink> {
    Engine::new(Sink { enough }, Limits { hash_seed: 1, ..Limits::default() })
}

fn packet(frame: &[u8]) -> Packet<'_> {
    let wire_len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    Packet { timestamp_ns: 0, link_type: LinkType::ETHERNET, wire_len, bytes: frame }
}

/// `each` segments of each of `flows` connections, the connections taking turns.
fn segments(flows: u16, len: u16, each: u16) -> Vec<Vec<u8>> {
    (0..each).flat_map(|turn| (0..flows).map(move |flow| segment(flow, turn, len))).collect()
}

fn segment(flow: u16, turn: u16, len: u16) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0]);
    frame.extend((40 + len).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend((1024 + flow).to_be_bytes());
    frame.extend([1, 187]);
    frame.extend((u32::from(turn) * u32::from(len)).to_be_bytes());
    frame.extend([0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    frame.resize(54 + usize::from(len), 0xaa);
    frame
}

/// Connections at the same time: more than the first-level cache holds.
const FLOWS: u16 = 2000;

criterion_group!(benches, reassembly);
criterion_main!(benches);
