//! Cuts the captures of `testdata` up into seeds: `seeds TESTDATA CORPUS`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use capture::{Block, FileReader, More};
use escrow::hpke::{Kem, PrivateKey};
use escrow::keys::{Filter, Grant, Request, Role, SealingKey, SigningKey, Statement};
use escrow::seal::{Content, Sealer, SealerLimits};
use escrow::tier::{Facts, Part};
use escrow::wire as escrow_wire;
use event::{Timestamp, Transport};
use flow::{
    Application, Direction, EndReason, Engine, Flow, FlowAnomaly, Interest, Limits, Progress,
};
use forge::{ConnectionId, Ending, MissingCause, Opened, Origin, Record, RecordKind, Side};
use secrets::{Label, Secret, SessionStage, ShortText};
use tls::handshake::{CertificateList, MessageHeader, ServerHello};
use tls::record::RecordHeader;
use tls::registry::{ContentType, HandshakeType};
use tlsight_fuzz::{put_datagram, put_packet};
use tunnel::format::{self, Frame, Hello, Packer, Report, SessionId};
use wire::{Ethernet, Packet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(testdata), Some(corpus)) = (arguments.next(), arguments.next()) else {
        return Err("usage: seeds TESTDATA CORPUS".into());
    };
    let mut seeds = Seeds { corpus, written: BTreeSet::new() };
    for case in fs::read_dir(testdata)? {
        let case = case?.path();
        let Ok(files) = fs::read_dir(&case) else { continue };
        for file in files {
            let path = file?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.contains(".pcap") {
                let case = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
                seeds.capture(&case, &path)?;
            }
        }
    }
    seeds.tunnel()?;
    seeds.escrow()?;
    for (index, (target, seed)) in HAND_WRITTEN.iter().enumerate() {
        seeds.add(target, &format!("hand-written-{index}"), seed)?;
    }
    Ok(())
}

struct Seeds {
    corpus: PathBuf,
    /// Contents that are there already.
    written: BTreeSet<Vec<u8>>,
}

impl Seeds {
    fn capture(&mut self, case: &str, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let limits = Limits::for_memory(64 << 20);
        let mut engine = Engine::new(Collector::default(), limits);
        let (mut packets, mut records, mut block) = (Vec::new(), Vec::new(), Block::new());
        let mut reader = FileReader::open(path)?;
        while let Ok(More::Packets) = reader.read_block(&mut block) {
            for packet in block.packets() {
                put_packet(&packet, &mut packets);
                put_record(&packet, &mut records);
                engine.handle_packet(&packet);
            }
        }
        engine.finish();

        self.add("capture_file", case, &fs::read(path)?)?;
        self.add("socket_records", case, &records)?;
        for target in ["headers", "flow_engine", "session"] {
            self.add(target, case, &packets)?;
        }
        let collector = engine.application();
        for (index, flow) in collector.flows.iter().enumerate() {
            let name = format!("{case}-{index}");
            if !flow.datagrams.is_empty() {
                self.add("dtls", &name, &flow.datagrams)?;
                self.add("quic", &name, &flow.datagrams)?;
            }
            for (stream, side) in flow.streams.iter().zip(["client", "server"]) {
                self.stream(&format!("{name}-{side}"), stream)?;
            }
        }
        Ok(())
    }

    /// One connection as an agent tells it, and all frames that there are.
    fn tunnel(&mut self) -> std::io::Result<()> {
        let mut records = Vec::new();
        for record in told() {
            format::put_record(&record, &mut records);
        }
        self.add("tunnel_records", "one-connection", &records)?;
        self.add("tunnel_records", "cut", records.get(..90).unwrap_or_default())?;
        let mut packed = Vec::new();
        Packer::new()?.pack(&records, &mut packed)?;
        let len = u32::try_from(records.len()).unwrap_or_default();
        let report = Report { seen_bytes: 30, dropped_bytes: 5, untold_connections: 1 };
        let mut input = Vec::new();
        for frame in [
            Frame::Hello(Hello { session: SessionId([7; 16]), acknowledged: 0 }),
            Frame::Known { len, packed: &packed },
            Frame::Batch { sequence: 1, len, packed: &packed },
            Frame::Heartbeat(report),
            Frame::Goodbye(report),
        ] {
            let mut bytes = Vec::new();
            frame.put(&mut bytes);
            let (head, rest) = bytes.split_at(7);
            put_datagram(0, head, &mut input);
            put_datagram(0, rest, &mut input);
        }
        self.add("tunnel_frames", "all-kinds", &input)
    }

