import type { Graph } from '../../api/types';
import { GradeBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { count } from '../../format/numbers';
import { GRADES } from '../../vocabulary/grades';

interface Props {
  graph: Graph;
  onPick: (edge: string) => void;
}

/** The graph as a table, worst edges first: for the keyboard, for screen readers, for small screens. */
export function EdgeList({ graph, onPick }: Props) {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const edges = [...graph.edges].sort(
    (a, b) => GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade) || b.sessions - a.sessions,
  );
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Grade</th>
            <th scope="col">Edge</th>
            <th scope="col" className="num wide-only">
              Sessions
            </th>
            <th scope="col" className="wide-only">
              Policies
            </th>
          </tr>
        </thead>
        <tbody>
          {edges.map((edge) => {
            const source = nodes.get(edge.source);
            const destination = nodes.get(edge.destination);
            return (
              <tr key={edge.id}>
                <td>
                  <GradeBadge grade={edge.grade} short />
                </td>
                <td>
                  <button
                    type="button"
                    className="link-button left"
                    onClick={() => onPick(edge.id)}
                  >
                    {source === undefined || destination === undefined ? (
                      `${edge.source} → ${edge.destination}:${edge.port}`
                    ) : (
                      <EdgeName
                        edge={{ source, destination, port: edge.port, protocol: edge.protocol }}
                      />
                    )}
                  </button>
                </td>
                <td className="num wide-only">{count(edge.sessions)}</td>
                <td className={edge.failing ? 'outcome-bad wide-only' : 'muted wide-only'}>
                  {edge.failing ? 'Breaks a policy' : 'None broken'}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
