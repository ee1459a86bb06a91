//! Edges in lists, and one by one.

use std::sync::Arc;

use hashbrown::HashMap;
use policy::{Grade, Migration};

use super::readiness::Servers;
use super::{EdgeSum, Sums, is_in_namespace, is_named};
use crate::answer::{Edge, EdgePosture};
use crate::catalog::{Catalog, EdgeEntry};
use crate::error::StoreError;
use crate::id::EdgeId;
use crate::needle::Needle;
use crate::page::{Cursor, List, Page, Paged};
use crate::query::{EdgeQuery, EdgeSort};

/// A page of edges.
pub(crate) fn edges(
    catalog: &Catalog,
    sums: &Sums,
    query: &EdgeQuery,
    page: Page,
) -> Result<Paged<Edge>, StoreError> {
    let list = list(query.sort);
    let after = page.after(list)?.map(|cursor| (cursor.key, cursor.id));
    let q = Needle::of(query.q.as_deref())?;
    let mut found: Vec<(i64, EdgeId, EdgeSum)> = sums
        .edges(catalog)
        .into_iter()
        .filter_map(|sum| Some((sum, catalog.edges.value(sum.edge)?)))
        .filter(|(sum, edge)| {
            query.grade.is_none_or(|grade| grade == sum.grade) && {
                matches(catalog, edge, query, q.as_ref())
            }
        })
        .map(|(sum, edge)| (key(query.sort, &sum), edge.id, sum))
        .collect();
    let total = found.len() as u64;
    found.retain(|(key, id, _)| after.is_none_or(|after| (*key, id.0) > after));
    let limit = page.limit();
    let has_more = found.len() > limit;
    if has_more {
        found.select_nth_unstable_by_key(limit, |(key, id, _)| (*key, *id));
        found.truncate(limit);
    }
    found.sort_unstable_by_key(|(key, id, _)| (*key, *id));
    let last = found.last().map(|(key, id, _)| Cursor { list, key: *key, id: id.0 });
    let chosen: Vec<EdgeSum> = found.into_iter().map(|(.., sum)| sum).collect();
    let items = describe(catalog, sums, &chosen);
    Ok(Paged { items, next: last.filter(|_| has_more), total: Some(total) })
}

/// One edge, with sessions in the window or without.
pub(crate) fn edge(catalog: &Catalog, sums: &Sums, id: EdgeId) -> Option<Edge> {
    let number = catalog.edge(id)?;
    let mut known = false;
    let mut sum = EdgeSum {
        edge: number,
        sessions: 0,
        failures: 0,
        grade: Grade::Unknown,
        first: event::Timestamp::from_nanos(i64::MAX),
        last: event::Timestamp::from_nanos(i64::MIN),
    };
    for (pair_number, pair) in catalog.pairs.iter().filter(|(_, pair)| pair.edge == number) {
        if pair.tally.sessions == 0 {
            continue;
        }
        known = true;
        let (sessions, failures) = sums.of(pair_number);
        sum.sessions = sum.sessions.saturating_add(sessions);
        sum.failures = sum.failures.saturating_add(failures);
        sum.first = sum.first.min(pair.tally.first);
        sum.last = sum.last.max(pair.tally.last);
        if let Some(posture) = catalog.postures.value(pair.posture).filter(|_| sessions > 0) {
            sum.grade = sum.grade.min(posture.grade);
        }
    }
    if !known {
        return None;
    }
    describe(catalog, sums, &[sum]).into_iter().next()
}

/// Edges with all that is told of them, in the order given.
pub(super) fn describe(catalog: &Catalog, sums: &Sums, chosen: &[EdgeSum]) -> Vec<Edge> {
    let mut postures: HashMap<u32, Vec<u32>, foldhash::fast::RandomState> =
        chosen.iter().map(|sum| (sum.edge, Vec::new())).collect();
    for (number, pair) in catalog.pairs.iter() {
        if let Some(pairs) = postures.get_mut(&pair.edge).filter(|_| sums.of(number).0 > 0) {
            pairs.push(number);
        }
    }
    let servers = Servers::of(catalog, sums);
    let edge = |sum: &EdgeSum| {
        let entry = catalog.edges.value(sum.edge)?;
        let (source, destination) = catalog.ends(entry)?;
        let pairs = postures.get(&sum.edge)?;
        let mut edge = Edge {
            id: entry.id,
            source: Arc::clone(source),
            destination: Arc::clone(destination),
            port: entry.port,
            transport: entry.transport,
            server_names: entry.server_names.clone(),
            has_more_server_names: entry.has_more_server_names,
            grade: sum.grade,
            sessions: sum.sessions,
            failures: sum.failures,
            first_seen: sum.first,
            last_seen: sum.last,
            postures: pairs.iter().filter_map(|pair| posture(catalog, sums, *pair)).collect(),
            blocker: None,
        };
        edge.sort_postures();
        let mut migration = Migration::default();
        edge.postures.iter().for_each(|it| migration.add(&it.posture));
        edge.blocker = migration.blocker(servers.ability(entry));
        Some(edge)
    };
    chosen.iter().filter_map(edge).collect()
}

fn posture(catalog: &Catalog, sums: &Sums, number: u32) -> Option<EdgePosture> {
    let (pair, _, posture) = catalog.pair(number)?;
    let (sessions, failures) = sums.of(number);
    Some(EdgePosture {
        id: posture.id,
        grade: posture.grade,
        posture: Arc::clone(&posture.posture),
        sessions,
        failures,
        first_seen: pair.tally.first,
        last_seen: pair.tally.last,
    })
}

fn matches(catalog: &Catalog, edge: &EdgeEntry, query: &EdgeQuery, q: Option<&Needle<'_>>) -> bool {
    let is = |number: u32, asked: Option<&String>| {
        asked.is_none_or(|id| catalog.entities.value(number).is_some_and(|end| end.id == *id))
    };
    query.port.is_none_or(|port| port == edge.port)
        && is(edge.source, query.source.as_ref())
        && is(edge.destination, query.destination.as_ref())
        && is_in_namespace(catalog, edge, query.namespace.as_deref())
        && is_named(catalog, edge, q)
}

/// What edges are sorted by, the smallest first.
fn key(sort: EdgeSort, sum: &EdgeSum) -> i64 {
    let most = |count: u64| i64::try_from(count).map_or(i64::MIN, |count| -count);
    match sort {
        EdgeSort::Sessions => most(sum.sessions),
        EdgeSort::Failures => most(sum.failures),
        EdgeSort::FirstSeen => sum.first.as_nanos().saturating_neg(),
        EdgeSort::LastSeen => sum.last.as_nanos().saturating_neg(),
        EdgeSort::Grade => sum.grade as i64,
    }
}

const fn list(sort: EdgeSort) -> List {
    match sort {
        EdgeSort::Sessions => List::EdgesBySessions,
        EdgeSort::Failures => List::EdgesByFailures,
        EdgeSort::FirstSeen => List::EdgesByFirst,
        EdgeSort::LastSeen => List::EdgesByLast,
        EdgeSort::Grade => List::EdgesByGrade,
    }
}