    /// Frames, records and statements of an escrow.
    fn escrow(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let facts = Facts {
            stage: SessionStage::Application,
            version: 0x0304,
            cipher_suite: 0x1301,
            client_random: [1; 32],
            server_random: Some([2; 32]),
        };
        let origin = secrets::Origin {
            pid: Some(7),
            server_name: Some(ShortText::new("example.test")),
            peer: Some(([192, 0, 2, 1], 443).into()),
            ..secrets::Origin::unknown(Timestamp::from_nanos(1))
        };
        let secrets = vec![(Label::ClientTraffic(0), Secret::new(&[3; 32]))];
        let key = PrivateKey::generate(Kem::X25519)?;
        let sealer = Sealer::new(Part::Client, key.public().clone(), SealerLimits::default());
        let mut record = Vec::new();
        let context = sealer.seal(Timestamp::from_nanos(1), &facts, None, &secrets, &mut record)?;
        let metadata =
            Content { part: Part::Metadata, facts, origin: Some(origin), secrets: vec![] };
        let client = Content { part: Part::Client, facts, origin: None, secrets };
        self.add("escrow_records", "metadata", &metadata.dangerous_bytes())?;
        self.add("escrow_records", "client", &client.dangerous_bytes())?;
        self.add("escrow_records", "sealed", &record)?;
        self.add("escrow_records", "context", &context)?;
        self.add("escrow_records", "entry", &[&[2], &[7; 16][..], &[1, b'a'], &record].concat())?;
        // Only who has the key can tell that the tag is wrong.
        let beacon = [b"TLSB\x01", &*context, &record, &[0; 16]].concat();
        self.add("escrow_beacon", "client", &beacon)?;
        let mut input = Vec::new();
        for frame in [
            escrow_wire::Frame::Hello(escrow_wire::Peer::Agent),
            escrow_wire::Frame::Context(&context),
            escrow_wire::Frame::Deliver {
                sequence: 1,
                client_random: [1; 32],
                archive: &record,
                live: &record,
            },
            escrow_wire::Frame::Incident {
                kind: escrow_wire::IncidentKind::Gap,
                sessions: 2,
                client_random: Some([1; 32]),
                reason: ShortText::new("deadline"),
            },
            escrow_wire::Frame::Subscribe { grant: "grant", key: "key" },
            escrow_wire::Frame::Taken(1),
            escrow_wire::Frame::Ping,
            escrow_wire::Frame::Announcement(b"{}"),
            escrow_wire::Frame::Acknowledge { received: 3, durable: 2, live: 1 },
            escrow_wire::Frame::Missed(2),
            escrow_wire::Frame::Refused(escrow_wire::Refusal::Busy),
            escrow_wire::Frame::Live { agent: "web-1", record: &record },
        ] {
            let mut bytes = Vec::new();
            frame.put(&mut bytes);
            let (head, rest) = bytes.split_at(bytes.len().min(3));
            put_datagram(0, head, &mut input);
            put_datagram(0, rest, &mut input);
        }
        self.add("escrow_frames", "all-kinds", &input)?;
        let signing = SigningKey::generate()?;
        let grant = Statement::Grant(Grant {
            name: "alice".to_owned(),
            roles: vec![Role::Requester],
            tier: "t2c".to_owned(),
            signing: signing.verifying().text(),
            sealing: SealingKey::new(key.public()),
            not_after_ms: 1,
        });
        self.add("escrow_statement", "grant", grant.sign(&signing)?.to_text().as_bytes())?;
        let request = Statement::Request(Request {
            id: "1".to_owned(),
            case: "a case".to_owned(),
            reason: "a reason".to_owned(),
            requester: "alice".to_owned(),
            tier: "t3".to_owned(),
            expires_ms: 1,
            filter: Filter { port: Some(443), ..Filter::default() },
        });
        self.add("escrow_statement", "request", request.sign(&signing)?.to_text().as_bytes())?;
        Ok(())
    }

    fn stream(&mut self, name: &str, stream: &[u8]) -> std::io::Result<()> {
        self.add("tls_record", name, stream)?;
        self.add("sslv2", name, stream.get(2..).unwrap_or_default())?;
        let mut context = [3, 3, 0, 0];
        for (index, (kind, body)) in messages(stream).into_iter().enumerate() {
            let name = format!("{name}-{index}");
            match kind {
                HandshakeType::CLIENT_HELLO => self.add("client_hello", &name, &body)?,
                HandshakeType::SERVER_HELLO => {
                    if let Ok(hello) = ServerHello::parse(&body) {
                        let [a, b] = hello.negotiated_version().0.to_be_bytes();
                        let [c, d] = hello.cipher_suite.0.to_be_bytes();
                        context = [a, b, c, d];
                    }
                    self.add("server_hello", &name, &body)?;
                }
                HandshakeType::CERTIFICATE => {
                    for entry in CertificateList::parse(&body).iter().flat_map(|list| list.iter()) {
                        self.add("certificate", &name, entry.der)?;
                    }
                    self.add("certificate_message", &name, &body)?;
                }
                _ => self.add("server_messages", &name, &[&context[..], &body].concat())?,
            }
        }
        Ok(())
    }

