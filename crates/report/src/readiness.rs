//! How far the post-quantum migration has come, and what stands in its way.

use std::collections::BTreeMap;

use event::{KeyExchangeClass, Timestamp};
use policy::{Blocker, Migration, ServerAbility};
use serde::Serialize;

use crate::sheet::{Cell, Sheet, Table};
use crate::usage::{Head, Use, name};

/// Post-quantum readiness, as far as uses were added.
#[derive(Debug, Default)]
pub struct Readiness {
    edges: BTreeMap<EdgeKey, Edge>,
    servers: BTreeMap<(String, u16), ServerAbility>,
    classes: BTreeMap<&'static str, u64>,
    /// Sessions by the step of time in which they began, and class.
    steps: BTreeMap<Timestamp, BTreeMap<&'static str, u64>>,
    sessions: u64,
    /// Sessions of edges that there was no room for.
    dropped: u64,
}

type EdgeKey = (String, String, u16);

#[derive(Debug)]
struct Edge {
    source: String,
    destination: String,
    namespace: String,
    owner: String,
    sessions: u64,
    post_quantum_sessions: u64,
    migration: Migration,
    class: &'static str,
}

/// The report in JSON.
#[derive(Serialize)]
struct Content {
    generated: Timestamp,
    total: Total,
    over_time: Vec<Step>,
    by_namespace: Vec<Share>,
    by_owner: Vec<Share>,
    blockers: Blockers,
    edges: Vec<Blocked>,
    dropped_sessions: u64,
}

#[derive(Serialize)]
struct Total {
    edges: u64,
    pq_edges: u64,
    sessions: u64,
    pq_sessions: u64,
    by_class: Vec<Count>,
}

#[derive(Serialize)]
struct Count {
    name: &'static str,
    count: u64,
}

/// Sessions that began from a time on until the next.
#[derive(Serialize)]
struct Step {
    time: Timestamp,
    by_class: Vec<Count>,
}

/// What a namespace or an owner has.
#[derive(Default, Serialize)]
struct Share {
    name: String,
    edges: u64,
    pq_edges: u64,
    sessions: u64,
    pq_sessions: u64,
}

#[derive(Default, Serialize)]
struct Blockers {
    client: u64,
    server: u64,
    both: u64,
    unknown: u64,
}

#[derive(Serialize)]
struct Blocked {
    source: String,
    destination: String,
    port: u16,
    namespace: String,
    owner: String,
    class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocker: Option<Blocker>,
    sessions: u64,
}

impl Readiness {
    /// Adds one posture of one edge.
    pub fn add(&mut self, seen: &Use) {
        let posture = &seen.posture;
        let class = class_name(posture.class);
        let count = self.classes.entry(class).or_default();
        *count = count.saturating_add(seen.sessions);
        self.sessions = self.sessions.saturating_add(seen.sessions);
        let key = (seen.source.id.clone(), seen.destination.id.clone(), seen.port);
        let is_full = self.edges.len() >= MAX_EDGES && !self.edges.contains_key(&key);
        if is_full {
            self.dropped = self.dropped.saturating_add(seen.sessions);
            return;
        }
        let server = (seen.destination.id.clone(), seen.port);
        self.servers.entry(server).or_default().add(posture);
        let edge = self.edges.entry(key).or_insert_with(|| Edge::new(seen));
        edge.add(seen, class);
    }

    /// Adds sessions of a class that began from `begin` on.
    pub fn add_step(&mut self, begin: Timestamp, class: Option<KeyExchangeClass>, sessions: u64) {
        if self.steps.len() >= MAX_STEPS && !self.steps.contains_key(&begin) {
            return;
        }
        let count = self.steps.entry(begin).or_default().entry(class_name(class)).or_default();
        *count = count.saturating_add(sessions);
    }

    /// The report in JSON.
    #[must_use]
    pub fn to_json(&self, head: &Head) -> String {
        serde_json::to_string_pretty(&self.content(head)).unwrap_or_default()
    }

    pub(crate) fn sheet(&self, head: &Head) -> Sheet {
        let Content { total, over_time, by_namespace, by_owner, blockers, edges, .. } =
            self.content(head);
        let share = format!("{} of {}", total.pq_sessions, total.sessions);
        let mut notes = vec![
            ("Generated", head.now.to_string()),
            ("Post-quantum sessions", share),
            ("Post-quantum edges", format!("{} of {}", total.pq_edges, total.edges)),
            ("To act: client", blockers.client.to_string()),
            ("To act: server", blockers.server.to_string()),
            ("To act: both", blockers.both.to_string()),
            ("Not known who", blockers.unknown.to_string()),
        ];
        if self.dropped > 0 {
            notes.push(("Sessions of edges without room", self.dropped.to_string()));
        }
        let edges = edges.into_iter().map(|edge| {
            vec![
                Cell::text(edge.source),
                Cell::text(edge.destination),
                Cell::Number(edge.port.into()),
                Cell::text(edge.namespace),
                Cell::text(edge.owner),
                Cell::text(edge.class),
                Cell::text(edge.blocker.map_or("unknown", Blocker::name)),
                Cell::count(edge.sessions),
            ]
        });
        let classes =
            total.by_class.iter().map(|it| vec![Cell::text(it.name), Cell::count(it.count)]);
        Sheet {
            title: "Post-quantum readiness",
            notes,
            tables: vec![
                Table {
                    title: "Edges that are not post-quantum",
                    columns: BLOCKED_COLUMNS.to_vec(),
                    rows: edges.collect(),
                },
                shares("By namespace of the server", "namespace", by_namespace),
                shares("By owner of the server", "owner", by_owner),
                Table {
                    title: "Sessions by class of the key exchange",
                    columns: vec!["class", "sessions"],
                    rows: classes.collect(),
                },
                Table {
                    title: "Sessions by class over time",
                    columns: std::iter::once("from").chain(CLASSES).collect(),
                    rows: over_time.into_iter().map(step_row).collect(),
                },
            ],
        }
    }

