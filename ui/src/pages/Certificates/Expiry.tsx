import { plural } from '../../format/numbers';

/** From here on an expiry is near enough for a warning, in days. */
const SOON_DAYS = 30;
const VERY_SOON_DAYS = 7;

/** The time left, in words and in a tone. */
export function Expiry({ days }: { days: number }) {
  if (days < 0)
    return <span className="badge plain-label tone-bad">Expired {plural(-days, 'day')} ago</span>;
  const text = days === 0 ? 'Expires today' : `${plural(days, 'day')} left`;
  if (days <= VERY_SOON_DAYS) return <span className="badge plain-label tone-bad">{text}</span>;
  if (days <= SOON_DAYS) return <span className="badge plain-label tone-warn">{text}</span>;
  return <span className="badge plain-label tone-neutral">{text}</span>;
}
