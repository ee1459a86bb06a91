//! TLS records of a capture, with the time at which each began to pass. No parser of tlsight is used.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) server_port: u16,
    /// What the client and the server sent.
    pub(super) sides: [Vec<Record>; 2],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: u8,
    /// When its first byte was captured, in nanoseconds since 1970.
    pub(super) at_ns: u64,
    /// Its first bytes.
    pub(super) body: Vec<u8>,
}

impl Connection {
    /// The random of the client's first hello.
    pub(super) fn client_random(&self) -> Option<[u8; 32]> {
        let hello = self.sides[0].first().filter(|record| record.kind == HANDSHAKE)?;
        hello.body.get(6..38)?.as_array().copied()
    }

    /// Whether a side sent nothing that is protected: no application data, and no handshake behind the
    /// change of the cipher (RFC 5246 section 7.1; in TLS 1.3 all that is protected looks like application
    /// data).
    pub(super) fn is_open(&self, side: usize) -> bool {
        let mut kinds = self.sides[side].iter().map(|record| record.kind);
        let has_data = kinds.clone().any(|kind| kind == APPLICATION_DATA);
        kinds.find(|kind| *kind == CHANGE_CIPHER_SPEC);
        !has_data && !kinds.any(|kind| kind == HANDSHAKE)
    }
}

/// Segments of one side by their distance from the first byte.
type Segments = BTreeMap<u32, (u64, Vec<u8>)>;

#[derive(Default)]
struct Flow {
    ports: [u16; 2],
    first: [Option<u32>; 2],
    segments: [Segments; 2],
}

/// All connections of a pcap file of Ethernet with times in nanoseconds, in the order of their first SYN,
/// to servers on one of `ports`.
pub(super) fn connections(file: &Path, ports: &[u16]) -> Vec<Connection> {
    let bytes = fs::read(file).unwrap();
    let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
    assert_eq!(word(0), NANOSECOND_MAGIC, "times are in nanoseconds");
    let mut flows: Vec<Flow> = Vec::new();
    let mut open: BTreeMap<[u16; 2], usize> = BTreeMap::new();
    let mut at = 24;
    while at + 16 <= bytes.len() {
        let at_ns = u64::from(word(at)) * 1_000_000_000 + u64::from(word(at + 4));
        let len = word(at + 8) as usize;
        let Some(frame) = bytes.get(at + 16..at + 16 + len) else { break };
        at += 16 + len;
        let Some(segment) = Segment::parse(frame) else { continue };
        let Some(side) = ports.iter().find_map(|port| segment.side(*port)) else { continue };
        let key = if side == 0 { segment.ports } else { [segment.ports[1], segment.ports[0]] };
        if side == 0 && segment.flags & SYN != 0 {
            let is_again = open
                .get(&key)
                .is_some_and(|at| flows[*at].first[0] == Some(segment.sequence.wrapping_add(1)));
            if !is_again {
                open.insert(key, flows.len());
                flows.push(Flow { ports: key, ..Flow::default() });
            }
        }
        let Some(flow) = open.get(&key).map(|at| &mut flows[*at]) else { continue };
        if segment.flags & SYN != 0 {
            flow.first[side] = Some(segment.sequence.wrapping_add(1));
        }
        if let Some(first) = flow.first[side].filter(|_| !segment.payload.is_empty()) {
            let offset = segment.sequence.wrapping_sub(first);
            let told = (at_ns, segment.payload.to_vec());
            let known = flow.segments[side].entry(offset).or_insert_with(|| told.clone());
            if known.1.len() < told.1.len() {
                known.1 = told.1;
            }
        }
    }
    flows.into_iter().map(Flow::connection).collect()
}

impl Flow {
    fn connection(self) -> Connection {
        let sides = self.segments.map(|segments| records(&segments));
        Connection { server_port: self.ports[1], sides }
    }
}

/// The records of one side, up to the first byte that is missing.
fn records(segments: &Segments) -> Vec<Record> {
    let mut stream: Vec<u8> = Vec::new();
    let mut times = BTreeMap::new();
    for (offset, (at_ns, payload)) in segments {
        let offset = *offset as usize;
        let Some(passed) = stream.len().checked_sub(offset) else { break };
        let Some(fresh) = payload.get(passed..).filter(|it| !it.is_empty()) else { continue };
        times.insert(stream.len(), *at_ns);
        stream.extend_from_slice(fresh);
    }
    let mut records = Vec::new();
    let mut at = 0;
    while let Some([kind, _, _, high, low]) = stream.get(at..at + 5) {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (_, at_ns) = times.range(..=at).next_back().unwrap();
        let body = &stream[at + 5..];
        let body = body[..body.len().min(len).min(64)].to_vec();
        records.push(Record { kind: *kind, at_ns: *at_ns, body });
        at += 5 + len;
    }
    records
}

struct Segment<'a> {
    ports: [u16; 2],
    sequence: u32,
    flags: u8,
    payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// The TCP segment of a frame with IPv4, or with IPv6 that has no extensions.
    fn parse(frame: &'a [u8]) -> Option<Self> {
        let ip = frame.get(14..)?;
        let number = |at: usize| {
            ip.get(at..at + 2).map(|it| usize::from(u16::from_be_bytes([it[0], it[1]])))
        };
        let tcp = match frame[12..14] {
            [8, 0] => ip.get(usize::from(ip[0] & 15) * 4..number(2)?).filter(|_| ip[9] == 6)?,
            [0x86, 0xdd] => ip.get(40..40 + number(4)?).filter(|_| ip[6] == 6)?,
            _ => return None,
        };
        let [a, b, c, d, e, f, g, h, _, _, _, _, offset, flags, ..] = *tcp else { return None };
        Some(Self {
            ports: [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])],
            sequence: u32::from_be_bytes([e, f, g, h]),
            flags,
            payload: tcp.get(usize::from(offset >> 4) * 4..)?,
        })
    }

    /// Which side sent it, if the server has this port.
    fn side(&self, port: u16) -> Option<usize> {
        match self.ports {
            [_, to] if to == port => Some(0),
            [from, _] if from == port => Some(1),
            _ => None,
        }
    }
}

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

const SYN: u8 = 2;
const NANOSECOND_MAGIC: u32 = 0xa1b2_3c4d;
