import type { Edge, Posture, Severity, Verdict } from './types';

export interface PolicyGroup {
  fieldName: string;
  booleanOperator?: 'OR' | 'AND';
  negate?: boolean;
  values: { value: string }[];
}

/** Its groups must all match; one matching section is enough. */
export interface PolicySection {
  sectionName?: string;
  policyGroups: PolicyGroup[];
}

export interface PolicyScope {
  cluster?: string;
  namespace?: string;
  label?: { key: string; value: string };
}

export interface PolicyExclusion {
  name: string;
  namespace?: string;
  entity?: string;
  reason: string;
  expiration?: string;
}

export interface Policy {
  id: string;
  name: string;
  description: string;
  rationale?: string;
  remediation?: string;
  disabled: boolean;
  severity: Severity;
  categories: string[];
  /** The pack it came with; such a policy can only be switched on and off. */
  pack?: string;
  /** The standard or document that it follows, with section. */
  source?: string;
  policySections?: PolicySection[];
  /** CEL, in place of sections. */
  expression?: string;
  scope?: PolicyScope[];
  exclusions?: PolicyExclusion[];
  notifiers?: string[];
}

/** What a policy group may name. */
export interface Criterion {
  name: string;
  description: string;
  values: string;
  examples: string[];
  choices?: string[];
}

export interface DryRunExample {
  edge: Edge;
  posture: Posture;
  verdict: Verdict;
  reason: string;
}

export interface DryRun {
  pass: number;
  fail: number;
  unknown: number;
  examples: DryRunExample[];
}

export interface Pack {
  id: string;
  name: string;
  description: string;
  /** A date. */
  version: string;
  source: string;
  enabled: boolean;
  policies: number;
}
