import type { NamespaceReadiness } from '../../api/types';
import { count, share } from '../../format/numbers';
import { WindowLink } from '../../url/WindowLink';

export function Namespaces({ rows }: { rows: readonly NamespaceReadiness[] }) {
  if (rows.length === 0) return null;
  const sorted = [...rows].sort(
    (a, b) => a.pq_sessions / Math.max(a.sessions, 1) - b.pq_sessions / Math.max(b.sessions, 1),
  );
  return (
    <section className="card flush">
      <header>
        <h2>By namespace</h2>
        <p>Least ready first</p>
      </header>
      <div className="table-scroll">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Namespace</th>
              <th scope="col" className="wide-only">
                Post-quantum sessions
              </th>
              <th scope="col" className="num">
                Share
              </th>
              <th scope="col" className="num">
                Edges ready
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((row) => (
              <tr key={row.namespace}>
                <td>
                  {row.namespace === '' ? (
                    'In no namespace'
                  ) : (
                    <WindowLink to="/network" filters={{ namespace: row.namespace }}>
                      {row.namespace}
                    </WindowLink>
                  )}
                </td>
                <td className="pqc-bar-cell wide-only">
                  <span className="bar-track pqc-bar" aria-hidden="true">
                    <span
                      className="bar-fill fill-pq"
                      style={{ width: `${(100 * row.pq_sessions) / Math.max(row.sessions, 1)}%` }}
                    />
                  </span>
                </td>
                <td className="num">
                  {share(row.pq_sessions, row.sessions)}
                  <small>{`${count(row.pq_sessions)} of ${count(row.sessions)}`}</small>
                </td>
                <td className="num">{`${count(row.pq_edges)} of ${count(row.edges)}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
