const exactFormat = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'medium',
});
const dayFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const clockFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const dayClockFormat = new Intl.DateTimeFormat('en-GB', {
  day: '2-digit',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const axisFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const axisDayFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
/** A little more than a day, so that the last day itself counts as one. */
const DAY_MS = 25 * 3_600_000;
const relativeFormat = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** `21 Nov 2026, 14:35:03`, in the person's time zone. */
export function exactTime(time: string): string {
  return formatWith(exactFormat, time);
}

export function day(time: string): string {
  return formatWith(dayFormat, time);
}

/** The time of day if it was today, else with the day. */
export function clock(time: string, now: Date = new Date()): string {
  const date = new Date(time);
  const today = date.toDateString() === now.toDateString();
  return formatWith(today ? clockFormat : dayClockFormat, time);
}

/** For the axis of a chart that spans so many milliseconds: the time of day, else with the day. */
export function axisTime(time: string, spanMs: number): string {
  return formatWith(spanMs > DAY_MS ? axisDayFormat : axisFormat, time);
}

/** `5 min. ago`, `in 3 days`. */
export function relativeTime(time: string, now: Date = new Date()): string {
  const seconds = (Date.parse(time) - now.getTime()) / 1000;
  if (Number.isNaN(seconds)) return time;
  if (Math.abs(seconds) < 10) return 'now';
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length)
      return relativeFormat.format(Math.trunc(seconds / length), unit);
  }
  return relativeFormat.format(Math.trunc(seconds), 'second');
}

/** `40 s`, `3 min`, `2 h`, `5 d`: how long something takes or waits. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** What a `datetime-local` input wants, in the person's time zone. */
export function inputTime(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

function formatWith(format: Intl.DateTimeFormat, time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : format.format(date);
}
