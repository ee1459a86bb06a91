//! Everything at a glance.

use event::Timestamp;
use hashbrown::HashMap;
use policy::Grade;

use super::{Sums, certificates};
use crate::answer::{Count, Overview, SeriesPoint};
use crate::catalog::{CLASSES, Catalog};

/// What the counts of a window say in all.
pub(crate) fn overview(
    catalog: &Catalog,
    sums: &Sums,
    series: Vec<SeriesPoint>,
    now: Timestamp,
) -> Overview {
    let (mut sessions, mut failures) = (0_u64, 0_u64);
    let (mut grades, mut classes) = ([0_u64; Grade::ALL.len()], [0_u64; CLASSES.len()]);
    let (mut versions, mut groups, mut ciphers) =
        (Tops::default(), Tops::default(), Tops::default());
    let mut edges = vec![false; catalog.edges.bound()];
    let mut entities = vec![false; catalog.entities.bound()];
    for (pair, edge, posture, count, failed) in sums.pairs(catalog) {
        sessions = sessions.saturating_add(count);
        failures = failures.saturating_add(failed);
        add(&mut grades, posture.grade_index(), count);
        add(&mut classes, posture.class_index(), count);
        versions.add(posture.posture.version.as_deref(), count);
        groups.add(posture.posture.group.as_deref(), count);
        ciphers.add(posture.posture.cipher.as_deref(), count);
        mark(&mut edges, pair.edge);
        mark(&mut entities, edge.source);
        mark(&mut entities, edge.destination);
    }
    let marked = |marks: &[bool]| marks.iter().filter(|mark| **mark).count() as u64;
    Overview {
        window: sums.window,
        sessions,
        failures,
        edges: marked(&edges),
        entities: marked(&entities),
        by_grade: named(Grade::ALL.map(Grade::name), grades),
        by_version: versions.into_counts(),
        by_class: named(CLASSES, classes),
        by_group: groups.into_counts(),
        by_cipher: ciphers.into_counts(),
        series,
        certificates: certificates::counts(catalog, sums, now),
    }
}

/// Counts by name, none of them 0.
pub(super) fn named<const N: usize>(names: [&str; N], counts: [u64; N]) -> Vec<Count> {
    let counts = names.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    counts.map(|(name, count)| Count { name: name.to_owned(), count }).collect()
}

pub(super) fn add(counts: &mut [u64], index: usize, count: u64) {
    if let Some(sum) = counts.get_mut(index) {
        *sum = sum.saturating_add(count);
    }
}

fn mark(marks: &mut [bool], number: u32) {
    let slot = usize::try_from(number).ok().and_then(|number| marks.get_mut(number));
    if let Some(mark) = slot {
        *mark = true;
    }
}

/// Counts by name, of which the largest are told.
#[derive(Default)]
struct Tops<'a> {
    counts: HashMap<&'a str, u64, foldhash::fast::RandomState>,
}

impl<'a> Tops<'a> {
    fn add(&mut self, name: Option<&'a str>, count: u64) {
        let sum = self.counts.entry(name.unwrap_or(UNKNOWN)).or_default();
        *sum = sum.saturating_add(count);
    }

    fn into_counts(self) -> Vec<Count> {
        let mut counts: Vec<(&str, u64)> = self.counts.into_iter().collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let other = counts.iter().skip(MAX_NAMES).map(|(_, count)| *count);
        let other = other.fold(0_u64, u64::saturating_add);
        let tops = counts.iter().take(MAX_NAMES).copied();
        let all = tops.chain((other > 0).then_some((OTHER, other)));
        all.map(|(name, count)| Count { name: name.to_owned(), count }).collect()
    }
}

/// What has no name.
const UNKNOWN: &str = "unknown";

/// What has a name that is not told.
const OTHER: &str = "other";

/// Most names told: what a chart can show.
const MAX_NAMES: usize = 10;
