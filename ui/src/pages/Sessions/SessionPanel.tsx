import { useState } from 'react';
import { useApi } from '../../api/hooks';
import type { Fields, SessionDetail, SessionRow } from '../../api/types';
import { GradeBadge, OutcomeText } from '../../components/Badges';
import { EntityName } from '../../components/EntityName';
import { Switch } from '../../components/Field';
import { KeyExchange } from '../../components/KeyExchange';
import { Panel } from '../../components/Panel';
import { Loaded } from '../../components/States';
import { exactTime } from '../../format/time';
import { WindowLink } from '../../url/WindowLink';
import { versionLabel } from '../../vocabulary/grades';
import { EventTree } from './EventTree';

interface Props {
  id: string;
  onClose: () => void;
}

/** One session: what matters first, then the whole event with every field explained. */
export function SessionPanel({ id, onClose }: Props) {
  const session = useApi<SessionDetail>(`/sessions/${encodeURIComponent(id)}`, {});
  const fields = useApi<Fields>('/fields', {}, { staleTime: Infinity });
  const [explained, setExplained] = useState(true);
  const row = session.data?.row;
  return (
    <Panel
      label="Session detail"
      onClose={onClose}
      title={
        <>
          <h2>{row === undefined ? 'Session' : (row.server_name ?? row.destination.name)}</h2>
          {row !== undefined && <GradeBadge grade={row.grade} />}
        </>
      }
    >
      <Loaded query={session}>
        {(detail) => (
          <>
            <Summary row={detail.row} />
            <section>
              <div className="row between">
                <h3>Event</h3>
                <Switch label="Explain fields" checked={explained} onChange={setExplained} />
              </div>
              <EventTree event={detail.event} fields={explained ? (fields.data ?? {}) : {}} />
            </section>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Summary({ row }: { row: SessionRow }) {
  return (
    <dl className="facts">
      <dt>Time</dt>
      <dd>{exactTime(row.time)}</dd>
      <dt>Client</dt>
      <dd>
        <EntityName entity={row.source} />{' '}
        <span className="mono muted">{`${row.client_ip}:${row.client_port}`}</span>
      </dd>
      <dt>Server</dt>
      <dd>
        <EntityName entity={row.destination} />{' '}
        <span className="mono muted">{`${row.server_ip}:${row.server_port}`}</span>
      </dd>
      {row.process !== undefined && (
        <>
          <dt>Process</dt>
          <dd className="mono">{row.process}</dd>
        </>
      )}
      <dt>Version</dt>
      <dd>{versionLabel(row.version)}</dd>
      <dt>Cipher</dt>
      <dd className="mono">{row.cipher ?? '–'}</dd>
      <dt>Key exchange</dt>
      <dd>
        <KeyExchange of={row} />
      </dd>
      {row.alpn !== undefined && (
        <>
          <dt>ALPN</dt>
          <dd className="mono">{row.alpn}</dd>
        </>
      )}
      <dt>Outcome</dt>
      <dd>
        <OutcomeText outcome={row.outcome} alert={row.alert} />
      </dd>
      <dt>Edge</dt>
      <dd>
        <WindowLink to="/network" filters={{ edge: row.edge }}>
          Show in the network graph
        </WindowLink>
        {', '}
        <WindowLink to="/sessions" filters={{ edge: row.edge }}>
          all its sessions
        </WindowLink>
      </dd>
    </dl>
  );
}
