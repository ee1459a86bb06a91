import type { ReadinessShare } from '../../api/types';
import { count, share } from '../../format/numbers';
import { WindowLink } from '../../url/WindowLink';

interface Props {
  title: string;
  /** Heading of the first column. */
  what: string;
  rows: readonly ReadinessShare[];
  /** Stands for the name that is empty. */
  nameless: string;
  /** The filter of the network graph that a name leads to. */
  filter?: 'namespace';
}

/** How far the servers of each namespace, or of each owner, are. */
export function ShareTable({ title, what, rows, nameless, filter }: Props) {
  if (rows.length === 0) return null;
  const sorted = [...rows].sort(
    (a, b) => a.pq_sessions / Math.max(a.sessions, 1) - b.pq_sessions / Math.max(b.sessions, 1),
  );
  return (
    <section className="card flush">
      <header>
        <h2>{title}</h2>
        <p>Least ready first</p>
      </header>
      {/* The region scrolls, so the keyboard must reach it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-scroll" tabIndex={0} role="region" aria-label={title}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{what}</th>
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
              <tr key={row.name}>
                <td>
                  {row.name === '' || filter === undefined ? (
                    row.name || nameless
                  ) : (
                    <WindowLink to="/network" filters={{ [filter]: row.name }}>
                      {row.name}
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
