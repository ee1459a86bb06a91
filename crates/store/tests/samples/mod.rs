//! Sessions as a cluster has them: made from records of real captures, the same for the same seed.
#![allow(dead_code, clippy::allow_attributes, reason = "each test and benchmark uses a part of it")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test data"
)]

use event::Timestamp;
use policy::{Entity, Naming, Observation};
use serde_json::{Value, json};
use store::{Batch, Record, Source};

/// Makes records.
pub(crate) struct Samples {
    shapes: Vec<Shape>,
    random: Random,
}

/// SplitMix64.
pub(crate) struct Random(u64);

/// What the sessions of one client with one server and one posture have in common.
struct Shape {
    seen: Observation,
    source: Entity,
    destination: Entity,
    line: Vec<Part>,
    has_random_ja3: bool,
}

enum Part {
    Text(Vec<u8>),
    Time,
    End,
    Port,
    Random,
    Session,
    Community,
    Micros,
    Ja3,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

impl Samples {
    /// Sessions of `edges` edges, each with two postures.
    pub(crate) fn new(seed: u64, edges: usize) -> Self {
        let templates: Vec<Value> = TEMPLATES
            .lines()
            .map(|line| serde_json::from_str(line).expect("a template is JSON"))
            .collect();
        let mut random = Random::new(seed);
        let mut shapes = Vec::new();
        for edge in 0..edges {
            let first = weighted(&mut random);
            shapes.push(Shape::new(&templates[first], edge, edges));
            shapes.push(Shape::new(&templates[weighted(&mut random)], edge, edges));
        }
        Self { shapes, random }
    }

    /// A session that began at some time. Few edges have most of the sessions.
    pub(crate) fn session(&mut self, time: Timestamp) -> Record {
        let spread = self.random.below(1 << 20) as f64 / f64::from(1 << 20);
        let at = (spread * spread * self.shapes.len() as f64) as usize;
        self.shapes[at].session(time, &mut self.random)
    }

    /// The count of an edge that ended at some time.
    pub(crate) fn edge(&mut self, time: Timestamp, sessions: u64) -> Record {
        let mut record = self.session(time);
        record.seen.is_session = false;
        record.seen.sessions = sessions;
        record.seen.client.port = 0;
        record
    }

    /// Sessions in the order of time, evenly from one point on.
    pub(crate) fn sessions(
        &mut self,
        from: Timestamp,
        step_nanos: i64,
        count: usize,
    ) -> Vec<Record> {
        let times = (0..count).map(|n| from.plus_nanos(n as i64 * step_nanos));
        times.map(|time| self.session(time)).collect()
    }
}

/// A batch of an agent.
pub(crate) fn batch(id: &str, received: Timestamp, records: Vec<Record>) -> Batch {
    let source =
        Source { id: "agent-1".to_owned(), host: "node-1".to_owned(), version: "0.1.0".to_owned() };
    Batch { id: id.to_owned(), source, received, records, losses: Vec::new() }
}

impl Shape {
    fn new(template: &Value, edge: usize, edges: usize) -> Self {
        let workloads = (edges / 4).max(2);
        let client = edge % workloads;
        let server = (edge * 7 + edge / workloads + 1) % workloads;
        let mut value = template.clone();
        let client_ip = format!("10.{}.{}.{}", client % 3, client / 250 % 250, client % 250 + 1);
        let server_ip =
            format!("10.{}.{}.{}", 10 + server % 3, server / 250 % 250, server % 250 + 1);
        for (end, ip) in [("client", &client_ip), ("source", &client_ip)] {
            value[end]["ip"] = json!(ip);
        }
        for (end, ip) in [("server", &server_ip), ("destination", &server_ip)] {
            value[end]["ip"] = json!(ip);
            value[end]["port"] = json!([443, 8443, 5432, 6379][server % 4]);
        }
        value["related"]["ip"] = json!([client_ip, server_ip]);
        let name = format!("svc-{server}.ns-{}.svc.cluster.local", server % 40);
        value["server"]["domain"] = json!(name);
        value["tls"]["client"]["server_name"] = json!(name);
        for (end, number) in [("client", client), ("server", server)] {
            value[end]["kubernetes"] = json!({
                "namespace": format!("ns-{}", number % 40),
                "pod": { "name": format!("svc-{number}-6d5f8b7c9-x2x4z") },
                "labels": { "app": format!("svc-{number}") },
            });
            let program = ["java", "envoy", "python3.11", "nginx", "node"][number % 5];
            value[end]["process"] = json!({
                "pid": 4711, "name": program, "executable": format!("/usr/bin/{program}"),
            });
            value["tlsight"]["workload"][end] =
                json!({ "kind": "Deployment", "name": format!("svc-{number}") });
        }
        if let Some(hash) = value["tls"]["server"].get_mut("hash") {
            hash["sha256"] = json!(format!("{:064X}", server as u128 * 0x1234_5678_9abc_def1));
        }
        let text = serde_json::to_vec(&value).expect("JSON");
        let seen = Observation::parse(&text).expect("a record");
        let (source, destination) = seen.entities(&Naming::default());
        let has_random_ja3 = template["tls"]["version"] == "1.3" && client.is_multiple_of(4);
        Self { seen, source, destination, line: parts(value, has_random_ja3), has_random_ja3 }
    }