    fn add(&mut self, target: &str, name: &str, seed: &[u8]) -> std::io::Result<()> {
        if seed.len() > MAX_SEED_LEN || seed.is_empty() {
            return Ok(());
        }
        if self.written.insert([target.as_bytes(), seed].concat()) {
            let folder = self.corpus.join(target);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(name), seed)?;
        }
        Ok(())
    }
}

/// All kinds of records.
fn told() -> [Record<'static>; 5] {
    let opened = Opened {
        client: ([192, 0, 2, 1], 40000).into(),
        server: (std::net::Ipv6Addr::LOCALHOST, 443).into(),
        is_late: true,
        origin: Some(Origin {
            side: Side::Server,
            pid: 4711,
            command: "nginx".into(),
            container: Some("0123456789ab".into()),
        }),
    };
    let (sender, cause) = (Side::Server, MissingCause::RingFull);
    [
        RecordKind::Opened(Box::new(opened)),
        RecordKind::Data { sender: Side::Client, position: 0, bytes: b"GET / HTTP/1.1\r\n\r\n" },
        RecordKind::Missing { sender, position: 0, len: 5, cause },
        RecordKind::Data { sender, position: 5, bytes: b"1.1 200 OK\r\n\r\n" },
        RecordKind::Closed(Ending::Finished),
    ]
    .map(|kind| Record { connection: ConnectionId(1), at: Timestamp::from_nanos(1), kind })
}

/// Appends a packet as the socket that receives it would tell of it.
fn put_record(packet: &Packet<'_>, input: &mut Vec<u8>) {
    let Ok(frame) = Ethernet::parse(packet.bytes) else { return };
    let len = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
    let mut record = vec![1, 1, 0, 0];
    record.extend([len, len, 0, 4, 0].into_iter().flat_map(u32::to_le_bytes));
    record.extend([1_u64, 1, 1, 0, 0].into_iter().flat_map(u64::to_le_bytes));
    record.extend(frame.payload);
    put_datagram(0, &record, input);
}

/// The handshake messages that a stream has in clear.
fn messages(mut stream: &[u8]) -> Vec<(HandshakeType, Vec<u8>)> {
    let mut handshake = Vec::new();
    while let Ok(Some(header)) = RecordHeader::parse(stream) {
        let end = RecordHeader::LEN + usize::from(header.len);
        if header.content_type != ContentType::HANDSHAKE || end > stream.len() {
            break;
        }
        handshake.extend_from_slice(&stream[RecordHeader::LEN..end]);
        stream = &stream[end..];
    }
    let (mut messages, mut rest) = (Vec::new(), &handshake[..]);
    while let Some(header) = MessageHeader::parse(rest) {
        let end = MessageHeader::LEN + usize::try_from(header.len).unwrap_or(usize::MAX);
        let Some(message) = rest.get(MessageHeader::LEN..end) else { break };
        messages.push((header.kind, message.to_vec()));
        rest = &rest[end..];
    }
    messages
}

#[derive(Default)]
struct Collector {
    flows: Vec<Collected>,
}

#[derive(Clone, Default)]
struct Collected {
    streams: [Vec<u8>; 2],
    datagrams: Vec<u8>,
}

impl Application for Collector {
    type State = Collected;

    fn open(&mut self, _: &Flow) -> Collected {
        Collected::default()
    }

    fn on_stream(
        &mut self,
        _: &Flow,
        state: &mut Collected,
        direction: Direction,
        bytes: &[u8],
    ) -> Progress {
        state.streams[direction.index()].extend_from_slice(bytes);
        Progress { consumed: bytes.len(), opaque: false, interest: Interest::Continue }
    }

    fn on_gap(
        &mut self,
        _: &Flow,
        _: &mut Collected,
        _: Direction,
        _: Option<u32>,
        _: &[u8],
    ) -> Interest {
        Interest::Continue
    }

    fn on_datagram(
        &mut self,
        _: &Flow,
        state: &mut Collected,
        direction: Direction,
        payload: &[u8],
    ) -> Interest {
        let flags = u8::try_from(direction.index()).unwrap_or_default();
        put_datagram(flags, payload, &mut state.datagrams);
        Interest::Continue
    }

