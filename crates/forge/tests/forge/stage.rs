//! HTTP/2 connections as connections of HTTP/1.1.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use event::Timestamp;
use forge::{
    ConnectionId, Ending, Http2ToHttp1, MissingCause, Opened, Record, RecordKind, Side,
    StageLimits, Streams,
};
use proptest::prelude::*;

use crate::read::opened;

#[test]
fn each_stream_is_a_connection_with_the_same_ends() {
    let mut stage = Stage::new(Streams::Vlans);
    stage.replay(7, &recorded("nghttp-nginx.bin"));
    assert_eq!(stage.told.len(), 4);
    for told in stage.told.values() {
        assert_eq!(told.client.to_string(), CLIENT);
        assert_eq!(told.ending, Some(Ending::Finished));
        assert!(told.bytes[0].starts_with(b"GET /") && told.bytes[1].starts_with(b"HTTP/1.1 "));
    }
    let counters = stage.stage.counters();
    assert_eq!((counters.http2_connections, counters.http2_late_connections), (1, 0));
    let told: usize = stage.told.values().flat_map(|told| &told.bytes).map(Vec::len).sum();
    assert_eq!(counters.http2.written_bytes, told as u64);
    assert_eq!((stage.stage.held_bytes(), counters.plain_bytes), (0, 0));
}

#[test]
fn streams_may_have_ports_of_their_own() {
    let mut stage = Stage::new(Streams::Ports);
    stage.replay(1, &recorded("nghttp-nginx.bin"));
    let ports: Vec<_> = stage.told.values().map(|told| told.client.port()).collect();
    assert_eq!(ports, [65_534, 65_535, 1024, 1025]);
}

#[test]
fn other_connections_go_through_as_they_are() {
    let mut stage = Stage::new(Streams::Vlans);
    stage.open(1, false);
    stage.data(1, Side::Client, 0, b"GET / HT");
    stage.missing(1, Side::Client, 8, 100);
    stage.data(1, Side::Server, 0, b"HTTP/1.1 200 OK");
    stage.close(1, Ending::Reset);
    stage.open(2, false);
    stage.close(2, Ending::Finished);
    let told: Vec<_> = stage.told.values().collect();
    assert_eq!(told[0].bytes, [b"GET / HT".to_vec(), b"HTTP/1.1 200 OK".to_vec()]);
    assert_eq!((told[0].missing, told[0].ending), ([100, 0], Some(Ending::Reset)));
    assert_eq!((told[1].missing, told[1].ending), ([0, 0], Some(Ending::Finished)));
    assert_eq!(stage.stage.counters().plain_connections, 2);
    assert_eq!(stage.stage.counters().plain_bytes, 23);
}

#[test]
fn what_is_held_until_it_is_clear_comes_in_order_and_has_a_bound() {
    let mut stage = Stage::new(Streams::Vlans);
    stage.open(1, false);
    // Perhaps the settings of an HTTP/2 server.
    stage.data(1, Side::Server, 0, b"\0\0\x12");
    assert!(stage.told.is_empty());
    stage.data(1, Side::Server, 3, b"no");
    assert_eq!(stage.told[&1].bytes[1], b"\0\0\x12no");

    // The start of a frame whose rest does not come.
    stage.open(2, true);
    let long = [&[0, 0x40, 0, 0, 0, 0, 0, 0, 1][..], &[7; 90]].concat();
    for (position, byte) in (0..).zip(&long) {
        stage.data(2, Side::Client, position, &[*byte]);
        assert!(stage.stage.held_bytes() <= 65);
    }
    assert_eq!(stage.told[&2].bytes[0], long);
}

