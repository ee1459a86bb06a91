//! Sessions that are alike, counted for an interval.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use event::{Edge, EdgeCounts, TlsEvent};
use policy::any_post_quantum;

/// The edges of an interval.
#[derive(Debug, Default)]
pub(super) struct Edges {
    table: HashMap<Edge, EdgeCounts>,
    over_limit: u64,
}

impl Edges {
    /// Counts a session.
    pub(super) fn add(&mut self, edge: Edge, event: &TlsEvent) {
        let is_full = self.table.len() >= MAX_EDGES;
        let counts = EdgeCounts::of(event);
        match self.table.entry(edge) {
            Entry::Occupied(mut entry) => entry.get_mut().add(&counts),
            Entry::Vacant(_) if is_full => self.over_limit = self.over_limit.saturating_add(1),
            Entry::Vacant(entry) => {
                entry.insert(counts);
            }
        }
    }

    /// Takes all edges out.
    pub(super) fn take(&mut self) -> Vec<(Edge, EdgeCounts)> {
        std::mem::take(&mut self.table).into_iter().collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Sessions that were not counted because there were too many edges, since the start.
    pub(super) const fn over_limit(&self) -> u64 {
        self.over_limit
    }
}

/// The edge that a session is part of.
pub(super) fn edge_of(event: &TlsEvent) -> Edge {
    let offered = event.tlsight.key_exchange.offered_groups.as_ref();
    Edge::of(event, offered.map(|groups| any_post_quantum(groups)))
}

/// At about a kilobyte each 16 MiB at most; a host with more peers in a minute is scanned or scans.
const MAX_EDGES: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn alike_sessions_are_one_edge_whatever_the_clients_port() {
        let mut edges = Edges::default();
        for port in 1000..1010 {
            let event = sample::tls13();
            let (client, server) = (("192.0.2.17", port), ("198.51.100.7", 443));
            add(&mut edges, &sample::between(event, client, server));
        }
        let mut other = sample::tls13();
        other.tls.cipher = Some("TLS_AES_256_GCM_SHA384".into());
        add(&mut edges, &other);
        assert_eq!(edges.len(), 2);
        let lines: Vec<_> = edges
            .take()
            .into_iter()
            .map(|(edge, counts)| event::EdgeEvent::new(sample::START, 60, edge, &counts))
            .collect();
        let most = lines.iter().max_by_key(|line| line.tlsight.edge.sessions).unwrap();
        assert_eq!(most.tlsight.edge.sessions, 10);
        assert_eq!((most.source.port, most.destination.port), (None, Some(443)));
        assert_eq!((most.event.start, most.event.end), (sample::START, sample::START));
        assert_eq!(edges.len(), 0);
    }

    #[test]
    fn the_table_has_a_bound_and_what_is_over_it_is_counted() {
        let mut edges = Edges::default();
        for number in 0..MAX_EDGES + 3 {
            let client = format!("10.0.{}.{}", number >> 8, number & 255);
            let event = sample::tls13();
            add(&mut edges, &sample::between(event, (&client, 1), ("198.51.100.7", 443)));
        }
        add(&mut edges, &sample::between(sample::tls13(), ("10.0.0.1", 2), ("198.51.100.7", 443)));
        assert_eq!((edges.len(), edges.over_limit()), (MAX_EDGES, 3));
    }

    #[test]
    fn an_edge_has_the_posture_of_its_sessions() {
        for session in [sample::tls13(), sample::tls12()] {
            let counts = EdgeCounts::of(&session);
            let event = event::EdgeEvent::new(sample::START, 60, edge_of(&session), &counts);
            assert_eq!(posture(&event), posture(&session));
        }
    }

    fn posture(line: &impl event::ToJson) -> policy::Posture {
        let mut text = Vec::new();
        line.write_json(&mut text);
        policy::Observation::parse(&text).unwrap().posture
    }

    fn add(edges: &mut Edges, event: &TlsEvent) {
        edges.add(edge_of(event), event);
    }
}
