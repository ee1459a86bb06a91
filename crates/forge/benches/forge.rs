//! What forging costs beside a copy of the same bytes.
#![expect(clippy::unwrap_used, reason = "no part of the program")]

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use event::Timestamp;
use forge::{ConnectionId, Forger, Frames, Mtu, Opened, Record, RecordKind, Settings, Side};

fn forge(criterion: &mut Criterion) {
    let clear_text = vec![0x5a; CLEAR_TEXT_LEN];
    for (name, mtu) in
        [("mtu_1500", Mtu::ETHERNET), ("mtu_9000", Mtu::JUMBO), ("mtu_16500", Mtu::RECORD)]
    {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(CLEAR_TEXT_LEN as u64));
        group.bench_function("copy", |bencher| {
            let mut copy = Vec::new();
            bencher.iter(|| {
                for bytes in clear_text.chunks(WRITE_LEN) {
                    copy.clear();
                    copy.extend_from_slice(black_box(bytes));
                    black_box(&copy);
                }
            });
        });
        for (family, client, server) in
            [("ipv4", "192.0.2.1", "192.0.2.2"), ("ipv6", "2001:db8::1", "2001:db8::2")]
        {
            let mut told = Told::new(mtu, client, server);
            group.bench_function(family, |bencher| {
                bencher.iter(|| told.all(&clear_text));
            });
        }
        group.finish();
    }
}

/// Connections to which writes are told in turn.
struct Told {
    forger: Forger,
    frames: Frames,
    positions: Vec<u64>,
}

impl Told {
    fn new(mtu: Mtu, client: &str, server: &str) -> Self {
        let mut forger = Forger::new(Settings { mtu, ..Settings::default() });
        let mut frames = Frames::new();
        let [client, server]: [IpAddr; 2] = [client, server].map(|text| text.parse().unwrap());
        for number in 0..CONNECTIONS {
            let opened = Opened {
                client: (client, number).into(),
                server: (server, 443).into(),
                is_late: false,
                origin: None,
            };
            let kind = RecordKind::Opened(Box::new(opened));
            forger.handle(&record(number, kind), &mut frames);
        }
        Self { forger, frames, positions: vec![0; usize::from(CONNECTIONS)] }
    }

    fn all(&mut self, clear_text: &[u8]) {
        let connections = (0..CONNECTIONS).cycle();
        for (number, bytes) in connections.zip(clear_text.chunks(WRITE_LEN)) {
            let Some(position) = self.positions.get_mut(usize::from(number)) else { continue };
            let kind = RecordKind::Data { sender: Side::Server, position: *position, bytes };
            self.frames.clear();
            self.forger.handle(&record(number, kind), &mut self.frames);
            *position += bytes.len() as u64;
            black_box(&self.frames);
        }
    }
}

fn record(number: u16, kind: RecordKind<'_>) -> Record<'_> {
    Record { connection: ConnectionId(number.into()), at: Timestamp::default(), kind }
}

/// More than a second-level cache, as clear text that comes through a ring is.
const CLEAR_TEXT_LEN: usize = 64 << 20;

/// The longest clear text of a TLS record.
const WRITE_LEN: usize = 16 << 10;

const CONNECTIONS: u16 = 256;

criterion_group!(benches, forge);
criterion_main!(benches);