#[test]
fn missing_content_is_missing_in_its_stream() {
    let mut stage = Stage::new(Streams::Vlans);
    stage.open(1, false);
    let portions = recorded("nghttp-nginx.bin");
    let mut positions = [0, 0];
    let is_bulk = |portion: &(Side, Vec<u8>)| portion.0 == Side::Server && portion.1.len() == 4096;
    let dropped = portions.iter().position(is_bulk).unwrap() + 1;
    for (number, (sender, bytes)) in portions.iter().enumerate() {
        let position = &mut positions[usize::from(*sender == Side::Server)];
        if number == dropped {
            stage.missing(1, *sender, *position, 100);
            stage.data(1, *sender, *position + 100, &bytes[100..]);
        } else {
            stage.data(1, *sender, *position, bytes);
        }
        *position += bytes.len() as u64;
    }
    stage.close(1, Ending::Finished);
    let missing: u64 = stage.told.values().map(|told| told.missing[1]).sum();
    let counters = stage.stage.counters();
    assert!(missing == 100 || counters.http2.resynchronisations == 1, "{counters:?}");
}

#[test]
fn places_that_are_over_are_refused() {
    let mut stage = Stage::new(Streams::Vlans);
    stage.open(1, false);
    stage.open(1, false);
    stage.data(1, Side::Client, 0, PREFACE);
    stage.data(1, Side::Client, 0, PREFACE);
    stage.data(1, Side::Client, u64::MAX, b"x");
    stage.data(1, Side::Client, 30, b"x");
    stage.data(2, Side::Client, 0, b"of nobody");
    let counters = *stage.stage.counters();
    assert_eq!((counters.out_of_order_bytes, counters.unannounced_bytes), (25, 6));
    assert_eq!((counters.refused_records, counters.plain_bytes), (1, 9));
    assert_eq!(counters.http2.bytes, 24 + 1);
}

#[test]
fn connections_that_hold_too_much_are_given_up() {
    let limits = StageLimits { max_connections: 1000, max_held_bytes: 1 << 20 };
    let mut stage = Stage::with(Streams::Vlans, limits);
    for id in 1..=100 {
        stage.open(id, false);
        stage.data(id, Side::Client, 0, PREFACE);
        // A header block that does not end.
        let frame = [&[0, 0x75, 0x30, 1, 0, 0, 0, 0, 1][..], &[0x40; 30_000]].concat();
        stage.data(id, Side::Client, 24, &frame);
        assert!(stage.stage.held_bytes() <= 1 << 20);
    }
    assert!(stage.stage.counters().evicted > 60);
    let limits = StageLimits { max_connections: 2, max_held_bytes: 1 << 20 };
    let mut stage = Stage::with(Streams::Vlans, limits);
    for id in 1..=3 {
        stage.open(id, false);
        stage.data(id, Side::Client, 0, b"GET /");
    }
    assert_eq!(stage.told.values().filter(|told| told.ending.is_some()).count(), 1);
    assert_eq!(stage.stage.counters().evicted, 1);
}

#[test]
fn a_connection_that_is_joined_late_is_recognised() {
    let mut stage = Stage::new(Streams::Vlans);
    stage.open(1, true);
    let request = b"\0\0\x03\x01\x05\0\0\0\x09\x82\x87\x84";
    let response = b"\0\0\x01\x01\x05\0\0\0\x09\x88";
    stage.data(1, Side::Client, 0, request);
    assert!(stage.told.is_empty());
    stage.data(1, Side::Server, 0, response);
    let told = &stage.told[&1];
    let expected = b"GET / HTTP/1.1\r\nhost: unresolved.invalid\r\n\r\n";
    assert_eq!(told.bytes[0], expected);
    assert_eq!(told.bytes[1], b"HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n");
    assert_eq!(stage.stage.counters().http2_late_connections, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn portions_make_no_difference(cuts in proptest::collection::vec(1_usize..2000, 1..40)) {
        let whole = recorded("nghttp-nginx.bin");
        let mut lengths = cuts.iter().cycle();
        let mut cut = Vec::new();
        for (sender, bytes) in &whole {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (portion, after) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
                cut.push((*sender, portion.to_vec()));
                rest = after;
            }
        }
        let told = |portions: &[(Side, Vec<u8>)]| {
            let mut stage = Stage::new(Streams::Vlans);
            stage.replay(1, portions);
            stage.told
        };
        prop_assert_eq!(told(&cut), told(&whole));
    }
}

