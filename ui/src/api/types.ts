/**
 * The shapes of the server's API, under `/api/v1`, as JSON in snake case. Times are RFC 3339 in UTC.
 * Policies are the exception in case: they have StackRox's shape.
 */

/** An error, as `application/problem+json` (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
}

/** One page of a list; without `next_cursor` it is the last. */
export interface Page<T> {
  items: T[];
  next_cursor?: string;
  total?: number;
}

export interface Window {
  from: string;
  to: string;
}

/**
 * How well a connection is protected, worst to best. `legacy` is below TLS 1.2, without forward
 * secrecy or with a broken cipher; `unknown` means that not enough was seen.
 */
export type Grade = 'plain' | 'legacy' | 'tls12' | 'tls13' | 'pq' | 'unknown';
export type KeyExchangeClass = 'classical' | 'hybrid_pq' | 'pq' | 'none';
/** `unknown`: the rule had no evidence. It is never a pass. */
export type Verdict = 'pass' | 'fail' | 'unknown';
export type Severity = 'low' | 'medium' | 'high' | 'critical';
export type Role = 'viewer' | 'operator' | 'admin';

/** One end of a connection: a workload, container, process, host or network. */
export interface Entity {
  /** For example `workload:shop/Deployment/cart`, `process:HOST/EXE`, `external:internet`. */
  id: string;
  kind: 'workload' | 'container' | 'process' | 'host' | 'network';
  /** What a person would call it. */
  name: string;
  namespace?: string;
  workload_kind?: string;
  executable?: string;
  image?: string;
  ip?: string;
}

export interface PostureCertificate {
  /** `encrypted`: TLS 1.3 hid it from a passive observer; `resumed`: none was sent. */
  state: 'visible' | 'encrypted' | 'resumed' | 'absent';
  fingerprint?: string;
  key_type?: string;
  key_bits?: number;
  signature_algorithm?: string;
  not_after?: string;
  days_left?: number;
  self_signed?: boolean;
  sni_match?: boolean;
}

/** What sessions on an edge have in common: all that policies judge. */
export interface Posture {
  /** Digest of its content, in hexadecimal. */
  id: string;
  grade: Grade;
  version?: string;
  version_protocol?: string;
  cipher?: string;
  group?: string;
  class?: KeyExchangeClass;
  forward_secret?: boolean;
  signature_algorithm?: string;
  alpn?: string;
  carrier: 'tcp' | 'quic' | 'dtls';
  starttls?: string;
  resumed: boolean;
  established: boolean;
  certificate: PostureCertificate;
  evidence: 'wire' | 'socket' | 'secrets' | 'library';
}

export interface Count {
  name: string;
  count: number;
}

export interface GradePoint {
  time: string;
  pq: number;
  tls13: number;
  tls12: number;
  legacy: number;
  plain: number;
  unknown: number;
}

export interface Overview {
  window: Window;
  sessions: number;
  failures: number;
  edges: number;
  entities: number;
  /** At most ten each, then `other`. */
  by_grade: Count[];
  by_version: Count[];
  by_class: Count[];
  by_group: Count[];
  by_cipher: Count[];
  series: GradePoint[];
  certificates: { total: number; expired: number; expiring_7: number; expiring_30: number };
  violations: Record<Severity, number>;
  top_violations: Violation[];
  /** By cause; empty if nothing was lost. */
  losses: Count[];
  sources: { agents: number; silent_agents: number };
}

export interface EdgePosture {
  posture: Posture;
  sessions: number;
  first_seen: string;
  last_seen: string;
}

/** All sessions from one entity to one port of another. */
export interface Edge {
  id: string;
  source: Entity;
  destination: Entity;
  port: number;
  protocol: 'tcp' | 'udp';
  server_names: string[];
  /** Of the worst posture. */
  grade: Grade;
  sessions: number;
  failures: number;
  first_seen: string;
  last_seen: string;
  /** In lists at most three. */
  postures: EdgePosture[];
  /** Rules of enabled policies. */
  verdicts: { pass: number; fail: number; unknown: number };
  /** Who stands in the way of a post-quantum key exchange. */
  blocker?: 'client' | 'server' | 'both';
}

export type GraphNode = Entity & { grade: Grade; sessions: number };

export interface GraphEdge {
  id: string;
  source: string;
  destination: string;
  port: number;
  protocol: string;
  grade: Grade;
  sessions: number;
  failing: boolean;
}

export interface Graph {
  window: Window;
  nodes: GraphNode[];
  edges: GraphEdge[];
  /** There are more nodes than the limit of the request. */
  truncated: boolean;
}

export type Outcome = 'success' | 'failure' | 'unknown';

export interface SessionRow {
  id: string;
  time: string;
  source: Entity;
  destination: Entity;
  client_ip: string;
  client_port: number;
  server_ip: string;
  server_port: number;
  server_name?: string;
  version?: string;
  cipher?: string;
  group?: string;
  class?: KeyExchangeClass;
  grade: Grade;
  alpn?: string;
  resumed: boolean;
  outcome: Outcome;
  alert?: string;
  process?: string;
  edge: string;
}

export interface SessionDetail {
  row: SessionRow;
  /** The event as `tlsight read --json` writes it. */
  event: Record<string, unknown>;
}

/** What each field of an event means, by its path with dots. */
export type Fields = Record<string, { description: string; type: string }>;

export interface Certificate {
  fingerprint: string;
  subject: string;
  issuer: string;
  names: string[];
  serial?: string;
  not_before: string;
  not_after: string;
  days_left: number;
  key_type: string;
  key_bits?: number;
  signature_algorithm: string;
  self_signed: boolean;
  first_seen: string;
  last_seen: string;
  sessions: number;
  /** Only in the detail of one certificate. */
  used_by?: Edge[];
}

/** What the servers of a namespace or an owner have. */
export interface ReadinessShare {
  /** Empty for what is in none, or has none. */
  name: string;
  edges: number;
  pq_edges: number;
  sessions: number;
  pq_sessions: number;
}

export interface ClassPoint {
  time: string;
  hybrid_pq: number;
  pq: number;
  classical: number;
  none: number;
  unknown: number;
}

export interface PqcReadiness {
  window: Window;
  total: { edges: number; sessions: number; by_class: Count[] };
  by_namespace: ReadinessShare[];
  by_owner: ReadinessShare[];
  series: ClassPoint[];
  /** Numbers of edges. */
  blockers: { client: number; server: number; both: number; unknown: number };
  /** Not post-quantum, most sessions first, at most 200. */
  edges: Edge[];
}

export type ViolationState = 'active' | 'resolved' | 'snoozed' | 'excluded';

export interface Violation {
  id: string;
  policy: string;
  policy_name: string;
  severity: Severity;
  state: ViolationState;
  edge: Edge;
  posture: Posture;
  message: string;
  first_seen: string;
  last_seen: string;
  resolved_at?: string;
  sessions: number;
  snoozed_until?: string;
  /** Without it, an exclusion stays until it is taken away. */
  excluded_until?: string;
  reason?: string;
}

export type * from './admin-types';
export type * from './policy-types';
