//! Answers, made of counts and dictionaries. The same whatever keeps the counts.

mod certificates;
mod edges;
mod graph;
mod inventory;
mod matching;
mod overview;
mod readiness;
mod sessions;

pub(crate) use certificates::{certificate, certificates};
pub(crate) use edges::{edge, edges};
pub(crate) use graph::graph;
pub(crate) use inventory::inventory;
pub(crate) use matching::{is_of_pair, is_of_pairs};
pub(crate) use overview::overview;
pub(crate) use readiness::readiness;
pub(crate) use sessions::{cursor, describe, place};

use std::collections::BTreeMap;
use std::sync::Arc;

use event::Timestamp;
use policy::Grade;

use crate::answer::{Edge, EdgePosture, Pair, SeriesPoint};
use crate::catalog::{Catalog, EdgeEntry, PairEntry, PostureEntry};
use crate::needle::Needle;
use crate::page::{Cursor, List, Page, Paged};
use crate::query::Window;
use crate::steps::{MAX_POINTS, Step};

/// The counts of a window.
pub(crate) struct Sums {
    /// The window that they are of.
    pub(crate) window: Window,
    /// Sessions and failures, by number of the pair.
    by_pair: Vec<(u64, u64)>,
}

/// What counts say of one edge.
#[derive(Clone, Copy)]
struct EdgeSum {
    edge: u32,
    sessions: u64,
    failures: u64,
    grade: Grade,
    first: Timestamp,
    last: Timestamp,
}

impl Sums {
    pub(crate) const fn new(window: Window) -> Self {
        Self { window, by_pair: Vec::new() }
    }

    /// Adds to the counts of a pair. Numbers beyond any dictionary are not there.
    pub(crate) fn add(&mut self, pair: u32, sessions: u64, failures: u64) {
        let Ok(index) = usize::try_from(pair) else { return };
        if self.by_pair.len() <= index {
            if index >= MAX_PAIR_NUMBER {
                return;
            }
            self.by_pair.resize(index + 1, (0, 0));
        }
        if let Some(sum) = self.by_pair.get_mut(index) {
            sum.0 = sum.0.saturating_add(sessions);
            sum.1 = sum.1.saturating_add(failures);
        }
    }

    fn of(&self, pair: u32) -> (u64, u64) {
        let index = usize::try_from(pair).ok();
        index.and_then(|index| self.by_pair.get(index)).copied().unwrap_or_default()
    }

    /// Pairs with sessions in the window, and how many of these there are and failed.
    fn pairs<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> impl Iterator<Item = (&'a PairEntry, &'a EdgeEntry, &'a PostureEntry, u64, u64)> {
        let sums = self.by_pair.iter().zip(0_u32..).filter(|((sessions, _), _)| *sessions > 0);
        sums.filter_map(|((sessions, failures), number)| {
            let (pair, edge, posture) = catalog.pair(number)?;
            Some((pair, edge, posture, *sessions, *failures))
        })
    }

    /// Edges with sessions in the window.
    fn edges(&self, catalog: &Catalog) -> Vec<EdgeSum> {
        let mut sums: Vec<Option<EdgeSum>> = vec![None; catalog.edges.bound()];
        for (pair, _, posture, sessions, failures) in self.pairs(catalog) {
            let slot = usize::try_from(pair.edge).ok().and_then(|edge| sums.get_mut(edge));
            let Some(slot) = slot else { continue };
            let (first, last) = (pair.tally.first, pair.tally.last);
            let sum = slot.get_or_insert(EdgeSum {
                edge: pair.edge,
                sessions: 0,
                failures: 0,
                grade: posture.grade,
                first,
                last,
            });
            sum.sessions = sum.sessions.saturating_add(sessions);
            sum.failures = sum.failures.saturating_add(failures);
            sum.grade = sum.grade.min(posture.grade);
            sum.first = sum.first.min(first);
            sum.last = sum.last.max(last);
        }
        sums.into_iter().flatten().collect()
    }
}

