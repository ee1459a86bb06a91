//! What nothing refers to any more.

use super::Catalog;

/// Entries that no pair refers to.
pub(crate) struct Unused {
    pub(crate) edges: Vec<u32>,
    pub(crate) postures: Vec<u32>,
    pub(crate) entities: Vec<u32>,
    pub(crate) certificates: Vec<u32>,
}

impl Unused {
    /// Finds them, where some pairs go and nothing before `oldest` is kept.
    pub(crate) fn find(catalog: &Catalog, old: &[u32], oldest: i64) -> Self {
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

    /// Removes them from memory.
    pub(crate) fn forget(self, catalog: &mut Catalog) {
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

/// Pairs that were seen last before a point in nanoseconds.
pub(crate) fn old_pairs(catalog: &Catalog, oldest: i64) -> impl Iterator<Item = u32> {
    let pairs = catalog.pairs.iter();
    pairs.filter(move |(_, pair)| pair.tally.last.as_nanos() < oldest).map(|(number, _)| number)
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
