import { useState } from 'react';
import { send } from '../../api/client';
import { useApiItems, useChange } from '../../api/hooks';
import type { Token } from '../../api/types';
import { ConfirmButton } from '../../components/ConfirmButton';
import { Dialog } from '../../components/Dialog';
import { SelectField, TextField } from '../../components/Field';
import { Empty, Loaded } from '../../components/States';
import { Day, RelativeTime } from '../../components/Time';
import { inputTime } from '../../format/time';
import { ROLE_OPTIONS } from './roles';

const AFFECTED = ['/tokens'] as const;

export function Tokens() {
  const tokens = useApiItems<Token>('/tokens');
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Token | null>(null);
  return (
    <section className="card flush">
      <header>
        <h2>API tokens</h2>
        <button type="button" className="button small" onClick={() => setAdding(true)}>
          Make a token
        </button>
      </header>
      {made?.token !== undefined && (
        <div className="made-token" role="status">
          <p>
            The token “{made.name}”. Copy it now: it is never shown again. Send it as{' '}
            <code>Authorization: Bearer</code>.
          </p>
          <pre>{made.token}</pre>
          <button type="button" className="button small" onClick={() => setMade(null)}>
            I have copied it
          </button>
        </div>
      )}
      <Loaded query={tokens}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No API token yet">
              Agents and scripts log in with a token. Make one for each.
            </Empty>
          ) : (
            <div className="table-scroll">
              <table className="table stacked">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Role</th>
                    <th scope="col" className="wide-only">
                      Made
                    </th>
                    <th scope="col">Expires</th>
                    <th scope="col">Last used</th>
                    <th scope="col">
                      <span className="sr-only">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {list.map((token) => (
                    <Row key={token.id} token={token} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      {adding && <AddToken onMade={setMade} onClose={() => setAdding(false)} />}
    </section>
  );
}

function Row({ token }: { token: Token }) {
  const remove = useChange(
    () => send('DELETE', `/tokens/${encodeURIComponent(token.id)}`),
    AFFECTED,
  );
  return (
    <tr>
      <td className="wrap-anywhere">
        {token.name}
        {remove.error !== null && (
          <small className="outcome-bad" role="alert">
            {remove.error.message}
          </small>
        )}
      </td>
      <td>{token.role}</td>
      <td className="wide-only">
        <Day time={token.created} />
      </td>
      <td data-label="Expires">
        {token.expires === undefined ? 'Never' : <Day time={token.expires} />}
      </td>
      <td data-label="Last used">
        {token.last_used === undefined ? 'Never' : <RelativeTime time={token.last_used} />}
      </td>
      <td>
        <div className="row end">
          <ConfirmButton
            label="Revoke"
            subject={token.name}
            question={`Revoke the token “${token.name}”?`}
            consequence="Whoever uses it is refused from then on."
            busy={remove.isPending}
            onConfirm={() => remove.mutate(undefined)}
          />
        </div>
      </td>
    </tr>
  );
}

interface AddProps {
  onMade: (token: Token) => void;
  onClose: () => void;
}

function AddToken({ onMade, onClose }: AddProps) {
  const [name, setName] = useState('');
  const [role, setRole] = useState('viewer');
  const [expires, setExpires] = useState('');
  const add = useChange(
    () =>
      send<Token>('POST', '/tokens', {
        name,
        role,
        ...(expires === '' ? {} : { expires: new Date(expires).toISOString() }),
      }),
    AFFECTED,
  );
  return (
    <Dialog
      title="Make an API token"
      action="Make token"
      busy={add.isPending}
      error={add.error}
      onSubmit={() =>
        add.mutate(undefined, {
          onSuccess: (token) => {
            onMade(token);
            onClose();
          },
        })
      }
      onClose={onClose}
    >
      <TextField
        label="Name"
        required
        value={name}
        hint="What it is for, such as the agent of a machine"
        onChange={(event) => setName(event.target.value)}
      />
      <SelectField label="Role" value={role} options={ROLE_OPTIONS} onPick={setRole} />
      <TextField
        label="Expires"
        type="datetime-local"
        min={inputTime(new Date())}
        value={expires}
        hint="Empty: never"
        onChange={(event) => setExpires(event.target.value)}
      />
    </Dialog>
  );
}
