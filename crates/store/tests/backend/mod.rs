//! Stores of every kind, so that each test runs with each.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    clippy::allow_attributes,
    reason = "each test uses a part of it"
)]
#![allow(clippy::indexing_slicing, clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use store::{ClickHouseSessions, Retention, Sessions, Settings, SqliteSessions, StoreError};

/// Makes a test of each function for each kind of store. Where a server cannot be had, its tests say
/// that they are skipped, and fail if `CI` is set.
macro_rules! for_each_store {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                #[test]
                fn sqlite() {
                    super::$name(&crate::backend::Place::sqlite());
                }

                crate::backend::for_servers!($name);
            }
        )*
    };
}
pub(crate) use for_each_store;

/// The same for each kind of server.
macro_rules! for_each_server {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                crate::backend::for_servers!($name);
            }
        )*
    };
}
pub(crate) use for_each_server;

macro_rules! for_servers {
    ($name:ident) => {
        #[test]
        fn clickhouse() {
            if let Some(place) = crate::backend::Place::modern(stringify!($name)) {
                super::$name(&place);
            }
        }

        #[test]
        fn clickhouse_18() {
            if let Some(place) = crate::backend::Place::old(stringify!($name)) {
                super::$name(&place);
            }
        }
    };
}
pub(crate) use for_servers;

/// Where a store of a test is.
pub(crate) enum Place {
    /// A file in a folder that is gone at the end.
    File(tempfile::TempDir),
    /// A database of a server.
    Url(String),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// A database of the current engine.
    pub(crate) fn modern(test: &str) -> Option<Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let server = SERVER.get_or_init(|| {
            let python = python()?;
            Some(Server::start(Command::new(python).arg(script("chdb_server.py"))))
        });
        let Some(server) = server else {
            skip(test, "chdb is not in target/chdb (./dev test puts it there)");
            return None;
        };
        Some(Self::Url(server.database(0)))
    }

    /// A database of Debian's server.
    pub(crate) fn old(test: &str) -> Option<Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let server = SERVER.get_or_init(|| debian_servers(1));
        let Some(server) = server else {
            skip(test, "clickhouse-server is not installed");
            return None;
        };
        Some(Self::Url(server.database(0)))
    }

    /// Another place of the same kind.
    pub(crate) fn another(&self) -> Self {
        match self {
            Self::File(_) => Self::sqlite(),
            Self::Url(url) => Self::Url(format!("{url}_{}", next_number())),
        }
    }

    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// What `at` takes: a path or a URL.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::File(folder) => folder.path().join("sessions.db").display().to_string(),
            Self::Url(url) => url.clone(),
        }
    }

    /// Opens the store.
    pub(crate) fn open(&self) -> Box<dyn Sessions> {
        self.open_with(Retention { days: 30, max_bytes: 1 << 40 })
    }

    pub(crate) fn open_with(&self, retention: Retention) -> Box<dyn Sessions> {
        at(&self.text(), retention).unwrap()
    }
}

/// Opens a store by its path or URL.
pub(crate) fn at(place: &str, retention: Retention) -> Result<Box<dyn Sessions>, StoreError> {
    if store::ClickHouseUrl::is_meant_by(place) {
        return Ok(Box::new(ClickHouseSessions::open(place.parse().unwrap(), retention)?));
    }
    let settings = Settings { retention, ..Settings::default() };
    Ok(Box::new(SqliteSessions::open(Path::new(place), settings)?))
}

/// Servers that end with this process.
pub(crate) struct Server {
    // When it is dropped or this process ends, its standard input does, and so does it.
    _child: Child,
    /// Ports of HTTP interfaces.
    pub(crate) ports: Vec<u16>,
    /// Processes of the servers, if they are known.
    pub(crate) pids: Vec<i32>,
    /// How they were started.
    commands: Vec<Vec<String>>,
}

/// A server that was started again; it ends when this is dropped.
pub(crate) struct Restarted(Child);

impl Drop for Restarted {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .env("TLSIGHT_TEST_KEY", KEY)
            .env("TLSIGHT_TEST_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
        assert!(!told.is_empty(), "the server does not start");
        let (mut ports, mut pids) = (Vec::new(), Vec::new());
        for server in told.split_whitespace() {
            let (port, pid) = server.split_once(':').unwrap_or((server, ""));
            ports.push(port.parse().unwrap());
            pids.extend(pid.parse::<i32>().ok());
        }
        let command = |pid: &i32| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
            text.split_terminator('\0').map(str::to_owned).collect()
        };
        let commands = pids.iter().map(command).collect();
        Self { _child: child, ports, pids, commands }
    }

    /// The URL of a new database.
    pub(crate) fn database(&self, server: usize) -> String {
        self.url(server, &format!("test_{}", next_number()))
    }

    /// Kills one of the servers.
    pub(crate) fn kill(&self, server: usize) {
        let pid = self.pids[server].to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }

    /// Starts one again that was killed, and waits until it answers.
    pub(crate) fn restart(&self, server: usize) -> Restarted {
        let (program, arguments) = self.commands[server].split_first().unwrap();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let restarted = Restarted(command.spawn().unwrap());
        let address = ("127.0.0.1", self.ports[server]);
        let begun = std::time::Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            assert!(begun.elapsed().as_secs() < 180, "the server does not start again");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        restarted
    }

    /// The URL of all of them as replicas of one cluster.
    pub(crate) fn replicas(&self, database: &str) -> String {
        let places: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("clickhouse://default:{KEY}@{}/{database}?cluster=tests", places.join(","))
    }

    pub(crate) fn url(&self, server: usize, database: &str) -> String {
        format!("clickhouse://default:{KEY}@127.0.0.1:{}/{database}", self.ports[server])
    }
}

fn next_number() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// Debian's servers, if they are installed: one, or replicas.
pub(crate) fn debian_servers(count: usize) -> Option<Server> {
    let has = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    let has_keeper = || has("java") && Path::new("/usr/share/java/zookeeper.jar").exists();
    if !has("clickhouse-server") || !has("python3") || (count > 1 && !has_keeper()) {
        return None;
    }
    let mut command = Command::new("python3");
    Some(Server::start(command.arg(script("debian_server.py")).arg(count.to_string())))
}

/// Says that a test cannot run here.
pub(crate) fn skip(test: &str, reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test}: {reason}");
    println!("skipped {test}: {reason}");
}

/// The Python that has chdb: `./dev test` makes it beside what is built.
fn python() -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap();
    let found = program.ancestors().map(|folder| folder.join("chdb/bin/python3"));
    found.into_iter().find(|python| python.is_file())
}

fn script(name: &str) -> PathBuf {
    // Tests of other crates use this as well.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/backend").join(name)
}

/// The password of the servers.
const KEY: &str = "not_a_secret";
