import type { Grade, KeyExchangeClass } from '../api/types';
import type { Series } from '../components/TimeChart';
import { className, gradeTerms } from './grades';

const BEST_FIRST: readonly Grade[] = ['pq', 'tls13', 'tls12', 'unknown', 'legacy', 'plain'];

/** Grades over time, the best at the bottom: what must go is at the top, where it stands out. */
export const GRADE_SERIES: readonly Series<Grade>[] = BEST_FIRST.map((key) => ({
  key,
  label: gradeTerms(key).label,
  fill: gradeTerms(key).fill,
  striped: key === 'legacy' || key === 'plain',
}));

type Class = KeyExchangeClass | 'unknown';

const CLASS_FILLS: readonly [Class, string, boolean][] = [
  ['hybrid_pq', 'pq', false],
  ['pq', 'pq', true],
  ['classical', 'tls13', false],
  ['unknown', 'unknown-fill', false],
  ['none', 'legacy', true],
];

export const CLASS_SERIES: readonly Series<Class>[] = CLASS_FILLS.map(([key, fill, striped]) => ({
  key,
  label: className(key),
  fill,
  striped,
}));
