import { plural } from '../../format/numbers';

/** From here on an expiry is near enough for a warning, in days. */
const SOON_DAYS = 30;
const VERY_SOON_DAYS = 7;

/** The time left, in words and in a tone. Days are whole and rounded down: -1 is the first day after. */
export function Expiry({ days }: { days: number }) {
  const text = days < 0 ? expired(-days - 1) : left(days);
  if (days <= VERY_SOON_DAYS) return <span className="badge plain-label tone-bad">{text}</span>;
  if (days <= SOON_DAYS) return <span className="badge plain-label tone-warn">{text}</span>;
  return <span className="badge plain-label tone-neutral">{text}</span>;
}

function expired(days: number): string {
  return days === 0 ? 'Expired today' : `Expired ${plural(days, 'day')} ago`;
}

function left(days: number): string {
  return days === 0 ? 'Expires today' : `${plural(days, 'day')} left`;
}
