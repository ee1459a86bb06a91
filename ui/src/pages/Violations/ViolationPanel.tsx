import { useState } from 'react';
import { useMay } from '../../api/auth';
import { send } from '../../api/client';
import { useApi, useChange } from '../../api/hooks';
import type { Violation } from '../../api/types';
import { SeverityBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { Panel } from '../../components/Panel';
import { PostureFacts } from '../../components/PostureCard';
import { Loaded } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { count } from '../../format/numbers';
import { exactTime } from '../../format/time';
import { WindowLink } from '../../url/WindowLink';
import { ExcludeDialog, SnoozeDialog } from './Dialogs';
import { STATE_LABELS } from './states';

/** What a change of a violation changes elsewhere. */
const AFFECTED = ['/violations', '/overview', '/policies', '/edges'] as const;

interface Props {
  id: string;
  onClose: () => void;
}

/** One violation: where, since when, why it is quiet, and what can be done. */
export function ViolationPanel({ id, onClose }: Props) {
  const query = useApi<Violation>(`/violations/${encodeURIComponent(id)}`);
  const violation = query.data;
  return (
    <Panel
      label="Violation detail"
      onClose={onClose}
      title={
        <>
          <h2>{violation?.message ?? 'Violation'}</h2>
          {violation !== undefined && (
            <span className="row">
              <SeverityBadge severity={violation.severity} />
              <span className="chip">{STATE_LABELS[violation.state]}</span>
            </span>
          )}
        </>
      }
    >
      <Loaded query={query}>
        {(data) => (
          <>
            <Actions violation={data} onDone={onClose} />
            <Facts violation={data} />
            <section>
              <h3>Posture that breaks it</h3>
              <PostureFacts posture={data.posture} />
            </section>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Facts({ violation }: { violation: Violation }) {
  return (
    <dl className="facts">
      <dt>Policy</dt>
      <dd>
        <WindowLink to={`/policies/${encodeURIComponent(violation.policy)}`}>
          {violation.policy_name}
        </WindowLink>
      </dd>
      <dt>Edge</dt>
      <dd>
        <WindowLink to="/network" filters={{ edge: violation.edge.id }}>
          <EdgeName edge={violation.edge} />
        </WindowLink>
      </dd>
      <dt>Seen</dt>
      <dd>
        first <RelativeTime time={violation.first_seen} />, last{' '}
        <RelativeTime time={violation.last_seen} />, in{' '}
        <WindowLink to="/sessions" filters={{ edge: violation.edge.id }}>
          {count(violation.sessions)} sessions
        </WindowLink>
      </dd>
      {violation.resolved_at !== undefined && (
        <>
          <dt>Resolved</dt>
          <dd>{exactTime(violation.resolved_at)}</dd>
        </>
      )}
      {violation.snoozed_until !== undefined && (
        <>
          <dt>Snoozed until</dt>
          <dd>{exactTime(violation.snoozed_until)}</dd>
        </>
      )}
      {violation.excluded_until !== undefined && (
        <>
          <dt>Excluded until</dt>
          <dd>{exactTime(violation.excluded_until)}</dd>
        </>
      )}
      {violation.reason !== undefined && (
        <>
          <dt>Reason</dt>
          <dd>{violation.reason}</dd>
        </>
      )}
    </dl>
  );
}

function Actions({ violation, onDone }: { violation: Violation; onDone: () => void }) {
  const [asking, setAsking] = useState<'snooze' | 'exclude' | null>(null);
  const path = `/violations/${encodeURIComponent(violation.id)}`;
  const unsnooze = useChange(() => send('POST', `${path}/unsnooze`), AFFECTED);
  if (!useMay('operator')) return null;
  return (
    <>
      <div className="row">
        {violation.state === 'active' && (
          <button type="button" className="button" onClick={() => setAsking('snooze')}>
            Snooze
          </button>
        )}
        {violation.state === 'snoozed' && (
          <button
            type="button"
            className="button"
            disabled={unsnooze.isPending}
            onClick={() => unsnooze.mutate(undefined, { onSuccess: onDone })}
          >
            End snooze
          </button>
        )}
        {(violation.state === 'active' || violation.state === 'snoozed') && (
          <button type="button" className="button" onClick={() => setAsking('exclude')}>
            Exclude from the policy
          </button>
        )}
      </div>
      {unsnooze.error !== null && (
        <p className="notice bad" role="alert">
          {unsnooze.error.message}
        </p>
      )}
      {asking === 'snooze' && (
        <SnoozeDialog
          path={path}
          affected={AFFECTED}
          onDone={onDone}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === 'exclude' && (
        <ExcludeDialog
          path={path}
          affected={AFFECTED}
          onDone={onDone}
          onClose={() => setAsking(null)}
        />
      )}
    </>
  );
}
