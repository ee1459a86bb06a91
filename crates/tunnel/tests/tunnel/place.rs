//! A sensor with certificates, and what it hands on.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use forge::{ConnectionId, Ending, MissingCause, Opened, Record, RecordKind, Side};
use tempfile::TempDir;
use tunnel::{
    AgentName, CertificateRequest, Consumer, Credentials, Incident, Receiver, ReceiverLimits,
    ReceiverSettings, Sender, SenderCounters, SenderSettings, make_certificates,
};

/// What is waited for has come by then, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap())
}

/// Certificates of a sensor and of agents `a` and `b`, and one of `old` that is expired.
pub(crate) static CERTIFICATES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let long_ago = now().plus_nanos(-500 * 24 * 3600 * 1_000_000_000);
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    for (time, sensor, agents) in [
        (long_ago, names(&[]), names(&["old"])),
        (now(), names(&["127.0.0.1", "sensor.example"]), names(&["a", "b"])),
    ] {
        let request = CertificateRequest { sensor_names: sensor, agents };
        make_certificates(folder.path(), &request, time).unwrap();
    }
    folder
});

pub(crate) fn file(name: &str) -> PathBuf {
    CERTIFICATES.path().join(name)
}

pub(crate) fn credentials(name: &str) -> Credentials {
    let file = |ending: &str| file(&format!("{name}.{ending}"));
    Credentials::read(&file("pem"), &file("key"), &CERTIFICATES.path().join("ca.pem")).unwrap()
}

/// A port at which nobody listens, and which no connection uses for its own end.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 10_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A sensor and what it handed on and told.
pub(crate) struct Sensor {
    pub(crate) receiver: Receiver,
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) incidents: Arc<Mutex<Vec<Incident>>>,
}

/// Connections as they were handed on.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    pub(crate) records: u64,
    /// How long each record takes.
    pub(crate) delay: Duration,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) agent: AgentName,
    pub(crate) opened: Opened,
    pub(crate) bytes: [Vec<u8>; 2],
    /// Bytes that are missing, by cause.
    pub(crate) missing: BTreeMap<&'static str, u64>,
    pub(crate) ending: Option<Ending>,
    next: [u64; 2],
}

struct Collector(Arc<Mutex<Seen>>);

impl Sensor {
    pub(crate) fn start() -> Self {
        Self::with(limits())
    }

    pub(crate) fn with(limits: ReceiverLimits) -> Self {
        Self::at("127.0.0.1:0", limits)
    }

    pub(crate) fn at(address: &str, limits: ReceiverLimits) -> Self {
        let (seen, incidents) =
            (Arc::<Mutex<Seen>>::default(), Arc::<Mutex<Vec<Incident>>>::default());
        let told = Arc::clone(&incidents);
        let receiver = Receiver::start(
            ReceiverSettings { listen: address.parse().unwrap(), limits },
            &credentials("sensor"),
            Box::new(Collector(Arc::clone(&seen))),
            Box::new(move |incident| told.lock().unwrap().push(incident.clone())),
        );
        Self { receiver: receiver.unwrap(), seen, incidents }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// The one connection that was handed on, when it has ended.
    pub(crate) fn only(&self) -> Connection {
        until("the end of a connection", || {
            self.seen().connections.values().any(|connection| connection.ending.is_some())
        });
        let mut seen = self.seen();
        assert_eq!(seen.connections.len(), 1);
        seen.connections.pop_first().unwrap().1
    }

    pub(crate) fn settings(&self) -> SenderSettings {
        settings(self.receiver.address().port())
    }

    /// Waits until something was refused for this reason, and is told in a line.
    pub(crate) fn until_refused(&self, name: &str) -> Incident {
        until(name, || self.receiver.counters().refused.contains_key(name));
        let is_it = |incident: &&Incident| matches!(&incident.what, tunnel::Happening::Refused(how) if how.name() == name);
        let find = || self.incidents.lock().unwrap().iter().find(is_it).cloned();
        until("a line about it", || find().is_some());
        find().unwrap()
    }
}

/// Bounds of tests that run side by side on a busy machine.
pub(crate) fn limits() -> ReceiverLimits {
    ReceiverLimits { handshakes_of_address: 128, ..ReceiverLimits::default() }
}

pub(crate) fn settings(port: u16) -> SenderSettings {
    SenderSettings {
        flush_after: Duration::from_millis(1),
        retry: (Duration::from_millis(1), Duration::from_millis(20)),
        ..SenderSettings::new("127.0.0.1", Some(port))
    }
}

pub(crate) fn sender(name: &str, settings: SenderSettings) -> Sender {
    Sender::start(settings, &credentials(name), Box::new(|_| {})).unwrap()
}

/// Ends a sender that has a sensor, and asserts that its counters add up.
pub(crate) fn finish(sender: Sender) -> SenderCounters {
    let counters = sender.finish(PATIENCE);
    assert_eq!(counters.waiting_bytes(), 0, "{counters:?}");
    assert_eq!(counters.seen_bytes, counters.acknowledged_bytes + counters.dropped_bytes);
    counters
}

impl Consumer for Collector {
    fn take(&mut self, agent: &AgentName, record: &Record<'_>) {
        let mut seen = self.0.lock().unwrap();
        seen.records += 1;
        let delay = seen.delay;
        seen.take(agent, record);
        drop(seen);
        thread::sleep(delay);
    }

    fn flush(&mut self, _: Timestamp) {}
}

impl Seen {
    /// Takes a record, and asserts that it is one that may come.
    fn take(&mut self, agent: &AgentName, record: &Record<'_>) {
        if let RecordKind::Opened(opened) = &record.kind {
            let connection = Connection {
                agent: agent.clone(),
                opened: Opened::clone(opened),
                bytes: [Vec::new(), Vec::new()],
                missing: BTreeMap::new(),
                ending: None,
                next: [0; 2],
            };
            let before = self.connections.insert(record.connection, connection);
            assert!(before.is_none(), "{record:?} is opened twice");
            return;
        }
        let connection = self.connections.get_mut(&record.connection).expect("it was opened");
        assert_eq!(connection.ending, None, "{record:?} comes after the end");
        match record.kind {
            RecordKind::Data { sender, position, bytes } => {
                let index = usize::from(sender == Side::Server);
                assert_eq!(position, connection.next[index], "{record:?}");
                connection.next[index] += bytes.len() as u64;
                connection.bytes[index].extend_from_slice(bytes);
            }
            RecordKind::Missing { sender, position, len, cause } => {
                let index = usize::from(sender == Side::Server);
                assert_eq!(position, connection.next[index], "{record:?}");
                connection.next[index] += len;
                *connection.missing.entry(name_of(cause)).or_default() += len;
            }
            RecordKind::Closed(ending) => connection.ending = Some(ending),
            RecordKind::Opened(_) => unreachable!(),
        }
    }

    /// Bytes of clear text that were handed on.
    pub(crate) fn bytes(&self) -> u64 {
        self.connections.values().flat_map(|it| &it.bytes).map(|bytes| bytes.len() as u64).sum()
    }

    /// Bytes that are missing for this cause.
    pub(crate) fn missing(&self, cause: MissingCause) -> u64 {
        self.connections.values().filter_map(|it| it.missing.get(name_of(cause))).sum()
    }
}

const fn name_of(cause: MissingCause) -> &'static str {
    match cause {
        MissingCause::RingFull => "ring_full",
        MissingCause::Fault => "fault",
        MissingCause::Overload => "overload",
        MissingCause::Redacted => "redacted",
        MissingCause::Undecryptable => "undecryptable",
    }
}
