//! Certificates of servers, and when they end.

use std::collections::{BTreeMap, BTreeSet};

use event::{CertificateState, Timestamp};
use serde::Serialize;

use crate::icalendar::{self, Entry};
use crate::sheet::{Cell, Sheet, Table};
use crate::usage::{Head, Use};

/// The certificates of the uses that were added.
#[derive(Debug, Default)]
pub struct Certificates {
    known: BTreeMap<String, Known>,
    /// Sessions whose certificate was not seen, by why.
    unseen: BTreeMap<&'static str, u64>,
    /// Sessions with certificates that there was no room for.
    dropped: u64,
}

/// One certificate.
#[derive(Clone, Debug, Serialize)]
struct Known {
    fingerprint: String,
    subject: String,
    issuer: String,
    names: Vec<String>,
    serial: Option<String>,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
    days_left: Option<i64>,
    key_type: Option<String>,
    key_bits: Option<u32>,
    signature_algorithm: Option<String>,
    self_signed: Option<bool>,
    services: BTreeSet<String>,
    sessions: u64,
    first_seen: Timestamp,
    last_seen: Timestamp,
}

#[derive(Serialize)]
struct Content<'a> {
    generated: Timestamp,
    total: usize,
    expired: usize,
    expiring_7: usize,
    expiring_30: usize,
    certificates: Vec<Known>,
    sessions_without_certificate: &'a BTreeMap<&'static str, u64>,
    dropped_sessions: u64,
}

impl Certificates {
    /// Adds one posture of one edge.
    pub fn add(&mut self, seen: &Use) {
        let posture = &seen.posture.certificate;
        let Some(fingerprint) = &posture.fingerprint else {
            let why = match posture.state {
                CertificateState::Visible => "not described",
                CertificateState::Encrypted => "encrypted",
                CertificateState::Resumed => "resumed",
                CertificateState::Absent => "absent",
            };
            let count = self.unseen.entry(why).or_default();
            *count = count.saturating_add(seen.sessions);
            return;
        };
        let is_full = self.known.len() >= MAX_CERTIFICATES && !self.known.contains_key(fingerprint);
        if is_full {
            self.dropped = self.dropped.saturating_add(seen.sessions);
            return;
        }
        let known =
            self.known.entry(fingerprint.clone()).or_insert_with(|| Known::new(fingerprint, seen));
        known.sessions = known.sessions.saturating_add(seen.sessions);
        known.first_seen = known.first_seen.min(seen.first);
        known.last_seen = known.last_seen.max(seen.last);
        if known.services.len() < MAX_SERVICES {
            known.services.insert(seen.service());
        }
    }

    /// The report in JSON.
    #[must_use]
    pub fn to_json(&self, head: &Head) -> String {
        let certificates = self.sorted(head);
        let within = |from: i64, to: i64| {
            let days = certificates.iter().filter_map(|it| it.days_left);
            days.filter(|days| (from..=to).contains(days)).count()
        };
        let content = Content {
            generated: head.now,
            total: certificates.len(),
            expired: within(i64::MIN, -1),
            expiring_7: within(0, 7),
            expiring_30: within(0, 30),
            certificates: certificates.clone(),
            sessions_without_certificate: &self.unseen,
            dropped_sessions: self.dropped,
        };
        serde_json::to_string_pretty(&content).unwrap_or_default()
    }

    /// The ends of validity as a calendar.
    #[must_use]
    pub fn to_icalendar(&self, head: &Head) -> String {
        let entries = self.sorted(head).into_iter().filter_map(|it| {
            let subject = if it.subject.is_empty() { &it.fingerprint } else { &it.subject };
            let services: Vec<String> = it.services.iter().cloned().collect();
            Some(Entry {
                uid: format!("{}@tlsight", it.fingerprint),
                day: it.not_after?,
                summary: format!("Certificate expires: {subject}"),
                description: format!("Issuer: {}\nUsed by: {}", it.issuer, services.join(", ")),
            })
        });
        icalendar::write(head.now, entries)
    }

    pub(crate) fn sheet(&self, head: &Head) -> Sheet {
        let mut notes = vec![("Generated", head.now.to_string())];
        for (why, sessions) in &self.unseen {
            let label = match *why {
                "encrypted" => "Sessions whose certificate is encrypted (TLS 1.3)",
                "resumed" => "Sessions that resume others, without a certificate",
                "absent" => "Sessions without a certificate",
                _ => "Sessions whose certificate is not described",
            };
            notes.push((label, sessions.to_string()));
        }
        if self.dropped > 0 {
            notes.push(("Sessions with certificates without room", self.dropped.to_string()));
        }
        Sheet { title: "Certificates of servers", notes, tables: vec![self.table(head)] }
    }

    /// All certificates, those that end first before the others.
    pub(crate) fn table(&self, head: &Head) -> Table {
        let rows = self.sorted(head).into_iter().map(|it| {
            let services: Vec<String> = it.services.into_iter().collect();
            vec![
                Cell::maybe(it.not_after.map(|time| time.to_string())),
                it.days_left.map_or(Cell::Nothing, Cell::Number),
                Cell::text(it.subject),
                Cell::text(it.issuer),
                Cell::text(it.names.join(" ")),
                Cell::maybe(it.key_type),
                it.key_bits.map_or(Cell::Nothing, |bits| Cell::Number(bits.into())),
                Cell::maybe(it.signature_algorithm),
                Cell::flag(it.self_signed),
                Cell::text(services.join(" ")),
                Cell::count(it.sessions),
                Cell::text(it.last_seen.to_string()),
                Cell::text(it.fingerprint),
            ]
        });
        Table {
            title: "Certificates",
            columns: vec![
                "not_after",
                "days_left",
                "subject",
                "issuer",
                "names",
                "key_type",
                "key_bits",
                "signature",
                "self_signed",
                "services",
                "sessions",
                "last_seen",
                "fingerprint",
            ],
            rows: rows.collect(),
        }
    }

    fn sorted(&self, head: &Head) -> Vec<Known> {
        let mut all: Vec<Known> = self.known.values().cloned().collect();
        for known in &mut all {
            known.days_left = known.not_after.map(|end| tls::certificate::days_left(end, head.now));
        }
        all.sort_by_key(|it| (it.not_after.is_none(), it.not_after));
        all
    }
}

impl Known {
    fn new(fingerprint: &str, seen: &Use) -> Self {
        let posture = &seen.posture.certificate;
        let whole = seen.certificate.as_ref();
        Self {
            fingerprint: fingerprint.to_owned(),
            subject: whole.map(|it| it.subject.clone()).unwrap_or_default(),
            issuer: whole.map(|it| it.issuer.clone()).unwrap_or_default(),
            names: whole.map(|it| it.names.clone()).unwrap_or_default(),
            serial: whole.and_then(|it| it.serial.clone()),
            not_before: posture.not_before,
            not_after: posture.not_after,
            days_left: None,
            key_type: posture.key_type.clone(),
            key_bits: posture.key_bits,
            signature_algorithm: posture.signature_algorithm.clone(),
            self_signed: posture.self_signed,
            services: BTreeSet::new(),
            sessions: 0,
            first_seen: seen.first,
            last_seen: seen.last,
        }
    }
}

/// All certificates of a large company; with their names they take some hundred megabytes.
const MAX_CERTIFICATES: usize = 50_000;

/// Servers behind one name are a few dozen; a report lists these.
const MAX_SERVICES: usize = 100;