/// A stage, and what came out of it.
struct Stage {
    stage: Http2ToHttp1,
    told: BTreeMap<u64, Told>,
}

#[derive(Debug, PartialEq, Eq)]
struct Told {
    client: SocketAddr,
    bytes: [Vec<u8>; 2],
    missing: [u64; 2],
    ending: Option<Ending>,
}

impl Stage {
    fn new(streams: Streams) -> Self {
        Self::with(streams, StageLimits::default())
    }

    fn with(streams: Streams, limits: StageLimits) -> Self {
        Self { stage: Http2ToHttp1::new(streams, limits), told: BTreeMap::new() }
    }

    fn tell(&mut self, id: u64, kind: RecordKind<'_>) {
        let record = Record { connection: ConnectionId(id), at: Timestamp::default(), kind };
        let Self { stage, told } = self;
        stage.handle(&record, &mut |record| tell(told, record));
    }

    fn open(&mut self, id: u64, is_late: bool) {
        let opened = Opened { is_late, ..opened(CLIENT, "198.51.100.2:443") };
        self.tell(id, RecordKind::Opened(Box::new(opened)));
    }

    fn data(&mut self, id: u64, sender: Side, position: u64, bytes: &[u8]) {
        self.tell(id, RecordKind::Data { sender, position, bytes });
    }

    fn missing(&mut self, id: u64, sender: Side, position: u64, len: u64) {
        let cause = MissingCause::Fault;
        self.tell(id, RecordKind::Missing { sender, position, len, cause });
    }

    fn close(&mut self, id: u64, ending: Ending) {
        self.tell(id, RecordKind::Closed(ending));
    }

    fn replay(&mut self, id: u64, portions: &[(Side, Vec<u8>)]) {
        self.open(id, false);
        let mut positions = [0, 0];
        for (sender, bytes) in portions {
            let position = &mut positions[usize::from(*sender == Side::Server)];
            self.data(id, *sender, *position, bytes);
            *position += bytes.len() as u64;
        }
        self.close(id, Ending::Finished);
    }
}

fn tell(told: &mut BTreeMap<u64, Told>, record: &Record<'_>) {
    let id = record.connection.0;
    if let RecordKind::Opened(opened) = &record.kind {
        let bytes = [Vec::new(), Vec::new()];
        let new = Told { client: opened.client, bytes, missing: [0; 2], ending: None };
        assert!(told.insert(id, new).is_none(), "numbers are used once");
        return;
    }
    // The number of what is not known.
    if id == 0 {
        return;
    }
    let told = told.get_mut(&id).unwrap();
    assert_eq!(told.ending, None);
    match &record.kind {
        RecordKind::Data { sender, position, bytes } => {
            let index = usize::from(*sender == Side::Server);
            assert_eq!(*position, told.bytes[index].len() as u64 + told.missing[index]);
            told.bytes[index].extend(*bytes);
        }
        RecordKind::Missing { sender, position, len, cause } => {
            let index = usize::from(*sender == Side::Server);
            assert_eq!(*position, told.bytes[index].len() as u64 + told.missing[index]);
            assert_eq!(*cause, MissingCause::Fault);
            told.missing[index] += len;
        }
        RecordKind::Closed(ending) => told.ending = Some(*ending),
        RecordKind::Opened(_) => {}
    }
}

/// A connection of those in the tests of `http2`.
fn recorded(name: &str) -> Vec<(Side, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../http2/tests/connections");
    let recorded = std::fs::read(folder.join(name)).unwrap();
    let (mut portions, mut rest) = (Vec::new(), recorded.as_slice());
    while let [side, l0, l1, more @ ..] = rest {
        let (bytes, after) = more.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
        portions.push((if *side == 0 { Side::Client } else { Side::Server }, bytes.to_vec()));
        rest = after;
    }
    portions
}

/// The last port but one.
const CLIENT: &str = "192.0.2.1:65534";

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
