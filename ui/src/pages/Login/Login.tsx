import { useMutation } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { useAuth } from '../../api/auth';
import { TextField } from '../../components/Field';
import { Entrance } from './Entrance';

export default function Login() {
  const { login } = useAuth();
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const attempt = useMutation({ mutationFn: () => login(user, password) });

  useEffect(() => {
    document.title = 'Log in · tlsight';
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    attempt.mutate();
  };

  return (
    <Entrance title="Log in">
      <form className="stack" onSubmit={submit}>
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
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        {attempt.error !== null && (
          <p className="notice bad" role="alert">
            {attempt.error.message}
          </p>
        )}
        <button type="submit" className="button primary" disabled={attempt.isPending}>
          {attempt.isPending ? 'Logging in' : 'Log in'}
        </button>
      </form>
    </Entrance>
  );
}
