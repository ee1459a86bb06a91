import { useState } from 'react';
import { send } from '../../api/client';
import { useApiItems, useChange } from '../../api/hooks';
import type { EnrolmentToken } from '../../api/types';
import { ConfirmButton } from '../../components/ConfirmButton';
import { Dialog } from '../../components/Dialog';
import { SelectField, TextField } from '../../components/Field';
import { Empty, Loaded } from '../../components/States';
import { Day, RelativeTime } from '../../components/Time';
import { count } from '../../format/numbers';
import { Labels, parseLabels } from './Labels';

const AFFECTED = ['/enrolment-tokens'] as const;

const HOUR_MS = 3_600_000;

const LIFETIMES = [
  ['1', 'An hour'],
  ['24', 'A day'],
  ['168', 'A week'],
  ['720', '30 days'],
] as const;

/** Tokens by which machines join. */
export function Enrolment() {
  const tokens = useApiItems<EnrolmentToken>('/enrolment-tokens');
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<EnrolmentToken | null>(null);
  return (
    <section className="card flush">
      <header>
        <h2>Join tokens</h2>
        <button type="button" className="button small" onClick={() => setAdding(true)}>
          Add machines
        </button>
      </header>
      {made?.join_command !== undefined && (
        <div className="join-command" role="status">
          <p>Run this as root on each machine that is to join. It is shown only now.</p>
          <pre>{made.join_command}</pre>
          <button type="button" className="button small" onClick={() => setMade(null)}>
            I have copied it
          </button>
        </div>
      )}
      <Loaded query={tokens}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No join token">
              A machine joins by a token, which is good for some time and some machines.
            </Empty>
          ) : (
            <TokenTable tokens={list} />
          )
        }
      </Loaded>
      {adding && <AddToken onMade={setMade} onClose={() => setAdding(false)} />}
    </section>
  );
}

function TokenTable({ tokens }: { tokens: readonly EnrolmentToken[] }) {
  return (
    <div className="table-scroll">
      <table className="table stacked">
        <thead>
          <tr>
            <th scope="col">Token</th>
            <th scope="col">Labels</th>
            <th scope="col">Used</th>
            <th scope="col">Ends</th>
            <th scope="col">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tokens.map((token) => (
            <Row key={token.id} token={token} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ token }: { token: EnrolmentToken }) {
  const remove = useChange(
    () => send('DELETE', `/enrolment-tokens/${encodeURIComponent(token.id)}`),
    AFFECTED,
  );
  return (
    <tr>
      <td>
        <span className="mono">{token.id}</span>
        <small>
          made by {token.created_by} <RelativeTime time={token.created} />
        </small>
        {remove.error !== null && (
          <small className="outcome-bad" role="alert">
            {remove.error.message}
          </small>
        )}
      </td>
      <td data-label="Labels">
        <Labels labels={token.labels} />
      </td>
      <td data-label="Used">
        {count(token.uses)} of {count(token.most_uses)}
      </td>
      <td data-label="Ends">
        <Day time={token.expires} />
      </td>
      <td>
        <div className="row end">
          <ConfirmButton
            label="Delete"
            subject={token.id}
            question={`Delete the join token ${token.id}?`}
            consequence="No further machine joins by it. Those that have joined stay."
            busy={remove.isPending}
            onConfirm={() => remove.mutate(undefined)}
          />
        </div>
      </td>
    </tr>
  );
}

interface AddProps {
  onMade: (token: EnrolmentToken) => void;
  onClose: () => void;
}

function AddToken({ onMade, onClose }: AddProps) {
  const [labels, setLabels] = useState('');
  const [uses, setUses] = useState('1');
  const [hours, setHours] = useState('1');
  const parsed = parseLabels(labels);
  const add = useChange(
    () =>
      send<EnrolmentToken>('POST', '/enrolment-tokens', {
        labels: parsed ?? {},
        most_uses: Number(uses),
        expires: new Date(Date.now() + Number(hours) * HOUR_MS).toISOString(),
      }),
    AFFECTED,
  );
  const wrong = parsed === null ? new Error('Labels are NAME=VALUE, with commas between.') : null;
  return (
    <Dialog
      title="Add machines"
      action="Show the command"
      busy={add.isPending}
      error={add.error ?? wrong}
      onSubmit={() => {
        if (parsed === null) return;
        add.mutate(undefined, {
          onSuccess: (token) => {
            onMade(token);
            onClose();
          },
        });
      }}
      onClose={onClose}
    >
      <TextField
        label="How many machines"
        type="number"
        required
        min={1}
        max={100_000}
        value={uses}
        onChange={(event) => setUses(event.target.value)}
      />
      <SelectField label="Good for" value={hours} options={LIFETIMES} onPick={setHours} />
      <TextField
        label="Labels"
        value={labels}
        placeholder="cluster=prod, tenant=blue"
        hint="What these machines are. The label “cluster” names their Kubernetes cluster."
        onChange={(event) => setLabels(event.target.value)}
      />
    </Dialog>
  );
}
