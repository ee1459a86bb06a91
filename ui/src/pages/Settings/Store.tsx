import { useState } from 'react';
import { useMay } from '../../api/auth';
import { send } from '../../api/client';
import { useApi, useChange } from '../../api/hooks';
import type { Settings } from '../../api/types';
import { TextField } from '../../components/Field';
import { Loaded } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { bytes, count } from '../../format/numbers';

const GIB = 1024 ** 3;
const KINDS = { sqlite: 'SQLite', clickhouse: 'ClickHouse' };

export function Store() {
  const settings = useApi<Settings>('/settings');
  return <Loaded query={settings}>{(data) => <Content settings={data} />}</Loaded>;
}

function Content({ settings }: { settings: Settings }) {
  const { store } = settings;
  const used = Math.min(1, store.bytes / (settings.max_store_gib * GIB));
  return (
    <div className="settings-columns">
      <section className="card">
        <header>
          <h2>Store</h2>
          <p>{KINDS[store.kind]}</p>
        </header>
        <dl className="facts">
          <dt>Size</dt>
          <dd>
            {bytes(store.bytes)} of at most {count(settings.max_store_gib)} GiB
            <span className="bar-track store-bar" aria-hidden="true">
              <span className="bar-fill" style={{ width: `${100 * used}%` }} />
            </span>
          </dd>
          <dt>Sessions</dt>
          <dd>{count(store.sessions)}</dd>
          <dt>Oldest</dt>
          <dd>{store.oldest === undefined ? 'None yet' : <RelativeTime time={store.oldest} />}</dd>
          <dt>Evicted</dt>
          <dd>
            {store.evicted_sessions === 0
              ? 'None: the store has had room for all sessions.'
              : `${count(store.evicted_sessions)} of the oldest sessions, to keep within the size`}
          </dd>
          <dt>Version</dt>
          <dd className="mono">{settings.version}</dd>
        </dl>
      </section>
      {useMay('admin') ? (
        <Limits settings={settings} />
      ) : (
        <section className="card">
          <header>
            <h2>Retention</h2>
          </header>
          <p>
            Sessions are kept for {count(settings.retention_days)} days, in at most{' '}
            {count(settings.max_store_gib)} GiB.
          </p>
        </section>
      )}
    </div>
  );
}

function Limits({ settings }: { settings: Settings }) {
  const [days, setDays] = useState(String(settings.retention_days));
  const [size, setSize] = useState(String(settings.max_store_gib));
  const save = useChange(
    () =>
      send('PUT', '/settings', {
        retention_days: Number(days),
        max_store_gib: Number(size),
      }),
    ['/settings'],
  );
  return (
    <form
      className="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(undefined);
      }}
    >
      <h2>Retention</h2>
      <TextField
        label="Keep sessions for, in days"
        type="number"
        min={1}
        max={3650}
        required
        value={days}
        onChange={(event) => setDays(event.target.value)}
      />
      <TextField
        label="Size of the store at most, in GiB"
        type="number"
        min={1}
        max={65536}
        required
        value={size}
        hint="When it is full, the oldest sessions go first, and their number is shown here."
        onChange={(event) => setSize(event.target.value)}
      />
      {save.error !== null && (
        <p className="notice bad" role="alert">
          {save.error.message}
        </p>
      )}
      {save.isSuccess && (
        <p className="muted" role="status">
          Saved.
        </p>
      )}
      <div>
        <button type="submit" className="button primary" disabled={save.isPending}>
          Save
        </button>
      </div>
    </form>
  );
}
