import { GradeBadge } from '../../components/Badges';
import { GRADES } from '../../vocabulary/grades';

/** What colours and line styles mean: each grade has both. */
export function Legend() {
  return (
    <ul className="network-legend" aria-label="Legend">
      {GRADES.map((grade) => (
        <li key={grade}>
          <span className={`line line-${grade}`} aria-hidden="true" />
          <GradeBadge grade={grade} />
        </li>
      ))}
    </ul>
  );
}
