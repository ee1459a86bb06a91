//! Who talks to whom, for drawing.

use std::sync::Arc;

use policy::{Entity, Grade};

use super::{Sums, is_in_namespace, is_named};
use crate::answer::{Graph, GraphEdge, GraphNode};
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::needle::Needle;
use crate::query::GraphQuery;

/// The nodes with the most sessions, and the edges between them.
pub(crate) fn graph(
    catalog: &Catalog,
    sums: &Sums,
    query: &GraphQuery,
) -> Result<Graph, StoreError> {
    let q = Needle::of(query.q.as_deref())?;
    let mut edges = Vec::new();
    let mut nodes: Vec<Option<Node>> = vec![None; catalog.entities.bound()];
    for sum in sums.edges(catalog) {
        let Some(edge) = catalog.edges.value(sum.edge) else { continue };
        if query.grade.is_some_and(|grade| grade != sum.grade)
            || !is_in_namespace(catalog, edge, query.namespace.as_deref())
            || !is_named(catalog, edge, q.as_ref())
        {
            continue;
        }
        let Some((source, destination)) = catalog.ends(edge) else { continue };
        let one = [edge.source];
        let both = [edge.source, edge.destination];
        let ends: &[u32] = if edge.source == edge.destination { &one } else { &both };
        for end in ends {
            note(&mut nodes, *end, sum.grade, sum.sessions);
        }
        edges.push((
            edge.source,
            edge.destination,
            GraphEdge {
                id: edge.id,
                source: Arc::clone(source),
                destination: Arc::clone(destination),
                port: edge.port,
                transport: edge.transport,
                grade: sum.grade,
                sessions: sum.sessions,
                failures: sum.failures,
            },
        ));
    }
    let is_truncated =
        keep_largest(catalog, &mut nodes, query.limit.clamp(1, GraphQuery::MAX_NODES));
    let is_kept = |number: u32| node(&nodes, number).is_some();
    edges.retain(|(source, destination, _)| is_kept(*source) && is_kept(*destination));
    let mut edges: Vec<GraphEdge> = edges.into_iter().map(|(.., edge)| edge).collect();
    edges.sort_unstable_by_key(|edge| (std::cmp::Reverse(edge.sessions), edge.id));
    let is_truncated = is_truncated || edges.len() > MAX_EDGES;
    edges.truncate(MAX_EDGES);
    let mut nodes: Vec<GraphNode> = (0_u32..)
        .zip(&nodes)
        .filter_map(|(number, node)| Some(describe(catalog.entities.value(number)?, (*node)?)))
        .collect();
    nodes.sort_unstable_by(|a, b| {
        b.sessions.cmp(&a.sessions).then_with(|| a.entity.id.cmp(&b.entity.id))
    });
    Ok(Graph { window: sums.window, nodes, edges, is_truncated })
}

#[derive(Clone, Copy)]
struct Node {
    grade: Grade,
    sessions: u64,
}

fn note(nodes: &mut [Option<Node>], number: u32, grade: Grade, sessions: u64) {
    let slot = usize::try_from(number).ok().and_then(|number| nodes.get_mut(number));
    let Some(slot) = slot else { return };
    let node = slot.get_or_insert(Node { grade, sessions: 0 });
    node.grade = node.grade.min(grade);
    node.sessions = node.sessions.saturating_add(sessions);
}

fn node(nodes: &[Option<Node>], number: u32) -> Option<Node> {
    *nodes.get(usize::try_from(number).ok()?)?
}

/// Keeps the nodes with the most sessions; returns whether others had to go.
fn keep_largest(catalog: &Catalog, nodes: &mut [Option<Node>], limit: usize) -> bool {
    let sizes = (0_u32..).zip(nodes.iter()).filter_map(|(number, node)| {
        let name = &*catalog.entities.value(number)?.id;
        Some((std::cmp::Reverse(node.as_ref()?.sessions), name, number))
    });
    let mut sizes: Vec<_> = sizes.collect();
    if sizes.len() <= limit {
        return false;
    }
    sizes.select_nth_unstable(limit);
    for (.., number) in sizes.split_off(limit) {
        let slot = usize::try_from(number).ok().and_then(|number| nodes.get_mut(number));
        if let Some(node) = slot {
            *node = None;
        }
    }
    true
}

fn describe(entity: &Arc<Entity>, node: Node) -> GraphNode {
    GraphNode { entity: Arc::clone(entity), grade: node.grade, sessions: node.sessions }
}

/// The most edges: more lines than anybody can tell apart.
const MAX_EDGES: usize = 20_000;
