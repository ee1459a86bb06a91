import type { Policy, Severity } from '../../api/types';

/**
 * StackRox's file of policies: `{"policies": [...]}`. Its severities end in `_SEVERITY`, and it says for
 * which life-cycle stage a policy is. A CEL expression is ours alone; StackRox ignores it.
 */
interface StackroxPolicy extends Omit<Policy, 'severity'> {
  severity: string;
  lifecycleStages?: string[];
  eventSource?: string;
  policyVersion?: string;
}

const SUFFIX = '_SEVERITY';
const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'critical'];
/** A file of policies is text that people wrote: larger ones are mistakes. */
export const MAX_FILE_BYTES = 2_000_000;

/** The file that StackRox would export. */
export function toStackrox(policies: readonly Policy[]): string {
  const exported = policies.map(({ severity, ...policy }): StackroxPolicy => ({
    ...policy,
    severity: severity.toUpperCase() + SUFFIX,
    lifecycleStages: ['RUNTIME'],
    eventSource: 'DEPLOYMENT_EVENT',
    policyVersion: '1.1',
  }));
  return `${JSON.stringify({ policies: exported }, null, 2)}\n`;
}

/**
 * Reads such a file, or a single policy. What the server knows is kept; it alone decides whether a
 * policy is valid.
 *
 * @throws Error that says what is wrong with the file
 */
export function fromStackrox(text: string): Omit<Policy, 'id'>[] {
  const file: unknown = JSON.parse(text);
  const list = isRecord(file) && Array.isArray(file.policies) ? file.policies : [file];
  return list.map((item: unknown, index) => {
    if (!isRecord(item) || typeof item.name !== 'string') {
      throw new Error(`Policy ${index + 1} has no name.`);
    }
    const known: Record<string, unknown> = {};
    for (const key of KEYS) {
      if (item[key] !== undefined && item[key] !== null) known[key] = item[key];
    }
    return {
      description: '',
      disabled: false,
      categories: [],
      ...known,
      name: item.name,
      severity: severityOf(item.severity, item.name),
    };
  });
}

const KEYS = [
  'description',
  'rationale',
  'remediation',
  'disabled',
  'categories',
  'policySections',
  'expression',
  'scope',
  'exclusions',
] as const;

function severityOf(value: unknown, name: string): Severity {
  const plain = String(value).toLowerCase().replace(SUFFIX.toLowerCase(), '');
  const found = SEVERITIES.find((severity) => severity === plain);
  if (found === undefined) throw new Error(`Policy "${name}" has no severity that is known here.`);
  return found;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
