import { useMutation } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { useAuth } from '../../api/auth';
import { TextField } from '../../components/Field';
import { Entrance } from './Entrance';

export default function Setup() {
  const { setup } = useAuth();
  const [token, setToken] = useState(
    () => new URLSearchParams(window.location.hash.slice(1)).get('token') ?? '',
  );
  const [user, setUser] = useState('admin');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const attempt = useMutation({ mutationFn: () => setup(token.trim(), user, password) });
  const differ = again !== '' && again !== password;

  useEffect(() => {
    document.title = 'Set-up · tlsight';
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (password === again) attempt.mutate();
  };

  return (
    <Entrance title="First set-up">
      <p className="muted">
        This server has no user yet. Make the first administrator with the set-up token that the
        server printed when it started.
      </p>
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Set-up token"
          name="token"
          autoComplete="off"
          className="input mono"
          required
          spellCheck={false}
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
        <TextField
          label="User"
          name="user"
          autoComplete="username"
          required
          autoCapitalize="none"
          spellCheck={false}
          value={user}
          onChange={(event) => setUser(event.target.value)}
        />
        <TextField
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <TextField
          label="Password again"
          name="password-again"
          type="password"
          autoComplete="new-password"
          required
          aria-invalid={differ}
          {...(differ ? { hint: 'The two passwords differ.' } : {})}
          value={again}
          onChange={(event) => setAgain(event.target.value)}
        />
        {attempt.error !== null && (
          <p className="notice bad" role="alert">
            {attempt.error.message}
          </p>
        )}
        <button type="submit" className="button primary" disabled={attempt.isPending || differ}>
          Create administrator
        </button>
      </form>
    </Entrance>
  );
}
