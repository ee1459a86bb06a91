//! How far the post-quantum migration has come, and what stands in its way.

use std::collections::BTreeMap;

use event::KeyExchangeClass;
use serde::Serialize;

use crate::blocker::{Blocker, ServerAbility, blocker, is_post_quantum};
use crate::sheet::{Cell, Sheet, Table};
use crate::usage::{Head, Use, name};

/// Post-quantum readiness, as far as uses were added.
#[derive(Debug, Default)]
pub struct Readiness {
    edges: BTreeMap<EdgeKey, Edge>,
    servers: BTreeMap<(String, u16), ServerAbility>,
    classes: BTreeMap<&'static str, u64>,
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
    sessions: u64,
    post_quantum_sessions: u64,
    /// Whether some session is known not to be post-quantum.
    has_other: bool,
    offers: Option<bool>,
    class: &'static str,
}

/// The report in JSON.
#[derive(Serialize)]
struct Content {
    generated: event::Timestamp,
    total: Total,
    by_namespace: Vec<Namespace>,
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

#[derive(Default, Serialize)]
struct Namespace {
    namespace: String,
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
    class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocker: Option<Blocker>,
    sessions: u64,
}

impl Readiness {
    /// Adds one posture of one edge.
    pub fn add(&mut self, seen: &Use) {
        let posture = &seen.posture;
        let class = class_name(posture.class.filter(|_| posture.established));
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

    /// The report in JSON.
    #[must_use]
    pub fn to_json(&self, head: &Head) -> String {
        serde_json::to_string_pretty(&self.content(head)).unwrap_or_default()
    }

    pub(crate) fn sheet(&self, head: &Head) -> Sheet {
        let Content { total, by_namespace, blockers, edges, dropped_sessions, .. } =
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
        if dropped_sessions > 0 {
            notes.push(("Sessions of edges without room", dropped_sessions.to_string()));
        }
        let edges = edges.into_iter().map(|edge| {
            vec![
                Cell::text(edge.source),
                Cell::text(edge.destination),
                Cell::Number(edge.port.into()),
                Cell::text(edge.class),
                Cell::text(edge.blocker.map_or("unknown", Blocker::name)),
                Cell::count(edge.sessions),
            ]
        });
        let namespaces = by_namespace.into_iter().map(|it| {
            let counts = [it.edges, it.pq_edges, it.sessions, it.pq_sessions];
            std::iter::once(Cell::text(it.namespace)).chain(counts.map(Cell::count)).collect()
        });
        let classes =
            total.by_class.iter().map(|it| vec![Cell::text(it.name), Cell::count(it.count)]);
        Sheet {
            title: "Post-quantum readiness",
            notes,
            tables: vec![
                Table {
                    title: "Edges that are not post-quantum",
                    columns: vec!["source", "destination", "port", "class", "blocker", "sessions"],
                    rows: edges.collect(),
                },
                Table {
                    title: "By namespace of the server",
                    columns: vec!["namespace", "edges", "pq_edges", "sessions", "pq_sessions"],
                    rows: namespaces.collect(),
                },
                Table {
                    title: "Sessions by class of the key exchange",
                    columns: vec!["class", "sessions"],
                    rows: classes.collect(),
                },
            ],
        }
    }

    fn content(&self, head: &Head) -> Content {
        let mut namespaces: BTreeMap<&str, Namespace> = BTreeMap::new();
        let mut blockers = Blockers::default();
        let mut edges = Vec::new();
        let (mut pq_edges, mut pq_sessions) = (0_u64, 0_u64);
        for ((_, destination, port), edge) in &self.edges {
            let is_pq = edge.is_post_quantum();
            let namespace = namespaces.entry(&edge.namespace).or_default();
            namespace.edges = namespace.edges.saturating_add(1);
            namespace.pq_edges = namespace.pq_edges.saturating_add(is_pq.into());
            namespace.sessions = namespace.sessions.saturating_add(edge.sessions);
            namespace.pq_sessions =
                namespace.pq_sessions.saturating_add(edge.post_quantum_sessions);
            pq_edges = pq_edges.saturating_add(is_pq.into());
            pq_sessions = pq_sessions.saturating_add(edge.post_quantum_sessions);
            if is_pq {
                continue;
            }
            let ability = self.servers.get(&(destination.clone(), *port));
            let blocker = blocker(edge.offers, ability.copied().unwrap_or_default());
            let count = match blocker {
                Some(Blocker::Client) => &mut blockers.client,
                Some(Blocker::Server) => &mut blockers.server,
                Some(Blocker::Both) => &mut blockers.both,
                None => &mut blockers.unknown,
            };
            *count = count.saturating_add(1);
            edges.push(Blocked {
                source: edge.source.clone(),
                destination: edge.destination.clone(),
                port: *port,
                class: edge.class,
                blocker,
                sessions: edge.sessions,
            });
        }
        edges.sort_by_key(|edge| std::cmp::Reverse(edge.sessions));
        let by_class = self.classes.iter().map(|(name, count)| Count { name, count: *count });
        Content {
            generated: head.now,
            total: Total {
                edges: self.edges.len() as u64,
                pq_edges,
                sessions: self.sessions,
                pq_sessions,
                by_class: by_class.collect(),
            },
            by_namespace: namespaces
                .into_iter()
                .map(|(namespace, it)| Namespace { namespace: namespace.to_owned(), ..it })
                .collect(),
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
            sessions: 0,
            post_quantum_sessions: 0,
            has_other: false,
            offers: None,
            class: "unknown",
        }
    }

    fn add(&mut self, seen: &Use, class: &'static str) {
        self.sessions = self.sessions.saturating_add(seen.sessions);
        match is_post_quantum(&seen.posture) {
            Some(true) => {
                self.post_quantum_sessions =
                    self.post_quantum_sessions.saturating_add(seen.sessions);
            }
            Some(false) => self.has_other = true,
            None => {}
        }
        if seen.posture.offers_post_quantum == Some(false) || self.offers.is_none() {
            // A client that does not offer it in some sessions has yet to learn it.
            self.offers = seen.posture.offers_post_quantum.or(self.offers);
        }
        let weakest = CLASSES.iter().position(|known| *known == self.class);
        if CLASSES.iter().position(|known| *known == class) < weakest {
            self.class = class;
        }
    }

    /// Whether all that is known of it is post-quantum.
    const fn is_post_quantum(&self) -> bool {
        self.post_quantum_sessions > 0 && !self.has_other
    }
}

impl Blocker {
    /// The name that JSON uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
        }
    }
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

/// Edges of a large cluster; they take some ten megabytes.
const MAX_EDGES: usize = 100_000;
