import type { Grade, KeyExchangeClass, Severity, Verdict } from '../api/types';

interface GradeTerms {
  label: string;
  /** In one word, for columns. */
  short: string;
  meaning: string;
  /** The colour token of lines and areas. */
  fill: string;
}

/** Worst to best, then what is not known. */
export const GRADES: readonly Grade[] = ['plain', 'legacy', 'tls12', 'tls13', 'pq', 'unknown'];

const TERMS: Record<Grade, GradeTerms> = {
  plain: {
    label: 'Unencrypted',
    short: 'Plain',
    meaning: 'No encryption at all.',
    fill: 'plain',
  },
  legacy: {
    label: 'Legacy TLS',
    short: 'Legacy',
    meaning: 'Below TLS 1.2, without forward secrecy, or with a broken cipher.',
    fill: 'legacy',
  },
  tls12: {
    label: 'TLS 1.2',
    short: 'TLS 1.2',
    meaning: 'TLS 1.2 with forward secrecy and a sound cipher.',
    fill: 'tls12-fill',
  },
  tls13: {
    label: 'TLS 1.3',
    short: 'TLS 1.3',
    meaning: 'TLS 1.3 with a classical key exchange.',
    fill: 'tls13',
  },
  pq: {
    label: 'Post-quantum',
    short: 'PQ',
    meaning: 'A (hybrid) post-quantum key exchange.',
    fill: 'pq',
  },
  unknown: {
    label: 'Unknown',
    short: 'Unknown',
    meaning: 'Not enough was seen: a failed handshake, or one side only.',
    fill: 'unknown-fill',
  },
};

/** The terms of a grade; a grade that a newer server invents is shown as unknown. */
export function gradeTerms(grade: string): GradeTerms {
  return TERMS[grade as Grade] ?? TERMS.unknown;
}

const CLASSES: Record<string, string> = {
  classical: 'Classical',
  hybrid_pq: 'Hybrid post-quantum',
  pq: 'Post-quantum',
  none: 'None (static RSA or PSK only)',
  unknown: 'Unknown',
};

export function className(value: KeyExchangeClass | string): string {
  return CLASSES[value] ?? value;
}

export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low'];

export function severityLabel(severity: Severity): string {
  return severity.charAt(0).toUpperCase() + severity.slice(1);
}

export const VERDICTS: readonly Verdict[] = ['fail', 'unknown', 'pass'];

/** `1.3` to `TLS 1.3`, or the name that the protocol family has. */
export function versionLabel(version: string | undefined, protocol?: string): string {
  if (version === undefined) return '–';
  if (!/^\d/.test(version)) return version;
  return `${(protocol ?? 'tls').toUpperCase()} ${version}`;
}
