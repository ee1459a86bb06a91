//! What the dictionaries say of their entries.

use std::sync::Arc;

use event::{KeyExchangeClass, Timestamp, Transport};
use policy::{Certificate, Grade, Posture};

use super::EdgeKey;
use crate::id::{EdgeId, PostureId};

/// How often, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) sessions: u64,
    pub(crate) failures: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// A posture, and what follows from it.
pub(crate) struct PostureEntry {
    pub(crate) id: PostureId,
    pub(crate) posture: Arc<Posture>,
    pub(crate) grade: Grade,
}

/// Who talks to whom.
pub(crate) struct EdgeEntry {
    pub(crate) id: EdgeId,
    pub(crate) source: u32,
    pub(crate) destination: u32,
    pub(crate) port: u16,
    pub(crate) transport: Transport,
    pub(crate) server_names: Vec<Arc<str>>,
    pub(crate) has_more_server_names: bool,
}

/// An edge with one of its postures.
pub(crate) struct PairEntry {
    pub(crate) edge: u32,
    pub(crate) posture: u32,
    pub(crate) tally: Tally,
}

/// A certificate.
pub(crate) struct CertificateEntry {
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) tally: Tally,
}

impl PostureEntry {
    pub(crate) fn new(id: PostureId, posture: Arc<Posture>) -> Self {
        let grade = posture.grade();
        Self { id, posture, grade }
    }

    /// Place of its grade in [`Grade::ALL`].
    pub(crate) fn grade_index(&self) -> usize {
        grade_index(self.grade)
    }

    /// Place of its class in [`CLASSES`].
    pub(crate) fn class_index(&self) -> usize {
        match self.posture.class {
            Some(KeyExchangeClass::HybridPq) => 0,
            Some(KeyExchangeClass::Pq) => 1,
            Some(KeyExchangeClass::Classical) => 2,
            Some(KeyExchangeClass::None) => 3,
            None => 4,
        }
    }
}

impl EdgeEntry {
    pub(crate) const fn new(key: EdgeKey, id: EdgeId) -> Self {
        let (source, destination, port, transport) = key;
        Self {
            id,
            source,
            destination,
            port,
            transport,
            server_names: Vec::new(),
            has_more_server_names: false,
        }
    }
}

/// Place of a grade in [`Grade::ALL`].
pub(crate) fn grade_index(grade: Grade) -> usize {
    Grade::ALL.iter().position(|other| *other == grade).unwrap_or(Grade::ALL.len() - 1)
}

/// Names of the classes of key exchange, and of none known.
pub(crate) const CLASSES: [&str; 5] = ["hybrid_pq", "pq", "classical", "none", "unknown"];
