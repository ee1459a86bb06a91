import type { Grade, Outcome, Severity, Verdict } from '../api/types';
import { gradeTerms, severityLabel } from '../vocabulary/grades';
import { Icon, type IconName } from './Icon';

const GRADE_ICONS: Record<Grade, IconName> = {
  plain: 'lock-open',
  legacy: 'lock-cracked',
  tls12: 'lock',
  tls13: 'lock-check',
  pq: 'lock-quantum',
  unknown: 'question',
};

/** The lock of a grade: colour, shape and word all say the same. */
export function GradeBadge({ grade, short = false }: { grade: Grade; short?: boolean }) {
  const terms = gradeTerms(grade);
  return (
    <span className={`badge grade-${grade}`} title={terms.meaning}>
      <Icon name={GRADE_ICONS[grade] ?? 'question'} size={12} />
      {short ? terms.short : terms.label}
    </span>
  );
}

const SEVERITY_TONES: Record<Severity, string> = {
  critical: 'tone-bad solid',
  high: 'tone-bad',
  medium: 'tone-warn',
  low: 'tone-neutral',
};

export function SeverityBadge({ severity }: { severity: Severity }) {
  return (
    <span className={`badge plain-label ${SEVERITY_TONES[severity]}`}>
      {severityLabel(severity)}
    </span>
  );
}

const VERDICT_TONES: Record<Verdict, [tone: string, icon: IconName, label: string]> = {
  pass: ['tone-good', 'check', 'Pass'],
  fail: ['tone-bad', 'close', 'Fail'],
  unknown: ['tone-neutral', 'question', 'Unknown'],
};

export function VerdictBadge({ verdict, count }: { verdict: Verdict; count?: number }) {
  const [tone, icon, label] = VERDICT_TONES[verdict];
  return (
    <span className={`badge ${count === 0 ? 'tone-neutral' : tone}`}>
      <Icon name={icon} size={11} />
      {count === undefined ? label : `${count} ${label.toLowerCase()}`}
    </span>
  );
}

const OUTCOMES: Record<Outcome, [tone: string, label: string]> = {
  success: ['', 'Established'],
  failure: ['outcome-bad', 'Failed'],
  unknown: ['muted', 'Not seen'],
};

export function OutcomeText({ outcome, alert }: { outcome: Outcome; alert?: string | undefined }) {
  const [tone, label] = OUTCOMES[outcome];
  return <span className={tone}>{alert === undefined ? label : `${label}: ${alert}`}</span>;
}
