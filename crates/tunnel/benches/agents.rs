//! What one sensor takes of 1, 10, 100 and 1,000 agents on the loopback interface, with all that TLS and
//! compression cost at both ends, in one run.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "no part of the program")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Timestamp;
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
    let mut alone = 0.0;
    for agents in [1, 10, 100, 1000] {
        let outcome = run(agents, &own, &other);
        if agents == 1 {
            alone = outcome.gigabits;
        }
        println!(
            "{agents:>5} agents: {:.2} Gbit/s ({:.2} of one), all connected after {:.2} s, {} MiB of memory",
            outcome.gigabits,
            outcome.gigabits / alone,
            outcome.connected.as_secs_f64(),
            outcome.memory_mib
        );
    }
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
    let text = b"GET /index.html ".iter().cycle();
    let piece: Vec<u8> =
        text.zip((0..=u8::MAX).cycle()).map(|(a, b)| a ^ (b >> 5)).take(PIECE).collect();
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
    let bits = u32::try_from(expected * 8 / 1_000_000).unwrap();
    let gigabits = f64::from(bits) / 1000.0 / begin.elapsed().as_secs_f64();
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
