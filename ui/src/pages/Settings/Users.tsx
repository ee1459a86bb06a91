import { useState } from 'react';
import { useAuth } from '../../api/auth';
import { send } from '../../api/client';
import { useApiItems, useChange } from '../../api/hooks';
import type { Role, User } from '../../api/types';
import { ConfirmButton } from '../../components/ConfirmButton';
import { Dialog } from '../../components/Dialog';
import { SelectField, TextField } from '../../components/Field';
import { Loaded } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { ROLE_OPTIONS } from './roles';

const AFFECTED = ['/users'] as const;

export function Users() {
  const users = useApiItems<User>('/users');
  const [adding, setAdding] = useState(false);
  return (
    <section className="card flush">
      <header>
        <h2>Users</h2>
        <button type="button" className="button small" onClick={() => setAdding(true)}>
          Add user
        </button>
      </header>
      <Loaded query={users}>
        {(list) => (
          <div className="table-scroll">
            <table className="table stacked">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Role</th>
                  <th scope="col" className="wide-only">
                    Last log-in
                  </th>
                  <th scope="col">
                    <span className="sr-only">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {list.map((user) => (
                  <Row key={user.name} user={user} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
      {adding && <AddUser onClose={() => setAdding(false)} />}
    </section>
  );
}

function Row({ user }: { user: User }) {
  const { info } = useAuth();
  const path = `/users/${encodeURIComponent(user.name)}`;
  const setRole = useChange((role: Role) => send('PUT', path, { role }), AFFECTED);
  const remove = useChange(() => send('DELETE', path), AFFECTED);
  const [resetting, setResetting] = useState(false);
  const own = info.user === user.name;
  const error = setRole.error ?? remove.error;
  return (
    <tr>
      <td className="wrap-anywhere">
        {user.name}
        {own && <span className="muted"> (you)</span>}
        {error !== null && (
          <small className="outcome-bad" role="alert">
            {error.message}
          </small>
        )}
      </td>
      <td>
        <select
          className="input role-select"
          aria-label={`Role of ${user.name}`}
          value={user.role}
          disabled={own || setRole.isPending}
          onChange={(event) => setRole.mutate(event.target.value as Role)}
        >
          {ROLE_OPTIONS.map(([role, label]) => (
            <option key={role} value={role}>
              {label}
            </option>
          ))}
        </select>
      </td>
      <td className="wide-only">
        {user.last_login === undefined ? 'Never' : <RelativeTime time={user.last_login} />}
      </td>
      <td>
        <div className="row end">
          <button
            type="button"
            className="button small"
            aria-label={`New password for ${user.name}`}
            onClick={() => setResetting(true)}
          >
            New password
          </button>
          {!own && (
            <ConfirmButton
              label="Delete"
              subject={user.name}
              question={`Delete the user “${user.name}”?`}
              consequence="All sessions of this user end at once."
              busy={remove.isPending}
              onConfirm={() => remove.mutate(undefined)}
            />
          )}
        </div>
        {resetting && (
          <NewPassword path={path} name={user.name} onClose={() => setResetting(false)} />
        )}
      </td>
    </tr>
  );
}

function AddUser({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState('viewer');
  const [password, setPassword] = useState('');
  const add = useChange(() => send('POST', '/users', { name, role, password }), AFFECTED);
  return (
    <Dialog
      title="Add a user"
      action="Add"
      busy={add.isPending}
      error={add.error}
      onSubmit={() => add.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <TextField
        label="Name"
        required
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <SelectField
        label="Role"
        value={role}
        options={ROLE_OPTIONS}
        hint="Viewers read. Operators also change policies and violations. Administrators do all."
        onPick={setRole}
      />
      <TextField
        label="Password"
        type="password"
        required
        autoComplete="new-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
    </Dialog>
  );
}

function NewPassword({ path, name, onClose }: { path: string; name: string; onClose: () => void }) {
  const [password, setPassword] = useState('');
  const save = useChange(() => send('PUT', path, { password }), AFFECTED);
  return (
    <Dialog
      title={`New password for ${name}`}
      action="Set password"
      busy={save.isPending}
      error={save.error}
      onSubmit={() => save.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <TextField
        label="Password"
        type="password"
        required
        autoComplete="new-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
    </Dialog>
  );
}
