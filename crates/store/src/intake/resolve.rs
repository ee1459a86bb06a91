//! Numbers for what records name.

use std::sync::Arc;

use policy::{Certificate, Entity, Observation};

use crate::batch::Record;
use crate::catalog::{Catalog, DictionaryFull};
use crate::id::{EdgeId, PostureId};

/// Entries that a batch added to the dictionaries or changed in them, by number.
#[derive(Default)]
pub(crate) struct Added {
    pub(crate) entities: Vec<u32>,
    pub(crate) postures: Vec<u32>,
    pub(crate) edges: Vec<u32>,
    pub(crate) pairs: Vec<u32>,
    pub(crate) certificates: Vec<u32>,
    /// Server names with their edge.
    pub(crate) names: Vec<(u32, Arc<str>)>,
    /// What changed entities were before.
    pub(crate) old_entities: Vec<(u32, Arc<Entity>)>,
    /// What changed certificates were before.
    pub(crate) old_certificates: Vec<(u32, Arc<Certificate>)>,
    /// Edges that got more names than are kept.
    pub(crate) overfull: Vec<u32>,
}

/// What a record is of, by number.
#[derive(Clone, Copy)]
pub(crate) struct Resolved {
    pub(crate) pair: u32,
    pub(crate) certificate: Option<u32>,
}

impl Added {
    /// Finds the numbers of a record's edge and posture, and gives them where there are none.
    ///
    /// # Errors
    /// [`DictionaryFull`]; what was added until then stays for others.
    pub(crate) fn resolve(
        &mut self,
        catalog: &mut Catalog,
        record: &Record,
        posture: PostureId,
    ) -> Result<Resolved, DictionaryFull> {
        let seen = &record.seen;
        let source = self.entity(catalog, &record.source)?;
        let destination = self.entity(catalog, &record.destination)?;
        let key = (source, destination, seen.server.port, seen.transport);
        let edge = match catalog.edges.number(&key) {
            Some(edge) => edge,
            None => {
                let (from, to) = (&record.source, &record.destination);
                let id = EdgeId::of(from, to, seen.server.port, seen.transport);
                let edge = catalog.add_edge(key, id)?;
                self.edges.push(edge);
                edge
            }
        };
        let posture = match catalog.posture(&seen.posture) {
            Some(posture) => posture,
            None => {
                let number = catalog.add_posture(posture, &Arc::new(seen.posture.clone()))?;
                self.postures.push(number);
                number
            }
        };
        let certificate = match &seen.certificate {
            Some(certificate) => Some(self.certificate(catalog, certificate)?),
            None => None,
        };
        let pair = match catalog.pairs.number(&(edge, posture)) {
            Some(pair) => pair,
            None => {
                let pair = catalog.add_pair(edge, posture)?;
                self.pairs.push(pair);
                pair
            }
        };
        self.server_name(catalog, edge, seen);
        Ok(Resolved { pair, certificate })
    }

    /// Takes everything back.
    pub(crate) fn forget(self, catalog: &mut Catalog) {
        for (edge, name) in self.names {
            if let Some(entry) = catalog.edges.value_mut(edge) {
                entry.server_names.retain(|known| *known != name);
            }
        }
        for edge in self.overfull {
            if let Some(entry) = catalog.edges.value_mut(edge) {
                entry.has_more_server_names = false;
            }
        }
        for (number, old) in self.old_entities.into_iter().rev() {
            if let Some(entity) = catalog.entities.value_mut(number) {
                *entity = old;
            }
        }
        for (number, old) in self.old_certificates.into_iter().rev() {
            if let Some(entry) = catalog.certificates.value_mut(number) {
                entry.certificate = old;
            }
        }
        for number in self.pairs {
            catalog.pairs.remove(number);
        }
        self.edges.into_iter().for_each(|number| catalog.remove_edge(number));
        self.postures.into_iter().for_each(|number| catalog.remove_posture(number));
        for number in self.entities {
            catalog.entities.remove(number);
        }
        for it in self.certificates {
            catalog.certificates.remove(it);
        }
    }

    fn entity(&mut self, catalog: &mut Catalog, entity: &Entity) -> Result<u32, DictionaryFull> {
        let Some(number) = catalog.entities.number(&entity.id) else {
            let number = catalog.add_entity(entity)?;
            self.entities.push(number);
            return Ok(number);
        };
        if let Some(known) = catalog.entities.value_mut(number).filter(|known| ***known != *entity)
        {
            let old = std::mem::replace(known, Arc::new(entity.clone()));
            self.old_entities.push((number, old));
        }
        Ok(number)
    }

    fn certificate(
        &mut self,
        catalog: &mut Catalog,
        certificate: &Certificate,
    ) -> Result<u32, DictionaryFull> {
        let Some(number) = catalog.certificates.number(&certificate.fingerprint) else {
            let number = catalog.add_certificate(certificate)?;
            self.certificates.push(number);
            return Ok(number);
        };
        // A record of an edge says less of its certificate than one of a session.
        let is_better = |known: &Certificate| {
            known.serial.is_none() && certificate.serial.is_some()
                || known.not_after.is_none() && certificate.not_after.is_some()
        };
        let entry = catalog.certificates.value_mut(number);
        if let Some(entry) = entry.filter(|entry| is_better(&entry.certificate)) {
            let old = std::mem::replace(&mut entry.certificate, Arc::new(certificate.clone()));
            self.old_certificates.push((number, old));
        }
        Ok(number)
    }

    fn server_name(&mut self, catalog: &mut Catalog, edge: u32, seen: &Observation) {
        let entry = catalog.edges.value_mut(edge);
        let (Some(entry), Some(name)) = (entry, seen.server_name.as_deref()) else { return };
        let had_more = entry.has_more_server_names;
        if entry.note_server_name(name) {
            if let Some(name) = entry.server_names.last() {
                self.names.push((edge, Arc::clone(name)));
            }
        } else if entry.has_more_server_names && !had_more {
            self.overfull.push(edge);
        }
    }
}
