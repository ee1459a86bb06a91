import {
  createContext,
  use,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from 'react';
import { address } from './client';
import type { SessionRow, Violation } from './types';

/** `behind`: the server had to leave events out, because this page did not keep up. */
export type LiveState = 'off' | 'connecting' | 'connected' | 'behind';

interface LiveEvents {
  session: SessionRow;
  violation: Violation;
  dropped: { count: number };
}

type Listener<K extends keyof LiveEvents> = (event: LiveEvents[K]) => void;
type Subscribe = <K extends keyof LiveEvents>(kind: K, listener: Listener<K>) => () => void;

interface Live {
  state: LiveState;
  /** Events that the server left out since the page was opened. */
  dropped: number;
  /** How often something was missed, by a drop or by a stream that broke; lists are then read again. */
  gaps: number;
  subscribe: Subscribe;
}

const KINDS = ['session', 'violation', 'dropped'] as const;
/** How long the indicator says `behind` after a drop, in milliseconds: long enough to be read. */
const BEHIND_MS = 10_000;
/** After how long a stream that the server refused is tried again, in milliseconds. */
const RETRY_MS = 5_000;

const LiveContext = createContext<Live | null>(null);

/** Holds the one event stream of the page, and hands its events to who asked for them. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<LiveState>('connecting');
  const [dropped, setDropped] = useState(0);
  const [gaps, setGaps] = useState(0);
  const listeners = useRef(new Map<string, Set<(event: unknown) => void>>());

  const subscribe = useCallback<Subscribe>((kind, listener) => {
    const of = listeners.current.get(kind) ?? new Set();
    listeners.current.set(kind, of);
    of.add(listener as (event: unknown) => void);
    return () => of.delete(listener as (event: unknown) => void);
  }, []);

  useEffect(() => {
    let source: EventSource | null = null;
    let retry: number | undefined;
    let calm: number | undefined;
    let opened = false;

    const connect = () => {
      source = new EventSource(address('/live'));
      source.onopen = () => {
        setState('connected');
        if (opened) setGaps((count) => count + 1);
        opened = true;
      };
      source.onerror = () => {
        const over = source?.readyState === EventSource.CLOSED;
        setState(over ? 'off' : 'connecting');
        if (over) retry = window.setTimeout(connect, RETRY_MS);
      };
      for (const kind of KINDS) {
        source.addEventListener(kind, (message: MessageEvent<string>) => {
          const event = parse(message.data);
          if (event === undefined) return;
          if (kind === 'dropped') {
            setDropped((count) => count + (event as { count: number }).count);
            setGaps((count) => count + 1);
            setState('behind');
            window.clearTimeout(calm);
            calm = window.setTimeout(() => setState('connected'), BEHIND_MS);
          }
          for (const listener of listeners.current.get(kind) ?? []) listener(event);
        });
      }
    };

    connect();
    return () => {
      window.clearTimeout(retry);
      window.clearTimeout(calm);
      source?.close();
    };
  }, []);

  const live = useMemo(
    () => ({ state, dropped, gaps, subscribe }),
    [state, dropped, gaps, subscribe],
  );
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  const live = use(LiveContext);
  if (live === null) throw new Error('useLive outside of LiveProvider');
  return live;
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
