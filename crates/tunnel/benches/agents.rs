//! What one sensor takes of 1, 10, 100 and 1,000 agents on the loopback interface, with all that TLS and
//! compression cost at both ends, in one run, beside what these alone cost: pieces of the same bytes, each
//! compressed by itself, over one connection of TLS.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "no part of the program")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection, StreamOwned};
use zstd::bulk::{Compressor, Decompressor};

use forge::{ConnectionId, Opened, Record, RecordKind, Side};
use tunnel::{
    AgentName, CertificateRequest, Consumer, Credentials, Link, Receiver, ReceiverLimits,
    ReceiverSettings, Sender, SenderSettings, make_certificates,
};

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let request = CertificateRequest {
        sensor_names: vec!["127.0.0.1".to_owned()],
        agents: vec!["agent".to_owned()],
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap());
    make_certificates(folder.path(), &request, now).unwrap();
    let credentials = |name: &str| {
        let file = |ending: &str| folder.path().join(format!("{name}.{ending}"));
        Credentials::read(&file("pem"), &file("key"), &folder.path().join("ca.pem")).unwrap()
    };
    let (own, other) = (credentials("agent"), credentials("sensor"));
    let floor = floor(&own, &other);
    println!("      floor: {floor:.2} Gbit/s");
    let mut alone = 0.0;
    for agents in [1, 10, 100, 1000] {
        let outcome = run(agents, &own, &other);
        if agents == 1 {
            alone = outcome.gigabits;
        }
        println!(
            "{agents:>5} agents: {:.2} Gbit/s ({:.2} of the floor, {:.2} of one), all connected after {:.2} s, {} MiB of memory",
            outcome.gigabits,
            outcome.gigabits / floor,
            outcome.gigabits / alone,
            outcome.connected.as_secs_f64(),
            outcome.memory_mib
        );
    }
}

/// What compression and TLS allow: Gbit/s of clear text, with a thread for each end.
fn floor(own: &Credentials, other: &Credentials) -> f64 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = (own.client(ALPN).unwrap(), other.server(ALPN).unwrap());
    let text = piece().repeat(BATCH / PIECE);
    let begin = Instant::now();
    let sender = thread::spawn(move || {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
        let mut compressor = Compressor::new(LEVEL).unwrap();
        for _ in 0..TOTAL / BATCH as u64 {
            let packed = compressor.compress(&text).unwrap();
            stream.write_all(&u32::try_from(packed.len()).unwrap().to_be_bytes()).unwrap();
            stream.write_all(&packed).unwrap();
        }
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    });
    let connection = ServerConnection::new(Arc::new(server)).unwrap();
    let mut stream = StreamOwned::new(connection, listener.accept().unwrap().0);
    let mut decompressor = Decompressor::new().unwrap();
    let (mut packed, mut unpacked) = (Vec::new(), vec![0; BATCH]);
    for _ in 0..TOTAL / BATCH as u64 {
        let mut len = [0; 4];
        stream.read_exact(&mut len).unwrap();
        packed.resize(usize::try_from(u32::from_be_bytes(len)).unwrap(), 0);
        stream.read_exact(&mut packed).unwrap();
        assert_eq!(decompressor.decompress_to_buffer(&packed, &mut unpacked).unwrap(), BATCH);
    }
    sender.join().unwrap();
    gigabits(TOTAL, begin)
}

fn gigabits(bytes: u64, since: Instant) -> f64 {
    f64::from(u32::try_from(bytes * 8 / 1_000_000).unwrap())
        / 1000.0
        / since.elapsed().as_secs_f64()
}

/// Clear text that compresses as pages do.
fn piece() -> Vec<u8> {
    let text = b"GET /index.html ".iter().cycle();
    text.zip((0..=u8::MAX).cycle()).map(|(a, b)| a ^ (b >> 5)).take(PIECE).collect()
}

struct Outcome {
    gigabits: f64,
    connected: Duration,
    memory_mib: u64,
}

struct Counter(Arc<AtomicU64>);

impl Consumer for Counter {
    fn take(&mut self, _: &AgentName, record: &Record<'_>) {
        if let RecordKind::Data { bytes, .. } = record.kind {
            self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    }

    fn flush(&mut self, _: Timestamp) {}
}

fn run(count: u64, own: &Credentials, other: &Credentials) -> Outcome {
    let taken = Arc::new(AtomicU64::new(0));
    let limits = ReceiverLimits {
        sessions_of_agent: 2000,
        handshakes: 2000,
        handshakes_of_address: 2000,
        ..ReceiverLimits::default()
    };
    let settings = ReceiverSettings { listen: ([127, 0, 0, 1], 0).into(), limits };
    let consumer = Box::new(Counter(Arc::clone(&taken)));
    let receiver = Receiver::start(settings, other, consumer, Box::new(|_| {})).unwrap();
    let begin = Instant::now();
    let senders: Vec<_> = (0..count)
        .map(|_| {
            let queue_bytes = usize::try_from(TOTAL / count * 2 + (1 << 20)).unwrap();
            let settings = SenderSettings {
                queue_bytes,
                ..SenderSettings::new("127.0.0.1", Some(receiver.address().port()))
            };
            Sender::start(settings, own, Box::new(|_| {})).unwrap()
        })
        .collect();
    while senders.iter().any(|sender| sender.link() != Link::Up) {
        thread::sleep(Duration::from_millis(1));
    }
    let connected = begin.elapsed();
    let piece = piece();
    let begin = Instant::now();
    let pieces = TOTAL / count / PIECE as u64;
    for sender in &senders {
        sender.hand_in(&record(RecordKind::Opened(Box::new(Opened {
            client: ([10, 0, 0, 1], 40000).into(),
            server: ([10, 0, 0, 2], 443).into(),
            is_late: false,
            origin: None,
        }))));
    }
    for number in 0..pieces {
        for sender in &senders {
            let (position, bytes) = (number * PIECE as u64, &piece[..]);
            sender.hand_in(&record(RecordKind::Data { sender: Side::Server, position, bytes }));
        }
    }
    let expected = pieces * PIECE as u64 * count;
    while taken.load(Ordering::Relaxed) < expected {
        thread::sleep(Duration::from_millis(1));
    }
    let gigabits = gigabits(expected, begin);
    let memory_mib = memory_mib();
    drop(senders);
    assert_eq!(receiver.stop().delivered_bytes, expected);
    Outcome { gigabits, connected, memory_mib }
}

fn record(kind: RecordKind<'_>) -> Record<'_> {
    let at = Timestamp::from_nanos(1_800_000_000_000_000_000);
    Record { connection: ConnectionId(1), at, kind }
}

/// Resident memory of agents and sensor together.
fn memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

const TOTAL: u64 = 512 << 20;

const PIECE: usize = 16 << 10;

/// What agents send at a time, and how hard they compress it (`tunnel::format`).
const BATCH: usize = tunnel::format::MAX_BATCH_LEN;
const LEVEL: i32 = 1;

const ALPN: &[u8] = b"floor";
