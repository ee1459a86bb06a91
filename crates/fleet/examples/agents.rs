//! Many agents in one process, to see what a server takes: the real protocol, certificates and spools, with made-up
//! edges between the workloads of a cluster.
//!
//! ```text
//! cargo run --release -p fleet --example agents -- HOST:PORT TOKEN [AGENTS [LINES [SECONDS [PID]]]]
//! ```
//!
//! Each agent hands in LINES lines (4000) a minute, at a second of its own. `PID` is the server's process, whose
//! processor time and memory are told then.
#![allow(
    clippy::allow_attributes,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fleet::JoinToken;
use fleet::agent::{Host, Link, Observed, Uplink, UplinkMeter, UplinkSettings};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().expect("HOST:PORT").parse().expect("an address");
    let token: JoinToken = arguments.next().expect("TOKEN").parse().expect("a token");
    let mut number =
        |usual: u64| arguments.next().map_or(usual, |text| text.parse().expect("a number"));
    let (agents, lines, seconds, pid) = (number(1000), number(4000), number(180), number(0));
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let uplinks: Vec<Uplink> = (0..agents)
        .map(|agent| {
            let place = folder.path().join(agent.to_string());
            let mut settings = UplinkSettings::new(vec![Clone::clone(&server)], place, |_| 1);
            settings.token = Some(token.clone());
            settings.about.host = format!("node-{agent}");
            settings.about.version = env!("CARGO_PKG_VERSION").to_owned();
            Uplink::start(settings, Arc::new(Silent)).unwrap()
        })
        .collect();
    let meters: Vec<UplinkMeter> = uplinks.iter().map(Uplink::meter).collect();
    let is_up = |meter: &UplinkMeter| matches!(meter.link(), Link::Up { .. });
    while !meters.iter().all(is_up) {
        assert!(
            begun.elapsed() < JOIN_PATIENCE,
            "{} have joined",
            meters.iter().filter(|it| is_up(it)).count()
        );
        thread::sleep(Duration::from_millis(100));
    }
    println!("{agents} agents have joined after {:.1} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let mut told = Progress::now(&meters, pid);
    let (mut turn, mut dropped) = (0, 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        // Evenly over each minute: the agent whose turn it is next.
        let due = begun.elapsed().as_millis() as u64 * agents / 60_000;
        while turn < due {
            let agent = turn % agents;
            let minute = edges(agent, turn / agents, lines);
            dropped += u64::from(!uplinks[agent as usize].push(minute.as_bytes()));
            turn += 1;
        }
        if told.at.elapsed() >= Duration::from_secs(10) {
            told = told.tell(&meters, pid);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let pushed = turn * lines;
    let behind = Instant::now();
    while meters
        .iter()
        .any(|meter| meter.counters().kept_sessions + lost(meter) < meter.counters().taken_sessions)
        && behind.elapsed() < END_PATIENCE
    {
        thread::sleep(Duration::from_millis(50));
    }
    told.tell(&meters, pid);
    let sum = |of: fn(&UplinkMeter) -> u64| meters.iter().map(of).sum::<u64>();
    println!(
        "{pushed} lines handed in, {} kept, {} lost, {dropped} times no room; all were there {:.1} s after the last; \
         {} connections",
        sum(|meter| meter.counters().kept_sessions),
        sum(lost),
        behind.elapsed().as_secs_f64(),
        sum(|meter| meter.counters().connections),
    );
}

fn lost(meter: &UplinkMeter) -> u64 {
    let it = meter.counters();
    it.dropped_sessions
        + it.unspooled_sessions
        + it.refused_sessions
        + it.evicted_sessions
        + it.damaged_sessions
}

/// How far all have come.
struct Progress {
    at: Instant,
    kept: u64,
    bytes: u64,
    server_ticks: u64,
}

impl Progress {
    fn now(meters: &[UplinkMeter], pid: u64) -> Self {
        let counters = meters.iter().map(UplinkMeter::counters);
        let (kept, bytes) = counters
            .fold((0, 0), |(kept, bytes), it| (kept + it.kept_sessions, bytes + it.sent_bytes));
        Self { at: Instant::now(), kept, bytes, server_ticks: ticks(pid) }
    }

    fn tell(&self, meters: &[UplinkMeter], pid: u64) -> Self {
        let now = Self::now(meters, pid);
        let seconds = (now.at - self.at).as_secs_f64();
        let since = meters.iter().filter_map(|meter| meter.backlog().since).min();
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let lag = since.map_or(0.0, |since| clock.as_secs_f64() - since.as_nanos() as f64 / 1e9);
        println!(
            "{:8.0} lines/s kept, {:6.2} MB/s sent, oldest waits {lag:5.1} s, server: {:3.0} % of a core, {} MiB",
            (now.kept - self.kept) as f64 / seconds,
            (now.bytes - self.bytes) as f64 / seconds / 1e6,
            (now.server_ticks - self.server_ticks) as f64 / seconds,
            resident_mebibytes(pid),
        );
        now
    }
}

/// Processor time of a process in hundredths of a second (proc(5)).
fn ticks(pid: u64) -> u64 {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))
        .unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn resident_mebibytes(pid: u64) -> u64 {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"))
        .unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// What an agent has to say of a minute: some of the edges of a cluster, others on each node.
fn edges(agent: u64, minute: u64, lines: u64) -> String {
    let now = SystemTime::now();
    let time = |ahead: u64| {
        event::Timestamp::from_nanos(
            i64::try_from(
                (now.duration_since(SystemTime::UNIX_EPOCH).unwrap() - Duration::from_secs(ahead))
                    .as_nanos(),
            )
            .unwrap(),
        )
    };
    let (start, end) = (time(60), time(1));
    let mut text = String::new();
    for line in 0..lines {
        let edge = (agent * 7919 + line * 31 + minute % 3) % EDGES;
        let client = edge % WORKLOADS;
        let server = (client + 1 + edge / WORKLOADS * 37) % WORKLOADS;
        let posture = (edge + agent % 2) % POSTURES.len() as u64;
        let (version, cipher, group, class) = POSTURES[posture as usize];
        writeln!(
            text,
            r#"{{"@timestamp":"{end}","event":{{"kind":"metric","category":["network"],"type":["connection","protocol"],"dataset":"tlsight.edge","start":"{start}","end":"{end}","outcome":"success"}},"source":{{"ip":"10.{}.{}.{}"}},"destination":{{"ip":"10.{}.{}.1","port":443,"domain":"app-{server}.shop.svc"}},"client":{{"ip":"10.{}.{}.{}","kubernetes":{{"namespace":"shop","deployment":{{"name":"app-{client}"}}}}}},"server":{{"ip":"10.{}.{}.1","port":443,"domain":"app-{server}.shop.svc","kubernetes":{{"namespace":"shop","deployment":{{"name":"app-{server}"}}}}}},"network":{{"transport":"tcp","protocol":"tls","type":"ipv4"}},"tls":{{"version":"{version}","version_protocol":"tls","cipher":"{cipher}","curve":"{group}","resumed":false,"established":true,"server":{{}}}},"tlsight":{{"key_exchange":{{"group":"{group}","class":"{class}","forward_secret":true}},"certificate":{{"state":"encrypted"}},"carrier":"tcp","evidence":"socket","workload":{{"client":{{"pod":"known","workload":"known","kind":"Deployment","name":"app-{client}"}},"server":{{"pod":"known","workload":"known","kind":"Deployment","name":"app-{server}"}}}},"edge":{{"sessions":{}}}}}}}"#,
            agent / 250, agent % 250, line % 250,
            server / 250, server % 250,
            agent / 250, agent % 250, line % 250,
            server / 250, server % 250,
            1 + line % 60,
        )
        .unwrap();
    }
    text
}

/// A program that has nothing else to say.
struct Silent;

impl Host for Silent {
    fn status(&self) -> Observed {
        Observed::default()
    }

    fn take_policies(&self, _documents: Vec<String>) -> Result<(), String> {
        Ok(())
    }

    fn take_settings(&self, _toml: &str) -> Result<(), String> {
        Ok(())
    }

    fn tell(&self, _message: &str) {}
}

const WORKLOADS: u64 = 2000;

/// Of a cluster of that size: 25 servers for each client, and two postures for each of these.
const EDGES: u64 = 50_000;

const POSTURES: [(&str, &str, &str, &str); 3] = [
    ("1.3", "TLS_AES_128_GCM_SHA256", "X25519MLKEM768", "hybrid_pq"),
    ("1.3", "TLS_AES_256_GCM_SHA384", "x25519", "classical"),
    ("1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "secp256r1", "classical"),
];

const JOIN_PATIENCE: Duration = Duration::from_secs(300);

const END_PATIENCE: Duration = Duration::from_secs(300);
