import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLive } from '../../api/live';
import type { SessionRow } from '../../api/types';
import { canFollow, matches, type SessionFilterValues } from './matches';

/** At most this many live rows are kept above the stored ones: hours on one host, and little memory. */
const MAX_LIVE_ROWS = 1000;
/** Rows of the stream are shown together this often, in milliseconds: faster than that nobody reads. */
const BATCH_MS = 250;

/** Puts the sessions that the event stream brings above those that the server listed. */
export function useLiveSessions(
  stored: readonly SessionRow[],
  filters: SessionFilterValues,
  endsNow: boolean,
) {
  const { subscribe } = useLive();
  const [added, setAdded] = useState<readonly SessionRow[]>([]);
  const [paused, setPaused] = useState(false);
  const [waiting, setWaiting] = useState(0);
  const held = useRef<SessionRow[]>([]);
  const followed = endsNow && canFollow(filters);

  useEffect(() => {
    setAdded([]);
    setWaiting(0);
    held.current = [];
  }, [filters, followed]);

  useEffect(() => {
    if (!followed) return;
    return subscribe('session', (row) => {
      if (!matches(row, filters)) return;
      held.current.unshift(row);
      held.current.length = Math.min(held.current.length, MAX_LIVE_ROWS);
    });
  }, [subscribe, filters, followed]);

  const release = useCallback(() => {
    const rows = held.current;
    if (rows.length === 0) return;
    held.current = [];
    setWaiting(0);
    setAdded((old) => [...rows, ...old].slice(0, MAX_LIVE_ROWS));
  }, []);

  useEffect(() => {
    const timer = window.setInterval(() => {
      if (paused) setWaiting(held.current.length);
      else release();
    }, BATCH_MS);
    return () => window.clearInterval(timer);
  }, [paused, release]);

  const rows = useMemo(() => {
    const known = new Set(stored.map((row) => row.id));
    return [...added.filter((row) => !known.has(row.id)), ...stored];
  }, [stored, added]);

  return {
    rows,
    added: rows.length - stored.length,
    followed,
    why: endsNow
      ? 'This filter is applied by the server alone, so live rows cannot be matched.'
      : 'The time window has a fixed end.',
    paused,
    waiting,
    toggle: () => {
      if (paused) release();
      setPaused(!paused);
    },
  };
}
