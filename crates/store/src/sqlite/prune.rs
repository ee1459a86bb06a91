//! What nothing refers to any more.

use rusqlite::Connection;

use super::prepare::days;
use super::retention;
use crate::catalog::Catalog;
use crate::settings::Retention;
use crate::steps::Step;

/// Removes some entries of the dictionaries that neither sessions nor counts refer to from the file.
pub(super) fn step(
    connection: &Connection,
    catalog: &Catalog,
    retention: Retention,
    now: i64,
) -> rusqlite::Result<Pruned> {
    let cutoff = Step::Day.floor(now.saturating_sub(days(retention.days)));
    let oldest = retention::oldest(connection)?.unwrap_or(i64::MAX).min(cutoff);
    let pairs: Vec<u32> = catalog
        .pairs
        .iter()
        .filter(|(_, pair)| pair.tally.last.as_nanos() < oldest)
        .map(|(number, _)| number)
        .take(STEP_ENTRIES)
        .collect();
    let unused = Unused::find(catalog, &pairs, oldest);
    let mut delete = connection.prepare_cached("DELETE FROM pairs WHERE id = ?")?;
    for number in &pairs {
        delete.execute([number])?;
    }
    unused.delete(connection)?;
    Ok(Pruned { pairs, unused })
}

/// What a step removed from the file, to be removed from memory when that is certain.
pub(super) struct Pruned {
    pairs: Vec<u32>,
    unused: Unused,
}

impl Pruned {
    /// Whether there may be more.
    pub(super) fn has_more(&self) -> bool {
        self.pairs.len() >= STEP_ENTRIES
    }

    /// Removes it from memory.
    pub(super) fn forget(self, catalog: &mut Catalog) {
        for number in self.pairs {
            catalog.pairs.remove(number);
        }
        self.unused.forget(catalog);
    }
}

/// Entries that no pair refers to.
struct Unused {
    edges: Vec<u32>,
    postures: Vec<u32>,
    entities: Vec<u32>,
    certificates: Vec<u32>,
}

impl Unused {
    fn find(catalog: &Catalog, old: &[u32], oldest: i64) -> Self {
        let mut is_old = Marks::new(catalog.pairs.bound());
        old.iter().for_each(|number| is_old.set(*number));
        let mut edges = Marks::new(catalog.edges.bound());
        let mut postures = Marks::new(catalog.postures.bound());
        let mut entities = Marks::new(catalog.entities.bound());
        for (number, pair) in catalog.pairs.iter().filter(|(number, _)| !is_old.is_set(*number)) {
            edges.set(pair.edge);
            postures.set(pair.posture);
            if let Some((_, edge, _)) = catalog.pair(number) {
                entities.set(edge.source);
                entities.set(edge.destination);
            }
        }
        let edge_numbers = catalog.edges.iter().map(|(number, _)| number);
        let posture_numbers = catalog.postures.iter().map(|(number, _)| number);
        let entity_numbers = catalog.entities.iter().map(|(number, _)| number);
        let certificates = catalog.certificates.iter();
        Self {
            edges: edge_numbers.filter(|number| !edges.is_set(*number)).collect(),
            postures: posture_numbers.filter(|number| !postures.is_set(*number)).collect(),
            entities: entity_numbers.filter(|number| !entities.is_set(*number)).collect(),
            certificates: certificates
                .filter(|(_, entry)| entry.tally.last.as_nanos() < oldest)
                .map(|(number, _)| number)
                .collect(),
        }
    }

    fn delete(&self, connection: &Connection) -> rusqlite::Result<()> {
        let all = [
            ("DELETE FROM edges WHERE id = ?", &self.edges),
            ("DELETE FROM server_names WHERE edge = ?", &self.edges),
            ("DELETE FROM postures WHERE id = ?", &self.postures),
            ("DELETE FROM entities WHERE id = ?", &self.entities),
            ("DELETE FROM certificates WHERE id = ?", &self.certificates),
        ];
        for (statement, numbers) in all {
            let mut delete = connection.prepare_cached(statement)?;
            for number in numbers {
                delete.execute([number])?;
            }
        }
        Ok(())
    }

    fn forget(self, catalog: &mut Catalog) {
        self.edges.into_iter().for_each(|number| catalog.remove_edge(number));
        self.postures.into_iter().for_each(|number| catalog.remove_posture(number));
        for number in self.entities {
            catalog.entities.remove(number);
        }
        for it in self.certificates {
            catalog.certificates.remove(it);
        }
    }
}

/// Numbers, some of them marked.
struct Marks(Vec<bool>);

impl Marks {
    fn new(bound: usize) -> Self {
        Self(vec![false; bound])
    }

    fn set(&mut self, number: u32) {
        let slot = usize::try_from(number).ok().and_then(|number| self.0.get_mut(number));
        if let Some(mark) = slot {
            *mark = true;
        }
    }

    fn is_set(&self, number: u32) -> bool {
        usize::try_from(number).ok().and_then(|number| self.0.get(number)).copied().unwrap_or(false)
    }
}

/// Pairs that one step forgets.
const STEP_ENTRIES: usize = 4096;
