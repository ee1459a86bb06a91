import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router-dom';

/** The spans that the server knows by name. */
export const SPANS = ['15m', '1h', '24h', '7d', '30d'] as const;
export type Span = (typeof SPANS)[number];

export const SPAN_LABELS: Record<Span, string> = {
  '15m': 'Last 15 minutes',
  '1h': 'Last hour',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
};

const DEFAULT_SPAN: Span = '24h';
const WINDOW_PARAMETERS = ['last', 'from', 'to'] as const;

/** What each request carries: a span that ends now, or two fixed ends. */
export type TimeWindow = { last: Span } | { from: string; to: string };

/** The time window of the page, which is in its address. */
export function useTimeWindow(): [TimeWindow, (window: TimeWindow) => void] {
  const [parameters, setParameters] = useSearchParams();
  const last = parameters.get('last');
  const from = parameters.get('from');
  const to = parameters.get('to');

  const window = useMemo<TimeWindow>(() => {
    if (isTime(from) && isTime(to)) return { from, to };
    return { last: SPANS.find((span) => span === last) ?? DEFAULT_SPAN };
  }, [last, from, to]);

  const setWindow = useCallback(
    (next: TimeWindow) =>
      setParameters(() => {
        const changed = new URLSearchParams(globalThis.location.search);
        for (const name of WINDOW_PARAMETERS) changed.delete(name);
        for (const [name, value] of Object.entries(next)) changed.set(name, value);
        return changed;
      }),
    [setParameters],
  );
  return [window, setWindow];
}

/** The part of an address that links carry on from page to page: the time window alone. */
export function windowSearch(search: string): URLSearchParams {
  const old = new URLSearchParams(search);
  const kept = new URLSearchParams();
  for (const name of WINDOW_PARAMETERS) {
    const value = old.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept;
}

function isTime(value: string | null): value is string {
  return value !== null && !Number.isNaN(Date.parse(value));
}
