//! One of two replicas of the database is killed under agents, and comes back.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use event::Timestamp;
use store::{ClickHouseSessions, Page, Retention, SessionQuery, Sessions, Window};

use super::Place;
use super::crowd::Crowd;
use crate::server::{has, skip, wait_until};

#[test]
fn a_replica_that_is_killed_under_agents_costs_no_session_and_doubles_none() {
    let test = "a_replica_that_is_killed_under_agents_costs_no_session_and_doubles_none";
    if !has(test, &["curl", "python3", "clickhouse-server", "java"]) {
        return;
    }
    if !Path::new("/usr/share/java/zookeeper.jar").exists() {
        skip(test, "zookeeper is not installed");
        return;
    }
    let replicas = Replicas::start();
    let place = Place::start("replicas", "127.0.0.1", &["--store", &replicas.url()]);
    let token = place.join_token(AGENTS);
    let mut crowd = Crowd::join(AGENTS, &place.address, &token, place.folder());
    crowd.wait_for_connections();
    see_for(&mut crowd, PHASE);
    wait_until("something is kept", || crowd.counters().iter().all(|it| it.kept_batches > 0));
    replicas.kill_first();
    see_for(&mut crowd, PHASE);
    // Nobody is told of it: the other one takes all.
    assert_eq!(place.states(), ["ok"], "{:?}", place.agents());
    let overview = place.server.get(&place.token, "overview");
    assert_eq!(overview["sources"]["agents"], AGENTS, "{overview}");
    let restarted = replicas.restart_first();
    see_for(&mut crowd, PHASE);
    crowd.wait_until_all_is_kept();
    println!(
        "{} sessions of {AGENTS} agents, {} batches asked for again, the longest wait {:?}",
        crowd.seen(),
        crowd.counters().iter().map(|it| it.postponed).sum::<u64>(),
        crowd.longest_wait()
    );
    for (counters, link) in crowd.counters().iter().zip(crowd.links()) {
        assert_eq!(counters.connections, 1, "{counters:?}, {link:?}: {:?}", crowd.said());
    }
    for replica in replicas.each() {
        wait_until("a replica has caught up", || counted(&replica) >= crowd.seen());
        let store = ClickHouseSessions::open(replica.parse().unwrap(), KEEP).unwrap();
        wait_until("a replica has all sessions", || sessions(&store) >= crowd.single());
        assert_eq!((counted(&replica), sessions(&store)), (crowd.seen(), crowd.single()));
        let agents = store.agents().unwrap();
        assert_eq!(agents.len(), AGENTS);
        for agent in agents {
            assert_eq!(agent.sessions, crowd.seen_by_each(), "{agent:?}");
        }
    }
    drop(crowd);
    place.end();
    drop(restarted);
}

/// Sees something several times a second.
fn see_for(crowd: &mut Crowd, time: Duration) {
    let begun = Instant::now();
    let mut last: Option<Instant> = None;
    while begun.elapsed() < time {
        if last.is_none_or(|last| last.elapsed() > EVERY) {
            last = Some(Instant::now());
            crowd.see();
        }
        crowd.note_waits();
        thread::sleep(Duration::from_millis(10));
    }
}

fn counted(replica: &str) -> u64 {
    let store = ClickHouseSessions::open(replica.parse().unwrap(), KEEP).unwrap();
    store.overview(EVER, EVER.to).unwrap().sessions
}

/// How many sessions are shown one by one.
fn sessions(store: &dyn Sessions) -> u64 {
    let (mut after, mut count) = (None, 0);
    loop {
        let page = store.sessions(&SessionQuery::all(EVER), Page { after, limit: 1000 }).unwrap();
        count += page.items.len() as u64;
        after = page.next;
        if after.is_none() {
            return count;
        }
    }
}

/// Two of Debian's servers with their ZooKeeper.
struct Replicas {
    // They end when its standard input does.
    _script: Child,
    ports: Vec<u16>,
    first: String,
    command: Vec<String>,
}

/// One that was started again, until it is dropped.
struct Restarted(Child);

impl Replicas {
    fn start() -> Self {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/backend/debian_server.py");
        let mut script = Command::new("python3")
            .arg(script)
            .arg("2")
            .env("TLSIGHT_TEST_KEY", KEY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Vec<_> =
            line.split_whitespace().map(|told| told.split_once(':').unwrap()).collect();
        let ports = told.iter().map(|(port, _)| port.parse().unwrap()).collect();
        let first = told[0].1.to_owned();
        let command = fs::read_to_string(format!("/proc/{first}/cmdline")).unwrap();
        let command = command.split_terminator('\0').map(str::to_owned).collect();
        Self { _script: script, ports, first, command }
    }

    fn url(&self) -> String {
        let places: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("clickhouse://default:{KEY}@{}/tlsight?cluster=tests", places.join(","))
    }

    /// The URL of each one alone.
    fn each(&self) -> impl Iterator<Item = String> {
        self.ports.iter().map(|port| {
            format!("clickhouse://default:{KEY}@127.0.0.1:{port}/tlsight?cluster=tests")
        })
    }

    fn kill_first(&self) {
        assert!(Command::new("kill").args(["-KILL", &self.first]).status().unwrap().success());
    }

    fn restart_first(&self) -> Restarted {
        let (program, arguments) = self.command.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Restarted(command.spawn().unwrap())
    }
}

impl Drop for Restarted {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

const AGENTS: usize = 24;

const EVERY: Duration = Duration::from_millis(250);

/// With both replicas, with one, and with both again.
const PHASE: Duration = Duration::from_secs(5);

const KEEP: Retention = Retention { days: 30, max_bytes: 1 << 40 };

const EVER: Window =
    Window { from: Timestamp::from_nanos(0), to: Timestamp::from_nanos(4_000_000_000_000_000_000) };

const KEY: &str = "not_a_secret";