    fn content(&self, head: &Head) -> Content {
        let (mut namespaces, mut owners) = (BTreeMap::new(), BTreeMap::new());
        let mut blockers = Blockers::default();
        let mut edges = Vec::new();
        let (mut pq_edges, mut pq_sessions) = (0_u64, 0_u64);
        for ((_, destination, port), edge) in &self.edges {
            add_share(&mut namespaces, &edge.namespace, edge);
            add_share(&mut owners, &edge.owner, edge);
            pq_edges = pq_edges.saturating_add(edge.migration.is_done().into());
            pq_sessions = pq_sessions.saturating_add(edge.post_quantum_sessions);
            if !edge.migration.is_held_back() {
                continue;
            }
            let ability = self.servers.get(&(destination.clone(), *port));
            let blocker = edge.migration.blocker(ability.copied().unwrap_or_default());
            blockers.add(blocker);
            edges.push(Blocked {
                source: edge.source.clone(),
                destination: edge.destination.clone(),
                port: *port,
                namespace: edge.namespace.clone(),
                owner: edge.owner.clone(),
                class: edge.class,
                blocker,
                sessions: edge.sessions,
            });
        }
        edges.sort_by_key(|edge| std::cmp::Reverse(edge.sessions));
        let by_class = self.classes.iter().map(|(name, count)| Count { name, count: *count });
        let over_time = self.steps.iter().map(|(time, counts)| {
            let of = |name| Count { name, count: counts.get(name).copied().unwrap_or_default() };
            Step { time: *time, by_class: CLASSES.map(of).into() }
        });
        Content {
            generated: head.now,
            total: Total {
                edges: self.edges.len() as u64,
                pq_edges,
                sessions: self.sessions,
                pq_sessions,
                by_class: by_class.collect(),
            },
            over_time: over_time.collect(),
            by_namespace: namespaces.into_values().collect(),
            by_owner: owners.into_values().collect(),
            blockers,
            edges,
            dropped_sessions: self.dropped,
        }
    }
}

impl Edge {
    fn new(seen: &Use) -> Self {
        Self {
            source: name(&seen.source),
            destination: name(&seen.destination),
            namespace: seen.destination.namespace.clone().unwrap_or_default(),
            owner: seen.destination.owner().unwrap_or_default().to_owned(),
            sessions: 0,
            post_quantum_sessions: 0,
            migration: Migration::default(),
            class: "unknown",
        }
    }

    fn add(&mut self, seen: &Use, class: &'static str) {
        self.sessions = self.sessions.saturating_add(seen.sessions);
        self.migration.add(&seen.posture);
        if seen.posture.is_post_quantum() == Some(true) {
            self.post_quantum_sessions = self.post_quantum_sessions.saturating_add(seen.sessions);
        }
        let weakest = CLASSES.iter().position(|known| *known == self.class);
        if CLASSES.iter().position(|known| *known == class) < weakest {
            self.class = class;
        }
    }
}

impl Blockers {
    fn add(&mut self, blocker: Option<Blocker>) {
        let count = match blocker {
            Some(Blocker::Client) => &mut self.client,
            Some(Blocker::Server) => &mut self.server,
            Some(Blocker::Both) => &mut self.both,
            None => &mut self.unknown,
        };
        *count = count.saturating_add(1);
    }
}

fn add_share<'a>(shares: &mut BTreeMap<&'a str, Share>, name: &'a str, edge: &Edge) {
    let share =
        shares.entry(name).or_insert_with(|| Share { name: name.to_owned(), ..Share::default() });
    share.edges = share.edges.saturating_add(1);
    share.pq_edges = share.pq_edges.saturating_add(edge.migration.is_done().into());
    share.sessions = share.sessions.saturating_add(edge.sessions);
    share.pq_sessions = share.pq_sessions.saturating_add(edge.post_quantum_sessions);
}

fn shares(title: &'static str, what: &'static str, shares: Vec<Share>) -> Table {
    let rows = shares.into_iter().map(|it| {
        let counts = [it.edges, it.pq_edges, it.sessions, it.pq_sessions];
        std::iter::once(Cell::text(it.name)).chain(counts.map(Cell::count)).collect()
    });
    let columns = vec![what, "edges", "pq_edges", "sessions", "pq_sessions"];
    Table { title, columns, rows: rows.collect() }
}

fn step_row(step: Step) -> Vec<Cell> {
    let counts = step.by_class.into_iter().map(|it| Cell::count(it.count));
    std::iter::once(Cell::text(step.time.to_string())).chain(counts).collect()
}

const fn class_name(class: Option<KeyExchangeClass>) -> &'static str {
    match class {
        Some(KeyExchangeClass::Classical) => "classical",
        Some(KeyExchangeClass::HybridPq) => "hybrid_pq",
        Some(KeyExchangeClass::Pq) => "pq",
        Some(KeyExchangeClass::None) => "none",
        None => "unknown",
    }
}

/// From the weakest to the strongest, and to what is not known.
const CLASSES: [&str; 5] = ["none", "classical", "hybrid_pq", "pq", "unknown"];

const BLOCKED_COLUMNS: [&str; 8] =
    ["source", "destination", "port", "namespace", "owner", "class", "blocker", "sessions"];

/// Two years of hours.
const MAX_STEPS: usize = 20_000;

/// Edges of a large cluster; they take some ten megabytes.
const MAX_EDGES: usize = 100_000;
