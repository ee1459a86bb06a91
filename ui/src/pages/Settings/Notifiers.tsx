import { useState } from 'react';
import { useMay } from '../../api/auth';
import { send } from '../../api/client';
import { useApiItems, useChange } from '../../api/hooks';
import type { Notifier } from '../../api/types';
import { SeverityBadge } from '../../components/Badges';
import { ConfirmButton } from '../../components/ConfirmButton';
import { Empty, Loaded } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { count } from '../../format/numbers';
import { NotifierDialog } from './NotifierDialog';
import { KIND_LABELS } from './notifierKinds';

const AFFECTED = ['/notifiers'] as const;

export function Notifiers() {
  const notifiers = useApiItems<Notifier>('/notifiers');
  const admin = useMay('admin');
  const [editing, setEditing] = useState<Notifier | 'new' | null>(null);
  return (
    <section className="card flush">
      <header>
        <h2>Notifiers</h2>
        {admin && (
          <button type="button" className="button small" onClick={() => setEditing('new')}>
            Add notifier
          </button>
        )}
      </header>
      <Loaded query={notifiers}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="Alerts go nowhere yet">
              Violations are shown here all the same. A notifier sends them to a webhook,
              Alertmanager, syslog, Slack or by e-mail.
            </Empty>
          ) : (
            <ul className="notifier-list">
              {list.map((item) => (
                <Item key={item.id} notifier={item} onEdit={() => setEditing(item)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {editing !== null && (
        <NotifierDialog
          notifier={editing === 'new' ? undefined : editing}
          onClose={() => setEditing(null)}
        />
      )}
    </section>
  );
}

function Item({ notifier, onEdit }: { notifier: Notifier; onEdit: () => void }) {
  const admin = useMay('admin');
  const path = `/notifiers/${encodeURIComponent(notifier.id)}`;
  const test = useChange(() => send('POST', `${path}/test`), AFFECTED);
  const remove = useChange(() => send('DELETE', path), AFFECTED);
  const error = test.error ?? remove.error;
  return (
    <li>
      <div className="row between">
        <div className="row">
          <h3>{notifier.name}</h3>
          <span className="chip">{KIND_LABELS[notifier.kind]}</span>
          <span className="muted">from</span>
          <SeverityBadge severity={notifier.min_severity} />
        </div>
        {admin && (
          <div className="row">
            <button
              type="button"
              className="button small"
              aria-label={`Send a test to ${notifier.name}`}
              disabled={test.isPending}
              onClick={() => test.mutate(undefined)}
            >
              Send a test
            </button>
            <button
              type="button"
              className="button small"
              aria-label={`Edit ${notifier.name}`}
              onClick={onEdit}
            >
              Edit
            </button>
            <ConfirmButton
              label="Delete"
              subject={notifier.name}
              question={`Delete the notifier “${notifier.name}”?`}
              consequence="Alerts that still wait in its queue are dropped."
              busy={remove.isPending}
              onConfirm={() => remove.mutate(undefined)}
            />
          </div>
        )}
      </div>
      <p className="muted">
        {notifier.last_sent === undefined ? (
          'Nothing was sent yet'
        ) : (
          <>
            Last sent <RelativeTime time={notifier.last_sent} />
          </>
        )}
        {notifier.queued > 0 && `, ${count(notifier.queued)} waiting in the queue`}
        {(notifier.dropped ?? 0) > 0 && `, ${count(notifier.dropped ?? 0)} given up`}
      </p>
      {notifier.last_error !== undefined && (
        <p className="outcome-bad wrap-anywhere">Last error: {notifier.last_error}</p>
      )}
      {test.isSuccess && <p role="status">The test was accepted.</p>}
      {error !== null && (
        <p className="notice bad" role="alert">
          {error.message}
        </p>
      )}
    </li>
  );
}
