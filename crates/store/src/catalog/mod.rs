//! What sessions have in common, in memory: entities, postures, edges, certificates.
//!
//! Sessions and counts name these by number. Whoever adds up counts looks here for what they are of, so
//! that no query has to join anything.

mod entry;
mod numbers;
mod unused;

use std::sync::Arc;

use event::{Timestamp, Transport};
use hashbrown::HashMap;
use policy::{Certificate, Entity, Posture};

pub(crate) use entry::{CLASSES, CertificateEntry, EdgeEntry, PairEntry, PostureEntry, Tally};
pub(crate) use numbers::Numbers;
pub(crate) use unused::{Unused, old_pairs};

use crate::answer::{Count, Edge};
use crate::id::{EdgeId, PostureId};

/// The dictionaries.
#[derive(Default)]
pub(crate) struct Catalog {
    pub(crate) entities: Numbers<String, Arc<Entity>>,
    pub(crate) postures: Numbers<PostureId, PostureEntry>,
    pub(crate) edges: Numbers<EdgeKey, EdgeEntry>,
    pub(crate) pairs: Numbers<(u32, u32), PairEntry>,
    pub(crate) certificates: Numbers<String, CertificateEntry>,
    posture_ids: HashMap<Arc<Posture>, u32, foldhash::fast::RandomState>,
    edge_ids: HashMap<EdgeId, u32, foldhash::fast::RandomState>,
}

/// Source, destination, port and transport.
pub(crate) type EdgeKey = (u32, u32, u16, Transport);

/// A dictionary holds as much as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DictionaryFull;

impl Catalog {
    /// The number of a posture that is known.
    pub(crate) fn posture(&self, posture: &Posture) -> Option<u32> {
        self.posture_ids.get(posture).copied()
    }

    /// The number of an edge that is known.
    pub(crate) fn edge(&self, id: EdgeId) -> Option<u32> {
        self.edge_ids.get(&id).copied()
    }

    pub(crate) fn add_entity(&mut self, entity: &Entity) -> Result<u32, DictionaryFull> {
        self.entities.add(entity.id.clone(), Arc::new(entity.clone()), MAX_ENTITIES)
    }

    pub(crate) fn add_posture(
        &mut self,
        id: PostureId,
        posture: &Arc<Posture>,
    ) -> Result<u32, DictionaryFull> {
        let entry = PostureEntry::new(id, Arc::clone(posture));
        let number = self.postures.add(id, entry, MAX_POSTURES)?;
        self.posture_ids.insert(Arc::clone(posture), number);
        Ok(number)
    }

    pub(crate) fn add_edge(&mut self, key: EdgeKey, id: EdgeId) -> Result<u32, DictionaryFull> {
        let number = self.edges.add(key, EdgeEntry::new(key, id), MAX_EDGES)?;
        self.edge_ids.insert(id, number);
        Ok(number)
    }

    pub(crate) fn add_pair(&mut self, edge: u32, posture: u32) -> Result<u32, DictionaryFull> {
        let entry = PairEntry { edge, posture, tally: Tally::default() };
        self.pairs.add((edge, posture), entry, MAX_PAIRS)
    }

    pub(crate) fn add_certificate(
        &mut self,
        certificate: &Certificate,
    ) -> Result<u32, DictionaryFull> {
        let entry = CertificateEntry {
            certificate: Arc::new(certificate.clone()),
            tally: Tally::default(),
        };
        self.certificates.add(certificate.fingerprint.clone(), entry, MAX_CERTIFICATES)
    }

    /// Puts back what was loaded under its number.
    pub(crate) fn restore_posture(&mut self, number: u32, entry: PostureEntry) {
        self.posture_ids.insert(Arc::clone(&entry.posture), number);
        self.postures.restore(number, entry.id, entry);
    }

    /// Puts back what was loaded under its number.
    pub(crate) fn restore_edge(&mut self, number: u32, key: EdgeKey, entry: EdgeEntry) {
        self.edge_ids.insert(entry.id, number);
        self.edges.restore(number, key, entry);
    }

    pub(crate) fn remove_posture(&mut self, number: u32) {
        if let Some((_, entry)) = self.postures.remove(number) {
            self.posture_ids.remove(&entry.posture);
        }
    }

    pub(crate) fn remove_edge(&mut self, number: u32) {
        if let Some((_, entry)) = self.edges.remove(number) {
            self.edge_ids.remove(&entry.id);
        }
    }

    /// Ends of an edge.
    pub(crate) fn ends(&self, edge: &EdgeEntry) -> Option<(&Arc<Entity>, &Arc<Entity>)> {
        Some((self.entities.value(edge.source)?, self.entities.value(edge.destination)?))
    }

    /// A pair with its edge and its posture.
    pub(crate) fn pair(&self, number: u32) -> Option<(&PairEntry, &EdgeEntry, &PostureEntry)> {
        let pair = self.pairs.value(number)?;
        Some((pair, self.edges.value(pair.edge)?, self.postures.value(pair.posture)?))
    }

    /// How many entries there are of each kind.
    pub(crate) fn sizes(&self) -> Vec<Count> {
        [
            ("entities", self.entities.len()),
            ("postures", self.postures.len()),
            ("edges", self.edges.len()),
            ("pairs", self.pairs.len()),
            ("certificates", self.certificates.len()),
        ]
        .map(|(name, count)| Count { name: name.to_owned(), count: count as u64 })
        .into()
    }
}

impl EdgeEntry {
    /// Whether a name that clients asked for is new to the edge, and notes it.
    pub(crate) fn note_server_name(&mut self, name: &str) -> bool {
        if self.server_names.iter().any(|known| **known == *name) {
            return false;
        }
        if self.server_names.len() >= Edge::MAX_SERVER_NAMES {
            self.has_more_server_names = true;
            return false;
        }
        self.server_names.push(name.into());
        true
    }
}

/// Clusters beyond this have their own database; at some hundred bytes each.
const MAX_ENTITIES: usize = 100_000;

/// Postures are some hundreds; certificates with short lives make them thousands.
const MAX_POSTURES: usize = 100_000;

/// Each entity talks to a few others.
const MAX_EDGES: usize = 300_000;

/// Each edge has a few postures over the time that is kept.
const MAX_PAIRS: usize = 1_000_000;

/// As many as there may be postures.
const MAX_CERTIFICATES: usize = 100_000;

impl Tally {
    /// Counts sessions that began from `first` to `last`.
    pub(crate) fn add(&mut self, sessions: u64, failures: u64, first: Timestamp, last: Timestamp) {
        if self.sessions == 0 {
            (self.first, self.last) = (first, last);
        }
        self.sessions = self.sessions.saturating_add(sessions);
        self.failures = self.failures.saturating_add(failures);
        self.first = self.first.min(first);
        self.last = self.last.max(last);
    }

    /// Counts what another counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.sessions > 0 {
            self.add(other.sessions, other.failures, other.first, other.last);
        }
    }
}