    fn session(&self, time: Timestamp, random: &mut Random) -> Record {
        let mut seen = self.seen.clone();
        let micros = 200 + random.below(20_000);
        seen.first = time;
        seen.last = time.plus_nanos(micros as i64 * 1000);
        seen.client.port = 32_768 + random.below(28_000) as u16;
        if self.has_random_ja3 {
            seen.fingerprints.ja3 = Some(hex(random, 32));
        }
        let mut line = Vec::with_capacity(6000);
        for part in &self.line {
            match part {
                Part::Text(text) => line.extend_from_slice(text),
                Part::Time => line.extend_from_slice(seen.first.to_rfc3339().as_bytes()),
                Part::End => line.extend_from_slice(seen.last.to_rfc3339().as_bytes()),
                Part::Port => line.extend_from_slice(seen.client.port.to_string().as_bytes()),
                Part::Random | Part::Session => line.extend_from_slice(hex(random, 64).as_bytes()),
                Part::Community => line.extend_from_slice(hex(random, 28).as_bytes()),
                Part::Micros => {
                    line.extend_from_slice(random.below(micros).to_string().as_bytes());
                }
                Part::Ja3 => {
                    let ja3 = seen.fingerprints.ja3.as_deref().unwrap_or_default();
                    line.extend_from_slice(ja3.as_bytes());
                }
            }
        }
        Record {
            seen,
            source: self.source.clone(),
            destination: self.destination.clone(),
            line: line.into(),
        }
    }
}

/// A line with what differs from session to session cut out.
fn parts(mut value: Value, has_random_ja3: bool) -> Vec<Part> {
    value["@timestamp"] = json!("@T@");
    value["event"]["start"] = json!("@T@");
    value["event"]["end"] = json!("@E@");
    for end in ["client", "source"] {
        value[end]["port"] = json!("@P@");
    }
    value["network"]["community_id"] = json!("1:@C@");
    if has_random_ja3 {
        value["tls"]["client"]["ja3"] = json!("@J@");
    }
    for hello in ["client_hello", "server_hello"] {
        if let Some(hello) = value["tls"]["detailed"].get_mut(hello) {
            hello["random"] = json!("@R@");
            if hello.get("session_id").is_some() {
                hello["session_id"] = json!("@S@");
            }
        }
    }
    if let Some(timing) = value["tlsight"]["timing"].as_object_mut() {
        for time in timing.values_mut() {
            *time = json!("@U@");
        }
    }
    let text = value.to_string().replace("\"@P@\"", "@P@").replace("\"@U@\"", "@U@");
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('@') {
        let marker = match rest.get(at..at + 3) {
            Some("@T@") => Part::Time,
            Some("@E@") => Part::End,
            Some("@P@") => Part::Port,
            Some("@R@") => Part::Random,
            Some("@S@") => Part::Session,
            Some("@C@") => Part::Community,
            Some("@U@") => Part::Micros,
            Some("@J@") => Part::Ja3,
            _ => {
                parts.push(Part::Text(rest[..=at].into()));
                rest = &rest[at + 1..];
                continue;
            }
        };
        parts.push(Part::Text(rest[..at].into()));
        parts.push(marker);
        rest = &rest[at + 3..];
    }
    parts.push(Part::Text(rest.into()));
    parts
}

/// One of the templates, as often as networks have them.
fn weighted(random: &mut Random) -> usize {
    let at = random.below(100);
    let mut sum = 0;
    let found = WEIGHTS.iter().position(|weight| {
        sum += weight;
        at < sum
    });
    found.unwrap_or(0)
}

fn hex(random: &mut Random, len: usize) -> String {
    let mut text = String::with_capacity(len + 16);
    while text.len() < len {
        let mut bits = random.next();
        for _ in 0..16 {
            text.push(char::from(b"0123456789abcdef"[(bits & 15) as usize]));
            bits >>= 4;
        }
    }
    text.truncate(len);
    text
}

/// Records of captures in `testdata`: TLS 1.3 hybrid and classical, 1.2, 1.2 resumed, 1.0, 1.2 with
/// static RSA, a failure, QUIC resumed.
const TEMPLATES: &str = include_str!("templates.ndjson");

/// How often each of them is, in percent.
const WEIGHTS: [u64; 8] = [35, 25, 20, 8, 2, 2, 3, 5];
