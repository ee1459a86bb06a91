//! Agents of a fleet in one process: uplinks with spools and certificates, and made-up lines.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use fleet::agent::{Host, Link, Observed, Uplink, UplinkCounters, UplinkMeter, UplinkSettings};
use serde_json::{Value, json};

use crate::program::{capture, tlsight};
use crate::server::wait_until;

/// Some agents.
pub(crate) struct Crowd {
    uplinks: Vec<Uplink>,
    meters: Vec<UplinkMeter>,
    said: Arc<Said>,
    /// A line of a session, with [`TIME`] where its times are.
    session: String,
    edge: String,
    rounds: u64,
    waits: Vec<Wait>,
}

/// Since when an agent waits, with what it had told by then, and how long it waited at most.
struct Wait {
    since: Instant,
    kept: u64,
    longest: Duration,
}

/// What agents had to say to those who run them.
#[derive(Default)]
pub(crate) struct Said(Mutex<Vec<String>>);

impl Crowd {
    /// Has agents join.
    pub(crate) fn join(count: usize, server: &str, token: &str, folder: &Path) -> Self {
        let said = Arc::new(Said::default());
        let uplinks: Vec<Uplink> = (0..count)
            .map(|number| {
                let place = folder.join(format!("agent-{number}"));
                let mut settings = UplinkSettings::new(vec![server.parse().unwrap()], place, weigh);
                settings.token = Some(token.parse().unwrap());
                settings.about.host = format!("node-{number}");
                settings.about.version = env!("CARGO_PKG_VERSION").to_owned();
                settings.about.capability = "sockets".to_owned();
                Uplink::start(settings, Arc::clone(&said) as Arc<dyn Host>).unwrap()
            })
            .collect();
        let meters: Vec<_> = uplinks.iter().map(Uplink::meter).collect();
        let wait = |_| Wait { since: Instant::now(), kept: 0, longest: Duration::ZERO };
        let waits = (0..count).map(wait).collect();
        let (session, edge) = (session().to_string(), edge().to_string());
        Self { uplinks, meters, said, session, edge, rounds: 0, waits }
    }

    /// Waits until all of them are connected.
    pub(crate) fn wait_for_connections(&self) {
        wait_until("all agents are connected", || {
            self.meters.iter().all(|meter| matches!(meter.link(), Link::Up { .. }))
        });
    }

    /// Has each of them see a session and edges of some others.
    pub(crate) fn see(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        for (number, uplink) in self.uplinks.iter().enumerate() {
            let nanos = i64::try_from(now.as_micros()).unwrap() * 1000;
            let time = Timestamp::from_nanos(nanos + i64::try_from(number).unwrap()).to_string();
            let mut lines = String::new();
            writeln!(lines, "{}", self.session.replace(TIME, &time)).unwrap();
            for port in ["443", "8443"] {
                let edge = self.edge.replace(TIME, &time);
                writeln!(lines, "{}", edge.replace(ANY_PORT, port)).unwrap();
            }
            assert!(uplink.push(lines.as_bytes()));
        }
        self.rounds += 1;
    }

    /// Notes how long each agent has something that is not kept, while nothing more of it is.
    pub(crate) fn note_waits(&mut self) {
        for (meter, wait) in self.meters.iter().zip(&mut self.waits) {
            let counters = meter.counters();
            if counters.kept_sessions > wait.kept || meter.backlog().batches == 0 {
                (wait.kept, wait.since) = (counters.kept_sessions, Instant::now());
            }
            wait.longest = wait.longest.max(wait.since.elapsed());
        }
    }

    /// The longest that one of them waited.
    pub(crate) fn longest_wait(&self) -> Duration {
        self.waits.iter().map(|wait| wait.longest).max().unwrap()
    }

    /// Sessions that each of them has seen.
    pub(crate) const fn seen_by_each(&self) -> u64 {
        self.rounds * SESSIONS
    }

