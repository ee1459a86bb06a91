import type { Edge, PqcReadiness } from '../../api/types';
import { GradeBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { SelectFilter } from '../../components/FilterBar';
import { count } from '../../format/numbers';
import { useFilters } from '../../url/filters';
import { WindowLink } from '../../url/WindowLink';

const FILTERS = ['blocker'] as const;
const TERMS = {
  client: ['Client', 'It offers no post-quantum group: update or configure the client.'],
  server: ['Server', 'It does not choose the post-quantum group that it was offered.'],
  both: ['Both', 'Not every client offers one, and the server does not choose it when one does.'],
  unknown: ['Unknown', 'The offer or the choice was not seen.'],
} as const;
const KEYS = ['client', 'server', 'both', 'unknown'] as const;
const OPTIONS = KEYS.map((key) => [key, TERMS[key][0]] as const);

interface Props {
  blockers: PqcReadiness['blockers'];
  edges: readonly Edge[];
}

/** Who must change, and where most sessions would gain. */
export function Blockers({ blockers, edges }: Props) {
  const [filters, setFilters] = useFilters(FILTERS);
  const shown = edges.filter(
    (edge) => filters.blocker === undefined || (edge.blocker ?? 'unknown') === filters.blocker,
  );
  return (
    <section className="card flush">
      <header>
        <h2>What stands in the way</h2>
        <p>Edges without a post-quantum key exchange, most sessions first</p>
      </header>
      <dl className="blockers">
        {KEYS.map((key) => (
          <div key={key}>
            <dt>{TERMS[key][0]}</dt>
            <dd>
              <strong>{count(blockers[key])}</strong> <span className="muted">{TERMS[key][1]}</span>
            </dd>
          </div>
        ))}
      </dl>
      <div className="blocker-filter">
        <SelectFilter
          label="Blocked by"
          value={filters.blocker}
          options={OPTIONS}
          onChange={(blocker) => setFilters({ blocker })}
        />
      </div>
      {shown.length === 0 ? (
        <p className="state muted">No edge is blocked in this way.</p>
      ) : (
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Edge</th>
                <th scope="col">Grade</th>
                <th scope="col">Blocked by</th>
                <th scope="col" className="wide-only">
                  Group
                </th>
                <th scope="col" className="num wide-only">
                  Sessions
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((edge) => (
                <tr key={edge.id}>
                  <td>
                    <WindowLink to="/network" filters={{ edge: edge.id }}>
                      <EdgeName edge={edge} />
                    </WindowLink>
                  </td>
                  <td>
                    <GradeBadge grade={edge.grade} short />
                  </td>
                  <td>{TERMS[edge.blocker ?? 'unknown'][0]}</td>
                  <td className="mono wide-only">{groupsOf(edge)}</td>
                  <td className="num wide-only">{count(edge.sessions)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function groupsOf(edge: Edge): string {
  const groups = edge.postures
    .map((item) => item.posture.group)
    .filter((group) => group !== undefined);
  return groups.length === 0 ? '–' : [...new Set(groups)].join(', ');
}