    fn on_anomaly(&mut self, _: &Flow, _: &mut Collected, _: Direction, _: FlowAnomaly) {}

    fn on_end(&mut self, flow: &Flow, state: Collected, _: EndReason) {
        assert!(flow.transport() == Transport::Udp || state.datagrams.is_empty());
        self.flows.push(state);
    }

    fn heap_size(_: &Collected) -> usize {
        0
    }
}

/// What no capture has in clear.
const HAND_WRITTEN: [(&str, &[u8]); 17] = [
    // A process of which little is known, and one more record that is none.
    ("socket_records", b"\x01\x00\x04\x02\x00\x00\x00\x00\x00\x01\x09"),
    // "hello" in zlib, brotli and zstd.
    (
        "compressed_certificate",
        b"\x00\x01\x00\x00\x05\x78\x01\x01\x05\x00\xfa\xffhello\x06\x2c\x02\x15",
    ),
    ("compressed_certificate", b"\x00\x02\x00\x00\x05\x0b\x02\x80hello\x03"),
    ("compressed_certificate", b"\x00\x03\x00\x00\x05\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello"),
    // A client's and a server's CRYPTO frames: in order, out of order, overlapping.
    ("quic_frames", b"\x00\x00\x08\x06\x00\x05hello\x01\x00\x08\x06\x00\x05world"),
    ("quic_frames", b"\x00\x00\x06\x06\x03\x03def\x00\x00\x08\x06\x00\x05abXde"),
    ("quic_frames", b"\x00\x00\x11\x06\x08\x01x\x06\x04\x01y\x06\x00\x06abcdyf\x01"),
    // PING, PADDING, both kinds of ACK, both kinds of CONNECTION_CLOSE.
    ("quic_frames", b"\x00\x00\x0c\x01\x00\x00\x02\x09\x00\x02\x01\x03\x01\x00\x00"),
    ("quic_frames", b"\x00\x00\x0c\x03\x40\x09\x80\x00\x00\x01\x00\x01\x04\x05\x06"),
    ("quic_frames", b"\x00\x00\x0a\x1c\x41\x2a\x06\x05alert\x01\x00\x04\x1d\x00\x01x"),
    // Version Negotiation and Google's QUIC.
    ("quic", b"\x01\x00\x11\x80\x00\x00\x00\x00\x01a\x01b\x00\x00\x00\x01\x1a\x2a\x3a\x4a"),
    ("quic", b"\x00\x00\x0e\x0d12345678Q043\x01"),
    // An SSL 2.0 client that offers TLS as well, without the record header.
    ("sslv2", b"\x01\x03\x01\x00\x06\x00\x00\x00\x10\x00\x00\x2f\x01\x00\x800123456789abcdef"),
    ("sslv2", b"\x04\x00\x01\x00\x02\x00\x03\x00\x03\x00\x10\x30\x00\x01\x00\x800123456789abcdef"),
    // The requests of RFC 7541 appendix C.4.
    ("hpack", b"\x00\x00\x11\x82\x86\x84A\x8c\xf1\xe3\xc2\xe5\xf2:k\xa0\xab\x90\xf4\xff\x00\x00\x0c\x82\x86\x84\xbeX\x86\xa8\xeb\x10d\x9c\xbf\x00\x00\x18\x82\x87\x85\xbf@\x88%\xa8I\xe9[\xa9}\x7f\x89%\xa8I\xe9[\xb8\xe8\xb4\xbf"),
    // A connection with a hole, and one of HTTP/2.
    ("forge", b"\x00\x00\x00\x01\x00\x10GET / HTTP/1.1\x0d\x0a\x05\x00\x11HTTP/1.1 200 OK\x0d\x0a\x06\x00\x04\x00\x00\x01\x00\x05\x00\x04rest\x03\x00\x00@\x00\x03\x01 \x01A\x00$PRI * HTTP/2.0\x0d\x0a\x0d\x0aSM\x0d\x0a\x0d\x0a\x00\x00\x03\x01\x05\x00\x00\x00\x01\x82\x87\x84E\x00\x0a\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88C\x00\x01x"),
    // One joined late, with missing content.
    ("http2", b"\x80\x00\x0c\x00\x00\x03\x01\x05\x00\x00\x00\x09\x82\x87\xc4\x01\x00\x17\x00\x00\x01\x01\x04\x00\x00\x00\x09\x88\x00\x00 \x00\x01\x00\x00\x00\x09half\x03\x00\x04miss\x01\x00\x18and the rest of it, 24 b"),
];

/// Larger seeds slow a fuzzer down more than they teach it.
const MAX_SEED_LEN: usize = 16 << 10;
