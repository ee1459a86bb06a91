import { useEffect } from 'react';
import { useLive } from '../../api/live';

/** A burst of violations leads to one request this much later, in milliseconds. */
const BATCH_MS = 1_000;

/** Reads the list again when the event stream brings a violation, or missed something. */
export function useLiveViolations(refetch: () => unknown): void {
  const { subscribe, gaps } = useLive();

  useEffect(() => {
    let timer: number | undefined;
    const stop = subscribe('violation', () => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        refetch();
      }, BATCH_MS);
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [subscribe, refetch]);

  useEffect(() => {
    if (gaps > 0) refetch();
  }, [gaps, refetch]);
}
