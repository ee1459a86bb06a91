//! Cipher suites and protocols in use, and where: what PCI DSS asks for.

use std::collections::{BTreeMap, BTreeSet};

use event::Timestamp;
use policy::Grade;
use serde::Serialize;

use crate::certificates::Certificates;
use crate::sheet::{Cell, Sheet, Table};
use crate::usage::{Head, Use, version};

/// The inventory of PCI DSS 4.0.1: cipher suites and protocols (12.3.3), certificates (4.2.1.1).
#[derive(Debug, Default)]
pub struct Inventory {
    items: BTreeMap<Key, Item>,
    certificates: Certificates,
    /// Sessions with cipher suites that there was no room for.
    dropped: u64,
    /// Sessions in which nothing was agreed on.
    unnegotiated: u64,
}

/// What tells lines of the inventory from each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    version: String,
    cipher: String,
    group: Option<String>,
}

#[derive(Clone, Debug)]
struct Item {
    grade: Grade,
    purposes: BTreeSet<String>,
    services: BTreeSet<String>,
    edges: BTreeSet<(String, String, u16)>,
    sessions: u64,
    first: Timestamp,
    last: Timestamp,
}

#[derive(Serialize)]
struct Content<'a> {
    generated: Timestamp,
    requirement: &'static str,
    items: Vec<Line<'a>>,
    sessions_without_cipher_suite: u64,
    dropped_sessions: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    version: &'a str,
    cipher: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    assessment: &'static str,
    purposes: &'a BTreeSet<String>,
    services: &'a BTreeSet<String>,
    edges: usize,
    sessions: u64,
    first_seen: Timestamp,
    last_seen: Timestamp,
}

impl Inventory {
    /// Adds one posture of one edge.
    pub fn add(&mut self, seen: &Use) {
        self.certificates.add(seen);
        let posture = &seen.posture;
        let (Some(version), Some(cipher)) = (version(posture), posture.cipher.clone()) else {
            self.unnegotiated = self.unnegotiated.saturating_add(seen.sessions);
            return;
        };
        let key = Key { version, cipher, group: posture.group.clone() };
        if self.items.len() >= MAX_ITEMS && !self.items.contains_key(&key) {
            self.dropped = self.dropped.saturating_add(seen.sessions);
            return;
        }
        let item = self.items.entry(key).or_insert_with(|| Item {
            grade: posture.grade(),
            purposes: BTreeSet::new(),
            services: BTreeSet::new(),
            edges: BTreeSet::new(),
            sessions: 0,
            first: seen.first,
            last: seen.last,
        });
        item.grade = item.grade.min(posture.grade());
        item.sessions = item.sessions.saturating_add(seen.sessions);
        item.first = item.first.min(seen.first);
        item.last = item.last.max(seen.last);
        keep(&mut item.services, seen.service());
        keep(&mut item.purposes, purpose(seen));
        keep(&mut item.edges, (seen.source.id.clone(), seen.destination.id.clone(), seen.port));
    }

    /// The report in JSON.
    #[must_use]
    pub fn to_json(&self, head: &Head) -> String {
        let items = self.items.iter().map(|(key, item)| Line {
            version: &key.version,
            cipher: &key.cipher,
            group: key.group.as_deref(),
            assessment: assessment(item.grade),
            purposes: &item.purposes,
            services: &item.services,
            edges: item.edges.len(),
            sessions: item.sessions,
            first_seen: item.first,
            last_seen: item.last,
        });
        let content = Content {
            generated: head.now,
            requirement: REQUIREMENT,
            items: items.collect(),
            sessions_without_cipher_suite: self.unnegotiated,
            dropped_sessions: self.dropped,
        };
        let mut value = serde_json::to_value(&content).unwrap_or_default();
        let certificates = serde_json::from_str(&self.certificates.to_json(head));
        if let (Some(object), Ok(certificates)) = (value.as_object_mut(), certificates) {
            object.insert("trusted_certificates".to_owned(), certificates);
        }
        serde_json::to_string_pretty(&value).unwrap_or_default()
    }

    pub(crate) fn sheet(&self, head: &Head) -> Sheet {
        let mut notes = vec![
            ("Generated", head.now.to_string()),
            ("Requirement", REQUIREMENT.to_owned()),
            ("To be filled in", "business purpose, owner, date of the review".to_owned()),
            ("Sessions without a cipher suite", self.unnegotiated.to_string()),
        ];
        if self.dropped > 0 {
            notes.push(("Sessions without room", self.dropped.to_string()));
        }
        let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        let rows = self.items.iter().map(|(key, item)| {
            vec![
                Cell::text(&key.version),
                Cell::text(&key.cipher),
                Cell::maybe(key.group.as_ref()),
                Cell::text(assessment(item.grade)),
                Cell::text(join(&item.purposes)),
                Cell::text(join(&item.services)),
                Cell::count(item.edges.len() as u64),
                Cell::count(item.sessions),
                Cell::text(item.first.to_string()),
                Cell::text(item.last.to_string()),
                Cell::Nothing,
                Cell::Nothing,
                Cell::Nothing,
            ]
        });
        let items = Table {
            title: "Cipher suites and protocols in use",
            columns: vec![
                "version",
                "cipher_suite",
                "group",
                "assessment",
                "protocols",
                "services",
                "edges",
                "sessions",
                "first_seen",
                "last_seen",
                "purpose",
                "owner",
                "reviewed",
            ],
            rows: rows.collect(),
        };
        let tables = vec![items, self.certificates.table(head)];
        Sheet { title: "Cryptographic inventory (PCI DSS)", notes, tables }
    }
}

fn keep<T: Ord>(set: &mut BTreeSet<T>, entry: T) {
    if set.len() < MAX_PLACES {
        set.insert(entry);
    }
}

/// What the connections are for, as far as packets tell.
fn purpose(seen: &Use) -> String {
    let posture = &seen.posture;
    let told = posture.starttls.as_deref().or(posture.alpn.as_deref());
    told.map_or_else(|| format!("port {}", seen.port), ToOwned::to_owned)
}

const fn assessment(grade: Grade) -> &'static str {
    match grade {
        Grade::Plain => "not encrypted",
        Grade::Legacy => "weak",
        Grade::Tls12 | Grade::Tls13 => "strong",
        Grade::Pq => "strong, post-quantum",
        Grade::Unknown => "unknown",
    }
}

const REQUIREMENT: &str = "PCI DSS 4.0.1, 12.3.3 (inventory of cipher suites and protocols in use, \
                           reviewed at least every 12 months) and 4.2.1.1 (inventory of trusted keys \
                           and certificates)";

/// All suites of all versions with all groups that anybody has switched on.
const MAX_ITEMS: usize = 20_000;

/// Places that a line lists or counts.
const MAX_PLACES: usize = 1000;
