//! What the tests have in common: lines, sinks, programs, and waiting for them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sinks::{Datasets, Kind, QueueSettings, SinkSettings, SinkState, Sinks};
use tempfile::TempDir;

/// A line of a session with a number of its own.
pub(crate) fn line(number: u64) -> Vec<u8> {
    let port = 1024 + number % 60_000;
    let name = format!("name-{number}.example.test");
    let mut line = json!({
        "@timestamp": format!("2026-11-21T13:30:{:02}.{:09}Z", number / 1_000_000 % 60, number % 1_000_000),
        "event": {"dataset": "tls", "kind": "event", "category": ["network"], "outcome": "success"},
        "client": {"ip": "192.0.2.1", "port": port},
        "server": {"ip": format!("198.51.100.{}", number % 250), "port": 443, "domain": name},
        "network": {"transport": "tcp", "type": "ipv4"},
        "tls": {"version": "1.3", "version_protocol": "tls", "cipher": "TLS_AES_128_GCM_SHA256",
            "established": true, "resumed": false, "client": {"server_name": name}},
        "process": {"pid": number, "name": "curl", "user": {"id": "1000"}},
        "tlsight": {"key_exchange": {"class": "hybrid_pq", "group": "X25519MLKEM768"}},
    })
    .to_string()
    .into_bytes();
    line.push(b'\n');
    line
}

/// Lines with the numbers of a range.
pub(crate) fn lines(numbers: std::ops::Range<u64>) -> Vec<u8> {
    numbers.flat_map(line).collect()
}

/// The number that a line was made with.
pub(crate) fn number(line: &Value) -> u64 {
    line["process"]["pid"].as_u64().unwrap()
}

/// How often each number is there.
pub(crate) fn counts(numbers: impl IntoIterator<Item = u64>) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_default() += 1;
    }
    counts
}

/// A folder, and the sinks in it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    messages: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), messages: Arc::default() }
    }

    /// A sink whose queue outlives it.
    pub(crate) fn start(&self, kind: Kind) -> Sinks {
        self.start_all([("sink", kind)])
    }

    pub(crate) fn start_all<const N: usize>(&self, kinds: [(&str, Kind); N]) -> Sinks {
        let settings = kinds.map(|(name, kind)| SinkSettings {
            name: name.to_owned(),
            datasets: Datasets::ALL,
            queue: QueueSettings {
                folder: self.folder.path().join("queues").join(name),
                limit_bytes: 64 << 20,
            },
            kind,
        });
        self.start_with(settings.into())
    }

    pub(crate) fn start_with(&self, settings: Vec<SinkSettings>) -> Sinks {
        let messages = Arc::clone(&self.messages);
        let log: sinks::Log =
            Arc::new(move |text: &str| messages.lock().unwrap().push(text.to_owned()));
        Sinks::start(settings, &log).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What was told the operator.
    pub(crate) fn messages(&self) -> String {
        self.messages.lock().unwrap().join("\n")
    }
}

/// How the first sink does.
pub(crate) fn state(sinks: &Sinks) -> SinkState {
    sinks.states().into_iter().next().unwrap()
}

/// Lines lost for any reason.
pub(crate) fn lost(state: &SinkState) -> u64 {
    state.lost.iter().map(|(_, count)| count).sum()
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A program that is killed at the end.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Lines of JSON that a program writes; one that is not whole yet is left out.
pub(crate) fn read(path: &Path) -> Vec<Value> {
    let text = fs::read(path).unwrap_or_default();
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    text[..whole]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            serde_json::from_slice(line)
                .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)))
        })
        .collect()
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A Python with packages: `./dev test` makes it beside what is built.
pub(crate) fn python(folder: &str, test: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap();
    let found = program
        .ancestors()
        .map(|above| above.join(folder).join("bin/python3"))
        .find(|python| python.is_file());
    if found.is_none() {
        skip(test, &format!("target/{folder} is not there (./dev test puts it there)"));
    }
    found
}

/// A program of this machine.
pub(crate) fn program(name: &str, test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|it| it.is_file());
    if found.is_none() {
        skip(test, &format!("{name} is not installed"));
    }
    found
}

/// Says that a test cannot run here.
pub(crate) fn skip(test: &str, reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test}: {reason}");
    println!("skipped {test}: {reason}");
}

/// A script of these tests.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers").join(name)
}

/// Runs a script with arguments.
pub(crate) fn run_script<A: AsRef<OsStr>>(python: &Path, name: &str, arguments: &[A]) -> Program {
    Program::start(Command::new(python).arg(script(name)).args(arguments))
}

const PATIENCE: Duration = Duration::from_secs(150);
