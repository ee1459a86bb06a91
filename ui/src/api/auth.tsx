import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, use, useCallback, useEffect, useMemo, type ReactNode } from 'react';
import { get, send, setCsrfToken, setOnUnauthorised } from './client';
import type { Role, SessionInfo } from './types';

interface Auth {
  info: SessionInfo;
  login: (user: string, password: string) => Promise<void>;
  setup: (token: string, user: string, password: string) => Promise<void>;
  logout: () => Promise<void>;
}

const SESSION_KEY = ['session'];
const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];
const AuthContext = createContext<Auth | null>(null);

interface Props {
  children: ReactNode;
  /** Shown until the server has said who is logged in. */
  pending: (error: Error | null, retry: () => void) => ReactNode;
}

/** Knows who is logged in, and tells the API client the token that changes must carry. */
export function AuthProvider({ children, pending }: Props) {
  const client = useQueryClient();
  const session = useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }) => {
      const info = await get<SessionInfo>('/session', undefined, signal);
      setCsrfToken(info.csrf_token);
      return info;
    },
    staleTime: Infinity,
  });

  const enter = useCallback(
    (info: SessionInfo) => {
      setCsrfToken(info.csrf_token);
      client.setQueryData(SESSION_KEY, info);
      // What one person may see, the next may not.
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
    },
    [client],
  );

  useEffect(() => {
    setOnUnauthorised(() => {
      setCsrfToken(undefined);
      client.setQueryData<SessionInfo>(SESSION_KEY, (old) =>
        old === undefined
          ? old
          : { setup_needed: old.setup_needed, demo: old.demo, version: old.version },
      );
    });
  }, [client]);

  const info = session.data;
  const auth = useMemo<Auth | null>(() => {
    if (info === undefined) return null;
    return {
      info,
      login: async (user, password) =>
        enter(await send<SessionInfo>('POST', '/login', { user, password })),
      setup: async (token, user, password) =>
        enter(await send<SessionInfo>('POST', '/setup', { token, user, password })),
      logout: async () => {
        await send('POST', '/logout');
        enter({ setup_needed: false, demo: info.demo, version: info.version });
      },
    };
  }, [info, enter]);

  if (auth === null) return pending(session.error, () => void session.refetch());
  return <AuthContext value={auth}>{children}</AuthContext>;
}

export function useAuth(): Auth {
  const auth = use(AuthContext);
  if (auth === null) throw new Error('useAuth outside of AuthProvider');
  return auth;
}

/** Whether the person's role is at least `needed`. What this denies is not shown; the server denies it too. */
export function useMay(needed: Role): boolean {
  const role = useAuth().info.role;
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
