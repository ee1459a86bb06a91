import { useEffect, useState } from 'react';
import { day, exactTime, relativeTime } from '../format/time';

/** Relative times are read again this often, in milliseconds. */
const REFRESH_MS = 30_000;

/** `5 min. ago`, with the exact time as its title. */
export function RelativeTime({ time }: { time: string }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => tick((count) => count + 1), REFRESH_MS);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <time dateTime={time} title={exactTime(time)} className="nowrap">
      {relativeTime(time)}
    </time>
  );
}

/** A day, with the exact time as its title. */
export function Day({ time }: { time: string }) {
  return (
    <time dateTime={time} title={exactTime(time)} className="nowrap">
      {day(time)}
    </time>
  );
}
