import type { Count, Role, Severity } from './types';

export type NotifierKind = 'webhook' | 'alertmanager' | 'syslog' | 'slack' | 'email';

/** Secrets are written and never read back: `has_secret` says that one is there. */
export interface Notifier {
  id: string;
  name: string;
  kind: NotifierKind;
  settings: Record<string, string>;
  has_secret: boolean;
  min_severity: Severity;
  queued: number;
  /** Given up: too much waited, or too many tries failed. */
  dropped?: number;
  last_error?: string;
  last_sent?: string;
}

export interface Agent {
  id: string;
  host: string;
  version: string;
  first_seen: string;
  last_seen: string;
  state: 'live' | 'silent';
  sessions: number;
  losses: Count[];
}

export interface Settings {
  version: string;
  store: {
    kind: 'sqlite' | 'clickhouse';
    bytes: number;
    sessions: number;
    oldest?: string;
    evicted_sessions: number;
  };
  retention_days: number;
  max_store_gib: number;
}

export interface SessionInfo {
  /** There is no user yet: the first is made with the token that the server printed. */
  setup_needed: boolean;
  /** Whether the server shows samples, which are gone when it ends. */
  demo: boolean;
  user?: string;
  role?: Role;
  csrf_token?: string;
  version: string;
}

export interface User {
  name: string;
  role: Role;
  created: string;
  last_login?: string;
}

export interface Token {
  id: string;
  name: string;
  role: Role;
  created: string;
  expires?: string;
  last_used?: string;
  /** Only in the answer to its creation. */
  token?: string;
}

export interface AuditEntry {
  time: string;
  actor: string;
  action: string;
  target: string;
  address: string;
  outcome: 'ok' | 'denied';
}
