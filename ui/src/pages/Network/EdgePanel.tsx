import { useApi } from '../../api/hooks';
import type { Edge, Page, SessionRow } from '../../api/types';
import { GradeBadge, OutcomeText, VerdictBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { Panel } from '../../components/Panel';
import { PostureCard } from '../../components/PostureCard';
import { Loaded } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { clock, exactTime } from '../../format/time';
import { count } from '../../format/numbers';
import { WindowLink } from '../../url/WindowLink';
import { useTimeWindow } from '../../url/window';
import { VERDICTS } from '../../vocabulary/grades';

/** The newest sessions of an edge that the panel lists; the sessions page has all. */
const SESSIONS_SHOWN = 10;

const BLOCKERS = {
  client: 'The client offers no post-quantum group.',
  server: 'The client offers a post-quantum group; the server does not choose it.',
  both: 'Neither side is known to support a post-quantum group.',
};

interface Props {
  id: string;
  onClose: () => void;
}

/** One edge: its verdicts, its postures, its newest sessions. */
export function EdgePanel({ id, onClose }: Props) {
  const [timeWindow] = useTimeWindow();
  const edge = useApi<Edge>(`/edges/${encodeURIComponent(id)}`, timeWindow);
  return (
    <Panel
      label="Edge detail"
      onClose={onClose}
      title={
        edge.data === undefined ? (
          <h2>Edge</h2>
        ) : (
          <>
            <h2>
              <EdgeName edge={edge.data} />
            </h2>
            <GradeBadge grade={edge.data.grade} />
          </>
        )
      }
    >
      <Loaded query={edge}>{(data) => <Content edge={data} />}</Loaded>
    </Panel>
  );
}

function Content({ edge }: { edge: Edge }) {
  return (
    <>
      <section>
        <dl className="facts">
          <dt>Server names</dt>
          <dd>{edge.server_names.length === 0 ? 'None seen' : edge.server_names.join(', ')}</dd>
          <dt>Sessions</dt>
          <dd>
            {count(edge.sessions)}
            {edge.failures > 0 && (
              <span className="outcome-bad">, {count(edge.failures)} failed</span>
            )}
          </dd>
          <dt>Seen</dt>
          <dd>
            first <RelativeTime time={edge.first_seen} />, last{' '}
            <RelativeTime time={edge.last_seen} />
          </dd>
          <dt>Policies</dt>
          <dd className="row">
            {VERDICTS.map((verdict) => (
              <VerdictBadge key={verdict} verdict={verdict} count={edge.verdicts[verdict]} />
            ))}
          </dd>
          {edge.blocker !== undefined && (
            <>
              <dt>Post-quantum</dt>
              <dd>{BLOCKERS[edge.blocker]}</dd>
            </>
          )}
        </dl>
        {edge.verdicts.fail > 0 && (
          <p className="panel-more">
            <WindowLink to="/violations" filters={{ edge: edge.id }}>
              Violations on this edge
            </WindowLink>
          </p>
        )}
      </section>
      <section>
        <h3>Postures</h3>
        <div className="stack">
          {edge.postures.map((item) => (
            <PostureCard key={item.posture.id} item={item} />
          ))}
        </div>
      </section>
      <Newest edge={edge.id} />
    </>
  );
}

function Newest({ edge }: { edge: string }) {
  const [timeWindow] = useTimeWindow();
  const sessions = useApi<Page<SessionRow>>('/sessions', {
    ...timeWindow,
    edge,
    limit: SESSIONS_SHOWN,
  });
  return (
    <section>
      <h3>Newest sessions</h3>
      <Loaded query={sessions}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="muted">None is kept for this time window.</p>
          ) : (
            <>
              <ul className="mini-list">
                {items.map((row) => (
                  <li key={row.id}>
                    <GradeBadge grade={row.grade} short />
                    <WindowLink
                      to={`/sessions/${encodeURIComponent(row.id)}`}
                      title={exactTime(row.time)}
                    >
                      {clock(row.time)}
                    </WindowLink>
                    <span className="truncate">{row.server_name ?? row.server_ip}</span>
                    <OutcomeText outcome={row.outcome} alert={row.alert} />
                  </li>
                ))}
              </ul>
              <p className="panel-more">
                <WindowLink to="/sessions" filters={{ edge }}>
                  All sessions of this edge
                </WindowLink>
              </p>
            </>
          )
        }
      </Loaded>
    </section>
  );
}
