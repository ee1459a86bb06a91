import type { ElementDefinition } from 'cytoscape';
import type { Graph, GraphNode } from '../../api/types';
import { gradeTerms } from '../../vocabulary/grades';
import { startPositions } from './layout';

/** Longer names are cut in the graph; the panel has them whole. */
const MAX_LABEL = 24;

const GROUPS: Record<GraphNode['kind'], string> = {
  workload: 'Workloads',
  container: 'Containers',
  process: 'Processes',
  host: 'Hosts',
  network: 'Outside',
};

/** The graph's elements: namespaces, and for what has none its kind, as groups. */
export function elementsOf(graph: Graph): ElementDefinition[] {
  const nodes = [...graph.nodes].sort((a, b) => a.id.localeCompare(b.id));
  const groups = [...new Set(nodes.map(groupOf))].sort();
  const positions = startPositions(nodes.map((node) => ({ id: node.id, group: groupOf(node) })));
  const most = graph.edges.reduce((max, edge) => Math.max(max, edge.sessions), 1);
  return [
    ...groups.map((group) => ({
      data: { id: groupId(group), label: group, group: true },
      selectable: false,
    })),
    ...nodes.map((node) => ({
      data: {
        id: node.id,
        parent: groupId(groupOf(node)),
        label: short(node.name),
        grade: node.grade,
        outside: node.kind === 'network' ? 1 : 0,
      },
      position: positions.get(node.id) ?? { x: 0, y: 0 },
    })),
    ...graph.edges.map((edge) => ({
      data: {
        id: edge.id,
        source: edge.source,
        target: edge.destination,
        grade: edge.grade,
        // By magnitude: a busy edge is thicker, a rare one still visible.
        width: 1.2 + (2.8 * Math.log1p(edge.sessions)) / Math.log1p(most),
        label: `${edge.failing ? '! ' : ''}${gradeTerms(edge.grade).short} :${edge.port}`,
        failing: edge.failing ? 1 : 0,
      },
    })),
  ];
}

function groupOf(node: GraphNode): string {
  return node.namespace ?? GROUPS[node.kind];
}

function groupId(group: string): string {
  return `group:${group}`;
}

function short(name: string): string {
  return name.length > MAX_LABEL ? `${name.slice(0, MAX_LABEL - 1)}…` : name;
}
