//! How far the post-quantum migration is.

use std::cmp::Reverse;

use hashbrown::HashMap;
use policy::Posture;

use super::edges::describe;
use super::overview::{add, named};
use super::{EdgeSum, Sums};
use crate::answer::{NamespaceReadiness, Readiness, SeriesPoint};
use crate::catalog::{CLASSES, Catalog};

/// What the counts of a window say of key exchanges.
pub(crate) fn readiness(catalog: &Catalog, sums: &Sums, series: Vec<SeriesPoint>) -> Readiness {
    let mut classes = [0_u64; CLASSES.len()];
    let mut states: Vec<State> = vec![State::default(); catalog.edges.bound()];
    for (pair, _, posture, sessions, _) in sums.pairs(catalog) {
        add(&mut classes, posture.class_index(), sessions);
        let state = usize::try_from(pair.edge).ok().and_then(|edge| states.get_mut(edge));
        if let Some(state) = state {
            state.note(&posture.posture, sessions);
        }
    }
    let mut answer = Readiness {
        window: sums.window,
        edges: 0,
        sessions: 0,
        by_class: named(CLASSES, classes),
        by_namespace: Vec::new(),
        series,
        blocked_by_client: 0,
        blocked_by_server: 0,
        blocked_by_both: 0,
        blocked_by_unknown: 0,
        blocked: Vec::new(),
    };
    let mut namespaces: HashMap<&str, NamespaceReadiness, foldhash::fast::RandomState> =
        HashMap::default();
    let mut blocked: Vec<EdgeSum> = Vec::new();
    for sum in sums.edges(catalog) {
        let state = usize::try_from(sum.edge).ok().and_then(|edge| states.get(edge)).copied();
        let (Some(state), Some(edge)) = (state, catalog.edges.value(sum.edge)) else { continue };
        answer.edges += 1;
        answer.sessions = answer.sessions.saturating_add(sum.sessions);
        let destination = catalog.entities.value(edge.destination);
        let name = destination.and_then(|it| it.namespace.as_deref()).unwrap_or_default();
        let namespace = namespaces.entry(name).or_insert_with(|| NamespaceReadiness {
            namespace: name.to_owned(),
            edges: 0,
            pq_edges: 0,
            sessions: 0,
            pq_sessions: 0,
        });
        namespace.edges += 1;
        namespace.sessions = namespace.sessions.saturating_add(sum.sessions);
        namespace.pq_sessions = namespace.pq_sessions.saturating_add(state.pq_sessions);
        if !state.is_held_back {
            namespace.pq_edges += u64::from(state.pq_sessions > 0);
            continue;
        }
        *match (state.client_blocks, state.server_blocks) {
            (true, true) => &mut answer.blocked_by_both,
            (true, false) => &mut answer.blocked_by_client,
            (false, true) => &mut answer.blocked_by_server,
            (false, false) => &mut answer.blocked_by_unknown,
        } += 1;
        blocked.push(sum);
    }
    let mut namespaces: Vec<_> = namespaces.into_values().collect();
    namespaces.sort_unstable_by(|a, b| {
        b.sessions.cmp(&a.sessions).then_with(|| a.namespace.cmp(&b.namespace))
    });
    namespaces.truncate(Readiness::MAX_NAMESPACES);
    // By name and not by number: every server gives the same order.
    let name = |sum: &EdgeSum| catalog.edges.value(sum.edge).map(|edge| edge.id);
    blocked.sort_unstable_by_key(|sum| (Reverse(sum.sessions), name(sum)));
    blocked.truncate(Readiness::MAX_EDGES);
    answer.by_namespace = namespaces;
    answer.blocked = describe(catalog, sums, &blocked);
    answer
}

/// What the postures of an edge say together.
#[derive(Clone, Copy, Default)]
struct State {
    pq_sessions: u64,
    is_held_back: bool,
    client_blocks: bool,
    server_blocks: bool,
}

impl State {
    fn note(&mut self, posture: &Posture, sessions: u64) {
        use event::KeyExchangeClass::{Classical, HybridPq, None as Without, Pq};
        match posture.class {
            Some(HybridPq | Pq) => self.pq_sessions = self.pq_sessions.saturating_add(sessions),
            Some(Classical | Without) => {
                self.is_held_back = true;
                self.client_blocks |= posture.offers_post_quantum == Some(false);
                self.server_blocks |= posture.offers_post_quantum == Some(true);
            }
            None => {}
        }
    }
}