/// Every edge with every posture, by number.
pub(crate) fn pairs(catalog: &Catalog, page: Page) -> Result<Paged<Pair>, crate::page::NotACursor> {
    let after = page.after(List::Pairs)?.map_or(-1, |cursor| cursor.key);
    let mut found = catalog
        .pairs
        .iter()
        .filter(|(number, pair)| i64::from(*number) > after && pair.tally.sessions > 0)
        .filter_map(|(number, _)| Some((number, catalog.pair(number)?)))
        .filter_map(|(number, (pair, edge, posture))| {
            let (source, destination) = catalog.ends(edge)?;
            let tally = pair.tally;
            let pair = Pair {
                edge: edge.id,
                source: Arc::clone(source),
                destination: Arc::clone(destination),
                port: edge.port,
                transport: edge.transport,
                server_names: edge.server_names.clone(),
                posture_id: posture.id,
                posture: Arc::clone(&posture.posture),
                sessions: tally.sessions,
                first_seen: tally.first,
                last_seen: tally.last,
            };
            Some((number, pair))
        });
    let mut items = Vec::new();
    let mut last = None;
    for (number, pair) in found.by_ref().take(page.limit()) {
        last = Some(Cursor { list: List::Pairs, key: i64::from(number), id: [0; 16] });
        items.push(pair);
    }
    let next = if found.next().is_some() { last } else { None };
    Ok(Paged { items, next, total: None })
}

/// Whether an edge is at a namespace, as far as one is asked for.
fn is_in_namespace(catalog: &Catalog, edge: &EdgeEntry, namespace: Option<&str>) -> bool {
    let Some(namespace) = namespace else { return true };
    let ends = catalog.ends(edge);
    ends.is_some_and(|(source, destination)| {
        [source, destination].into_iter().any(|end| end.namespace.as_deref() == Some(namespace))
    })
}

/// Whether an edge has a part in the names of its ends or servers, as far as one is asked for.
pub(crate) fn is_named(catalog: &Catalog, edge: &EdgeEntry, q: Option<&Needle<'_>>) -> bool {
    let Some(q) = q else { return true };
    let ends = catalog.ends(edge);
    ends.is_some_and(|(source, destination)| {
        [source, destination].into_iter().any(|end| q.is_in(&end.id) || q.is_in(&end.name))
    }) || edge.server_names.iter().any(|name| q.is_in(name))
}

/// Grade and class counts of one step, empty.
const fn empty_point(time: Timestamp) -> SeriesPoint {
    SeriesPoint { time, grades: [0; 6], classes: [0; 5] }
}

/// Points of a drawing, by the begin of their step: those of a window in steps, all of them empty.
pub(crate) fn empty_series(step: Step, window: Window) -> BTreeMap<i64, SeriesPoint> {
    let to = window.to.as_nanos();
    let earliest = to.saturating_sub(step.nanos().saturating_mul(MAX_POINTS));
    let mut at = step.floor(window.from.as_nanos().max(earliest));
    let mut points = BTreeMap::new();
    while at < to {
        points.insert(at, empty_point(Timestamp::from_nanos(at)));
        at = at.saturating_add(step.nanos());
    }
    points
}

/// Adds sessions of a grade and a class, by their places, to a point.
pub(crate) fn add_to_point(point: &mut SeriesPoint, grade: u8, class: u8, sessions: u64) {
    for (counts, index) in [(&mut point.grades[..], grade), (&mut point.classes[..], class)] {
        if let Some(count) = counts.get_mut(usize::from(index)) {
            *count = count.saturating_add(sessions);
        }
    }
}

/// Largest number of a pair and then some: numbers are used again.
const MAX_PAIR_NUMBER: usize = 1 << 21;

impl Edge {
    fn sort_postures(&mut self) {
        self.postures
            .sort_by_key(|it: &EdgePosture| (it.grade, std::cmp::Reverse(it.sessions), it.id));
    }
}