    /// Sessions that all of them have seen.
    pub(crate) fn seen(&self) -> u64 {
        self.seen_by_each() * self.uplinks.len() as u64
    }

    /// Sessions of all of them that have a line each.
    pub(crate) fn single(&self) -> u64 {
        self.rounds * self.uplinks.len() as u64
    }

    /// Waits until the server has all that they saw, and asserts that nothing was lost.
    pub(crate) fn wait_until_all_is_kept(&mut self) {
        wait_until("all is kept", || {
            self.note_waits();
            self.meters.iter().all(|meter| {
                let it = meter.counters();
                let lost = it.dropped_sessions
                    + it.unspooled_sessions
                    + it.refused_sessions
                    + it.evicted_sessions
                    + it.damaged_sessions
                    + it.rejected_lines;
                assert_eq!(lost, 0, "{it:?}");
                it.kept_sessions >= self.seen_by_each()
            })
        });
        for counters in self.counters() {
            assert_eq!(counters.kept_sessions, self.seen_by_each());
        }
    }

    /// The counters of each of them.
    pub(crate) fn counters(&self) -> Vec<UplinkCounters> {
        self.meters.iter().map(UplinkMeter::counters).collect()
    }

    /// How it stands with each of them.
    pub(crate) fn links(&self) -> Vec<Link> {
        self.meters.iter().map(UplinkMeter::link).collect()
    }

    /// Batches that wait with all of them.
    pub(crate) fn waiting(&self) -> u64 {
        self.meters.iter().map(|meter| meter.backlog().batches).sum()
    }

    /// What they had to say to those who run them.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.0.lock().unwrap().clone()
    }
}

impl Host for Said {
    fn status(&self) -> Observed {
        Observed::default()
    }

    fn take_policies(&self, _documents: Vec<String>) -> Result<(), String> {
        Ok(())
    }

    fn take_settings(&self, _toml: &str) -> Result<(), String> {
        Ok(())
    }

    fn tell(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

/// A session of a real capture.
fn session() -> Value {
    let read = ["read", "--json", "--no-detailed-fields"].map(Path::new);
    let run = tlsight(read.into_iter().chain([capture("tls12-rsa").as_path()]));
    let mut session: Value = run.sessions().remove(0);
    session["@timestamp"] = TIME.into();
    session["event"]["start"] = TIME.into();
    session["event"]["end"] = TIME.into();
    session
}

fn edge() -> Value {
    json!({
        "@timestamp": TIME,
        "event": { "dataset": "tlsight.edge", "outcome": "success", "start": TIME, "end": TIME },
        "client": { "ip": "10.0.0.1", "process": { "executable": "/usr/bin/curl" } },
        "server": { "ip": "10.0.0.2", "port": "ANY" },
        "network": { "transport": "tcp" },
        "tls": { "version": "1.3", "version_protocol": "tls", "curve": "x25519",
            "cipher": "TLS_AES_128_GCM_SHA256", "established": true, "server": {} },
        "tlsight": {
            "key_exchange": { "class": "classical", "forward_secret": true },
            "certificate": { "state": "encrypted" }, "carrier": "tcp", "evidence": "socket",
            "edge": { "sessions": SESSIONS_OF_EDGE } },
    })
}

/// How many sessions one of these lines stands for.
fn weigh(line: &[u8]) -> u64 {
    let is_edge = line.windows(EDGE.len()).any(|part| part == EDGE);
    if is_edge { SESSIONS_OF_EDGE } else { 1 }
}

const EDGE: &[u8] = b"tlsight.edge";

const SESSIONS_OF_EDGE: u64 = 3;

/// Of a session and two edges.
const SESSIONS: u64 = 1 + 2 * SESSIONS_OF_EDGE;

const TIME: &str = "2026-11-21T00:00:00Z";

/// Where the port of an edge goes.
const ANY_PORT: &str = "\"ANY\"";
