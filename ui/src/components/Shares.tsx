import type { Count, Grade } from '../api/types';
import { count, share } from '../format/numbers';
import { WindowLink } from '../url/WindowLink';
import { gradeTerms } from '../vocabulary/grades';
import './shares.css';

const BEST_FIRST: readonly Grade[] = ['pq', 'tls13', 'tls12', 'legacy', 'plain', 'unknown'];

/** One bar, cut by grade, best at the left. The legend beside it has the numbers. */
export function GradeBar({ counts }: { counts: readonly Count[] }) {
  const total = counts.reduce((sum, item) => sum + item.count, 0);
  const of = (grade: Grade) => counts.find((item) => item.name === grade)?.count ?? 0;
  return (
    <div
      className="grade-bar"
      role="img"
      aria-label={BEST_FIRST.map(
        (grade) => `${gradeTerms(grade).label} ${share(of(grade), total)}`,
      ).join(', ')}
    >
      {BEST_FIRST.filter((grade) => of(grade) > 0).map((grade) => (
        <span
          key={grade}
          className={`fill-${grade}`}
          style={{ flexGrow: of(grade) / total }}
          title={`${gradeTerms(grade).label}: ${count(of(grade))} (${share(of(grade), total)})`}
        />
      ))}
    </div>
  );
}

interface BarListProps {
  items: readonly Count[];
  label: string;
  /** What a name is called, where it has another word. */
  nameOf?: (name: string) => string;
  /** The filter of the sessions page that a row stands for. */
  filter?: string;
  fillOf?: (name: string) => string;
  mono?: boolean;
}

/** Counts as rows with a bar each, most first as the server gives them. */
export function BarList({ items, label, nameOf, filter, fillOf, mono }: BarListProps) {
  const total = items.reduce((sum, item) => sum + item.count, 0);
  const most = items.reduce((max, item) => Math.max(max, item.count), 0);
  if (items.length === 0) return <p className="muted">Nothing in this time window.</p>;
  return (
    <ul className="bar-list" aria-label={label}>
      {items.map((item) => {
        const name = nameOf?.(item.name) ?? item.name;
        const linked = filter !== undefined && item.name !== 'other' && item.name !== 'unknown';
        return (
          <li key={item.name}>
            <span className={mono === true ? 'bar-name mono' : 'bar-name'} title={name}>
              {linked ? (
                <WindowLink to="/sessions" filters={{ [filter]: item.name }}>
                  {name}
                </WindowLink>
              ) : (
                name
              )}
            </span>
            <span className="bar-count num">{count(item.count)}</span>
            <span className="bar-share num muted">{share(item.count, total)}</span>
            <span className="bar-track" aria-hidden="true">
              <span
                className={`bar-fill ${fillOf?.(item.name) ?? ''}`}
                style={{ width: `${(100 * item.count) / Math.max(most, 1)}%` }}
              />
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** The counts of all grades, best first as in the bar, with those that are zero. */
export function everyGrade(counts: readonly Count[]): { name: Grade; count: number }[] {
  return BEST_FIRST.map((name) => ({
    name,
    count: counts.find((item) => item.name === name)?.count ?? 0,
  }));
}
