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

/** How an agent does; the worst first. */
export type AgentState =
  | 'revoked'
  | 'cut_off'
  | 'silent'
  | 'losing'
  | 'clock_off'
  | 'late'
  | 'settings_refused'
  | 'policies_refused'
  | 'malformed'
  | 'reduced'
  | 'outdated'
  | 'ok';

export type Labels = Record<string, string>;

export interface Agent {
  id: string;
  host: string;
  version: string;
  first_seen: string;
  last_seen: string;
  state: AgentState;
  troubles: { state: AgentState; reason: string }[];
  sessions: number;
  losses: Count[];
  /** Only of agents with a certificate, not of imports. */
  member?: Member;
}

export interface Member {
  connected: boolean;
  address: string;
  labels: Labels;
  token: string;
  enrolled: string;
  certificate_not_after: string;
  capability: string;
  missing: string[];
  clock_ahead_ms: number;
  lag_ms?: number;
  spooled_batches: number;
  spooled_bytes: number;
  cpu_permille?: number;
  resident_bytes: number;
  /** 0 are its own. */
  settings_revision: number;
  settings_asked: number;
  has_policies: boolean;
  malformed_batches: number;
  rejected_lines: number;
}

export interface EnrolmentToken {
  id: string;
  labels: Labels;
  created: string;
  created_by: string;
  expires: string;
  most_uses: number;
  uses: number;
  last_used?: string;
  /** Only in the answer to its creation, as is the next one. */
  token?: string;
  join_command?: string;
}

export type RolloutStage = { per_mille: number } | { labels: Labels };

export interface Rollout {
  revision: number;
  settings: string;
  note: string;
  created: string;
  created_by: string;
  stages: RolloutStage[];
  /** How many stages have begun. */
  begun: number;
  state: 'running' | 'paused' | 'rolled_back';
  changed: string;
  agents: { reached: number; asked: number; have: number; refuse: number };
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
