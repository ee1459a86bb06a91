//! What sessions have in common, in the server's `dictionary` and in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event::{Timestamp, Transport};
use policy::{Certificate, Entity, Posture};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::dialect::{list, literal};
use super::failure::Failure;
use super::rows::Rows;
use super::schema::{COUNTS, DICTIONARY, Entry, Kind};
use crate::batch::{Batch, Source};
use crate::catalog::{Catalog, Tally};
use crate::id::{EdgeId, PostureId, digest_of};
use crate::intake::Added;
use crate::sqlite::Sender;

/// An edge with a posture, by name.
pub(super) type PairId = (EdgeId, PostureId);

/// Entries as they were read.
#[derive(Default)]
struct Entries {
    entities: Vec<Entity>,
    postures: Vec<Posture>,
    edges: Vec<EdgeBody>,
    server_names: Vec<(EdgeId, String)>,
    certificates: Vec<Certificate>,
    latest: i64,
}

/// What is kept of an edge.
#[derive(Serialize, Deserialize)]
struct EdgeBody {
    source: String,
    destination: String,
    port: u16,
    is_udp: bool,
    has_more_server_names: bool,
}

/// Rows for `dictionary`.
struct Writing {
    rows: Rows,
    version: i64,
}

impl Shared {
    /// Reads all that is known, or what was added since the last time.
    pub(super) fn refresh(&self) -> Result<(), Failure> {
        let since = self.dictionary_read_to.load(std::sync::atomic::Ordering::Relaxed);
        // Other servers' clocks may be behind.
        let since = since.saturating_sub(CLOCK_SLACK);
        let entries = self.entries(&format!("version >= toInt64('{since}')"))?;
        let latest = entries.latest;
        entries.apply(&mut self.catalog_mut());
        self.read_totals()?;
        self.dictionary_read_to.fetch_max(latest, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    /// Reads what others added of some pairs, as far as it is not known.
    pub(super) fn learn(&self, pairs: &BTreeSet<PairId>) -> Result<(), Failure> {
        let (mut edges, mut postures) = (BTreeSet::new(), BTreeSet::new());
        {
            let catalog = self.catalog();
            for (edge, posture) in pairs {
                if catalog.edge(*edge).is_none() {
                    edges.insert(edge.0);
                }
                if catalog.postures.number(posture).is_none() {
                    postures.insert(posture.0);
                }
            }
        }
        let names: Vec<_> = edges.iter().chain(&postures).collect();
        for part in names.chunks(LEARNED_AT_ONCE) {
            let kinds = [Entry::Posture, Entry::Edge, Entry::ServerName];
            let kinds = kinds.map(|kind| literal(kind.name().as_bytes())).join(", ");
            let condition = format!("kind IN ({kinds}) AND id IN {}", list(part.iter().copied()));
            let mut entries = self.entries(&condition)?;
            let ends = entries.edges.iter().flat_map(|edge| [&edge.source, &edge.destination]);
            let ends: BTreeSet<[u8; 16]> = ends.map(|id| digest_of(id)).collect();
            let ends: Vec<_> = ends.iter().collect();
            for part in ends.chunks(LEARNED_AT_ONCE) {
                let ids = list(part.iter().copied());
                let read = self.entries(&format!("kind = 'entity' AND id IN {ids}"))?;
                entries.entities.extend(read.entities);
            }
            entries.apply(&mut self.catalog_mut());
        }
        let mut catalog = self.catalog_mut();
        for (edge, posture) in pairs {
            let numbers = (catalog.edge(*edge), catalog.postures.number(posture));
            if let (Some(edge), Some(posture)) = numbers
                && catalog.pairs.number(&(edge, posture)).is_none()
            {
                // A dictionary that is full leaves it out of answers.
                catalog.add_pair(edge, posture).ok();
            }
        }
        drop(catalog);
        self.read_totals()
    }

    /// Reads how often pairs and certificates were seen, and when.
    fn read_totals(&self) -> Result<(), Failure> {
        let dialect = self.dialect;
        let query = format!(
            "SELECT kind = 'pair', a, b, {}, {}, {}, {} FROM {} WHERE kind IN ('pair', 'certificate')
             GROUP BY kind = 'pair', a, b",
            dialect.sum("sessions"),
            dialect.sum("failures"),
            dialect.min("first"),
            dialect.max("last"),
            COUNTS.read(self.client.url())
        );
        let (mut pairs, mut certificates) = (BTreeMap::new(), BTreeMap::new());
        self.client.select(&query, |row| {
            let (is_pair, a, b) = (row.u8()? == 1, row.array()?, row.array()?);
            let (sessions, failures) = (row.u64()?, row.u64()?);
            let first = Timestamp::from_nanos(row.i64()?);
            let tally =
                Tally { sessions, failures, first, last: Timestamp::from_nanos(row.i64()?) };
            if is_pair {
                pairs.insert((EdgeId(a), PostureId(b)), tally);
            } else {
                certificates.insert(a, tally);
            }
            Ok(())
        })?;
        let mut catalog = self.catalog_mut();
        for ((edge, posture), tally) in pairs {
            let numbers = (catalog.edge(edge), catalog.postures.number(&posture));
            let (Some(edge), Some(posture)) = numbers else { continue };
            let number = match catalog.pairs.number(&(edge, posture)) {
                Some(number) => Some(number),
                None => catalog.add_pair(edge, posture).ok(),
            };
            if let Some(pair) = number.and_then(|number| catalog.pairs.value_mut(number)) {
                pair.tally = tally;
            }
        }
        let numbers: Vec<(u32, [u8; 16])> = catalog
            .certificates
            .iter()
            .map(|(number, entry)| (number, digest_of(&entry.certificate.fingerprint)))
            .collect();
        for (number, id) in numbers {
            if let (Some(tally), Some(entry)) =
                (certificates.get(&id), catalog.certificates.value_mut(number))
            {
                entry.tally = *tally;
            }
        }
        Ok(())
    }

    fn entries(&self, condition: &str) -> Result<Entries, Failure> {
        let query = format!(
            "SELECT toInt8(kind), id, name, argMax(body, version), max(version) FROM {}
             WHERE {condition} GROUP BY kind, id, name ORDER BY kind, id, name",
            DICTIONARY.read(self.client.url())
        );
        let mut entries = Entries::default();
        self.client.select(&query, |row| {
            let (kind, id) = (row.u8()?, row.array()?);
            let (name, body) = (row.text(MAX_BODY_LEN)?, row.text(MAX_BODY_LEN)?);
            entries.latest = entries.latest.max(row.i64()?);
            // Entries that a later version wrote are left alone.
            if kind == Entry::Entity as u8 {
                entries.entities.extend(serde_json::from_str::<Entity>(&body).ok());
            } else if kind == Entry::Posture as u8 {
                entries.postures.extend(serde_json::from_str::<Posture>(&body).ok());
            } else if kind == Entry::Edge as u8 {
                entries.edges.extend(serde_json::from_str::<EdgeBody>(&body).ok());
            } else if kind == Entry::ServerName as u8 {
                entries.server_names.push((EdgeId(id), name));
            } else if kind == Entry::Certificate as u8 {
                entries.certificates.extend(serde_json::from_str::<Certificate>(&body).ok());
            }
            Ok(())
        })?;
        Ok(entries)
    }

    /// Writes what batches added or changed, and their sources where these are not known like this.
    pub(super) fn save(&self, batches: &[(&Added, &Batch, bool)]) -> Result<(), Failure> {
        let rows = {
            let catalog = self.catalog();
            let mut writing = Writing { rows: Rows::default(), version: 0 };
            for (added, batch, is_source_new) in batches {
                writing.version = self.next_version(batch);
                writing.entries(&catalog, added)?;
                for loss in &batch.losses {
                    writing.entry(Entry::Cause, digest_of(&loss.cause), "", &loss.cause)?;
                }
                if *is_source_new {
                    let Source { id, host, version } = &batch.source;
                    writing.entry(Entry::Source, digest_of(id), "", &(id, host, version))?;
                }
            }
            writing.rows
        };
        if rows.bytes.is_empty() {
            return Ok(());
        }
        self.client.insert_again(&DICTIONARY.written(self.client.url()), &rows, None)
    }

    /// A version of entries: later than all that this process gave, and that of the batch if it can be.
    fn next_version(&self, batch: &Batch) -> i64 {
        use std::sync::atomic::Ordering::Relaxed;
        let received = batch.received.as_nanos();
        let before = self.last_version.load(Relaxed);
        let version = received.max(before.saturating_add(1));
        self.last_version.fetch_max(version, Relaxed);
        version
    }

    /// Names of sources or of causes of loss, by their digest.
    pub(super) fn texts(&self, kind: Entry) -> Result<BTreeMap<[u8; 16], String>, Failure> {
        let query = format!(
            "SELECT id, argMax(body, version) FROM {} WHERE kind = '{}' GROUP BY id",
            DICTIONARY.read(self.client.url()),
            kind.name()
        );
        let rows = self.client.select(&query, |row| Ok((row.array()?, row.text(MAX_BODY_LEN)?)))?;
        Ok(rows.into_iter().collect())
    }

    /// Removes entries that nothing refers to, on the server.
    pub(super) fn remove(
        &self,
        pairs: &[PairId],
        entries: &[(Entry, Vec<[u8; 16]>)],
    ) -> Result<(), Failure> {
        for part in pairs.chunks(LEARNED_AT_ONCE) {
            let keys: Vec<String> = part
                .iter()
                .map(|(edge, posture)| format!("({}, {})", literal(&edge.0), literal(&posture.0)))
                .collect();
            let pair = Kind::Pair.name();
            self.delete(&COUNTS, &format!("kind = '{pair}' AND (a, b) IN ({})", keys.join(", ")))?;
        }
        for (kind, ids) in entries {
            for part in ids.chunks(LEARNED_AT_ONCE) {
                let condition = format!("kind = '{}' AND id IN {}", kind.name(), list(part));
                self.delete(&DICTIONARY, &condition)?;
                if *kind == Entry::Certificate {
                    let condition = format!("kind = 'certificate' AND a IN {}", list(part));
                    self.delete(&COUNTS, &condition)?;
                }
            }
        }
        Ok(())
    }
}

impl Entries {
    /// Puts what was read into memory.
    fn apply(self, catalog: &mut Catalog) {
        for entity in self.entities {
            match catalog.entities.number(&entity.id) {
                Some(number) => {
                    let known = catalog.entities.value_mut(number);
                    if let Some(known) = known.filter(|known| ***known != entity) {
                        *known = Arc::new(entity);
                    }
                }
                // Where a dictionary is full, what is new is left out of answers.
                None => drop(catalog.add_entity(&entity).ok()),
            }
        }
        for posture in self.postures {
            if catalog.posture(&posture).is_none() {
                let id = PostureId::of(&posture);
                catalog.add_posture(id, &Arc::new(posture)).ok();
            }
        }
        for certificate in self.certificates {
            match catalog.certificates.number(&certificate.fingerprint) {
                Some(number) => {
                    if let Some(known) = catalog.certificates.value_mut(number)
                        && *known.certificate != certificate
                    {
                        known.certificate = Arc::new(certificate);
                    }
                }
                None => drop(catalog.add_certificate(&certificate).ok()),
            }
        }
        for edge in self.edges {
            let number = |id: &String| catalog.entities.number(id);
            let ends = (number(&edge.source), number(&edge.destination));
            let (Some(source), Some(destination)) = ends else { continue };
            let transport = if edge.is_udp { Transport::Udp } else { Transport::Tcp };
            let key = (source, destination, edge.port, transport);
            let number = match catalog.edges.number(&key) {
                Some(number) => Some(number),
                None => {
                    let ends =
                        (catalog.entities.value(source), catalog.entities.value(destination));
                    let (Some(from), Some(to)) = ends else { continue };
                    let id = EdgeId::of(from, to, edge.port, transport);
                    catalog.add_edge(key, id).ok()
                }
            };
            if let Some(entry) = number.and_then(|number| catalog.edges.value_mut(number)) {
                entry.has_more_server_names |= edge.has_more_server_names;
            }
        }
        for (edge, name) in self.server_names {
            let number = catalog.edge(edge);
            if let Some(entry) = number.and_then(|number| catalog.edges.value_mut(number)) {
                entry.note_server_name(&name);
            }
        }
    }
}

/// Rows for all that is known, with who sent it and causes of loss.
pub(super) fn rows_of_all(
    catalog: &Catalog,
    all: &Added,
    senders: &[Sender],
    causes: &BTreeSet<String>,
    version: i64,
) -> Result<Rows, Failure> {
    let mut writing = Writing { rows: Rows::default(), version };
    writing.entries(catalog, all)?;
    for cause in causes {
        writing.entry(Entry::Cause, digest_of(cause), "", cause)?;
    }
    for Sender { source: Source { id, host, version }, .. } in senders {
        writing.entry(Entry::Source, digest_of(id), "", &(id, host, version))?;
    }
    Ok(writing.rows)
}

impl Writing {
    fn entries(&mut self, catalog: &Catalog, added: &Added) -> Result<(), Failure> {
        let changed = added.old_entities.iter().map(|(number, _)| number);
        for number in added.entities.iter().chain(changed) {
            let Some(entity) = catalog.entities.value(*number) else { continue };
            self.entry(Entry::Entity, digest_of(&entity.id), "", &**entity)?;
        }
        for number in &added.postures {
            let Some(entry) = catalog.postures.value(*number) else { continue };
            self.entry(Entry::Posture, entry.id.0, "", &*entry.posture)?;
        }
        for number in added.edges.iter().chain(&added.overfull) {
            let Some(edge) = catalog.edges.value(*number) else { continue };
            let Some((source, destination)) = catalog.ends(edge) else { continue };
            let body = EdgeBody {
                source: source.id.clone(),
                destination: destination.id.clone(),
                port: edge.port,
                is_udp: edge.transport == Transport::Udp,
                has_more_server_names: edge.has_more_server_names,
            };
            self.entry(Entry::Edge, edge.id.0, "", &body)?;
        }
        for (edge, name) in &added.names {
            let Some(edge) = catalog.edges.value(*edge) else { continue };
            self.entry(Entry::ServerName, edge.id.0, name, &())?;
        }
        let changed = added.old_certificates.iter().map(|(number, _)| number);
        for number in added.certificates.iter().chain(changed) {
            let Some(entry) = catalog.certificates.value(*number) else { continue };
            let id = digest_of(&entry.certificate.fingerprint);
            self.entry(Entry::Certificate, id, "", &*entry.certificate)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        kind: Entry,
        id: [u8; 16],
        name: &str,
        body: &impl Serialize,
    ) -> Result<(), Failure> {
        let body = serde_json::to_vec(body).map_err(|_error| Failure::Malformed("no JSON"))?;
        self.rows.u8(kind as u8).raw(&id).text(name.as_bytes()).text(&body).i64(self.version);
        Ok(())
    }
}

/// Names in one request.
const LEARNED_AT_ONCE: usize = 20_000;

/// Longest body: an entity with its labels, a certificate with all of its names.
const MAX_BODY_LEN: usize = 4 << 20;

/// Nanoseconds that clocks of servers may be apart.
const CLOCK_SLACK: i64 = 600 * crate::steps::SECOND;
