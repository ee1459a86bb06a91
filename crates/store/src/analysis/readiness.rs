//! How far the post-quantum migration is.

use std::cmp::Reverse;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use policy::{Blocker, Migration, ServerAbility};

use super::edges::describe;
use super::overview::{add, named};
use super::{EdgeSum, Sums};
use crate::answer::{Readiness, ReadinessShare, SeriesPoint};
use crate::catalog::{CLASSES, Catalog, EdgeEntry};

/// What the counts of a window say of key exchanges.
pub(crate) fn readiness(catalog: &Catalog, sums: &Sums, series: Vec<SeriesPoint>) -> Readiness {
    let mut classes = [0_u64; CLASSES.len()];
    let mut states: Vec<State> = vec![State::default(); catalog.edges.bound()];
    for (pair, _, posture, sessions, _) in sums.pairs(catalog) {
        add(&mut classes, posture.class_index(), sessions);
        let state = usize::try_from(pair.edge).ok().and_then(|edge| states.get_mut(edge));
        if let Some(state) = state {
            state.migration.add(&posture.posture);
            if posture.posture.is_post_quantum() == Some(true) {
                state.pq_sessions = state.pq_sessions.saturating_add(sessions);
            }
        }
    }
    let servers = Servers::of(catalog, sums);
    let mut answer = Readiness {
        window: sums.window,
        edges: 0,
        sessions: 0,
        by_class: named(CLASSES, classes),
        by_namespace: Vec::new(),
        by_owner: Vec::new(),
        series,
        blocked_by_client: 0,
        blocked_by_server: 0,
        blocked_by_both: 0,
        blocked_by_unknown: 0,
        blocked: Vec::new(),
    };
    let (mut namespaces, mut owners) = (Shares::default(), Shares::default());
    let mut blocked: Vec<EdgeSum> = Vec::new();
    for sum in sums.edges(catalog) {
        let state = usize::try_from(sum.edge).ok().and_then(|edge| states.get(edge)).copied();
        let (Some(state), Some(edge)) = (state, catalog.edges.value(sum.edge)) else { continue };
        answer.edges += 1;
        answer.sessions = answer.sessions.saturating_add(sum.sessions);
        let server = catalog.entities.value(edge.destination);
        let namespace = server.and_then(|it| it.namespace.as_deref());
        namespaces.add(namespace.unwrap_or_default(), &sum, state);
        owners.add(server.and_then(|it| it.owner()).unwrap_or_default(), &sum, state);
        if !state.migration.is_held_back() {
            continue;
        }
        *match state.migration.blocker(servers.ability(edge)) {
            Some(Blocker::Both) => &mut answer.blocked_by_both,
            Some(Blocker::Client) => &mut answer.blocked_by_client,
            Some(Blocker::Server) => &mut answer.blocked_by_server,
            None => &mut answer.blocked_by_unknown,
        } += 1;
        blocked.push(sum);
    }
    // By name and not by number: every server gives the same order.
    let name = |sum: &EdgeSum| catalog.edges.value(sum.edge).map(|edge| edge.id);
    blocked.sort_unstable_by_key(|sum| (Reverse(sum.sessions), name(sum)));
    blocked.truncate(Readiness::MAX_EDGES);
    answer.by_namespace = namespaces.most_first();
    answer.by_owner = owners.most_first();
    answer.blocked = describe(catalog, sums, &blocked);
    answer
}

/// What servers can, from all sessions of a window.
pub(super) struct Servers(HashMap<(u32, u16), ServerAbility, RandomState>);

impl Servers {
    pub(super) fn of(catalog: &Catalog, sums: &Sums) -> Self {
        let mut all = Self(HashMap::default());
        for (_, edge, posture, ..) in sums.pairs(catalog) {
            all.0.entry((edge.destination, edge.port)).or_default().add(&posture.posture);
        }
        all
    }

    pub(super) fn ability(&self, edge: &EdgeEntry) -> ServerAbility {
        self.0.get(&(edge.destination, edge.port)).copied().unwrap_or_default()
    }
}

/// What the postures of an edge say together.
#[derive(Clone, Copy, Default)]
struct State {
    pq_sessions: u64,
    migration: Migration,
}

/// Parts of the servers, by name.
#[derive(Default)]
struct Shares<'a>(HashMap<&'a str, ReadinessShare, RandomState>);

impl<'a> Shares<'a> {
    fn add(&mut self, name: &'a str, sum: &EdgeSum, state: State) {
        let share = self.0.entry(name).or_default();
        share.edges += 1;
        share.pq_edges += u64::from(state.migration.is_done());
        share.sessions = share.sessions.saturating_add(sum.sessions);
        share.pq_sessions = share.pq_sessions.saturating_add(state.pq_sessions);
    }

    fn most_first(self) -> Vec<ReadinessShare> {
        let named =
            self.0.into_iter().map(|(name, it)| ReadinessShare { name: name.to_owned(), ..it });
        let mut shares: Vec<_> = named.collect();
        shares
            .sort_unstable_by(|a, b| b.sessions.cmp(&a.sessions).then_with(|| a.name.cmp(&b.name)));
        shares.truncate(Readiness::MAX_SHARES);
        shares
    }
}
